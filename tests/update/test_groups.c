#include "support/frame.h"
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include <kartothek/arrow.h>
#include <kartothek/dataset.h>
#include <kartothek/query.h>
#include <kartothek/update.h>

/* Rows split by their values, and partitions grouped by theirs, against looking at every row. */

#define TEXT_MAX 65536
#define ROWS_MAX 60
#define COLUMNS "p:string,x:int64,t:string,v:int64"

static const char *const texts[] = {"b", "a", "ab", "z z"};

/* A row of the tables here; a value of -1 is null. */
struct row {
    int p; /* index into texts */
    int x;
    int t; /* index into texts */
    int v; /* its number */
};

static uint32_t next(uint32_t *random) {
    *random = *random * 1664525u + 1013904223u;
    return *random >> 16;
}

static void make_rows(struct row *rows, int count, bool has_null_keys, uint32_t *random) {
    for (int i = 0; i < count; i++) {
        rows[i].p = (int)(next(random) % 4) - (has_null_keys && next(random) % 5 == 0 ? 9 : 0);
        rows[i].p = rows[i].p < 0 ? -1 : rows[i].p;
        rows[i].x = (int)(next(random) % 4) - 1;
        rows[i].t = (int)(next(random) % 5) - 1;
        rows[i].v = i;
    }
}

static const char *text_of(int index) {
    return index < 0 ? "" : texts[index];
}

static const char *number_of(int value, char text[16]) {
    (void)snprintf(text, 16, "%d", value);
    return value < 0 ? "" : text;
}

static void append_row(char *text, const struct row *row) {
    size_t size = strlen(text);
    char x[16];

    (void)snprintf(text + size, TEXT_MAX - size, "%s%s,%s,%s,%d",
                   size == 0 || text[size - 1] == '|' ? "" : ";", text_of(row->p),
                   number_of(row->x, x), text_of(row->t), row->v);
}

static ktk_status stream_of(struct ArrowArrayStream *out, ktk_context *context,
                            const struct row *rows, int count, int64_t batch_rows, ktk_error *err) {
    static char text[TEXT_MAX];

    text[0] = '\0';
    for (int i = 0; i < count; i++) {
        append_row(text, &rows[i]);
    }
    return test_frame(out, context, COLUMNS, text, batch_rows, NULL, err);
}

/* ---- splitting ---- */

static int compare_keys(const struct row *a, const struct row *b) {
    int order = strcmp(text_of(a->t), text_of(b->t));

    return order != 0 ? order : (a->x > b->x) - (a->x < b->x);
}

/* The next group behind `last` (NULL: the first), by t and x: a row of it, or NULL. */
static const struct row *next_group(const struct row *rows, int count, const struct row *last) {
    const struct row *found = NULL;

    for (int i = 0; i < count; i++) {
        if (rows[i].t >= 0 && rows[i].x >= 0 &&
            (last == NULL || compare_keys(last, &rows[i]) < 0) &&
            (found == NULL || compare_keys(&rows[i], found) < 0)) {
            found = &rows[i];
        }
    }
    return found;
}

static void check_split(ktk_split *split, const struct row *rows, int count) {
    const struct row *group = next_group(rows, count, NULL);
    static char wanted[TEXT_MAX];
    static char values[TEXT_MAX];
    struct ArrowArrayStream stream = {0};
    char *text = NULL;
    ktk_error err;

    (void)snprintf(values, sizeof(values), "t,x|");
    for (int64_t g = 0; g < ktk_split_group_count(split); g++) {
        size_t size = strlen(values);

        assert_non_null(group);
        (void)snprintf(values + size, sizeof(values) - size, "%s%s,%d", g == 0 ? "" : ";",
                       text_of(group->t), group->x);
        (void)snprintf(wanted, sizeof(wanted), "p,x,t,v|");
        for (int i = 0; i < count; i++) {
            if (rows[i].t >= 0 && compare_keys(&rows[i], group) == 0) {
                append_row(wanted, &rows[i]);
            }
        }
        CHECK_OK(ktk_split_take(&stream, split, g, &err));
        CHECK_OK(test_frame_text(&text, &stream, &err));
        assert_string_equal(text, wanted);
        test_data_free(text);
        CHECK_OK(ktk_split_take(&stream, split, g, &err));
        CHECK_OK(test_frame_text(&text, &stream, &err));
        assert_string_equal(text, "p,x,t,v|"); /* they have left */
        test_data_free(text);
        group = next_group(rows, count, group);
    }
    assert_null(group);
    CHECK_OK(ktk_split_values(&stream, split, &err));
    CHECK_OK(test_frame_text(&text, &stream, &err));
    assert_string_equal(text, values);
    test_data_free(text);
}

static void splits_as_a_search_through_all_rows_does(void **unused) {
    static const int counts[] = {0, 1, 2, 7, ROWS_MAX};
    static const char *const by[] = {"t", "x"};
    uint32_t random = 7;

    (void)unused;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        for (int64_t batch_rows = 0; batch_rows < 20; batch_rows += 9) {
            ktk_context *context = test_context_new(1 + (int32_t)i % 2);
            struct ArrowArrayStream stream = {0};
            struct row rows[ROWS_MAX];
            ktk_split *split = NULL;
            ktk_error err;

            make_rows(rows, counts[i], true, &random);
            CHECK_OK(stream_of(&stream, context, rows, counts[i], batch_rows, &err));
            CHECK_OK(ktk_split_new(&split, context, &stream, by, 2, 0, &err));
            check_split(split, rows, counts[i]);
            ktk_split_free(split);
            test_context_free(context);
        }
    }
}

static void refuses_to_split(void **unused) {
    static const char *const by[] = {"t", "nothing"};
    ktk_context *context = test_context_new(1);
    struct ArrowArrayStream stream = {0};
    ktk_split *split = TEST_POISON;
    ktk_error err;

    (void)unused;
    CHECK_OK(test_frame(&stream, context, COLUMNS, "a,1,a,0;a,1,b,1", 1, NULL, &err));
    CHECK_STATUS(ktk_split_new(&split, context, &stream, by, 2, 0, &err), KTK_E_NOT_FOUND);
    CHECK_MESSAGE("'nothing'");
    CHECK_OK(test_frame(&stream, context, COLUMNS, "a,1,a,0;a,1,b,1", 1, NULL, &err));
    CHECK_STATUS(ktk_split_new(&split, context, &stream, by, 0, 0, &err), KTK_E_INVALID);
    /* A row has two numbers of eight bytes and two letters. */
    CHECK_OK(test_frame(&stream, context, COLUMNS, "a,1,a,0;a,1,b,1", 1, NULL, &err));
    CHECK_STATUS(ktk_split_new(&split, context, &stream, by, 1, 35, &err), KTK_E_LIMIT);
    assert_ptr_equal(split, TEST_POISON);
    CHECK_OK(test_frame(&stream, context, COLUMNS, "a,1,a,0;a,1,b,1", 1, NULL, &err));
    CHECK_OK(ktk_split_new(&split, context, &stream, by, 1, 36, &err));
    CHECK_STATUS(ktk_split_take(&stream, split, 2, &err), KTK_E_INVALID);
    ktk_split_free(split);
    test_context_free(context);
}

/* ---- grouping ---- */

static ktk_status make_dataset(ktk_store **store, ktk_context *context, struct row *rows,
                               int partitions, int per_partition, ktk_error *err) {
    static const char *const partition_on = "p";
    ktk_update_options options = KTK_UPDATE_OPTIONS_INIT;
    ktk_update *update = NULL;
    ktk_status status = ktk_store_open(store, context, "hmemory://", err);

    options.partition_on = &partition_on;
    options.partition_on_count = 1;
    if (status == KTK_OK) {
        status = ktk_update_begin(&update, *store, "u", &options, err);
    }
    for (int i = 0; status == KTK_OK && i < partitions; i++) {
        struct ArrowArrayStream stream = {0};

        status = stream_of(&stream, context, rows + i * per_partition, per_partition, 0, err);
        if (status == KTK_OK) {
            status = ktk_update_add(update, &stream, NULL, err);
        }
        if (stream.release != NULL) {
            stream.release(&stream);
        }
    }
    if (status == KTK_OK) {
        status = ktk_update_build_index(update, "x", err);
    }
    if (status == KTK_OK) {
        status = ktk_update_build_index(update, "t", err);
    }
    if (status == KTK_OK) {
        status = ktk_update_commit(update, NULL, err);
    }
    ktk_update_free(update);
    return status;
}

/* The groups as "value,value[partition,partition]" lines. */
static void groups_text(char *out, struct ArrowArrayStream *stream, size_t by_count) {
    struct ArrowSchema schema = {0};
    struct ArrowArray batch = {0};
    ktk_error err;

    out[0] = '\0';
    CHECK_OK(ktk_stream_schema(stream, &schema, &err));
    CHECK_OK(ktk_stream_next(stream, &batch, &err));
    for (int64_t row = 0; row < batch.length; row++) {
        for (size_t i = 0; i <= by_count; i++) {
            size_t size = strlen(out);
            bool is_null;

            (void)ktk_format_value(schema.children[i], batch.children[i], row, out + size,
                                   TEXT_MAX - size - 2, &is_null);
            assert_false(is_null);
            (void)strcat(out, i < by_count ? "," : "\n");
        }
    }
    batch.release(&batch);
    schema.release(&schema);
    stream->release(stream);
}

/* Whether a row of the partition has the value; `column` is p, x or t. */
static bool holds(const struct row *rows, int count, char column, int value) {
    for (int i = 0; i < count; i++) {
        int own = column == 'p' ? rows[i].p : column == 'x' ? rows[i].x : rows[i].t;

        if (own == value) {
            return true;
        }
    }
    return false;
}

static int rank_of(char column, int rank) {
    static const int sorted[] = {1, 2, 0, 3}; /* of the texts */

    return column == 'x' ? rank : sorted[rank];
}

static void append_value(char *out, char column, int value) {
    size_t size = strlen(out);

    if (column == 'x') {
        (void)snprintf(out + size, TEXT_MAX - size, "%d,", value);
    } else {
        (void)snprintf(out + size, TEXT_MAX - size, "%s,", texts[value]);
    }
}

/* Partitions of the dataset are the rows of an input that have one value of p, in the order in
 * which the values come. */
struct partition {
    struct row rows[ROWS_MAX];
    int count;
};

static int find_partitions(struct partition *out, const struct row *rows, int inputs, int per) {
    int count = 0;

    for (int i = 0; i < inputs; i++) {
        int first = count;

        for (int j = i * per; j < (i + 1) * per; j++) {
            int at = first;

            while (at < count && out[at].rows[0].p != rows[j].p) {
                at++;
            }
            if (at == count) {
                out[count++].count = 0;
            }
            out[at].rows[out[at].count++] = rows[j];
        }
    }
    return count;
}

static void wanted_groups(char *out, const struct partition *partitions, int count, char a,
                          char b) {
    out[0] = '\0';
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < (b == 0 ? 1 : 4); j++) {
            bool any = false;

            for (int k = 0; k < count; k++) {
                const struct partition *partition = &partitions[k];
                size_t size;

                if (!holds(partition->rows, partition->count, a, rank_of(a, i)) ||
                    (b != 0 && !holds(partition->rows, partition->count, b, rank_of(b, j)))) {
                    continue;
                }
                if (!any) {
                    append_value(out, a, rank_of(a, i));
                    if (b != 0) {
                        append_value(out, b, rank_of(b, j));
                    }
                }
                size = strlen(out);
                (void)snprintf(out + size, TEXT_MAX - size, "%s%d", any ? ", " : "[", k);
                any = true;
            }
            if (any) {
                (void)strcat(out, "]\n");
            }
        }
    }
}

static void groups_as_a_search_through_all_rows_does(void **unused) {
    static const char *const names[] = {"p", "x", "t"};
    static char wanted[TEXT_MAX];
    static char got[TEXT_MAX];
    static struct partition partitions[ROWS_MAX];
    ktk_context *context = test_context_new(2);
    struct row rows[ROWS_MAX];
    ktk_dataset *dataset = NULL;
    ktk_store *store = NULL;
    uint32_t random = 3;
    int count;
    ktk_error err;

    (void)unused;
    make_rows(rows, ROWS_MAX, false, &random);
    CHECK_OK(make_dataset(&store, context, rows, 12, 5, &err));
    CHECK_OK(ktk_dataset_open(&dataset, store, "u", &err));
    count = find_partitions(partitions, rows, 12, 5);
    assert_int_equal(ktk_dataset_partition_count(dataset), count);
    for (int a = 0; a < 3; a++) {
        for (int b = -1; b < 3; b++) {
            const char *by[] = {names[a], b < 0 ? NULL : names[b]};
            size_t by_count = b < 0 ? 1 : 2;
            struct ArrowArrayStream stream = {0};

            if (a == b) {
                CHECK_STATUS(ktk_query_groups(&stream, dataset, NULL, by, 2, &err), KTK_E_INVALID);
                continue;
            }
            CHECK_OK(ktk_query_groups(&stream, dataset, NULL, by, by_count, &err));
            groups_text(got, &stream, by_count);
            wanted_groups(wanted, partitions, count, names[a][0], b < 0 ? 0 : names[b][0]);
            assert_string_equal(got, wanted);
        }
    }
    ktk_dataset_free(dataset);
    ktk_store_free(store);
    test_context_free(context);
}

static void check_groups(ktk_dataset *dataset, const char *column, const char *where,
                         const char *wanted) {
    ktk_context *context = ktk_store_context(ktk_dataset_store(dataset));
    ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
    struct ArrowArrayStream stream = {0};
    ktk_predicate *predicate = NULL;
    char text[TEXT_MAX];
    ktk_error err;

    CHECK_OK(ktk_predicate_parse(&predicate, context, where, &err));
    options.where = predicate;
    CHECK_OK(ktk_query_groups(&stream, dataset, &options, &column, column != NULL, &err));
    groups_text(text, &stream, column != NULL);
    assert_string_equal(text, wanted);
    ktk_predicate_free(predicate);
}

static void leaves_out_what_the_predicate_rules_out(void **unused) {
    /* Partitions: p=b {0, 1}, p=a {0}; p=b {1, null}. */
    struct row rows[] = {{0, 0, 0, 0}, {1, 0, 1, 1},  {0, 1, 2, 2},
                         {0, 1, 0, 3}, {0, -1, 0, 4}, {0, 1, 0, 5}};
    ktk_context *context = test_context_new(1);
    static const char *const unknown = "v";
    struct ArrowArrayStream stream = {0};
    ktk_dataset *dataset = NULL;
    ktk_store *store = NULL;
    ktk_error err;

    (void)unused;
    CHECK_OK(make_dataset(&store, context, rows, 2, 3, &err));
    CHECK_OK(ktk_dataset_open(&dataset, store, "u", &err));
    check_groups(dataset, "x", "v >= 0", "0,[0, 1]\n1,[0, 2]\n");
    check_groups(dataset, "x", "x == 1", "1,[0, 2]\n");
    check_groups(dataset, "x", "p == a or x == 1", "0,[1]\n1,[0, 2]\n");
    check_groups(dataset, "x", "x is null", "");
    check_groups(dataset, "p", "x == 0", "a,[1]\nb,[0]\n");
    check_groups(dataset, NULL, "p == b", "[0, 2]\n");
    check_groups(dataset, NULL, "p == c", "");
    CHECK_STATUS(ktk_query_groups(&stream, dataset, NULL, &unknown, 1, &err), KTK_E_INVALID);
    CHECK_MESSAGE("'v' is no partition key");
    ktk_dataset_free(dataset);
    ktk_store_free(store);
    test_context_free(context);
}

static void survives_allocation_failures(void **unused) {
    static const char *const by[] = {"p", "x"};
    struct row rows[] = {{0, 0, 0, 0}, {1, 0, 1, 1}, {0, 1, 2, 2}};
    ktk_status status = KTK_E_NO_MEMORY;

    (void)unused;
    for (int64_t n = 0; status != KTK_OK; n++) {
        ktk_context *context = test_context_failing(n);
        struct ArrowArrayStream stream = {0};
        struct ArrowArrayStream rest = {0};
        ktk_query_options options = KTK_QUERY_OPTIONS_INIT;
        ktk_dataset *dataset = NULL;
        ktk_store *store = NULL;
        ktk_split *split = NULL;
        ktk_error err;

        options.shape = KTK_SHAPE_PARTITION;
        options.position_column = "#";
        if ((status = make_dataset(&store, context, rows, 1, 3, &err)) == KTK_OK &&
            (status = ktk_dataset_open(&dataset, store, "u", &err)) == KTK_OK &&
            (status = ktk_query_groups(&stream, dataset, NULL, by, 2, &err)) == KTK_OK &&
            (status = ktk_query_stream(&rest, dataset, &options, &err)) == KTK_OK &&
            (status = ktk_split_new(&split, context, &rest, by, 2, 0, &err)) == KTK_OK) {
            status = ktk_split_take(&rest, split, 1, &err);
        }
        assert_true(status == KTK_OK || status == KTK_E_NO_MEMORY);
        for (int i = 0; i < 2; i++) {
            struct ArrowArrayStream *one = i == 0 ? &stream : &rest;

            if (one->release != NULL) {
                one->release(one);
            }
        }
        ktk_split_free(split);
        ktk_dataset_free(dataset);
        ktk_store_free(store);
        test_context_free(context);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_as_a_search_through_all_rows_does),
        cmocka_unit_test(refuses_to_split),
        cmocka_unit_test(groups_as_a_search_through_all_rows_does),
        cmocka_unit_test(leaves_out_what_the_predicate_rules_out),
        cmocka_unit_test(survives_allocation_failures),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
