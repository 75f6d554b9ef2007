/* The slots of lists and structs around a leaf, collected from levels, are those that a recursive
 * assembler of records finds; damaged levels are refused by both. */
#include "fuzz.h"

#include <string.h>

#include "arrow/array.h"
#include "base/alloc.h"
#include "parquet/nest_sink.h"

#define NESTS_MAX 6
#define PAGES 2
#define ENTRIES_MAX ((size_t)PAGES * 1024)
/* What one slot is like: shape of the chain, then rows, then entries and sizes of levels by page.
 */
#define HEAD_BYTES (NESTS_MAX + 3 + PAGES * 4)

struct shape {
    int32_t count;
    struct field fields[NESTS_MAX];
    struct parquet_nest nests[NESTS_MAX];
    struct parquet_leaf leaf;
};

static bool is_list(const struct parquet_nest *nest) {
    return nest->item > 0;
}

static void make_shape(struct shape *shape, const uint8_t *data) {
    uint8_t definition = 0;
    uint8_t repetition = 0;
    uint8_t slot = 0;

    memset(shape, 0, sizeof(*shape));
    shape->count = data[0] % (NESTS_MAX + 1);
    for (int32_t i = 0; i < shape->count; i++) {
        struct field *field = &shape->fields[i];
        struct parquet_nest *nest = &shape->nests[i];
        bool lists = (data[1 + i] & 1) != 0;

        field->nullable = (data[1 + i] & 2) != 0;
        field->type.id = !lists                   ? TYPE_STRUCT
                         : (data[1 + i] & 4) != 0 ? TYPE_LARGE_LIST
                                                  : TYPE_LIST;
        definition = (uint8_t)(definition + field->nullable);
        *nest = (struct parquet_nest){
            .outer = i == 0 ? NULL : nest - 1,
            .field = field,
            .depth = i,
            .rule = {repetition, slot, field->nullable || lists ? definition : slot}};
        if (lists) {
            nest->item = ++definition;
            slot = definition;
            repetition++;
        }
    }
    definition = (uint8_t)(definition + (data[1 + NESTS_MAX] & 1));
    shape->leaf.nest = shape->count == 0 ? NULL : &shape->nests[shape->count - 1];
    shape->leaf.rule = (struct level_rule){repetition, slot, definition};
    shape->leaf.definition_max = definition;
    shape->leaf.repetition_max = repetition;
}

/* ---- one record after the other ---- */

struct record_reader {
    const struct shape *shape;
    const uint8_t *repetition;
    const uint8_t *definition;
    size_t count;
    size_t at;
    bool is_damaged;
    int64_t slot_count[NESTS_MAX + 1]; /* the last one: of the leaf */
    bool is_valid[NESTS_MAX + 1][ENTRIES_MAX];
    int64_t offsets[NESTS_MAX][ENTRIES_MAX + 1];
};

/* The slot that the entry at hand begins. Entries are used up by the innermost node that is there.
 */
static void read_slot(struct record_reader *reader, int32_t depth) {
    const struct parquet_nest *nest = &reader->shape->nests[depth];
    int64_t slot = reader->slot_count[depth]++;
    uint8_t definition = reader->definition[reader->at];
    uint8_t level;

    if (depth == reader->shape->count) {
        reader->is_valid[depth][slot] = definition == reader->shape->leaf.definition_max;
        reader->at++;
        return;
    }
    reader->is_valid[depth][slot] = definition >= nest->rule.valid;
    if (!is_list(nest)) {
        read_slot(reader, depth + 1);
        return;
    }
    reader->offsets[depth][slot] = reader->slot_count[depth + 1];
    if (definition < nest->item) {
        reader->at++;
        return;
    }
    level = (uint8_t)(nest->rule.repetition + 1);
    do {
        if (reader->definition[reader->at] < nest->item) {
            reader->is_damaged = true;
            return;
        }
        read_slot(reader, depth + 1);
    } while (!reader->is_damaged && reader->at < reader->count &&
             reader->repetition[reader->at] == level);
}

/* A list that is not there has no slots within; a struct that is null has one null below. */
static bool read_records(struct record_reader *reader, int64_t row_count) {
    int64_t rows = 0;

    while (reader->at < reader->count && !reader->is_damaged) {
        if (reader->repetition[reader->at] != 0) {
            return false;
        }
        read_slot(reader, 0);
        rows++;
    }
    return !reader->is_damaged && rows == row_count;
}

/* ---- comparison ---- */

static bool bit_at(const struct validity *validity, int64_t i) {
    return validity->bits == NULL || ktki_bit_get(validity->bits, i);
}

static void check_nest(const struct record_reader *reader, const struct nest_sink *sink,
                       int32_t depth) {
    const struct parquet_nest *nest = &reader->shape->nests[depth];
    int64_t count = reader->slot_count[depth];

    if (!is_list(nest) && !nest->field->nullable) {
        return;
    }
    FUZZ_ASSERT(sink->validity.length == count);
    for (int64_t i = 0; i < count; i++) {
        FUZZ_ASSERT(bit_at(&sink->validity, i) == reader->is_valid[depth][i]);
        if (is_list(nest)) {
            int64_t offset = ktki_nest_is_large(nest) ? ((const int64_t *)sink->offsets)[i]
                                                      : ((const int32_t *)sink->offsets)[i];
            FUZZ_ASSERT(offset == reader->offsets[depth][i]);
        }
    }
    if (is_list(nest)) {
        FUZZ_ASSERT(sink->item_count == reader->slot_count[depth + 1]);
        FUZZ_ASSERT((ktki_nest_is_large(nest)
                         ? ((const int64_t *)sink->offsets)[count]
                         : ((const int32_t *)sink->offsets)[count]) == sink->item_count);
    }
}

/* ---- the input ---- */

struct input {
    struct shape shape;
    int64_t row_count;
    size_t counts[PAGES];
    struct page_parts parts[PAGES];
};

static void parse(struct input *input, const uint8_t *data, size_t size) {
    struct cursor rest = ktki_cursor(data + HEAD_BYTES, size - HEAD_BYTES);

    make_shape(&input->shape, data);
    input->row_count = data[NESTS_MAX + 2];
    for (size_t i = 0; i < PAGES; i++) {
        const uint8_t *head = data + NESTS_MAX + 3 + i * 4;
        size_t repetition = head[2];
        size_t definition = head[3];
        size_t left = ktki_cursor_left(&rest);

        input->counts[i] = (size_t)head[0] | (size_t)(head[1] & 3) << 8;
        repetition = repetition < left ? repetition : left;
        definition = definition < left - repetition ? definition : left - repetition;
        FUZZ_ASSERT(ktki_cursor_split(&rest, repetition, &input->parts[i].repetition));
        FUZZ_ASSERT(ktki_cursor_split(&rest, definition, &input->parts[i].definition));
    }
}

/* Levels of all pages as bytes; false: there are too few. */
static bool unpack(const struct input *input, const struct kernels *kernels, uint8_t *repetition,
                   uint8_t *definition) {
    static struct level_reader levels;

    for (size_t i = 0; i < PAGES; i++) {
        memset(repetition, 0, input->counts[i]);
        if (input->shape.leaf.repetition_max > 0) {
            ktki_levels_begin(&levels, input->parts[i].repetition,
                              input->shape.leaf.repetition_max);
            if (!ktki_levels_next(&levels, input->counts[i], kernels)) {
                return false;
            }
            memcpy(repetition, levels.levels, input->counts[i]);
        }
        memset(definition, 0, input->counts[i]);
        if (input->shape.leaf.definition_max > 0) {
            ktki_levels_begin(&levels, input->parts[i].definition,
                              input->shape.leaf.definition_max);
            if (!ktki_levels_next(&levels, input->counts[i], kernels)) {
                return false;
            }
            memcpy(definition, levels.levels, input->counts[i]);
        }
        repetition += input->counts[i];
        definition += input->counts[i];
    }
    return true;
}

static void collect_with(const struct input *input, const struct record_reader *wanted,
                         struct read_scratch *scratch) {
    const ktk_allocator *allocator = ktki_alloc_default();
    struct nest_sink sinks[NESTS_MAX] = {{.nest = NULL}};
    struct nest_reader reader;
    struct validity leaf;
    ktk_error err;
    ktk_status status =
        ktki_nests_begin(&reader, &input->shape.leaf, sinks, 0, input->row_count, allocator, &err);

    FUZZ_ASSERT(status == KTK_OK);
    ktki_validity_init(&leaf, allocator, (int64_t)(input->counts[0] + input->counts[1]));
    for (size_t i = 0; i < PAGES && status == KTK_OK; i++) {
        status = ktki_nests_add(&reader, &leaf, &input->parts[i], (int64_t)input->counts[i],
                                scratch, &err);
    }
    if (status == KTK_OK) {
        status = ktki_nests_finish(&reader, &err);
    }
    FUZZ_ASSERT((status == KTK_OK) == (wanted != NULL));
    for (int32_t i = 0; wanted != NULL && i < input->shape.count; i++) {
        check_nest(wanted, &sinks[i], i);
    }
    if (wanted != NULL) {
        FUZZ_ASSERT(leaf.length == wanted->slot_count[input->shape.count]);
        for (int64_t i = 0; i < leaf.length; i++) {
            FUZZ_ASSERT(bit_at(&leaf, i) == wanted->is_valid[input->shape.count][i]);
        }
    }
    for (int32_t i = 0; i < input->shape.count; i++) {
        ktki_nest_clear(&sinks[i]);
    }
    ktki_validity_clear(&leaf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct record_reader wanted;
    static struct input input;
    static uint8_t repetition[ENTRIES_MAX];
    static uint8_t definition[ENTRIES_MAX];
    struct read_scratch *scratch = NULL;
    bool is_sound;
    ktk_error err;

    if (size < HEAD_BYTES) {
        return 0;
    }
    parse(&input, data, size);
    FUZZ_ASSERT(ktki_scratch_new(&scratch, ktki_alloc_default(), &err) == KTK_OK);
    memset(wanted.slot_count, 0, sizeof(wanted.slot_count));
    wanted.shape = &input.shape;
    wanted.repetition = repetition;
    wanted.definition = definition;
    wanted.count = input.counts[0] + input.counts[1];
    wanted.at = 0;
    wanted.is_damaged = false;
    /* Flat columns have their number of rows checked elsewhere. */
    if (input.shape.leaf.repetition_max == 0) {
        input.row_count = (int64_t)wanted.count;
    }
    is_sound = unpack(&input, scratch->kernels, repetition, definition) &&
               read_records(&wanted, input.row_count);
    for (int level = 0; level < KERNEL_LEVELS; level++) {
        if (ktki_kernels_of_level(level) != NULL) {
            scratch->kernels = ktki_kernels_of_level(level);
            collect_with(&input, is_sound ? &wanted : NULL, scratch);
        }
    }
    ktki_scratch_free(scratch);
    return 0;
}
