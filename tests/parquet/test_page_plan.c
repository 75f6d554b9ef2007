#include "support/test.h"

#include <stdlib.h>

#include "../arrow/random_arrays.h"
#include "base/context.h"
#include "parquet/page_plan.h"
#include "parquet/plain_encode.h"

static const struct field item = {"item", {.id = TYPE_STRING}, .nullable = true};
static const struct field number = {"n", {.id = TYPE_INT64}, .nullable = true};
static const struct field list = {
    "s", {.id = TYPE_LIST}, .nullable = true, .child_count = 1, .children = (struct field *)&item};
static const struct field columns[] = {
    {"a", {.id = TYPE_INT64}, .nullable = true},
    {"a", {.id = TYPE_STRING}, .nullable = true},
    {"a", {.id = TYPE_BOOL}, .nullable = true},
    {"a", {.id = TYPE_NULL}, .nullable = true},
    {"a", {.id = TYPE_LIST}, .nullable = true, .child_count = 1, .children = (struct field *)&item},
    {"a",
     {.id = TYPE_STRUCT},
     .nullable = true,
     .child_count = 1,
     .children = (struct field *)&number},
    {"a",
     {.id = TYPE_FIXED_LIST, .width = 2},
     .nullable = true,
     .child_count = 1,
     .children = (struct field *)&list},
};

#define COLUMN_COUNT (sizeof(columns) / sizeof(columns[0]))

/* One column of random rows, as an input for pages. */
struct made_input {
    ktk_context *context;
    struct schema *schema;
    struct batch batch;
    struct arena arena;
    struct write_schema plan;
    struct leaf_input input;
    struct value_scratch *scratch;
    struct page_list pages;
};

static void made_init(struct made_input *made, const struct field *column, int64_t row_count,
                      int null_share, uint32_t *random) {
    ktk_error err;

    made->context = test_context_new(1);
    CHECK_OK(ktki_schema_new(&made->schema, made->context, 1, &err));
    CHECK_OK(ktki_field_copy(made->schema, &made->schema->fields[0], column, &err));
    CHECK_OK(ktki_batch_init(&made->batch, made->schema, row_count, &err));
    random_array(&made->batch.columns[0], column, row_count, null_share, random);
    ktki_arena_init(&made->arena, ktki_context_allocator(made->context));
    CHECK_OK(ktki_write_schema_plan(&made->plan, &made->arena, made->schema, &err));
    made->scratch = malloc(sizeof(*made->scratch));
    assert_non_null(made->scratch);
    made->scratch->allocator = ktki_context_allocator(made->context);
    ktki_page_list_init(&made->pages, made->scratch->allocator);
}

/* The rows as slices of `step` rows. */
static void made_slice(struct made_input *made, int64_t step) {
    struct row_slice slices[64];
    size_t count = 0;
    ktk_error err;

    for (int64_t at = 0; at < made->batch.row_count; at += step) {
        int64_t left = made->batch.row_count - at;
        slices[count++] = (struct row_slice){&made->batch, at, left < step ? left : step};
    }
    CHECK_OK(ktki_leaf_input_build(&made->input, &made->arena, &made->plan.leaves[0], slices, count,
                                   100, &err));
    assert_int_equal(made->input.row_count, made->batch.row_count);
}

static void made_clear(struct made_input *made) {
    ktki_page_list_clear(&made->pages);
    free(made->scratch);
    ktki_arena_clear(&made->arena);
    ktki_batch_clear(&made->batch);
    ktki_schema_free(made->schema);
    test_context_free(made->context);
}

/* PLAIN bytes of a page, fetched slot by slot. */
static int64_t bytes_of(struct made_input *made, int64_t start, int64_t count, int64_t *values) {
    const struct write_leaf *leaf = made->input.leaf;
    int64_t bytes = 0;

    for (int64_t slot = start; slot < start + count; slot++) {
        struct value_cursor cursor;
        struct value_block block;
        int64_t slots = 0;
        ktk_error err;

        ktki_values_seek(&cursor, &made->input, made->scratch, slot, 1);
        CHECK_OK(ktki_values_next(&cursor, &block, &slots, &err));
        assert_int_equal(slots, 1);
        assert_true(ktki_values_is_done(&cursor));
        bytes += (int64_t)ktki_plain_size(leaf->physical, leaf->width, &block);
        *values += (int64_t)block.count;
    }
    return bytes;
}

/* Pages lie one behind the other, cover everything, and keep to the limits. */
static void check_pages(struct made_input *made, const struct page_settings *settings,
                        int64_t dictionary_slots) {
    const struct leaf_input *input = &made->input;
    struct write_page end = {0};
    bool was_plain = false;

    for (size_t i = 0; i < made->pages.count; i++) {
        const struct write_page *page = &made->pages.pages[i];
        int64_t values = 0;
        int64_t bytes = bytes_of(made, page->slot_start, page->slot_count, &values);

        assert_int_equal(page->level_start, end.level_start);
        assert_int_equal(page->slot_start, end.slot_start);
        assert_int_equal(page->value_start, end.value_start);
        assert_int_equal(page->value_count, values);
        assert_true(page->row_count >= 1 || input->row_count == 0);
        assert_true(page->row_count <= settings->rows_max);
        if (page->is_dictionary) {
            assert_true(page->slot_start + page->slot_count <= dictionary_slots);
            assert_false(was_plain);
        } else {
            assert_true(page->row_count <= 1 || bytes <= settings->bytes_max);
            was_plain = true;
        }
        if (input->repetitions != NULL && page->level_count > 0) {
            int64_t rows = 0;
            for (int64_t level = 0; level < page->level_count; level++) {
                rows += input->repetitions[page->level_start + level] == 0;
            }
            assert_int_equal(input->repetitions[page->level_start], 0);
            assert_int_equal(rows, page->row_count);
        }
        end.row_count += page->row_count;
        end.level_start += page->level_count;
        end.slot_start += page->slot_count;
        end.value_start += page->value_count;
    }
    assert_true(made->pages.count >= 1);
    assert_int_equal(end.row_count, input->row_count);
    assert_int_equal(end.level_start, input->level_count);
    assert_int_equal(end.slot_start, input->slot_count);
    assert_int_equal(end.value_start, input->slot_count - input->null_count);
}

static void pages_cover_all_rows_within_limits(void **unused) {
    uint32_t random = 3;
    ktk_error err;

    (void)unused;
    for (size_t round = 0; round < 60; round++) {
        static const int null_shares[] = {0, 40, 256};
        struct page_settings settings = {.rows_max = 1 + random_below(&random, 300),
                                         .bytes_max = 1 + random_below(&random, 4000)};
        struct made_input made;
        int64_t dictionary_slots;

        made_init(&made, &columns[round % COLUMN_COUNT], random_below(&random, 3000),
                  null_shares[random_below(&random, 3)], &random);
        made_slice(&made, 1 + random_below(&random, 3000) + made.batch.row_count / 50);
        dictionary_slots = round % 3 == 0 ? 0 : random_below(&random, made.input.slot_count + 1);
        CHECK_OK(ktki_page_plan(&made.pages, &made.input, dictionary_slots, 7, &settings,
                                made.scratch, &err));
        check_pages(&made, &settings, dictionary_slots);
        made_clear(&made);
    }
}

static void cuts_do_not_depend_on_slices(void **unused) {
    uint32_t random = 5;
    ktk_error err;

    (void)unused;
    for (size_t round = 0; round < COLUMN_COUNT; round++) {
        struct page_settings settings = {.rows_max = 400, .bytes_max = 1500};
        struct made_input made;
        int64_t starts[512];
        size_t count;

        made_init(&made, &columns[round], 2000, 30, &random);
        made_slice(&made, 2000);
        CHECK_OK(ktki_page_plan(&made.pages, &made.input, 0, 0, &settings, made.scratch, &err));
        count = made.pages.count;
        assert_true(count <= 512);
        for (size_t i = 0; i < count; i++) {
            starts[i] = made.pages.pages[i].level_start;
        }
        made_slice(&made, 37);
        CHECK_OK(ktki_page_plan(&made.pages, &made.input, 0, 0, &settings, made.scratch, &err));
        assert_int_equal(made.pages.count, count);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(made.pages.pages[i].level_start, starts[i]);
        }
        made_clear(&made);
    }
}

static void empty_lists_need_no_dictionary(void **unused) {
    struct page_settings settings = {.rows_max = 100, .bytes_max = 1000};
    struct made_input made;
    uint32_t random = 1;
    ktk_error err;

    (void)unused;
    made_init(&made, &columns[4], 50, 256, &random); /* all lists are null */
    made_slice(&made, 50);
    CHECK_OK(ktki_page_plan(&made.pages, &made.input, 0, 0, &settings, made.scratch, &err));
    assert_int_equal(made.pages.count, 1);
    assert_false(made.pages.pages[0].is_dictionary);
    made_clear(&made);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_cover_all_rows_within_limits),
        cmocka_unit_test(cuts_do_not_depend_on_slices),
        cmocka_unit_test(empty_lists_need_no_dictionary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
