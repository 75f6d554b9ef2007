#include "arrow/schema.h"

#include "support/test.h"

static void release_nothing(struct ArrowSchema *schema) {
    schema->release = NULL;
}

/* A node of static memory. */
static struct ArrowSchema node(const char *format, const char *name) {
    return (struct ArrowSchema){
        .format = format, .name = name, .flags = ARROW_FLAG_NULLABLE, .release = release_nothing};
}

static struct ArrowSchema parent(const char *format, const char *name,
                                 struct ArrowSchema **children, int64_t count) {
    struct ArrowSchema schema = node(format, name);

    schema.children = children;
    schema.n_children = count;
    return schema;
}

/* Imports a table of one column and gives its type as text. */
static ktk_status import_one(ktk_context *context, struct ArrowSchema *column, char text[200],
                             ktk_error *err) {
    struct ArrowSchema *columns[] = {column};
    struct ArrowSchema table = parent("+s", NULL, columns, 1);
    struct schema *schema = TEST_POISON;
    struct buffer buffer;
    ktk_status status = ktki_schema_import(&schema, context, &table, err);

    if (status != KTK_OK) {
        assert_ptr_equal(schema, TEST_POISON);
        return status;
    }
    ktki_buffer_init(&buffer, test_allocator(), 0);
    assert_int_equal(ktki_field_type_text(&schema->fields[0], &buffer, err), KTK_OK);
    assert_in_range(buffer.size, 1, 199);
    memcpy(text, buffer.data, buffer.size);
    text[buffer.size] = '\0';
    ktki_buffer_clear(&buffer);
    ktki_schema_free(schema);
    return KTK_OK;
}

static void reads_every_flat_format(void **unused) {
    static const char *const wanted[][2] = {
        {"n", "null"},
        {"b", "bool"},
        {"c", "int8"},
        {"C", "uint8"},
        {"s", "int16"},
        {"S", "uint16"},
        {"i", "int32"},
        {"I", "uint32"},
        {"l", "int64"},
        {"L", "uint64"},
        {"e", "halffloat"},
        {"f", "float"},
        {"g", "double"},
        {"z", "binary"},
        {"Z", "large_binary"},
        {"vz", "binary_view"},
        {"u", "string"},
        {"U", "large_string"},
        {"vu", "string_view"},
        {"w:42", "fixed_size_binary[42]"},
        {"w:0", "fixed_size_binary[0]"},
        {"d:19,10", "decimal128(19, 10)"},
        {"d:19,-3", "decimal128(19, -3)"},
        {"d:19,10,128", "decimal128(19, 10)"},
        {"d:76,10,256", "decimal256(76, 10)"},
        {"tdD", "date32[day]"},
        {"tdm", "date64[ms]"},
        {"tts", "time32[s]"},
        {"ttm", "time32[ms]"},
        {"ttu", "time64[us]"},
        {"ttn", "time64[ns]"},
        {"tss:", "timestamp[s]"},
        {"tsm:Europe/Berlin", "timestamp[ms, tz=Europe/Berlin]"},
        {"tsu:UTC", "timestamp[us, tz=UTC]"},
        {"tsn:+01:00", "timestamp[ns, tz=+01:00]"},
        {"tDs", "duration[s]"},
        {"tDm", "duration[ms]"},
        {"tDu", "duration[us]"},
        {"tDn", "duration[ns]"},
        {"tiM", "month_interval"},
        {"tiD", "day_time_interval"},
        {"tin", "month_day_nano_interval"},
    };
    ktk_context *context = test_context_new(1);
    char text[200];
    ktk_error err;

    (void)unused;
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        struct ArrowSchema column = node(wanted[i][0], "x");
        CHECK_OK(import_one(context, &column, text, &err));
        assert_string_equal(text, wanted[i][1]);
    }
    test_context_free(context);
}

static void refuses_formats_that_are_none(void **unused) {
    static const char *const invalid[] = {
        "",      "x",      "ll", "w:",   "w:-1",    "w:1x",  "d:10", "d:,2",
        "d:0,0", "d:39,0", "t",  "tsx:", "d:9,2,q", "+w:-2", "+",    "d:77,0,256"};
    static const char *const unsupported[] = {"+ud:0,1", "+us:0,1", "+r", "+vl", "+vL", "d:9,2,32"};
    ktk_context *context = test_context_new(1);
    char text[200];
    ktk_error err;

    (void)unused;
    for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++) {
        struct ArrowSchema column = node(invalid[i], "x");
        CHECK_STATUS(import_one(context, &column, text, &err), KTK_E_INVALID);
    }
    for (size_t i = 0; i < sizeof(unsupported) / sizeof(unsupported[0]); i++) {
        struct ArrowSchema column = node(unsupported[i], "x");
        CHECK_STATUS(import_one(context, &column, text, &err), KTK_E_UNSUPPORTED);
    }
    test_context_free(context);
}

static void refuses_wrong_shapes(void **unused) {
    ktk_context *context = test_context_new(1);
    struct ArrowSchema item = node("l", "item");
    struct ArrowSchema *items[] = {&item, &item};
    struct ArrowSchema list = parent("+l", "x", items, 2);
    struct ArrowSchema map = parent("+m", "x", items, 1);
    struct ArrowSchema number = parent("l", "x", items, 1);
    struct ArrowSchema dictionary = node("g", "x");
    struct ArrowSchema indices = node("c", "x");
    struct ArrowSchema indices_below = node("i", "x");
    struct ArrowSchema misnamed = node("l", "a\xFF");
    struct ArrowSchema released = node("l", "x");
    struct schema *schema = TEST_POISON;
    char text[200];
    ktk_error err;

    (void)unused;
    CHECK_STATUS(import_one(context, &list, text, &err), KTK_E_INVALID);
    CHECK_MESSAGE("children");
    CHECK_STATUS(import_one(context, &map, text, &err), KTK_E_INVALID);
    CHECK_STATUS(import_one(context, &number, text, &err), KTK_E_INVALID);
    number.n_children = -1;
    CHECK_STATUS(import_one(context, &number, text, &err), KTK_E_INVALID);
    number.n_children = 1;
    number.children = NULL;
    CHECK_STATUS(import_one(context, &number, text, &err), KTK_E_INVALID);
    dictionary.dictionary = &item;
    CHECK_STATUS(import_one(context, &dictionary, text, &err), KTK_E_INVALID);
    CHECK_MESSAGE("indices of type double");
    indices.dictionary = &indices_below;
    indices_below.dictionary = &item;
    CHECK_STATUS(import_one(context, &indices, text, &err), KTK_E_UNSUPPORTED);
    CHECK_MESSAGE("dictionary-encoded values");
    CHECK_STATUS(import_one(context, &misnamed, text, &err), KTK_E_INVALID);
    CHECK_MESSAGE("UTF-8");
    released.release = NULL;
    CHECK_STATUS(import_one(context, &released, text, &err), KTK_E_INVALID);
    CHECK_STATUS(import_one(context, NULL, text, &err), KTK_E_INVALID);
    CHECK_STATUS(ktki_schema_import(&schema, context, &item, &err), KTK_E_INVALID);
    CHECK_MESSAGE("struct");
    test_context_free(context);
}

/* A list that names itself as its item has no end; a struct that names one child often has too many
 * fields. */
static void stops_at_the_limits(void **unused) {
    ktk_context *context = test_context_new(1);
    struct ArrowSchema loop;
    struct ArrowSchema *of_loop[] = {&loop};
    struct ArrowSchema levels[40];
    struct ArrowSchema *twice[40][2];
    char text[200];
    ktk_error err;

    (void)unused;
    loop = parent("+l", "x", of_loop, 1);
    CHECK_STATUS(import_one(context, &loop, text, &err), KTK_E_LIMIT);
    CHECK_MESSAGE("nested deeper than 64 levels");
    levels[0] = node("l", "leaf");
    for (int i = 1; i < 40; i++) {
        twice[i][0] = &levels[i - 1];
        twice[i][1] = &levels[i - 1];
        levels[i] = parent("+s", "s", twice[i], 2);
    }
    CHECK_STATUS(import_one(context, &levels[39], text, &err), KTK_E_LIMIT);
    CHECK_MESSAGE("1000000 fields");
    test_context_free(context);
}

/* Metadata as the C Data Interface writes it: {"k": "v\0w", "": ""}. */
static const char metadata[] = "\2\0\0\0\1\0\0\0k\3\0\0\0v\0w\0\0\0\0\0\0\0\0";

/* A table with every kind of nesting, a dictionary and metadata. */
struct table {
    struct ArrowSchema key, value, entries, map, large, fixed, dictionary, number, table;
    struct ArrowSchema *pair[2], *of_map[1], *of_list[1], *columns[5];
};

static void make_table(struct table *out) {
    out->key = node("u", "key");
    out->key.flags = 0;
    out->value = node("tsn:UTC", "value");
    out->pair[0] = &out->key;
    out->pair[1] = &out->value;
    out->entries = parent("+s", "entries", out->pair, 2);
    out->of_map[0] = &out->entries;
    out->map = parent("+m", "m", out->of_map, 1);
    out->map.flags = ARROW_FLAG_MAP_KEYS_SORTED;
    out->of_list[0] = &out->value;
    out->large = parent("+L", "large", out->of_list, 1);
    out->fixed = parent("+w:3", "fixed", out->of_list, 1);
    out->dictionary = node("C", "d");
    out->dictionary.flags |= ARROW_FLAG_DICTIONARY_ORDERED;
    out->dictionary.dictionary = &out->key;
    out->number = node("d:9,2", "n");
    out->number.metadata = metadata;
    out->columns[0] = &out->map;
    out->columns[1] = &out->large;
    out->columns[2] = &out->fixed;
    out->columns[3] = &out->dictionary;
    out->columns[4] = &out->number;
    out->table = parent("+s", "", out->columns, 5);
    out->table.flags = 0;
    out->table.metadata = metadata;
}

static void assert_same_node(const struct ArrowSchema *a, const struct ArrowSchema *b,
                             size_t metadata_size) {
    assert_string_equal(a->format, b->format);
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->flags, b->flags);
    assert_int_equal(a->n_children, b->n_children);
    assert_int_equal(a->metadata == NULL, b->metadata == NULL);
    if (a->metadata != NULL) {
        assert_memory_equal(a->metadata, b->metadata, metadata_size);
    }
    for (int64_t i = 0; i < a->n_children; i++) {
        assert_same_node(a->children[i], b->children[i], metadata_size);
    }
    assert_int_equal(a->dictionary == NULL, b->dictionary == NULL);
    if (a->dictionary != NULL) {
        assert_string_equal(a->dictionary->format, b->dictionary->format);
        assert_int_equal(a->dictionary->flags, b->dictionary->flags);
    }
}

static void exports_what_it_imported(void **unused) {
    ktk_context *context = test_context_new(1);
    struct table table;
    struct ArrowSchema exported;
    struct ArrowSchema child;
    struct schema *schema;
    ktk_error err;

    (void)unused;
    make_table(&table);
    CHECK_OK(ktki_schema_import(&schema, context, &table.table, &err));
    assert_int_equal(schema->key_value_count, 2);
    assert_int_equal(ktki_schema_key_value(schema, "k")->value_size, 3);
    assert_memory_equal(ktki_schema_key_value(schema, "k")->value, "v\0w", 4);
    assert_true(schema->fields[0].keys_sorted);
    assert_int_equal(schema->fields[3].type.index, TYPE_UINT8);
    assert_int_equal(schema->fields[4].key_value_count, 2);
    CHECK_OK(ktki_schema_export(schema, &exported, &err));
    ktki_schema_free(schema); /* the export stands alone */
    assert_same_node(&exported, &table.table, sizeof(metadata) - 1);
    child = *exported.children[0];
    exported.children[0]->release = NULL;
    exported.release(&exported);
    assert_null(exported.release);
    assert_same_node(&child, &table.map, 0);
    child.release(&child);
    test_context_free(context);
}

static void refuses_broken_metadata(void **unused) {
    ktk_context *context = test_context_new(1);
    struct ArrowSchema column = node("l", "x");
    char text[200];
    ktk_error err;

    (void)unused;
    column.metadata = "\xFF\xFF\xFF\xFF";
    CHECK_STATUS(import_one(context, &column, text, &err), KTK_E_INVALID);
    column.metadata = "\1\0\0\0\xFF\xFF\xFF\xFF";
    CHECK_STATUS(import_one(context, &column, text, &err), KTK_E_INVALID);
    column.metadata = "\1\0\0\0\2\0\0\0k\0\0\0\0\0";
    CHECK_STATUS(import_one(context, &column, text, &err), KTK_E_UNSUPPORTED);
    test_context_free(context);
}

static void survives_every_allocation_failure(void **unused) {
    bool is_done = false;

    (void)unused;
    for (int64_t n = 0; !is_done; n++) {
        ktk_context *context = test_context_failing(n);
        struct ArrowSchema exported = {.private_data = TEST_POISON};
        struct table table;
        struct schema *schema = NULL;
        ktk_error err;
        ktk_status status;

        make_table(&table);
        status = ktki_schema_import(&schema, context, &table.table, &err);
        if (status == KTK_OK) {
            status = ktki_schema_export(schema, &exported, &err);
        }
        is_done = status == KTK_OK;
        if (is_done) {
            exported.release(&exported);
        } else {
            assert_int_equal(status, KTK_E_NO_MEMORY);
            assert_ptr_equal(exported.private_data, TEST_POISON);
        }
        ktki_schema_free(schema);
        test_context_free(context);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_flat_format),
        cmocka_unit_test(refuses_formats_that_are_none),
        cmocka_unit_test(refuses_wrong_shapes),
        cmocka_unit_test(stops_at_the_limits),
        cmocka_unit_test(exports_what_it_imported),
        cmocka_unit_test(refuses_broken_metadata),
        cmocka_unit_test(survives_every_allocation_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
