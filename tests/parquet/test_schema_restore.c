#include "support/test.h"

#include <stdlib.h>

#include "arrow/ipc_schema.h"
#include "base/context.h"
#include "parquet/schema_read.h"

/* What is restored comes from schemas that are encoded here; that the encoder writes what others
 * write is the business of its own tests and of the golden files. */

static size_t base64(const uint8_t *data, size_t size, char *out) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t at = 0;

    for (size_t i = 0; i < size; i += 3) {
        uint32_t bits = (uint32_t)data[i] << 16 | (i + 1 < size ? (uint32_t)data[i + 1] << 8 : 0) |
                        (i + 2 < size ? data[i + 2] : 0);
        out[at++] = digits[bits >> 18];
        out[at++] = digits[bits >> 12 & 63];
        out[at++] = i + 1 < size ? digits[bits >> 6 & 63] : '=';
        out[at++] = i + 2 < size ? digits[bits & 63] : '=';
    }
    return at;
}

/* Restore `field` of the file by `origin`; the type that comes out as text. */
static void check(const struct field *field, const struct field *origin, const char *wanted) {
    ktk_context *context = test_context_new(1);
    struct schema *schema = NULL;
    struct schema *written = NULL;
    struct buffer bytes;
    struct buffer text;
    char *encoded;
    size_t size;
    ktk_error err;

    ktki_buffer_init(&bytes, test_allocator(), 0);
    ktki_buffer_init(&text, test_allocator(), 0);
    CHECK_OK(ktki_schema_new(&written, context, 1, &err));
    CHECK_OK(ktki_field_copy(written, &written->fields[0], origin, &err));
    CHECK_OK(ktki_ipc_schema_encode(written, &bytes, &err));
    CHECK_OK(ktki_schema_new(&schema, context, 1, &err));
    CHECK_OK(ktki_field_copy(schema, &schema->fields[0], field, &err));
    encoded = malloc(bytes.size * 2);
    assert_non_null(encoded);
    size = base64(bytes.data, bytes.size, encoded);
    CHECK_OK(ktki_parquet_schema_restore(schema, encoded, size, &err));
    free(encoded);
    ktki_schema_free(written); /* nothing may point into it any more */
    CHECK_OK(ktki_field_type_text(&schema->fields[0], &text, &err));
    CHECK_OK(ktki_buffer_append_byte(&text, 0, &err));
    assert_string_equal((const char *)text.data, wanted);
    ktki_buffer_clear(&text);
    ktki_buffer_clear(&bytes);
    ktki_schema_free(schema);
    test_context_free(context);
}

#define FIELD(...)                                                                                 \
    (&(const struct field){.name = "x", .nullable = true, .type = {.id = __VA_ARGS__}})

static void restores_what_the_file_cannot_tell(void **unused) {
    (void)unused;
    check(FIELD(TYPE_TIMESTAMP, .unit = UNIT_MICRO, .timezone = "UTC"),
          FIELD(TYPE_TIMESTAMP, .unit = UNIT_MICRO, .timezone = "Europe/Berlin"),
          "timestamp[us, tz=Europe/Berlin]");
    check(FIELD(TYPE_INT64), FIELD(TYPE_DURATION, .unit = UNIT_NANO), "duration[ns]");
    check(FIELD(TYPE_STRING), FIELD(TYPE_LARGE_STRING), "large_string");
    check(FIELD(TYPE_BINARY), FIELD(TYPE_LARGE_BINARY), "large_binary");
    check(FIELD(TYPE_DECIMAL128, .precision = 5, .scale = 2),
          FIELD(TYPE_DECIMAL256, .precision = 5, .scale = 2), "decimal256(5, 2)");
}

static void keeps_the_file_where_it_is_contradicted(void **unused) {
    (void)unused;
    check(FIELD(TYPE_TIMESTAMP, .unit = UNIT_MICRO),
          FIELD(TYPE_TIMESTAMP, .unit = UNIT_MICRO, .timezone = "Europe/Berlin"), "timestamp[us]");
    check(FIELD(TYPE_TIMESTAMP, .unit = UNIT_MICRO, .timezone = "UTC"),
          FIELD(TYPE_TIMESTAMP, .unit = UNIT_NANO), "timestamp[us, tz=UTC]");
    check(FIELD(TYPE_INT32), FIELD(TYPE_DURATION, .unit = UNIT_NANO), "int32");
    check(FIELD(TYPE_INT64), FIELD(TYPE_LARGE_STRING), "int64");
    check(FIELD(TYPE_BINARY), FIELD(TYPE_LARGE_STRING), "binary");
    check(FIELD(TYPE_DATE32), FIELD(TYPE_DATE64), "date32[day]");
    check(FIELD(TYPE_STRING), FIELD(TYPE_STRING_VIEW), "string");
    check(FIELD(TYPE_DECIMAL128, .precision = 5, .scale = 2),
          FIELD(TYPE_DECIMAL256, .precision = 5, .scale = 3), "decimal128(5, 2)");
    check(FIELD(TYPE_STRING), &(const struct field){.name = "y", .type = {.id = TYPE_LARGE_STRING}},
          "string");
}

static void restores_dictionaries(void **unused) {
    struct field values = {.name = "", .nullable = true, .type = {.id = TYPE_STRING}};
    struct field origin = {.name = "x",
                           .nullable = true,
                           .type = {.id = TYPE_DICTIONARY, .index = TYPE_INT8, .ordered = true},
                           .dictionary = &values};

    (void)unused;
    check(FIELD(TYPE_STRING), &origin, "dictionary<values=string, indices=int32, ordered>");
    check(FIELD(TYPE_BINARY), &origin, "binary");
    values.type.id = TYPE_LARGE_STRING;
    check(FIELD(TYPE_STRING), &origin, "dictionary<values=string, indices=int32, ordered>");
    values.type.id = TYPE_INT64;
    check(FIELD(TYPE_INT64), &origin, "dictionary<values=int64, indices=int32, ordered>");
    check(FIELD(TYPE_INT32), &origin, "int32");
    values.type = (struct data_type){.id = TYPE_DURATION, .unit = UNIT_MILLI};
    check(FIELD(TYPE_INT64), &origin, "dictionary<values=duration[ms], indices=int32, ordered>");
    values.type = (struct data_type){.id = TYPE_DATE64};
    check(FIELD(TYPE_DATE32), &origin, "dictionary<values=date32[day], indices=int32, ordered>");
    values.type = (struct data_type){.id = TYPE_FLOAT64};
    origin.type.ordered = false;
    check(FIELD(TYPE_FLOAT64), &origin, "dictionary<values=double, indices=int32>");
    /* There are no dictionary pages of booleans. */
    values.type = (struct data_type){.id = TYPE_BOOL};
    check(FIELD(TYPE_BOOL), &origin, "bool");
}

#define TEXT(name_)                                                                                \
    {                                                                                              \
        .name = (name_), .nullable = true, .type = {.id = TYPE_STRING }                            \
    }
#define LARGE_TEXT(name_)                                                                          \
    {                                                                                              \
        .name = (name_), .nullable = true, .type = {.id = TYPE_LARGE_STRING }                      \
    }
#define WITH_CHILDREN(count, children_)                                                            \
    .name = "x", .nullable = true, .child_count = (count), .children = (children_)

static struct field values_field = {.name = "", .nullable = true, .type = {.id = TYPE_STRING}};

static void restores_items_of_lists(void **unused) {
    struct field item = TEXT("element");
    struct field large_item = LARGE_TEXT("item");
    struct field coded_item = {.name = "item",
                               .nullable = true,
                               .type = {.id = TYPE_DICTIONARY, .index = TYPE_INT8},
                               .dictionary = &values_field};
    const struct field list = {WITH_CHILDREN(1, &item), .type = {.id = TYPE_LIST}};
    struct field origin = list;

    (void)unused;
    origin.children = &large_item;
    check(&list, &origin, "list<element: large_string>");
    origin.type.id = TYPE_LARGE_LIST;
    check(&list, &origin, "large_list<element: large_string>");
    origin.children = &coded_item;
    check(&list, &origin, "large_list<element: dictionary<values=string, indices=int32>>");
    origin.type = (struct data_type){.id = TYPE_FIXED_LIST, .width = 3};
    check(&list, &origin, "fixed_size_list<element: dictionary<values=string, indices=int32>>[3]");
    origin.type = (struct data_type){.id = TYPE_STRUCT};
    check(&list, &origin, "list<element: string>");
}

static void restores_children_of_structs_by_name(void **unused) {
    struct field children[] = {TEXT("a"), TEXT("b"), TEXT("c")};
    struct field origins[] = {LARGE_TEXT("a"), LARGE_TEXT("other"), LARGE_TEXT("c")};
    struct field inner[] = {{WITH_CHILDREN(3, children), .type = {.id = TYPE_STRUCT}}};
    struct field inner_origin[] = {{WITH_CHILDREN(3, origins), .type = {.id = TYPE_STRUCT}}};
    const struct field outer = {WITH_CHILDREN(1, inner), .type = {.id = TYPE_STRUCT}};
    struct field origin = {WITH_CHILDREN(1, inner_origin), .type = {.id = TYPE_STRUCT}};

    (void)unused;
    check(&outer, &origin, "struct<x: struct<a: large_string, b: string, c: large_string>>");
    inner_origin[0].child_count = 1;
    check(&outer, &origin, "struct<x: struct<a: large_string, b: string, c: string>>");
    origin.type.id = TYPE_LIST;
    check(&outer, &origin, "struct<x: struct<a: string, b: string, c: string>>");
}

static void restores_keys_and_values_of_maps(void **unused) {
    struct field pair[] = {TEXT("key"), TEXT("value")};
    struct field pair_origin[] = {LARGE_TEXT("k"), LARGE_TEXT("v")};
    struct field entries = {WITH_CHILDREN(2, pair), .type = {.id = TYPE_STRUCT}};
    struct field entries_origin = {WITH_CHILDREN(2, pair_origin), .type = {.id = TYPE_STRUCT}};
    const struct field map = {WITH_CHILDREN(1, &entries), .type = {.id = TYPE_MAP}};
    struct field origin = {WITH_CHILDREN(1, &entries_origin), .type = {.id = TYPE_MAP}};

    (void)unused;
    origin.keys_sorted = true;
    check(&map, &origin, "map<large_string, large_string, keys_sorted>");
    check(&map, &entries_origin, "map<string, string>");
}

static void refuses_an_entry_that_does_not_decode(void **unused) {
    ktk_context *context = test_context_new(1);
    struct schema *schema = NULL;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_schema_new(&schema, context, 0, &err));
    CHECK_STATUS(ktki_parquet_schema_restore(schema, "not base64!", 11, &err), KTK_E_CORRUPT);
    CHECK_MESSAGE("'ARROW:schema'");
    CHECK_STATUS(ktki_parquet_schema_restore(schema, "AAAA", 4, &err), KTK_E_CORRUPT);
    CHECK_MESSAGE("'ARROW:schema'");
    CHECK_STATUS(ktki_parquet_schema_restore(schema, "A", 1, &err), KTK_E_CORRUPT);
    CHECK_STATUS(ktki_parquet_schema_restore(schema, "", 0, &err), KTK_E_CORRUPT);
    ktki_schema_free(schema);
    test_context_free(context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(restores_what_the_file_cannot_tell),
        cmocka_unit_test(keeps_the_file_where_it_is_contradicted),
        cmocka_unit_test(restores_dictionaries),
        cmocka_unit_test(restores_items_of_lists),
        cmocka_unit_test(restores_children_of_structs_by_name),
        cmocka_unit_test(restores_keys_and_values_of_maps),
        cmocka_unit_test(refuses_an_entry_that_does_not_decode),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
