#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <kartothek/query.h>

#include "query/golden.h"
#include "support/failing_store.h"

#define PARTITIONS "stores/k53/partitions"

/* ---- running queries ---- */

static ktk_status query(struct golden_rows *out, ktk_store *store, const char *uuid,
                        const ktk_query_options *options, ktk_error *err) {
    struct ArrowArrayStream stream = {.release = NULL};
    ktk_dataset *dataset = NULL;
    ktk_status status = ktk_dataset_open(&dataset, store, uuid, err);

    *out = (struct golden_rows){.batches = NULL};
    if (status == KTK_OK) {
        status = ktk_query_stream(&stream, dataset, options, err);
    }
    ktk_dataset_free(dataset);
    return status != KTK_OK ? status : golden_collect(out, &stream, err);
}

static ktk_query_options with_columns(const char *const *columns, size_t count) {
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;

    options.columns = columns;
    options.column_count = count;
    return options;
}

static ktk_predicate *parse(ktk_context *context, const char *text) {
    ktk_predicate *predicate = NULL;
    ktk_error err;

    CHECK_OK(ktk_predicate_parse(&predicate, context, text, &err));
    return predicate;
}

/* ---- columns ---- */

static void gives_columns_in_the_order_asked(void **unused) {
    static const char *const columns[] = {"note", "country", "amount", "store"};
    const ktk_query_options options = with_columns(columns, 4);
    struct node *expected = golden_load("expected/k53/part_multi.json");
    const struct node *wanted =
        golden_member(golden_member(golden_member(expected, "rows"), "table"), "rows");
    ktk_context *context = test_context_new(2);
    ktk_store *store = golden_store(context, PARTITIONS);
    struct golden_rows rows;
    ktk_error err;

    (void)unused;
    CHECK_OK(query(&rows, store, "part_multi", &options, &err));
    assert_int_equal(rows.schema.n_children, 4);
    assert_int_equal(rows.row_count, wanted->count);
    for (int64_t column = 0; column < 4; column++) {
        assert_string_equal(rows.schema.children[column]->name, columns[column]);
        for (int64_t row = 0; row < rows.row_count; row++) {
            assert_true(golden_value_is(&rows, column, row,
                                        golden_member(&wanted->items[row], columns[column])));
        }
    }
    golden_rows_clear(&rows);
    ktk_store_free(store);
    golden_free(expected);
    test_context_free(context);
}

/* What files tell of their columns. */
struct told {
    int64_t files;
    int64_t with_amount;
};

static void hear(void *state, const char *json) {
    struct told *told = state;

    told->files++;
    told->with_amount += strstr(json, "\"field_name\": \"amount\"") != NULL;
}

/* Once a file, whatever number of row groups it has, and only if rows of it match. */
static void tells_what_pandas_stored(void **unused) {
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    ktk_context *context = test_context_new(2);
    ktk_store *store = golden_store(context, PARTITIONS);
    ktk_predicate *nothing = parse(context, "amount > 1e300");
    struct told told = {0};
    struct golden_rows rows;
    ktk_dataset *dataset = NULL;
    int64_t partition_count;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_dataset_open(&dataset, store, "part_multi", &err));
    partition_count = (int64_t)ktk_dataset_partition_count(dataset);
    ktk_dataset_free(dataset);
    assert_true(partition_count > 1);
    options.file_pandas = hear;
    options.file_pandas_state = &told;
    CHECK_OK(query(&rows, store, "part_multi", &options, &err));
    golden_rows_clear(&rows);
    assert_int_equal(told.files, partition_count);
    assert_int_equal(told.with_amount, partition_count);
    told = (struct told){0};
    options.where = nothing;
    CHECK_OK(query(&rows, store, "part_multi", &options, &err));
    golden_rows_clear(&rows);
    assert_int_equal(told.files, 0);
    ktk_predicate_free(nothing);
    ktk_store_free(store);
    test_context_free(context);
}

static void counts_rows_without_reading_columns(void **unused) {
    static const char *const none[] = {""};
    ktk_query_options options = with_columns(none, 0);
    ktk_context *context = test_context_new(1);
    ktk_store *store = golden_store(context, PARTITIONS);
    ktk_predicate *by_key = parse(context, "country == DE");
    ktk_predicate *by_content = parse(context, "note != null and amount > 50");
    struct golden_rows rows;
    ktk_error err;

    (void)unused;
    CHECK_OK(query(&rows, store, "part_multi", &options, &err));
    assert_int_equal(rows.schema.n_children, 0);
    assert_int_equal(rows.row_count, 24);
    golden_rows_clear(&rows);
    options.where = by_key;
    CHECK_OK(query(&rows, store, "part_multi", &options, &err));
    assert_int_equal(rows.schema.n_children, 0);
    assert_true(rows.row_count > 0 && rows.row_count < 24);
    golden_rows_clear(&rows);
    options.where = by_content;
    CHECK_OK(query(&rows, store, "part_multi", &options, &err));
    assert_int_equal(rows.schema.n_children, 0);
    assert_true(rows.row_count > 0 && rows.row_count < 24);
    golden_rows_clear(&rows);
    ktk_predicate_free(by_content);
    ktk_predicate_free(by_key);
    ktk_store_free(store);
    test_context_free(context);
}

static void names_what_is_missing(void **unused) {
    static const char *const unknown[] = {"zzz", "note", "abc"};
    static const char *const twice[] = {"note", "note"};
    ktk_query_options options = with_columns(unknown, 3);
    ktk_context *context = test_context_new(1);
    ktk_store *store = golden_store(context, PARTITIONS);
    ktk_predicate *on_unknown = parse(context, "zzz == 1");
    ktk_predicate *on_mismatch = parse(context, "store == many");
    struct golden_rows rows;
    ktk_error err;

    (void)unused;
    CHECK_STATUS(query(&rows, store, "part_multi", &options, &err), KTK_E_NOT_FOUND);
    CHECK_MESSAGE("table 'table' of dataset 'part_multi' has no columns 'abc', 'zzz'");
    options = with_columns(twice, 2);
    CHECK_STATUS(query(&rows, store, "part_multi", &options, &err), KTK_E_INVALID);
    CHECK_MESSAGE("column 'note' is asked for twice");
    options = with_columns(NULL, 0);
    options.where = on_unknown;
    CHECK_STATUS(query(&rows, store, "part_multi", &options, &err), KTK_E_NOT_FOUND);
    CHECK_MESSAGE("'zzz'");
    options.where = on_mismatch;
    CHECK_STATUS(query(&rows, store, "part_multi", &options, &err), KTK_E_INVALID);
    CHECK_MESSAGE("column 'store' is int64: expected a whole number, not the value 'many'");
    options.where = NULL;
    options.table = "other";
    CHECK_STATUS(query(&rows, store, "part_multi", &options, &err), KTK_E_NOT_FOUND);
    CHECK_MESSAGE("'other'");
    CHECK_STATUS(query(&rows, store, "nothing", NULL, &err), KTK_E_NOT_FOUND);
    ktk_predicate_free(on_mismatch);
    ktk_predicate_free(on_unknown);
    ktk_store_free(store);
    test_context_free(context);
}

static void types_an_empty_selection(void **unused) {
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    ktk_context *context = test_context_new(1);
    ktk_store *store = golden_store(context, PARTITIONS);
    ktk_predicate *never[] = {parse(context, "country == nowhere"),
                              parse(context, "amount > 1e300")};
    struct golden_rows all;
    ktk_error err;

    (void)unused;
    CHECK_OK(query(&all, store, "part_multi", NULL, &err));
    for (size_t i = 0; i < 2; i++) {
        struct golden_rows rows;

        options.where = never[i];
        CHECK_OK(query(&rows, store, "part_multi", &options, &err));
        assert_int_equal(rows.batch_count, 0);
        assert_int_equal(rows.schema.n_children, all.schema.n_children);
        for (int64_t j = 0; j < rows.schema.n_children; j++) {
            assert_string_equal(rows.schema.children[j]->name, all.schema.children[j]->name);
            assert_string_equal(rows.schema.children[j]->format, all.schema.children[j]->format);
        }
        golden_rows_clear(&rows);
        ktk_predicate_free(never[i]);
    }
    golden_rows_clear(&all);
    ktk_store_free(store);
    test_context_free(context);
}

/* ---- predicates on partition keys of every type ---- */

static void set_key_value(ktk_value *value, const char *type, const struct node *node,
                          char bytes[256]) {
    *value = (ktk_value){.kind = KTK_VALUE_UNTYPED, .bytes = node->text, .bytes_size = node->size};
    if (strncmp(type, "timestamp", 9) == 0) {
        value->kind = KTK_VALUE_TIMESTAMP;
        value->integer = strtoll(node->text, NULL, 10);
    } else if (strcmp(type, "double") == 0) {
        value->kind = KTK_VALUE_FLOAT;
        value->real = strtod(node->text, NULL);
    } else if (strcmp(type, "binary") == 0) {
        for (size_t i = 0; i < node->size / 2; i++) {
            unsigned byte;

            assert_int_equal(sscanf(node->text + 2 * i, "%2x", &byte), 1);
            bytes[i] = (char)byte;
        }
        value->kind = KTK_VALUE_BINARY;
        value->bytes = bytes;
        value->bytes_size = node->size / 2;
    }
}

static bool same_key(const struct node *a, const struct node *b, const char *type) {
    if (strcmp(type, "double") == 0) {
        return strtod(a->text, NULL) == strtod(b->text, NULL);
    }
    return a->size == b->size && memcmp(a->text, b->text, a->size) == 0;
}

/* All rows whose key equals (or differs from) that of row `like`, in order. */
static void check_key(ktk_store *store, ktk_context *context, const char *uuid,
                      const struct node *all, const char *key, const char *type, size_t like,
                      ktk_operator op) {
    const struct node *wanted = golden_member(&all->items[like], key);
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    struct node rows = {.kind = NODE_ARRAY, .items = calloc(all->count, sizeof(*rows.items))};
    ktk_predicate *where = NULL;
    ktk_literal literal;
    size_t one = 1;
    struct golden_rows found;
    ktk_value value;
    char bytes[256];
    ktk_error err;

    assert_non_null(rows.items);
    for (size_t i = 0; i < all->count; i++) {
        bool same = same_key(golden_member(&all->items[i], key), wanted, type);

        if (same == (op == KTK_OP_EQ || op == KTK_OP_IN)) {
            rows.items[rows.count++] = all->items[i];
        }
    }
    set_key_value(&value, type, wanted, bytes);
    literal = (ktk_literal){key, op, &value, 1};
    CHECK_OK(ktk_predicate_new(&where, context, &literal, &one, 1, &err));
    options.where = where;
    CHECK_OK(query(&found, store, uuid, &options, &err));
    golden_check_rows(&found, &rows, uuid);
    golden_rows_clear(&found);
    ktk_predicate_free(where);
    free(rows.items);
}

static void check_keys(ktk_store *store, ktk_context *context, const char *uuid) {
    static const ktk_operator operators[] = {KTK_OP_EQ, KTK_OP_NE, KTK_OP_IN, KTK_OP_NOT_IN};
    const struct node *schema;
    struct node *expected;
    const struct node *all;
    char path[256];

    (void)snprintf(path, sizeof(path), "expected/k53/%s.json", uuid);
    expected = golden_load(path);
    all = golden_member(golden_member(golden_member(expected, "rows"), "table"), "rows");
    schema = golden_member(golden_member(expected, "schemas"), "table");
    for (size_t i = 0; i < golden_member(expected, "partition_keys")->count; i++) {
        const char *key = golden_member(expected, "partition_keys")->items[i].text;
        const char *type = golden_member(&schema->items[i], "type")->text;

        assert_string_equal(golden_member(&schema->items[i], "name")->text, key);
        for (size_t row = 0; row < all->count && row < 12; row++) {
            for (size_t op = 0; op < 4; op++) {
                check_key(store, context, uuid, all, key, type, row, operators[op]);
            }
        }
    }
    golden_free(expected);
}

static void filters_by_keys_of_every_type(void **unused) {
    static const char *const uuids[] = {
        "part_binary",  "part_bool",       "part_categorical", "part_column_names", "part_date",
        "part_decimal", "part_empty_text", "part_float32",     "part_float64",      "part_int64",
        "part_int8",    "part_multi",      "part_text",        "part_timestamp",    "part_uint64",
    };
    ktk_context *context = test_context_new(1);
    ktk_store *store = golden_store(context, PARTITIONS);

    (void)unused;
    for (size_t i = 0; i < sizeof(uuids) / sizeof(uuids[0]); i++) {
        check_keys(store, context, uuids[i]);
    }
    ktk_store_free(store);
    test_context_free(context);
}

/* ---- shapes ---- */

static void brings_every_file_to_the_types_of_the_table(void **unused) {
    ktk_context *context = test_context_new(1);
    ktk_store *store = golden_store(context, "stores/k53/types");
    struct golden_rows rows;
    ktk_error err;

    (void)unused;
    CHECK_OK(query(&rows, store, "types_widths", NULL, &err));
    for (int64_t i = 0; i < rows.schema.n_children; i++) {
        assert_non_null(strchr("lLgu", *rows.schema.children[i]->format));
    }
    golden_rows_clear(&rows);
    CHECK_OK(query(&rows, store, "types_null_then_typed", NULL, &err));
    assert_int_equal(rows.batch_count, 2);
    golden_rows_clear(&rows);
    ktk_store_free(store);
    test_context_free(context);
}

static void gives_one_partition_as_stored(void **unused) {
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    ktk_context *context = test_context_new(1);
    ktk_store *store = golden_store(context, PARTITIONS);
    const int64_t partition = 0;
    struct golden_rows rows;
    int64_t last = 0;
    ktk_error err;

    (void)unused;
    options.shape = KTK_SHAPE_PARTITION;
    options.partitions = &partition;
    options.partition_count = 1;
    CHECK_OK(query(&rows, store, "part_multi", &options, &err));
    assert_int_equal(rows.row_count, 1);
    /* The keys in the order of the path, then the columns of the file; the index of pandas is no
     * column. */
    assert_int_equal(rows.schema.n_children, 6);
    assert_string_equal(rows.schema.children[0]->name, "store");
    assert_string_equal(rows.schema.children[1]->name, "country");
    assert_string_equal(rows.schema.children[2]->name, "day");
    assert_string_equal(rows.schema.children[3]->name, "hour");
    assert_string_equal(rows.schema.children[4]->name, "amount");
    assert_string_equal(rows.schema.children[5]->name, "note");
    assert_string_equal(golden_text(&rows, 1, 0), "DE");
    golden_rows_clear(&rows);
    /* Several look the same, and say where their rows are from. */
    options.partitions = NULL;
    options.position_column = "of";
    CHECK_OK(query(&rows, store, "part_multi", &options, &err));
    assert_int_equal(rows.schema.n_children, 7);
    assert_string_equal(rows.schema.children[0]->name, "store");
    assert_string_equal(rows.schema.children[5]->name, "note");
    assert_string_equal(rows.schema.children[6]->name, "of");
    for (int64_t i = 0; i < rows.row_count; i++) {
        int64_t of = strtoll(golden_text(&rows, 6, i), NULL, 10);

        assert_true(of == last || of == last + 1);
        last = of;
    }
    assert_int_equal(last, 19);
    golden_rows_clear(&rows);
    options.position_column = "note";
    CHECK_STATUS(query(&rows, store, "part_multi", &options, &err), KTK_E_INVALID);
    CHECK_MESSAGE("has a column 'note' of its own");
    ktk_store_free(store);
    test_context_free(context);
}

static void keeps_dictionaries_when_asked(void **unused) {
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    ktk_context *context = test_context_new(1);
    ktk_store *store = golden_store(context, "stores/k53/types");
    ktk_predicate *where = parse(context, "cat_text == b");
    const int64_t partition = 0;
    ktk_error err;

    (void)unused;
    options.shape = KTK_SHAPE_PARTITION;
    options.partitions = &partition;
    options.partition_count = 1;
    options.where = where;
    for (int keep = 0; keep < 2; keep++) {
        struct golden_rows rows;
        int64_t column;

        options.keep_dictionaries = keep == 1;
        CHECK_OK(query(&rows, store, "types_scalars", &options, &err));
        column = golden_column(&rows, "cat_text");
        assert_true(column >= 0);
        assert_int_equal(rows.schema.children[column]->dictionary != NULL, keep);
        assert_int_equal(rows.row_count, 2);
        assert_string_equal(golden_text(&rows, column, 0), "b");
        assert_string_equal(golden_text(&rows, column, 1), "b");
        golden_rows_clear(&rows);
    }
    ktk_predicate_free(where);
    ktk_store_free(store);
    test_context_free(context);
}

static void reads_the_partitions_asked_for_in_that_order(void **unused) {
    static const int64_t partitions[] = {3, 0};
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    ktk_context *context = test_context_new(2);
    ktk_store *store = golden_store(context, PARTITIONS);
    struct golden_rows rows;
    ktk_error err;

    (void)unused;
    options.partitions = partitions;
    options.partition_count = 2;
    CHECK_OK(query(&rows, store, "part_date", &options, &err));
    assert_int_equal(rows.row_count, 4);
    assert_string_equal(golden_text(&rows, 0, 0), "2000-02-29");
    assert_string_equal(golden_text(&rows, 0, 3), "2020-01-01");
    golden_rows_clear(&rows);
    ktk_store_free(store);
    test_context_free(context);
}

/* ---- order and failures ---- */

static void does_not_depend_on_threads(void **unused) {
    static char wanted[1 << 16];
    static char found[1 << 16];
    static const int32_t threads[] = {1, 2, 8};

    (void)unused;
    for (size_t i = 0; i < 3; i++) {
        ktk_context *context = test_context_new(threads[i]);
        ktk_store *store = golden_store(context, PARTITIONS);
        struct golden_rows rows;
        size_t used = 0;
        ktk_error err;

        CHECK_OK(query(&rows, store, "part_multi", NULL, &err));
        for (int64_t row = 0; row < rows.row_count; row++) {
            for (int64_t column = 0; column < rows.schema.n_children; column++) {
                used += (size_t)snprintf(found + used, sizeof(found) - used, "%s|",
                                         golden_text(&rows, column, row));
            }
        }
        assert_true(used < sizeof(found));
        if (i == 0) {
            memcpy(wanted, found, sizeof(found));
        }
        assert_string_equal(found, wanted);
        golden_rows_clear(&rows);
        ktk_store_free(store);
        test_context_free(context);
    }
}

/* Damage the file of partition number 7 of 20. */
static void damage(ktk_store *store, bool remove) {
    ktk_dataset *dataset = NULL;
    const char *key;
    ktk_error err;

    CHECK_OK(ktk_dataset_open(&dataset, store, "part_multi", &err));
    key = ktk_dataset_partition_file(dataset, 7, "table");
    if (remove) {
        CHECK_OK(ktk_store_remove(store, key, &err));
    } else {
        CHECK_OK(ktk_store_put(store, key, "PAR1 nothing PAR1", 17, NULL, NULL, &err));
    }
    ktk_dataset_free(dataset);
}

static void fails_in_its_place(void **unused) {
    static const ktk_status wanted[] = {KTK_E_CORRUPT, KTK_E_NOT_FOUND};

    (void)unused;
    for (int32_t threads = 1; threads <= 4; threads += 3) {
        for (int i = 0; i < 2; i++) {
            ktk_context *context = test_context_new(threads);
            ktk_store *store = golden_copy(context, PARTITIONS, "part_multi");
            struct golden_rows rows;
            ktk_error err;

            damage(store, i == 1);
            CHECK_STATUS(query(&rows, store, "part_multi", NULL, &err), wanted[i]);
            CHECK_MESSAGE("74469fdea3fe4a54b0d2aac61fda1c72.parquet");
            assert_int_equal(rows.row_count, 7); /* one row each in front of it */
            golden_rows_clear(&rows);
            ktk_store_free(store);
            test_context_free(context);
        }
    }
}

static void can_be_left_early(void **unused) {
    ktk_context *context = test_context_new(4);
    ktk_store *store = golden_store(context, PARTITIONS);
    ktk_dataset *dataset = NULL;
    ktk_error err;

    (void)unused;
    CHECK_OK(ktk_dataset_open(&dataset, store, "part_multi", &err));
    for (int batches = 0; batches < 5; batches++) {
        struct ArrowArrayStream stream = {.release = NULL};

        CHECK_OK(ktk_query_stream(&stream, dataset, NULL, &err));
        for (int i = 0; i < batches; i++) {
            struct ArrowArray batch = {.release = NULL};

            CHECK_OK(ktk_stream_next(&stream, &batch, &err));
            assert_non_null(batch.release);
            batch.release(&batch);
        }
        stream.release(&stream);
    }
    ktk_dataset_free(dataset);
    ktk_store_free(store);
    test_context_free(context);
}

static void survives_failing_calls_of_the_store(void **unused) {
    ktk_context *context = test_context_new(2);
    ktk_store *base = golden_copy(context, PARTITIONS, "part_date");
    bool done = false;

    (void)unused;
    for (int64_t n = 0; !done; n++) {
        struct failing_store failing = {.fail_at = n};
        ktk_store *store = failing_store_new(&failing, base);
        struct golden_rows rows;
        ktk_error err;
        ktk_status status = query(&rows, store, "part_date", NULL, &err);

        done = status == KTK_OK;
        assert_int_equal(status, done ? KTK_OK : KTK_E_IO);
        assert_int_equal(rows.row_count == 6, done);
        golden_rows_clear(&rows);
        ktk_store_free(store);
    }
    ktk_store_free(base);
    test_context_free(context);
}

static void survives_allocation_failures(void **unused) {
    static const char *const columns[] = {"v", "P"};
    ktk_query_options options = with_columns(columns, 2);
    bool done = false;
    int64_t n = 0;

    (void)unused;
    /* Steps grow: each early allocation is failed, of the many later ones some. */
    for (; !done; n += 1 + n / 64) {
        ktk_context *context = test_context_failing(n);
        ktk_predicate *where = NULL;
        struct golden_rows rows = {.batches = NULL};
        ktk_store *store = NULL;
        ktk_status status;
        char url[4096];
        ktk_error err;

        (void)snprintf(url, sizeof(url), "hfs://%s/tests/data/golden/%s#wrap:readonly",
                       getenv("KTK_SOURCE_ROOT"), PARTITIONS);
        status = ktk_store_open(&store, context, url, &err);
        if (status == KTK_OK) {
            status =
                ktk_predicate_parse(&where, context, "P > 1900-01-01 and v in (0, 2, 4)", &err);
        }
        options.where = where;
        if (status == KTK_OK) {
            status = query(&rows, store, "part_date", &options, &err);
        }
        done = status == KTK_OK;
        assert_int_equal(status, done ? KTK_OK : KTK_E_NO_MEMORY);
        assert_int_equal(rows.row_count == 3, done);
        golden_rows_clear(&rows);
        ktk_predicate_free(where);
        ktk_store_free(store);
        test_context_free(context);
    }
    assert_true(n > 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_columns_in_the_order_asked),
        cmocka_unit_test(tells_what_pandas_stored),
        cmocka_unit_test(counts_rows_without_reading_columns),
        cmocka_unit_test(names_what_is_missing),
        cmocka_unit_test(types_an_empty_selection),
        cmocka_unit_test(filters_by_keys_of_every_type),
        cmocka_unit_test(brings_every_file_to_the_types_of_the_table),
        cmocka_unit_test(gives_one_partition_as_stored),
        cmocka_unit_test(keeps_dictionaries_when_asked),
        cmocka_unit_test(reads_the_partitions_asked_for_in_that_order),
        cmocka_unit_test(does_not_depend_on_threads),
        cmocka_unit_test(fails_in_its_place),
        cmocka_unit_test(can_be_left_early),
        cmocka_unit_test(survives_failing_calls_of_the_store),
        cmocka_unit_test(survives_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
