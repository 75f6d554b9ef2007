#include "parquet/page_plan.h"

#include "base/alloc.h"
#include "base/error.h"
#include "parquet/plain_encode.h"

void ktki_page_list_init(struct page_list *list, const ktk_allocator *allocator) {
    *list = (struct page_list){.allocator = allocator};
}

void ktki_page_list_clear(struct page_list *list) {
    ktki_free_array(list->allocator, list->pages, list->capacity, sizeof(*list->pages));
    ktki_page_list_init(list, list->allocator);
}

static ktk_status add_page(struct page_list *list, const struct write_page *place, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 1 : 2 * list->capacity;

        KTKI_TRY(ktki_resize_array(list->allocator, &list->pages, list->capacity, capacity,
                                   sizeof(*list->pages), err));
        list->capacity = capacity;
    }
    list->pages[list->count++] = *place;
out:
    return status;
}

struct plan {
    struct page_list *list;
    const struct leaf_input *input;
    const struct page_settings *settings;
    struct value_scratch *scratch;
    int64_t dictionary_slots;
    unsigned index_width;
    struct write_page next; /* the page being planned */
};

/* Close the page being planned. The next one begins behind it. */
static ktk_status close_page(struct plan *plan, ktk_error *err) {
    struct write_page *next = &plan->next;
    ktk_status status = KTK_OK;

    next->value_count =
        next->slot_count - ktki_leaf_input_nulls(plan->input, next->slot_start, next->slot_count);
    KTKI_TRY(add_page(plan->list, next, err));
    *next = (struct write_page){.level_start = next->level_start + next->level_count,
                                .slot_start = next->slot_start + next->slot_count,
                                .value_start = next->value_start + next->value_count};
out:
    return status;
}

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* Bytes of the PLAIN values of some slots. */
static ktk_status plain_bytes(struct plan *plan, int64_t start, int64_t count, int64_t *out,
                              ktk_error *err) {
    const struct write_leaf *leaf = plan->input->leaf;
    struct value_cursor cursor;
    int64_t bytes = 0;
    ktk_status status = KTK_OK;

    if (leaf->width > 0) {
        bytes = count * (int64_t)leaf->width; /* a bit is called a byte, and a null a value */
    } else {
        ktki_values_seek(&cursor, plan->input, plan->scratch, start, count);
        while (!ktki_values_is_done(&cursor)) {
            struct value_block block;

            KTKI_TRY(ktki_values_next(&cursor, &block, NULL, err));
            bytes += (int64_t)ktki_plain_size(leaf->physical, leaf->width, &block);
        }
    }
    *out = bytes;
out:
    return status;
}

/* Slots from `start` on, `count` at most but at least one, whose PLAIN values fit into a page. */
static ktk_status fitting_slots(struct plan *plan, int64_t start, int64_t count, int64_t *out,
                                ktk_error *err) {
    int64_t step = plan->input->leaf->width > 0 ? count : VALUE_BLOCK_MAX;
    int64_t bytes_left = plan->settings->bytes_max;
    int64_t done = 0;
    ktk_status status = KTK_OK;

    /* Whole steps as long as they fit, then ever smaller ones. */
    while (step > 0 && done < count) {
        int64_t part = smaller(step, count - done);
        int64_t bytes;

        KTKI_TRY(plain_bytes(plan, start + done, part, &bytes, err));
        if (bytes <= bytes_left) {
            bytes_left -= bytes;
            done += part;
        } else {
            step = part / 2;
        }
    }
    *out = done == 0 ? 1 : done;
out:
    return status;
}

/* Indices that fit into a page. */
static int64_t fitting_indices(const struct plan *plan, int64_t count) {
    int64_t fitting =
        plan->index_width == 0 ? count : plan->settings->bytes_max * 8 / (int64_t)plan->index_width;

    return fitting < 1 ? 1 : smaller(count, fitting);
}

/* Where there is no list, rows, levels and slots are the same. */
static ktk_status plan_flat(struct plan *plan, ktk_error *err) {
    struct write_page *next = &plan->next;
    ktk_status status = KTK_OK;

    while (next->slot_start < plan->input->slot_count) {
        int64_t count;

        next->is_dictionary = next->slot_start < plan->dictionary_slots;
        count = (next->is_dictionary ? plan->dictionary_slots : plan->input->slot_count) -
                next->slot_start;
        count = smaller(count, plan->settings->rows_max);
        if (next->is_dictionary) {
            count = fitting_indices(plan, count);
        } else {
            KTKI_TRY(fitting_slots(plan, next->slot_start, count, &count, err));
        }
        next->row_count = next->level_count = next->slot_count = count;
        KTKI_TRY(close_page(plan, err));
    }
out:
    return status;
}

/* One row of a leaf with lists above it. */
struct list_row {
    int64_t level_count;
    int64_t slot_count;
};

static struct list_row next_row(const struct leaf_input *input, int64_t level) {
    uint8_t slot_level = ktki_leaf_slot_level(input->leaf);
    struct list_row row = {0, 0};

    do {
        row.slot_count += input->definitions[level] >= slot_level;
        row.level_count++;
        level++;
    } while (level < input->level_count && input->repetitions[level] != 0);
    return row;
}

static ktk_status plan_lists(struct plan *plan, ktk_error *err) {
    struct write_page *next = &plan->next;
    int64_t page_bytes = 0;
    int64_t level = 0;
    int64_t slot = 0;
    ktk_status status = KTK_OK;

    while (level < plan->input->level_count) {
        struct list_row row = next_row(plan->input, level);
        bool is_dictionary =
            plan->dictionary_slots > 0 && slot + row.slot_count <= plan->dictionary_slots;
        int64_t bytes = row.slot_count * plan->index_width / 8;

        if (!is_dictionary) {
            KTKI_TRY(plain_bytes(plan, slot, row.slot_count, &bytes, err));
        }
        if (next->row_count > 0 && (next->row_count == plan->settings->rows_max ||
                                    page_bytes + bytes > plan->settings->bytes_max ||
                                    is_dictionary != next->is_dictionary)) {
            KTKI_TRY(close_page(plan, err));
            page_bytes = 0;
        }
        next->is_dictionary = is_dictionary;
        next->row_count++;
        next->level_count += row.level_count;
        next->slot_count += row.slot_count;
        page_bytes += bytes;
        level += row.level_count;
        slot += row.slot_count;
    }
    if (next->row_count > 0) {
        KTKI_TRY(close_page(plan, err));
    }
out:
    return status;
}

ktk_status ktki_page_plan(struct page_list *list, const struct leaf_input *input,
                          int64_t dictionary_slots, unsigned index_width,
                          const struct page_settings *settings, struct value_scratch *scratch,
                          ktk_error *err) {
    struct plan plan = {list, input, settings, scratch, dictionary_slots, index_width, {0}};
    ktk_status status = KTK_OK;

    list->count = 0;
    if (input->row_count == 0) {
        KTKI_TRY(close_page(&plan, err));
    } else if (input->leaf->repetition_max > 0) {
        KTKI_TRY(plan_lists(&plan, err));
    } else {
        KTKI_TRY(plan_flat(&plan, err));
    }
out:
    return status;
}
