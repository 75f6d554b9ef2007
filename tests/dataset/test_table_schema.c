#include "support/table.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "arrow/ipc_schema.h"
#include "base/context.h"
#include "dataset/table_schema.h"

#define KEYS_MAX 8

static ktk_context *context; /* of the case that runs */

static int set_up(void **unused) {
    (void)unused;
    context = test_context_new(1);
    return 0;
}

static int tear_down(void **unused) {
    (void)unused;
    test_context_free(context);
    return 0;
}

/* ---- schemas for tests ---- */

static struct field plain(const char *name, enum type_id id) {
    return (struct field){.name = name, .type = {.id = id}, .nullable = true};
}

static struct schema *schema_of(const struct field *fields, int32_t count, const char *pandas) {
    struct schema *schema = NULL;
    ktk_error err;

    CHECK_OK(ktki_schema_new(&schema, context, count, &err));
    for (int32_t i = 0; i < count; i++) {
        CHECK_OK(ktki_field_copy(schema, &schema->fields[i], &fields[i], &err));
    }
    if (pandas != NULL) {
        CHECK_OK(ktki_schema_set_key_value(schema, "pandas", pandas, strlen(pandas), &err));
    }
    return schema;
}

static struct schema *normalised(const struct schema *data, const char *const *keys,
                                 int32_t key_count) {
    struct schema *schema = NULL;
    ktk_error err;

    CHECK_OK(ktki_table_schema_normalise(&schema, data, keys, key_count, &err));
    return schema;
}

static void check_pandas(const struct schema *schema, const char *wanted) {
    const struct key_value *entry = ktki_schema_key_value(schema, "pandas");

    assert_non_null(entry);
    assert_string_equal(entry->value, wanted);
}

static void check_fields(const struct schema *schema, const char *wanted) {
    struct buffer text;
    ktk_error err;

    ktki_buffer_init(&text, ktki_context_allocator(context), 0);
    for (int32_t i = 0; i < schema->field_count; i++) {
        CHECK_OK(ktki_buffer_append_format(&text, &err, "%s%s:", i == 0 ? "" : ";",
                                           schema->fields[i].name));
        CHECK_OK(ktki_field_type_text(&schema->fields[i], &text, &err));
        assert_true(schema->fields[i].nullable);
    }
    CHECK_OK(ktki_buffer_append_byte(&text, '\0', &err));
    assert_string_equal(text.data, wanted);
    ktki_buffer_clear(&text);
}

/* ---- against kartothek's make_meta ---- */

static size_t from_hex(const char *hex, uint8_t *out) {
    size_t size = strlen(hex) / 2;

    for (size_t i = 0; i < size; i++) {
        unsigned byte;

        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        out[i] = (uint8_t)byte;
    }
    return size;
}

static int32_t split_keys(char *text, const char **keys) {
    int32_t count = 0;

    for (char *key = strtok(text, ","); key != NULL; key = strtok(NULL, ",")) {
        assert_true(count < KEYS_MAX);
        keys[count++] = key;
    }
    return count;
}

/* Name, partition keys, schema of the frame, fields, pandas entry. */
static void check_row(const char *const *cells, size_t count) {
    uint8_t *message = malloc(strlen(cells[2]));
    char *key_text = strdup(cells[1]);
    const char *keys[KEYS_MAX];
    struct schema *data = NULL;
    struct schema *schema;
    ktk_error err;

    (void)count;
    CHECK_OK(ktki_ipc_schema_decode(&data, context, message, from_hex(cells[2], message), &err));
    schema = normalised(data, keys, split_keys(key_text, keys));
    check_fields(schema, cells[3]);
    check_pandas(schema, cells[4]);
    ktki_schema_free(schema);
    ktki_schema_free(data);
    free(key_text);
    free(message);
}

static void normalises_as_kartothek_does(void **unused) {
    (void)unused;
    test_for_each_row("tests/data/dataset/table_schemas.tsv", 5, check_row);
}

/* ---- what kartothek never sees ---- */

static void makes_an_entry_where_there_is_none(void **unused) {
    const char *const keys[] = {"b"};
    struct field value = plain("item", TYPE_INT16);
    struct field fields[] = {plain("a", TYPE_LARGE_STRING), plain("b", TYPE_INT8),
                             plain("l", TYPE_LIST), plain("t", TYPE_TIMESTAMP)};
    struct schema *data;
    struct schema *schema;

    (void)unused;
    fields[2].child_count = 1;
    fields[2].children = &value;
    fields[3].type.unit = UNIT_SECOND;
    fields[3].type.timezone = "UTC";
    data = schema_of(fields, 4, NULL);
    schema = normalised(data, keys, 1);
    check_fields(schema, "b:int64;a:string;l:list<item: int64>;t:timestamp[ns, tz=UTC]");
    check_pandas(schema,
                 "{\"column_indexes\": [{\"field_name\": null, \"metadata\": {\"encoding\": "
                 "\"UTF-8\"}, \"name\": null, \"numpy_type\": \"object\", \"pandas_type\": "
                 "\"unicode\"}], \"columns\": ["
                 "{\"field_name\": \"b\", \"metadata\": null, \"name\": \"b\", \"numpy_type\": "
                 "\"int64\", \"pandas_type\": \"int64\"}, "
                 "{\"field_name\": \"a\", \"metadata\": null, \"name\": \"a\", \"numpy_type\": "
                 "\"object\", \"pandas_type\": \"unicode\"}, "
                 "{\"field_name\": \"l\", \"metadata\": null, \"name\": \"l\", \"numpy_type\": "
                 "\"object\", \"pandas_type\": \"list[int64]\"}, "
                 "{\"field_name\": \"t\", \"metadata\": {\"timezone\": \"UTC\"}, \"name\": \"t\", "
                 "\"numpy_type\": \"datetime64[ns]\", \"pandas_type\": \"datetimetz\"}], "
                 "\"creator\": {\"library\": \"kartothek\", \"version\": \"0.1.0\"}, "
                 "\"index_columns\": [], \"pandas_version\": null}");
    ktki_schema_free(schema);
    ktki_schema_free(data);
}

static void writes_dtypes_that_every_reader_knows(void **unused) {
    const struct field fields[] = {plain("a", TYPE_LARGE_STRING), plain("b", TYPE_INT64),
                                   plain("c", TYPE_DATE32)};
    struct schema *data = schema_of(
        fields, 3,
        "{\"columns\": [{\"name\": \"a\", \"field_name\": \"a\", \"pandas_type\": \"object\", "
        "\"numpy_type\": \"str\", \"metadata\": null}, {\"name\": \"b\", \"field_name\": \"b\", "
        "\"pandas_type\": \"int64\", \"numpy_type\": \"int64[pyarrow]\", \"metadata\": null}, "
        "{\"name\": \"c\", \"field_name\": \"c\", \"pandas_type\": \"date\", \"numpy_type\": "
        "\"date32[day][pyarrow]\", \"metadata\": null}], \"index_columns\": []}");
    struct schema *schema = normalised(data, NULL, 0);

    (void)unused;
    check_fields(schema, "a:string;b:int64;c:date32[day]");
    check_pandas(schema, "{\"columns\": [{\"field_name\": \"a\", \"metadata\": null, \"name\": "
                         "\"a\", \"numpy_type\": \"object\", \"pandas_type\": \"unicode\"}, "
                         "{\"field_name\": \"b\", \"metadata\": null, \"name\": \"b\", "
                         "\"numpy_type\": \"int64\", \"pandas_type\": \"int64\"}, "
                         "{\"field_name\": \"c\", \"metadata\": null, \"name\": \"c\", "
                         "\"numpy_type\": \"object\", \"pandas_type\": \"date\"}], "
                         "\"index_columns\": []}");
    ktki_schema_free(schema);
    ktki_schema_free(data);
}

static void refuses_frames_that_cannot_be_tables(void **unused) {
    const struct field twice[] = {plain("a", TYPE_INT64), plain("a", TYPE_INT64)};
    struct schema *schema = TEST_POISON;
    struct schema *data = schema_of(twice, 2, NULL);
    ktk_error err;

    (void)unused;
    CHECK_STATUS(ktki_table_schema_normalise(&schema, data, NULL, 0, &err), KTK_E_INVALID);
    CHECK_MESSAGE("'a'");
    ktki_schema_free(data);
    data = schema_of(twice, 1, "{\"columns\": [], \"index_columns\": [\"x\", \"y\"]}");
    CHECK_STATUS(ktki_table_schema_normalise(&schema, data, NULL, 0, &err), KTK_E_UNSUPPORTED);
    CHECK_MESSAGE("2 levels");
    ktki_schema_free(data);
    data = schema_of(twice, 1, "{\"columns\": {}}");
    CHECK_STATUS(ktki_table_schema_normalise(&schema, data, NULL, 0, &err), KTK_E_CORRUPT);
    CHECK_MESSAGE("pandas metadata");
    ktki_schema_free(data);
    assert_ptr_equal(schema, TEST_POISON);
}

/* ---- schemas of data files ---- */

static void files_have_no_partition_columns(void **unused) {
    const char *const keys[] = {"p"};
    const struct field fields[] = {plain("v", TYPE_INT16), plain("p", TYPE_STRING),
                                   plain("__index_level_0__", TYPE_INT64)};
    struct schema *data = schema_of(
        fields, 3,
        "{\"index_columns\": [\"__index_level_0__\"], \"columns\": [{\"name\": \"v\", "
        "\"field_name\": \"v\", \"pandas_type\": \"int16\", \"numpy_type\": \"Int16\", "
        "\"metadata\": null}, {\"name\": \"p\", \"field_name\": \"p\", \"pandas_type\": "
        "\"unicode\", \"numpy_type\": \"object\", \"metadata\": null}, {\"name\": null, "
        "\"field_name\": \"__index_level_0__\", \"pandas_type\": \"int64\", \"numpy_type\": "
        "\"int64\", \"metadata\": null}], \"pandas_version\": \"1.3.5\"}");
    bool marks[3] = {true, true, false};
    struct schema *schema = NULL;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_pandas_index_marks(data, marks, &err));
    assert_true(!marks[0] && !marks[1] && marks[2]);
    CHECK_OK(ktki_table_schema_of_file(&schema, data, keys, 1, &err));
    check_fields(schema, "v:int16;__index_level_0__:int64");
    check_pandas(schema, "{\"columns\": [{\"field_name\": \"v\", \"metadata\": null, \"name\": "
                         "\"v\", \"numpy_type\": \"Int16\", \"pandas_type\": \"int16\"}, "
                         "{\"field_name\": \"__index_level_0__\", \"metadata\": null, \"name\": "
                         "null, \"numpy_type\": \"int64\", \"pandas_type\": \"int64\"}], "
                         "\"index_columns\": [\"__index_level_0__\"], \"pandas_version\": "
                         "\"1.3.5\"}");
    ktki_schema_free(schema);
    ktki_schema_free(data);
}

static void a_default_index_does_not_outlive_its_frame(void **unused) {
    static const char range[] = "{\"columns\": [], \"index_columns\": [{\"kind\": \"range\", "
                                "\"name\": null, \"start\": 4, \"step\": 2, \"stop\": 8}]}";
    const char *const keys[] = {"p"};
    const struct field fields[] = {plain("p", TYPE_STRING), plain("v", TYPE_INT64)};
    struct schema *data = schema_of(fields, 2, range);
    struct schema *schema = NULL;
    const char *text;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_table_schema_of_file(&schema, data, keys, 1, &err));
    text = ktki_schema_key_value(schema, "pandas")->value;
    assert_non_null(strstr(text, "\"index_columns\": []"));
    ktki_schema_free(schema);
    /* The whole frame keeps its index. */
    CHECK_OK(ktki_table_schema_of_file(&schema, data, NULL, 0, &err));
    text = ktki_schema_key_value(schema, "pandas")->value;
    assert_non_null(strstr(text, "\"start\": 4, \"step\": 2, \"stop\": 8}"));
    ktki_schema_free(schema);
    ktki_schema_free(data);
}

/* ---- agreement ---- */

static void check_agrees(struct schema *a, struct schema *b, const char *fields) {
    struct schema *schema = NULL;
    ktk_error err;

    CHECK_OK(ktki_table_schema_agree(&schema, a, "t/a", b, "t/b", &err));
    check_fields(schema, fields);
    ktki_schema_free(schema);
    ktki_schema_free(a);
    ktki_schema_free(b);
}

static void columns_of_nulls_take_the_other_type(void **unused) {
    const struct field none[] = {plain("x", TYPE_NULL), plain("y", TYPE_NULL)};
    const struct field left[] = {plain("x", TYPE_INT64), plain("y", TYPE_NULL)};
    const struct field right[] = {plain("x", TYPE_NULL), plain("y", TYPE_STRING)};
    const struct field both[] = {plain("x", TYPE_INT64), plain("y", TYPE_STRING)};

    (void)unused;
    check_agrees(schema_of(none, 2, NULL), schema_of(left, 2, NULL), "x:int64;y:null");
    check_agrees(schema_of(left, 2, NULL), schema_of(none, 2, NULL), "x:int64;y:null");
    check_agrees(schema_of(left, 2, NULL), schema_of(right, 2, NULL), "x:int64;y:string");
    check_agrees(schema_of(right, 2, NULL), schema_of(both, 2, NULL), "x:int64;y:string");
}

static void an_enriched_column_brings_its_entry(void **unused) {
    const struct field left[] = {plain("x", TYPE_INT64), plain("y", TYPE_NULL)};
    const struct field right[] = {plain("x", TYPE_NULL), plain("y", TYPE_BOOL)};
    struct schema *a_data = schema_of(left, 2, NULL);
    struct schema *b_data = schema_of(right, 2, NULL);
    struct schema *a = normalised(a_data, NULL, 0);
    struct schema *b = normalised(b_data, NULL, 0);
    struct schema *schema = NULL;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktki_table_schema_agree(&schema, a, "t/a", b, "t/b", &err));
    assert_null(strstr(ktki_schema_key_value(schema, "pandas")->value, "empty"));
    assert_non_null(strstr(ktki_schema_key_value(schema, "pandas")->value,
                           "\"name\": \"y\", \"numpy_type\": \"bool\", \"pandas_type\": \"bool\""));
    ktki_schema_free(schema);
    ktki_schema_free(a);
    ktki_schema_free(b);
    ktki_schema_free(a_data);
    ktki_schema_free(b_data);
}

static void widths_of_text_and_units_of_time_do_not_count(void **unused) {
    struct field left[] = {plain("s", TYPE_STRING), plain("t", TYPE_TIMESTAMP)};
    struct field right[] = {plain("s", TYPE_LARGE_STRING), plain("t", TYPE_TIMESTAMP)};

    (void)unused;
    left[1].type.unit = UNIT_MICRO;
    left[1].type.timezone = "UTC";
    right[1].type.unit = UNIT_NANO;
    right[1].type.timezone = "UTC";
    check_agrees(schema_of(left, 2, NULL), schema_of(right, 2, NULL),
                 "s:string;t:timestamp[us, tz=UTC]");
    check_agrees(schema_of(right, 2, NULL), schema_of(left, 2, NULL),
                 "s:large_string;t:timestamp[ns, tz=UTC]");
}

static void check_violates(const struct field *a_fields, int32_t a_count,
                           const struct field *b_fields, int32_t b_count, const char *part) {
    struct schema *schema = TEST_POISON;
    struct schema *a = schema_of(a_fields, a_count, NULL);
    struct schema *b = schema_of(b_fields, b_count, NULL);
    ktk_error err;

    CHECK_STATUS(ktki_table_schema_agree(&schema, a, "t/a", b, "t/b", &err), KTK_E_SCHEMA);
    CHECK_MESSAGE(part);
    CHECK_MESSAGE("'t/a'");
    CHECK_MESSAGE("'t/b'");
    assert_ptr_equal(schema, TEST_POISON);
    ktki_schema_free(a);
    ktki_schema_free(b);
}

static void other_differences_violate_the_schema(void **unused) {
    const struct field a[] = {plain("x", TYPE_INT64), plain("y", TYPE_STRING)};
    const struct field swapped[] = {plain("y", TYPE_STRING), plain("x", TYPE_INT64)};
    const struct field typed[] = {plain("x", TYPE_INT64), plain("y", TYPE_BINARY)};
    struct field naive = plain("t", TYPE_TIMESTAMP);
    struct field zoned = plain("t", TYPE_TIMESTAMP);

    (void)unused;
    zoned.type.timezone = "UTC";
    check_violates(a, 2, a, 1, "column 'y' of 't/a' is missing");
    check_violates(a, 1, a, 2, "column 'y' of 't/b' is missing");
    check_violates(a, 2, swapped, 2, "order");
    check_violates(a, 2, typed, 2, "column 'y' is string in 't/a' but binary in 't/b'");
    check_violates(&naive, 1, &zoned, 1, "tz=UTC");
}

/* ---- nested columns ---- */

static struct field nested(const char *name, enum type_id id, struct field *children,
                           int32_t count) {
    return (struct field){.name = name,
                          .type = {.id = id, .width = id == TYPE_FIXED_LIST ? 2 : 0},
                          .nullable = true,
                          .child_count = count,
                          .children = children};
}

/* What lies in nested columns keeps its types, except for what files do not keep. A schema that was
 * stored and loaded agrees with the one of the next update. */
static void nested_columns_survive_files(void **unused) {
    struct field word = {"", {.id = TYPE_STRING}, .nullable = true};
    struct field real = {"x", {.id = TYPE_FLOAT32}, .nullable = false};
    struct field parts[] = {
        {"a", {.id = TYPE_INT8}, .nullable = false},
        {"d", {.id = TYPE_DICTIONARY, .index = TYPE_INT8}, .nullable = true, .dictionary = &word},
        {"t", {.id = TYPE_TIMESTAMP, .unit = UNIT_MILLI}, .nullable = true},
        {"o", {.id = TYPE_DATE64}, .nullable = true},
        nested("l", TYPE_LARGE_LIST, &real, 1),
        nested("f", TYPE_FIXED_LIST, &real, 1)};
    struct field pair[] = {{"k", {.id = TYPE_STRING}, .nullable = false},
                           nested("v", TYPE_STRUCT, parts, 6)};
    struct field entries = nested("e", TYPE_STRUCT, pair, 2);
    struct field number = {"element", {.id = TYPE_INT16}, .nullable = true};
    struct field numbers = nested("element", TYPE_LIST, &number, 1);
    struct field fields[] = {nested("m", TYPE_MAP, &entries, 1),
                             nested("n", TYPE_LIST, &numbers, 1)};
    struct schema *data = schema_of(fields, 2, NULL);
    struct schema *normal = normalised(data, NULL, 0);
    struct schema *stored = NULL;
    struct buffer file;
    ktk_error err;

    (void)unused;
    check_fields(normal,
                 "m:map<string, struct<a: int8, d: string, t: timestamp[ms], o: date32[day], "
                 "l: large_list<x: float>, f: fixed_size_list<x: float>[2]>>;"
                 "n:list<item: list<item: int64>>");
    assert_non_null(strstr(ktki_schema_key_value(normal, "pandas")->value,
                           "\"name\": \"m\", \"numpy_type\": \"object\", \"pandas_type\": "
                           "\"object\""));
    assert_non_null(strstr(ktki_schema_key_value(normal, "pandas")->value,
                           "\"pandas_type\": \"list[list[int64]]\""));
    ktki_buffer_init(&file, ktki_context_allocator(context), 0);
    CHECK_OK(ktki_table_schema_encode(&file, context, normal, &err));
    CHECK_OK(ktki_table_schema_decode(&stored, context, file.data, file.size, "t/_common_metadata",
                                      &err));
    check_agrees(stored, normalised(data, NULL, 0),
                 "m:map<string, struct<a: int8, d: string, t: timestamp[us], o: date32[day], "
                 "l: large_list<item: float>, f: fixed_size_list<item: float>[2]>>;"
                 "n:list<item: list<item: int64>>");
    ktki_buffer_clear(&file);
    parts[0].type.id = TYPE_INT16;
    check_violates(&pair[1], 1, &normal->fields[0].children[0].children[1], 1, "a: int16");
    ktki_schema_free(normal);
    ktki_schema_free(data);
}

/* ---- memory ---- */

static ktk_status normalise_and_agree(ktk_context *failing, ktk_error *err) {
    const char *const keys[] = {"y"};
    const struct field fields[] = {plain("x", TYPE_INT32), plain("y", TYPE_STRING)};
    struct schema *data = NULL;
    struct schema *normal = NULL;
    struct schema *file = NULL;
    struct schema *agreed = NULL;
    ktk_status status = ktki_schema_new(&data, failing, 2, err);

    if (status == KTK_OK) {
        data->fields[0] = fields[0];
        data->fields[1] = fields[1];
        status = ktki_table_schema_normalise(&normal, data, keys, 1, err);
    }
    if (status == KTK_OK) {
        status = ktki_table_schema_of_file(&file, data, keys, 1, err);
    }
    if (status == KTK_OK) {
        status = ktki_table_schema_agree(&agreed, normal, "a", normal, "b", err);
    }
    ktki_schema_free(agreed);
    ktki_schema_free(file);
    ktki_schema_free(normal);
    ktki_schema_free(data);
    return status;
}

static void survives_lack_of_memory(void **unused) {
    bool finished = false;

    (void)unused;
    for (int64_t n = 0; !finished; n++) {
        ktk_context *failing = test_context_failing(n);
        ktk_error err;
        ktk_status status = normalise_and_agree(failing, &err);

        finished = status == KTK_OK;
        assert_true(finished || status == KTK_E_NO_MEMORY);
        test_context_free(failing);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(normalises_as_kartothek_does, set_up, tear_down),
        cmocka_unit_test_setup_teardown(makes_an_entry_where_there_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(writes_dtypes_that_every_reader_knows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refuses_frames_that_cannot_be_tables, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_have_no_partition_columns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_default_index_does_not_outlive_its_frame, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(columns_of_nulls_take_the_other_type, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_enriched_column_brings_its_entry, set_up, tear_down),
        cmocka_unit_test_setup_teardown(widths_of_text_and_units_of_time_do_not_count, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(other_differences_violate_the_schema, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nested_columns_survive_files, set_up, tear_down),
        cmocka_unit_test(survives_lack_of_memory),
    };
    return cmocka_run_group_tests_name("dataset/table_schema", tests, NULL, NULL);
}
