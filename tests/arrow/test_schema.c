#include "arrow/schema.h"

#include "support/test.h"

static const struct data_type int64_type = {.id = TYPE_INT64};
static const struct data_type text_type = {.id = TYPE_STRING};
static const struct data_type utc_type = {
    .id = TYPE_TIMESTAMP, .unit = UNIT_MICRO, .timezone = "UTC"};

/* Fields of static memory, to be copied into schemas. */
static struct field leaf(const char *name, struct data_type type) {
    return (struct field){.name = name, .type = type, .nullable = true};
}

static struct field parent(const char *name, enum type_id id, struct field *children,
                           int32_t child_count) {
    return (struct field){.name = name,
                          .type = {.id = id},
                          .nullable = true,
                          .children = children,
                          .child_count = child_count};
}

static void check_text(const struct field *field, const char *wanted) {
    struct buffer text;
    ktk_error err;

    ktki_buffer_init(&text, test_allocator(), 0);
    CHECK_OK(ktki_field_type_text(field, &text, &err));
    CHECK_OK(ktki_buffer_append_byte(&text, 0, &err));
    assert_string_equal((char *)text.data, wanted);
    ktki_buffer_clear(&text);
}

static void shows_types_as_text(void **unused) {
    struct field item = leaf("item", int64_type);
    struct field pair[] = {leaf("key", text_type), leaf("value", utc_type)};
    struct field entries = parent("entries", TYPE_STRUCT, pair, 2);
    struct field field = leaf("a", int64_type);

    (void)unused;
    check_text(&field, "int64");
    field.type = utc_type;
    check_text(&field, "timestamp[us, tz=UTC]");
    field.type.timezone = NULL;
    check_text(&field, "timestamp[us]");
    field.type = (struct data_type){.id = TYPE_DECIMAL128, .precision = 10, .scale = 2};
    check_text(&field, "decimal128(10, 2)");
    field.type = (struct data_type){.id = TYPE_FIXED_BINARY, .width = 5};
    check_text(&field, "fixed_size_binary[5]");
    field.type = (struct data_type){.id = TYPE_INTERVAL, .width = 16};
    check_text(&field, "month_day_nano_interval");
    field = parent("l", TYPE_LIST, &item, 1);
    check_text(&field, "list<item: int64>");
    item.nullable = false;
    field.type = (struct data_type){.id = TYPE_FIXED_LIST, .width = 3};
    check_text(&field, "fixed_size_list<item: int64 not null>[3]");
    check_text(&entries, "struct<key: string, value: timestamp[us, tz=UTC]>");
    field = parent("m", TYPE_MAP, &entries, 1);
    check_text(&field, "map<string, timestamp[us, tz=UTC]>");
    field = leaf("d", (struct data_type){.id = TYPE_DICTIONARY, .index = TYPE_INT8});
    field.dictionary = &pair[0];
    check_text(&field, "dictionary<values=string, indices=int8>");
    field.type.ordered = true;
    check_text(&field, "dictionary<values=string, indices=int8, ordered>");
    assert_int_equal(test_allocator_live(), 0);
}

static void compares_fields_by_type_and_names(void **unused) {
    struct field item_a = leaf("item", int64_type);
    struct field item_b = leaf("element", int64_type);
    struct field a = parent("x", TYPE_LIST, &item_a, 1);
    struct field b = parent("x", TYPE_LIST, &item_b, 1);

    (void)unused;
    assert_true(ktki_field_equals(&a, &b));
    b.name = "y";
    assert_false(ktki_field_equals(&a, &b));
    b.name = "x";
    b.nullable = false;
    assert_false(ktki_field_equals(&a, &b));
    b.nullable = true;
    item_b.type = text_type;
    assert_false(ktki_field_equals(&a, &b));
    item_b.type = int64_type;
    a.type.id = TYPE_STRUCT;
    b.type.id = TYPE_STRUCT;
    assert_false(ktki_field_equals(&a, &b)); /* names of struct children matter */
    a = leaf("d", (struct data_type){.id = TYPE_DICTIONARY, .index = TYPE_INT8});
    b = a;
    a.dictionary = &item_a;
    b.dictionary = &item_b;
    assert_true(ktki_field_equals(&a, &b));
    item_b.type = text_type;
    assert_false(ktki_field_equals(&a, &b));
}

static void compares_names_of_maps_not_at_all(void **unused) {
    struct field pair_a[] = {leaf("key", text_type), leaf("value", int64_type)};
    struct field pair_b[] = {leaf("k", text_type), leaf("v", int64_type)};
    struct field entries_a = parent("entries", TYPE_STRUCT, pair_a, 2);
    struct field entries_b = parent("key_value", TYPE_STRUCT, pair_b, 2);
    struct field a = parent("m", TYPE_MAP, &entries_a, 1);
    struct field b = parent("m", TYPE_MAP, &entries_b, 1);

    (void)unused;
    assert_true(ktki_field_equals(&a, &b));
    b.keys_sorted = true;
    assert_false(ktki_field_equals(&a, &b));
}

static void compares_types_in_the_attributes_they_have(void **unused) {
    struct data_type a = utc_type;
    struct data_type b = utc_type;

    (void)unused;
    b.timezone = "Europe/Berlin";
    assert_false(ktki_type_equals(&a, &b));
    b.timezone = NULL;
    assert_false(ktki_type_equals(&a, &b));
    b = a;
    b.width = 77; /* not an attribute of timestamps */
    assert_true(ktki_type_equals(&a, &b));
    b.unit = UNIT_NANO;
    assert_false(ktki_type_equals(&a, &b));
}

static ktk_status make_schema(struct schema **out, ktk_context *context, ktk_error *err) {
    struct field item = leaf("item", utc_type);
    struct field list = parent("l", TYPE_LIST, &item, 1);
    struct field number = leaf("n", int64_type);
    struct key_value note = {"note", "a\0b", 3};
    struct schema *schema = NULL;
    ktk_status status;

    number.key_values = &note;
    number.key_value_count = 1;
    status = ktki_schema_new(&schema, context, 2, err);
    if (status == KTK_OK) {
        status = ktki_field_copy(schema, &schema->fields[0], &list, err);
    }
    if (status == KTK_OK) {
        status = ktki_field_copy(schema, &schema->fields[1], &number, err);
    }
    if (status == KTK_OK) {
        status = ktki_schema_set_key_value(schema, "pandas", "{}", 2, err);
    }
    if (status == KTK_OK) {
        status = ktki_schema_set_key_value(schema, "other", "", 0, err);
    }
    if (status == KTK_OK) {
        status = ktki_schema_set_key_value(schema, "pandas", "x\0y", 3, err);
    }
    if (status == KTK_OK) {
        *out = schema;
    } else {
        ktki_schema_free(schema);
    }
    return status;
}

static void selects_deep_copies(void **unused) {
    ktk_context *context = test_context_new(1);
    const int32_t both[] = {1, 0};
    struct schema *schema;
    struct schema *selected;
    const struct key_value *entry;
    ktk_error err;

    (void)unused;
    CHECK_OK(make_schema(&schema, context, &err));
    assert_int_equal(ktki_schema_find(schema, "n"), 1);
    assert_int_equal(ktki_schema_find(schema, "l"), 0);
    assert_int_equal(ktki_schema_find(schema, "item"), -1);
    CHECK_OK(ktki_schema_select(&selected, schema, both, 2, true, &err));
    ktki_schema_free(schema);
    assert_string_equal(selected->fields[0].name, "n");
    assert_int_equal(selected->fields[0].key_values[0].value_size, 3);
    assert_memory_equal(selected->fields[0].key_values[0].value, "a\0b", 4);
    assert_string_equal(selected->fields[1].children[0].type.timezone, "UTC");
    assert_int_equal(selected->key_value_count, 2);
    entry = ktki_schema_key_value(selected, "pandas");
    assert_non_null(entry);
    assert_int_equal(entry->value_size, 3);
    assert_memory_equal(entry->value, "x\0y", 4);
    assert_null(ktki_schema_key_value(selected, "nothing"));
    schema = ktki_schema_ref(selected);
    ktki_schema_free(selected);
    CHECK_OK(ktki_schema_select(&selected, schema, both, 1, false, &err));
    assert_int_equal(selected->field_count, 1);
    assert_string_equal(selected->fields[0].name, "l");
    assert_int_equal(selected->key_value_count, 0);
    ktki_schema_free(selected);
    ktki_schema_free(schema);
    test_context_free(context);
}

static void survives_every_allocation_failure(void **unused) {
    bool is_done = false;

    (void)unused;
    for (int64_t n = 0; !is_done; n++) {
        ktk_context *context = test_context_failing(n);
        struct schema *schema = TEST_POISON;
        ktk_error err;
        ktk_status status = make_schema(&schema, context, &err);

        is_done = status == KTK_OK;
        if (is_done) {
            ktki_schema_free(schema);
        } else {
            assert_int_equal(status, KTK_E_NO_MEMORY);
            assert_ptr_equal(schema, TEST_POISON);
        }
        test_context_free(context);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_types_as_text),
        cmocka_unit_test(compares_fields_by_type_and_names),
        cmocka_unit_test(compares_names_of_maps_not_at_all),
        cmocka_unit_test(compares_types_in_the_attributes_they_have),
        cmocka_unit_test(selects_deep_copies),
        cmocka_unit_test(survives_every_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
