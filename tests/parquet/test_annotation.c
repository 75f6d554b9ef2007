#include "support/test.h"

#include "base/context.h"
#include "parquet/annotation.h"

#define LEAF(...)                                                                                  \
    ((struct schema_element){.has_type = true, .name = "x", .field_id = -1, __VA_ARGS__})
#define LOGICAL(...) .converted = PQ_CONVERTED_NONE, .logical = {__VA_ARGS__}

static const char *noted(const struct field *field, const char *key) {
    for (int32_t i = 0; i < field->key_value_count; i++) {
        if (strcmp(field->key_values[i].key, key) == 0) {
            return field->key_values[i].value;
        }
    }
    return NULL;
}

static void check_noted(const struct field *field, const char *key, const char *wanted) {
    const char *value = noted(field, key);

    if (wanted == NULL) {
        assert_null(value);
    } else {
        assert_non_null(value);
        assert_string_equal(value, wanted);
    }
}

/* What is read of an element, and written again into one that has the type alone. */
static void check(struct schema_element element, const char *name, const char *crs,
                  const char *edges, bool has_order) {
    struct field field = {.name = "x"};
    struct schema_element written = element;
    struct arena arena;
    bool order = !has_order;
    ktk_error err;

    ktki_arena_init(&arena, test_allocator());
    CHECK_OK(ktki_annotation_read(&field, &arena, &element, &err));
    check_noted(&field, "PARQUET:logical_type", name);
    check_noted(&field, "PARQUET:crs", crs);
    check_noted(&field, "PARQUET:edges", edges);
    written.logical = (struct parquet_logical_type){.id = PQ_LOGICAL_NONE};
    written.converted = PQ_CONVERTED_NONE;
    CHECK_OK(ktki_annotation_write(&written, &field, "x", &order, &err));
    assert_int_equal(order, has_order);
    assert_int_equal(written.logical.id, element.logical.id);
    assert_int_equal(written.logical.edges, element.logical.edges);
    assert_int_equal(written.logical.crs == NULL, element.logical.crs == NULL);
    ktki_arena_clear(&arena);
}

static void keeps_what_arrow_has_no_type_for(void **unused) {
    (void)unused;
    check(LEAF(.type = PQ_BYTE_ARRAY, LOGICAL(.id = PQ_LOGICAL_ENUM)), "ENUM", NULL, NULL, true);
    check(LEAF(.type = PQ_BYTE_ARRAY, LOGICAL(.id = PQ_LOGICAL_JSON)), "JSON", NULL, NULL, true);
    check(LEAF(.type = PQ_BYTE_ARRAY, LOGICAL(.id = PQ_LOGICAL_BSON)), "BSON", NULL, NULL, true);
    check(LEAF(.type = PQ_FIXED_LEN_BYTE_ARRAY, .type_length = 16, LOGICAL(.id = PQ_LOGICAL_UUID)),
          "UUID", NULL, NULL, true);
    check(LEAF(.type = PQ_BYTE_ARRAY, LOGICAL(.id = PQ_LOGICAL_GEOMETRY, .crs = "srid:5070")),
          "GEOMETRY", "srid:5070", NULL, false);
    check(LEAF(.type = PQ_BYTE_ARRAY, LOGICAL(.id = PQ_LOGICAL_GEOGRAPHY, .edges = 4)), "GEOGRAPHY",
          NULL, "KARNEY", false);
    check((struct schema_element){.name = "x", LOGICAL(.id = PQ_LOGICAL_VARIANT)}, "VARIANT", NULL,
          NULL, false);
    /* Nothing to note. */
    check(LEAF(.type = PQ_INT64, LOGICAL(.id = PQ_LOGICAL_NONE)), NULL, NULL, NULL, true);
}

static void knows_converted_types(void **unused) {
    struct schema_element interval =
        LEAF(.type = PQ_FIXED_LEN_BYTE_ARRAY, .type_length = 12, .converted = PQ_INTERVAL);
    struct schema_element json = LEAF(.type = PQ_BYTE_ARRAY, .converted = PQ_JSON);
    struct field field = {.name = "x"};
    struct arena arena;
    bool has_order;
    ktk_error err;

    (void)unused;
    ktki_arena_init(&arena, test_allocator());
    CHECK_OK(ktki_annotation_read(&field, &arena, &interval, &err));
    check_noted(&field, "PARQUET:logical_type", "INTERVAL");
    interval.converted = PQ_CONVERTED_NONE;
    CHECK_OK(ktki_annotation_write(&interval, &field, "x", &has_order, &err));
    assert_int_equal(interval.converted, PQ_INTERVAL);
    assert_false(has_order);
    field.key_value_count = 0;
    CHECK_OK(ktki_annotation_read(&field, &arena, &json, &err));
    check_noted(&field, "PARQUET:logical_type", "JSON");
    ktki_arena_clear(&arena);
}

static void does_not_write_what_it_does_not_know(void **unused) {
    struct schema_element element = LEAF(.type = PQ_BYTE_ARRAY, LOGICAL(.id = PQ_LOGICAL_OTHER));
    struct field field = {.name = "x"};
    struct arena arena;
    bool has_order = false;
    ktk_error err;

    (void)unused;
    ktki_arena_init(&arena, test_allocator());
    CHECK_OK(ktki_annotation_read(&field, &arena, &element, &err));
    check_noted(&field, "PARQUET:logical_type", "UNKNOWN");
    element.logical.id = PQ_LOGICAL_NONE;
    CHECK_OK(ktki_annotation_write(&element, &field, "x", &has_order, &err));
    assert_int_equal(element.logical.id, PQ_LOGICAL_NONE);
    assert_true(has_order);
    ktki_arena_clear(&arena);
}

static struct field with(struct key_value *entries, int32_t count) {
    return (struct field){.name = "x", .key_value_count = count, .key_values = entries};
}

static void takes_extension_types(void **unused) {
    struct key_value uuid = {"ARROW:extension:name", "arrow.uuid", 10};
    struct key_value other = {"ARROW:extension:name", "arrow.other", 11};
    struct schema_element element =
        LEAF(.type = PQ_FIXED_LEN_BYTE_ARRAY, .type_length = 16, .converted = PQ_CONVERTED_NONE);
    struct field field = with(&uuid, 1);
    bool has_order;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_annotation_write(&element, &field, "x", &has_order, &err));
    assert_int_equal(element.logical.id, PQ_LOGICAL_UUID);
    field = with(&other, 1);
    element.logical.id = PQ_LOGICAL_NONE;
    CHECK_OK(ktki_annotation_write(&element, &field, "x", &has_order, &err));
    assert_int_equal(element.logical.id, PQ_LOGICAL_NONE);
}

static void refuses_what_does_not_fit(void **unused) {
    struct key_value uuid = {"PARQUET:logical_type", "UUID", 4};
    struct key_value earth[] = {{"PARQUET:logical_type", "GEOGRAPHY", 9},
                                {"PARQUET:edges", "STRAIGHT", 8}};
    struct schema_element number = LEAF(.type = PQ_INT64, .converted = PQ_CONVERTED_NONE);
    struct schema_element bytes = LEAF(.type = PQ_BYTE_ARRAY, .converted = PQ_CONVERTED_NONE);
    struct field field = with(&uuid, 1);
    bool has_order;
    ktk_error err;

    (void)unused;
    CHECK_STATUS(ktki_annotation_write(&number, &field, "x", &has_order, &err), KTK_E_INVALID);
    CHECK_MESSAGE("column 'x': the logical type 'UUID' does not fit its values");
    field = with(earth, 2);
    CHECK_STATUS(ktki_annotation_write(&bytes, &field, "x", &has_order, &err), KTK_E_INVALID);
    CHECK_MESSAGE("unknown edges 'STRAIGHT'");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_what_arrow_has_no_type_for),
        cmocka_unit_test(knows_converted_types),
        cmocka_unit_test(does_not_write_what_it_does_not_know),
        cmocka_unit_test(takes_extension_types),
        cmocka_unit_test(refuses_what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
