/* Files that lie: cut off, with bits flipped, with wrong counts and offsets, made to take memory.
 * Each gives an error that names the file and the place in it, or exactly what it holds. */
#include "made_file.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <kartothek/parquet.h>

#include "arrow/array.h"
#include "codec/codec.h"
#include "parquet/rle_encode.h"
#include "support/test.h"

/* What 1 MiB of input never takes. The files here are smaller. */
#define MEMORY_MAX ((int64_t)512 << 20)

/* ---- an allocator that counts bytes ---- */

static atomic_int_fast64_t bytes_used;
static atomic_int_fast64_t bytes_most;

static void *counting_resize(void *state, void *block, size_t old_size, size_t new_size) {
    const ktk_allocator *inner = test_allocator();
    int64_t growth = (int64_t)new_size - (block == NULL ? 0 : (int64_t)old_size);
    void *moved;

    (void)state;
    if (growth > 0 && atomic_load(&bytes_used) + growth > MEMORY_MAX) {
        fail_msg("an input of less than 1 MiB wants %lld bytes more than %lld", (long long)growth,
                 (long long)atomic_load(&bytes_used));
    }
    moved = inner->resize(inner->state, block, old_size, new_size);
    if (moved != NULL || new_size == 0) {
        int64_t used = atomic_fetch_add(&bytes_used, growth) + growth;

        if (used > atomic_load(&bytes_most)) {
            atomic_store(&bytes_most, used);
        }
    }
    return moved;
}

static ktk_context *counting_context(void) {
    static const ktk_allocator allocator = {counting_resize, NULL};
    ktk_context_options options = KTK_CONTEXT_OPTIONS_INIT;
    ktk_context *context = NULL;
    ktk_error err;

    options.allocator = &allocator;
    options.threads = 1;
    atomic_store(&bytes_used, 0);
    atomic_store(&bytes_most, 0);
    CHECK_OK(ktk_context_new(&context, &options, &err));
    return context;
}

/* ---- reading all of a file ---- */

struct outcome {
    ktk_status status;
    bool was_opened;
    int64_t row_count;
    ktk_error err;
};

static void check_batch(const struct schema *schema, const struct batch *batch) {
    ktk_error err;

    for (int32_t i = 0; i < schema->field_count; i++) {
        assert_int_equal(batch->columns[i].length, batch->row_count);
        CHECK_OK(ktki_array_check(&batch->columns[i], &schema->fields[i], true, &err));
    }
}

/* Errors are those of the world, and name the file; those of rows name row group and column too. */
static void check_error(const struct outcome *outcome) {
    const char *message = outcome->err.message;

    if (outcome->status != KTK_E_CORRUPT && outcome->status != KTK_E_LIMIT &&
        outcome->status != KTK_E_UNSUPPORTED) {
        fail_msg("status %s: %s", ktk_status_name(outcome->status), message);
    }
    if (message[0] != '\'' || strchr(message, '\n') != NULL) {
        fail_msg("'%s' does not name the file", message);
    }
    if (outcome->was_opened &&
        (strstr(message, "row group ") == NULL || strstr(message, "column '") == NULL)) {
        fail_msg("'%s' does not name row group and column", message);
    }
}

static struct outcome read_all(ktk_context *context, const uint8_t *data, size_t size) {
    struct outcome outcome = {.status = KTK_OK};
    ktk_bytes bytes = {data, size, NULL, NULL};
    ktk_parquet_file *file = NULL;
    struct schema *schema = NULL;

    outcome.status = ktk_parquet_open_bytes(&file, context, &bytes, &outcome.err);
    if (outcome.status == KTK_OK) {
        outcome.status = ktki_parquet_schema(&schema, file, &outcome.err);
    }
    outcome.was_opened = outcome.status == KTK_OK;
    for (int32_t i = 0;
         outcome.status == KTK_OK && i < ktki_parquet_metadata(file)->row_group_count; i++) {
        int32_t columns[64];
        struct batch batch = {0};

        assert_true(schema->field_count <= 64);
        for (int32_t j = 0; j < schema->field_count; j++) {
            columns[j] = j;
        }
        outcome.status = ktki_parquet_read_row_group(&batch, file, i, columns, schema->field_count,
                                                     true, &outcome.err);
        if (outcome.status == KTK_OK) {
            check_batch(batch.schema, &batch);
            outcome.row_count += batch.row_count;
        }
        ktki_batch_clear(&batch);
    }
    ktk_parquet_file_free(file);
    if (outcome.status != KTK_OK) {
        check_error(&outcome);
    }
    return outcome;
}

/* ---- every byte of small files ---- */

/* A few rows of every type that the writer knows; checksums, so that no changed value passes. */
static void make_small_file(struct buffer *out, ktk_context *context) {
    ktk_parquet_write_options options = KTK_PARQUET_WRITE_OPTIONS_INIT;
    struct made made = {0};
    uint32_t random = 7;
    ktk_error err;

    options.page_checksums = true;
    ktki_buffer_init(out, test_allocator(), 0);
    made_init(&made, context, &random, 3);
    CHECK_OK(made_write(out, context, made.schema, made.batches, 1, &options, &err));
    made_clear(&made);
}

static void refuses_files_cut_off_at_every_byte(void **unused) {
    ktk_context *context = counting_context();
    struct buffer file;

    (void)unused;
    make_small_file(&file, context);
    assert_int_equal(read_all(context, file.data, file.size).status, KTK_OK);
    for (size_t size = 0; size < file.size; size++) {
        uint8_t *cut = malloc(size > 0 ? size : 1);
        struct outcome outcome;

        assert_non_null(cut);
        memcpy(cut, file.data, size);
        outcome = read_all(context, cut, size);
        assert_false(outcome.was_opened);
        assert_int_equal(outcome.status, KTK_E_CORRUPT);
        free(cut);
    }
    ktki_buffer_clear(&file);
    ktk_context_free(context);
}

/* The end stays, and with it the size of the footer. */
static void refuses_files_without_their_middle(void **unused) {
    ktk_context *context = counting_context();
    struct buffer file;

    (void)unused;
    make_small_file(&file, context);
    for (size_t gone = 1; gone < file.size - 12; gone += 1 + gone / 16) {
        uint8_t *cut = malloc(file.size);

        assert_non_null(cut);
        memcpy(cut, file.data, 4);
        memcpy(cut + 4, file.data + 4 + gone, file.size - 4 - gone);
        assert_int_not_equal(read_all(context, cut, file.size - gone).status, KTK_OK);
        free(cut);
    }
    ktki_buffer_clear(&file);
    ktk_context_free(context);
}

/* At least one in `refused_share` is refused: the others hit what nothing depends on. */
static void flip_each_bit(const uint8_t *data, size_t size, unsigned step, unsigned refused_share) {
    ktk_context *context = counting_context();
    uint8_t *copy = malloc(size);
    size_t refused = 0;

    assert_non_null(copy);
    memcpy(copy, data, size);
    for (size_t bit = 0; bit < size * 8; bit += step) {
        struct outcome outcome;

        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        outcome = read_all(context, copy, size);
        refused += outcome.status != KTK_OK;
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_true(refused > size * 8 / step / refused_share);
    free(copy);
    ktk_context_free(context);
    assert_int_equal(atomic_load(&bytes_used), 0);
}

static void survives_flipped_bits_at_every_byte(void **unused) {
    ktk_context *context = counting_context();
    struct buffer file;

    (void)unused;
    make_small_file(&file, context);
    /* 7 is no divisor of 8: all bits of a byte have their turn. */
    flip_each_bit(file.data, file.size, 7, 4);
    ktki_buffer_clear(&file);
    ktk_context_free(context);
}

/* Encodings, levels and codecs as others write them. */
static void survives_flipped_bits_in_files_of_others(void **unused) {
    static const char *const names[] = {
        "nested_lists.snappy.parquet",
        "nulls.snappy.parquet",
        "list_columns.parquet",
        "old_list_structure.parquet",
        "alltypes_plain.snappy.parquet",
        "fixed_length_byte_array.parquet",
        "float16_nonzeros_and_nans.parquet",
        "lz4_raw_compressed.parquet",
        "non_hadoop_lz4_compressed.parquet",
        "concatenated_gzip_members.parquet",
        "byte_stream_split.zstd.parquet",
        "map_no_value.parquet",
        "datapage_v2.snappy.parquet",
        "data_index_bloom_encoding_stats.parquet",
    };
    char path[256];
    int count = 0;

    (void)unused;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        uint8_t *data;
        size_t size;

        (void)snprintf(path, sizeof(path), "../shared/golden/parquet-testing/data/%s", names[i]);
        if (test_source_file_exists(path)) {
            data = test_read_source_file(path, &size);
            flip_each_bit(data, size, size < 3000 ? 7 : 61, 50);
            test_data_free(data);
            count++;
        }
    }
    if (count == 0) {
        skip();
    }
}

/* ---- files put together by hand, of one column `x` ---- */

struct craft {
    struct buffer file;
    struct schema_element elements[2];
    struct column_chunk chunk;
    int64_t row_count;
    int64_t size_said; /* of the chunk; 0: what it has */
};

static void craft_begin(struct craft *craft, enum parquet_type type,
                        enum parquet_repetition repetition, int32_t codec) {
    ktk_error err;

    *craft = (struct craft){
        .elements =
            {{.name = "schema", .child_count = 1, .converted = PQ_CONVERTED_NONE, .field_id = -1},
             {.name = "x",
              .has_type = true,
              .type = type,
              .repetition = repetition,
              .converted = type == PQ_BYTE_ARRAY ? PQ_UTF8 : PQ_CONVERTED_NONE,
              .field_id = -1}},
        .chunk = {.type = type,
                  .codec = codec,
                  .data_page_offset = 4,
                  .dictionary_page_offset = -1,
                  .index_page_offset = -1,
                  .statistics = {.null_count = -1, .distinct_count = -1},
                  .sizes = {.text_bytes = -1},
                  .column_index = {.offset = -1},
                  .offset_index = {.offset = -1},
                  .bloom = {.offset = -1, .size = -1}}};
    ktki_buffer_init(&craft->file, test_allocator(), 0);
    CHECK_OK(ktki_buffer_append_text(&craft->file, "PAR1", &err));
}

static void craft_page(struct craft *craft, struct page_header header, const void *data,
                       size_t size) {
    ktk_error err;

    header.compressed_size = (int32_t)size;
    header.definition_encoding = header.repetition_encoding = PQ_RLE;
    if (header.uncompressed_size == 0) {
        header.uncompressed_size = (int32_t)size;
    }
    CHECK_OK(ktki_page_header_encode(&header, &craft->file, &err));
    CHECK_OK(ktki_buffer_append(&craft->file, data, size, &err));
    if (header.type == PQ_DICTIONARY_PAGE) {
        craft->chunk.dictionary_page_offset = 4;
        craft->chunk.data_page_offset = (int64_t)craft->file.size;
    } else {
        craft->chunk.value_count += header.value_count;
        craft->row_count += header.value_count;
    }
}

/* The whole file; `metadata` may be changed before it is encoded. */
static void craft_footer(struct craft *craft, struct parquet_metadata *metadata) {
    uint32_t footer_size = (uint32_t)craft->file.size;
    ktk_error err;

    CHECK_OK(ktki_metadata_encode(metadata, &craft->file, &err));
    footer_size = (uint32_t)craft->file.size - footer_size;
    CHECK_OK(ktki_buffer_append(&craft->file, &footer_size, 4, &err));
    CHECK_OK(ktki_buffer_append_text(&craft->file, "PAR1", &err));
}

static void craft_end(struct craft *craft) {
    static const int32_t encodings[] = {PQ_PLAIN, PQ_RLE};
    static const char *const path[] = {"x"};
    struct row_group group = {.column_count = 1,
                              .columns = &craft->chunk,
                              .row_count = craft->row_count,
                              .file_offset = -1,
                              .total_compressed_size = -1};
    struct parquet_metadata metadata = {.version = 2,
                                        .element_count = 2,
                                        .elements = craft->elements,
                                        .row_count = craft->row_count,
                                        .row_group_count = 1,
                                        .row_groups = &group};

    craft->chunk.encodings = encodings;
    craft->chunk.encoding_count = 2;
    craft->chunk.path = path;
    craft->chunk.path_count = 1;
    craft->chunk.compressed_size =
        craft->size_said != 0 ? craft->size_said : (int64_t)craft->file.size - 4;
    craft->chunk.uncompressed_size = craft->chunk.compressed_size;
    craft_footer(craft, &metadata);
}

/* Refused with that status and text, or - NULL - read; below 512 MiB in any case. */
static void expect(struct craft *craft, ktk_status status, const char *text) {
    ktk_context *context = counting_context();
    struct outcome outcome = read_all(context, craft->file.data, craft->file.size);

    assert_true(craft->file.size <= 1 << 20);
    if (outcome.status != status) {
        fail_msg("got %s: %s", ktk_status_name(outcome.status), outcome.err.message);
    }
    if (text != NULL && strstr(outcome.err.message, text) == NULL) {
        fail_msg("'%s' does not say '%s'", outcome.err.message, text);
    }
    ktk_context_free(context);
    assert_int_equal(atomic_load(&bytes_used), 0);
    ktki_buffer_clear(&craft->file);
}

#define DATA(count, encoding_)                                                                     \
    (struct page_header) {                                                                         \
        .type = PQ_DATA_PAGE, .value_count = (count), .encoding = (encoding_)                      \
    }
#define DICTIONARY(count)                                                                          \
    (struct page_header) {                                                                         \
        .type = PQ_DICTIONARY_PAGE, .value_count = (count), .encoding = PQ_PLAIN                   \
    }

/* ---- counts that do not fit ---- */

static const int32_t three[] = {1, 2, 3};

static void reads_what_is_put_together_right(void **unused) {
    struct craft craft;

    (void)unused;
    craft_begin(&craft, PQ_INT32, PQ_REQUIRED, CODEC_NONE);
    craft_page(&craft, DATA(3, PQ_PLAIN), three, sizeof(three));
    craft_end(&craft);
    expect(&craft, KTK_OK, NULL);
}

static void names_page_and_offset_of_wrong_counts(void **unused) {
    static const uint8_t levels[] = {2, 0, 0, 0, 3 << 1, 1, 1, 0, 0, 0, 2, 0, 0, 0};
    struct craft craft;

    (void)unused;
    /* A page announces more values than it has bytes for. */
    craft_begin(&craft, PQ_INT32, PQ_REQUIRED, CODEC_NONE);
    craft_page(&craft, DATA(3, PQ_PLAIN), three, sizeof(three));
    craft_page(&craft, DATA(4, PQ_PLAIN), three, sizeof(three));
    craft_end(&craft);
    expect(&craft, KTK_E_CORRUPT, "row group 0: column 'x': data page 1 at offset ");
    /* Three levels say "there", and two values follow. */
    craft_begin(&craft, PQ_INT32, PQ_OPTIONAL, CODEC_NONE);
    craft_page(&craft, DATA(3, PQ_PLAIN), levels, sizeof(levels));
    craft_end(&craft);
    expect(&craft, KTK_E_CORRUPT, "data page 0 at offset 4");
    /* Fewer levels than values are announced. */
    craft_begin(&craft, PQ_INT32, PQ_OPTIONAL, CODEC_NONE);
    craft_page(&craft, DATA(9, PQ_PLAIN), levels, sizeof(levels));
    craft_end(&craft);
    expect(&craft, KTK_E_CORRUPT, "levels");
    /* An index beyond the dictionary. */
    craft_begin(&craft, PQ_INT32, PQ_REQUIRED, CODEC_NONE);
    craft_page(&craft, DICTIONARY(3), three, sizeof(three));
    craft_page(&craft, DATA(3, PQ_RLE_DICTIONARY), (const uint8_t[]){2, 3 << 1, 3}, 3);
    craft_end(&craft);
    expect(&craft, KTK_E_CORRUPT, "data page 0 at offset ");
    /* A dictionary that ends too early. */
    craft_begin(&craft, PQ_INT32, PQ_REQUIRED, CODEC_NONE);
    craft_page(&craft, DICTIONARY(4), three, sizeof(three));
    craft_page(&craft, DATA(3, PQ_RLE_DICTIONARY), (const uint8_t[]){2, 3 << 1, 1}, 3);
    craft_end(&craft);
    expect(&craft, KTK_E_CORRUPT, "dictionary page at offset 4");
}

/* One lie each in a footer that is right otherwise. */
static void refuses_lying_footers(void **unused) {
    static const struct {
        const char *text;
        int64_t add_values;
        int64_t add_rows;
        int64_t data_offset;
        int64_t size;
        int32_t codec;
        int32_t type;
    } lies[] = {
        {"values where", .add_values = 1},
        {"values where", .add_values = -1},
        {"values where", .add_rows = 1},
        {"values where", .add_rows = -1},
        {"", .add_values = INT64_MAX / 2},
        {"", .add_rows = INT64_MAX / 2},
        {"not within the file", .data_offset = 1 << 20},
        {"not within the file", .data_offset = INT64_MAX - 4},
        {"not within the file", .data_offset = INT64_MIN},
        {"page 0 at offset", .data_offset = 5},
        {"not within the file", .size = 1 << 20},
        {"not within the file", .size = INT64_MAX},
        {"", .size = -1},
        {"page 0 at offset 4", .size = 10},
        {"", .codec = CODEC_SNAPPY},
        {"", .codec = CODEC_ZSTD},
        {"", .codec = 77},
        {"physical type", .type = PQ_INT64},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        ktk_context *context = counting_context();
        struct craft craft;
        struct outcome outcome;

        craft_begin(&craft, PQ_INT32, PQ_REQUIRED, lies[i].codec);
        craft_page(&craft, DATA(3, PQ_PLAIN), three, sizeof(three));
        craft.chunk.value_count += lies[i].add_values;
        craft.row_count += lies[i].add_rows;
        craft.chunk.data_page_offset += lies[i].data_offset;
        craft.chunk.type = lies[i].type != 0 ? (enum parquet_type)lies[i].type : PQ_INT32;
        craft.size_said = lies[i].size;
        craft_end(&craft);
        outcome = read_all(context, craft.file.data, craft.file.size);
        if (outcome.status == KTK_OK) {
            fail_msg("lie %zu was believed", i);
        }
        if (strstr(outcome.err.message, lies[i].text) == NULL) {
            fail_msg("lie %zu: '%s' does not say '%s'", i, outcome.err.message, lies[i].text);
        }
        ktki_buffer_clear(&craft.file);
        ktk_context_free(context);
    }
}

/* Levels of a list that say other rows, or other values, than there are. */
static void refuses_wrong_repetition(void **unused) {
    /* Four bytes of size and one run for each kind of levels, then three numbers. */
#define LEVELS(repetition, definition)                                                             \
    {2, 0, 0, 0, 3, (repetition), 2, 0, 0, 0, 3, (definition), 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0}
    static const struct {
        uint8_t bytes[24];
        int32_t value_count;
        int64_t row_count;
        bool is_right;
    } pages[] = {
        {LEVELS(4, 7), 3, 2, true},   /* [1], [2, 3]: levels 0, 0, 1 */
        {LEVELS(4, 7), 3, 3, false},  /* a row less than the footer says */
        {LEVELS(4, 7), 3, 1, false},  /* and one more */
        {LEVELS(1, 7), 3, 2, false},  /* continues a row that is in no page */
        {LEVELS(4, 3), 3, 2, false},  /* a list that is empty goes on */
        {LEVELS(0, 7), 9, 9, false},  /* nine values of three levels */
        {LEVELS(0, 15), 4, 4, false}, /* four values where there are three */
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        struct craft craft;

        craft_begin(&craft, PQ_INT32, PQ_REPEATED, CODEC_NONE);
        craft_page(&craft, DATA(pages[i].value_count, PQ_PLAIN), pages[i].bytes, 24);
        craft.row_count = pages[i].row_count;
        craft_end(&craft);
        expect(&craft, pages[i].is_right ? KTK_OK : KTK_E_CORRUPT,
               pages[i].is_right ? NULL : "row group 0: column 'x'");
    }
#undef LEVELS
}

/* Instants beyond the nanoseconds of 64 bits, of the years 1677 and 2262: other readers let them
 * wrap into other instants. */
static void names_int96_beyond_nanoseconds(void **unused) {
    static const uint8_t values[][12] = {
        {1, 0, 0, 0, 0, 0, 0, 0, 0x8C, 0x3D, 0x25, 0},                /* 1970 */
        {0, 0, 0, 0, 0, 0, 0, 0, 0x2C, 0xFE, 0x51, 0},                /* 9999-12-31 */
        {0xFF, 0xFF, 0x4E, 0xE2, 0xE2, 0x4D, 0, 0, 0x8B, 0xDE, 0x26}, /* the last of all */
    };
    static const uint8_t levels[] = {2,    0,    0, 0, 3, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0x8C,
                                     0x3D, 0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    struct craft craft;

    (void)unused;
    craft_begin(&craft, PQ_INT96, PQ_REQUIRED, CODEC_NONE);
    craft_page(&craft, DATA(1, PQ_PLAIN), values, 12);
    craft_page(&craft, DATA(1, PQ_PLAIN), values[2], 12);
    craft_end(&craft);
    expect(&craft, KTK_OK, NULL);
    craft_begin(&craft, PQ_INT96, PQ_REQUIRED, CODEC_NONE);
    craft_page(&craft, DATA(1, PQ_PLAIN), values, 12);
    craft_page(&craft, DATA(3, PQ_PLAIN), values, sizeof(values));
    craft_end(&craft);
    expect(&craft, KTK_E_UNSUPPORTED, "row group 0: column 'x': data page 1 at offset ");
    craft_begin(&craft, PQ_INT96, PQ_REQUIRED, CODEC_NONE);
    craft_page(&craft, DATA(3, PQ_PLAIN), values, sizeof(values));
    craft_end(&craft);
    expect(&craft, KTK_E_UNSUPPORTED, "value 1, 0 nanoseconds into Julian day 5373484, ");
    craft_begin(&craft, PQ_INT96, PQ_REQUIRED, CODEC_NONE);
    craft_page(&craft, DICTIONARY(3), values, sizeof(values));
    craft_page(&craft, DATA(3, PQ_RLE_DICTIONARY), (const uint8_t[]){2, 3 << 1, 1}, 3);
    craft_end(&craft);
    expect(&craft, KTK_E_UNSUPPORTED, "dictionary page at offset 4: value 1, ");
    /* A null in between; Julian day 0 is long before. */
    craft_begin(&craft, PQ_INT96, PQ_OPTIONAL, CODEC_NONE);
    craft_page(&craft, DATA(3, PQ_PLAIN), levels, sizeof(levels));
    craft_end(&craft);
    expect(&craft, KTK_E_UNSUPPORTED, "data page 0 at offset 4: value 1, 0 nanoseconds");
}

/* ---- bombs ---- */

#define PAGE_ROWS ((int32_t)1 << 26)

static void bomb_of_claimed_sizes(void **unused) {
    static const int32_t codecs[] = {CODEC_SNAPPY, CODEC_GZIP, CODEC_ZSTD, CODEC_BROTLI,
                                     CODEC_LZ4_RAW};
    static const uint8_t some[] = {0xFF, 0xFF, 0xFF, 0x7F, 1, 2, 3, 4};

    (void)unused;
    for (size_t i = 0; i < sizeof(codecs) / sizeof(codecs[0]); i++) {
        struct page_header header = DATA(1000, PQ_PLAIN);
        struct craft craft;

        header.uncompressed_size = 900 << 20;
        craft_begin(&craft, PQ_INT32, PQ_OPTIONAL, codecs[i]);
        craft_page(&craft, header, some, sizeof(some));
        craft_end(&craft);
        expect(&craft, KTK_E_LIMIT, "limits.expansion_bytes_max");
    }
}

/* Runs of a few bytes: 64 Mi indices a page. */
static void bomb_of_runs(void **unused) {
    static const uint8_t run[] = {1, 0x80, 0x80, 0x80, 0x40, 0};
    struct craft craft;

    (void)unused;
    craft_begin(&craft, PQ_INT64, PQ_REQUIRED, CODEC_NONE);
    craft_page(&craft, DICTIONARY(1), "12345678", 8);
    for (int i = 0; i < 100; i++) {
        craft_page(&craft, DATA(PAGE_ROWS, PQ_RLE_DICTIONARY), run, sizeof(run));
    }
    craft_end(&craft);
    expect(&craft, KTK_E_LIMIT, "limits.expansion_bytes_max");
}

/* Nothing but nulls, 64 Mi of them a page. */
static void bomb_of_nulls(void **unused) {
    static const uint8_t levels[] = {5, 0, 0, 0, 0x80, 0x80, 0x80, 0x40, 0};
    struct craft craft;

    (void)unused;
    craft_begin(&craft, PQ_DOUBLE, PQ_OPTIONAL, CODEC_NONE);
    for (int i = 0; i < 100; i++) {
        craft_page(&craft, DATA(PAGE_ROWS, PQ_PLAIN), levels, sizeof(levels));
    }
    craft_end(&craft);
    expect(&craft, KTK_E_LIMIT, "limits.expansion_bytes_max");
}

/* One long text, a million times. */
static void bomb_of_texts(void **unused) {
    static uint8_t entry[100004] = {0xA0, 0x86, 0x01, 0}; /* 100,000 */
    static const uint8_t run[] = {1, 0x80, 0x89, 0x7A, 0};
    struct craft craft;

    (void)unused;
    memset(entry + 4, 'x', 100000);
    craft_begin(&craft, PQ_BYTE_ARRAY, PQ_REQUIRED, CODEC_NONE);
    craft_page(&craft, DICTIONARY(1), entry, sizeof(entry));
    craft_page(&craft, DATA(1000000, PQ_RLE_DICTIONARY), run, sizeof(run));
    craft_end(&craft);
    /* As text the values do not fit; kept as a dictionary they would. */
    expect(&craft, KTK_E_LIMIT, "row group 0: column 'x'");
}

/* Each page is honest: 16 MiB of zeros, which zstd makes a kilobyte of. */
static void bomb_of_honest_pages(void **unused) {
    size_t plain_size = (size_t)16 << 20;
    size_t size = 1 << 20;
    uint8_t *plain = calloc(plain_size, 1);
    uint8_t *packed = malloc(size);
    struct codec_scratch scratch;
    const struct codec *codec = NULL;
    struct craft craft;
    ktk_error err;

    (void)unused;
    assert_non_null(plain);
    assert_non_null(packed);
    CHECK_OK(ktki_codec_find(&codec, CODEC_ZSTD, &err));
    ktki_codec_scratch_init(&scratch, test_allocator());
    CHECK_OK(codec->compress(&scratch, 1, plain, plain_size, packed, &size, &err));
    ktki_codec_scratch_clear(&scratch);
    free(plain);
    craft_begin(&craft, PQ_INT32, PQ_REQUIRED, CODEC_ZSTD);
    for (int i = 0; i < 100; i++) {
        struct page_header header = DATA((int32_t)(plain_size / 4), PQ_PLAIN);

        header.uncompressed_size = (int32_t)plain_size;
        craft_page(&craft, header, packed, size);
    }
    free(packed);
    craft_end(&craft);
    expect(&craft, KTK_E_LIMIT, "limits.expansion_bytes_max");
}

/* ---- schemas ---- */

/* A footer of elements alone: a chain of `depth` groups, or one group of `width` leaves. */
static void craft_schema(struct craft *craft, struct schema_element *elements, int32_t count) {
    struct parquet_metadata metadata = {.version = 2, .element_count = count, .elements = elements};
    ktk_error err;

    *craft = (struct craft){0};
    ktki_buffer_init(&craft->file, test_allocator(), 0);
    CHECK_OK(ktki_buffer_append_text(&craft->file, "PAR1", &err));
    craft_footer(craft, &metadata);
}

static struct schema_element *make_elements(int32_t count, const char *name) {
    struct schema_element *elements = calloc((size_t)count, sizeof(*elements));

    assert_non_null(elements);
    for (int32_t i = 0; i < count; i++) {
        elements[i] = (struct schema_element){.name = name,
                                              .repetition = PQ_OPTIONAL,
                                              .converted = PQ_CONVERTED_NONE,
                                              .field_id = -1};
    }
    return elements;
}

static void refuses_a_schema_of_10000_levels(void **unused) {
    int32_t count = 10001;
    struct schema_element *elements = make_elements(count, "g");
    struct craft craft;

    (void)unused;
    for (int32_t i = 0; i < count - 1; i++) {
        elements[i].child_count = 1;
    }
    elements[count - 1].has_type = true;
    craft_schema(&craft, elements, count);
    free(elements);
    expect(&craft, KTK_E_LIMIT, "nest");
}

/* Groups that have their own ancestors, or more children than there are elements: a list that is
 * walked depth-first has no way to say the first, and says the second. */
static void refuses_schemas_that_do_not_end(void **unused) {
    static const int32_t child_counts[][3] = {{3, 0, 0}, {INT32_MAX, 0, 0}, {-1, 0, 0},
                                              {0, 0, 0}, {1, 2, 0},         {1, 0, 0}};
    struct schema_element *elements = make_elements(3, "g");

    (void)unused;
    for (size_t i = 0; i < sizeof(child_counts) / sizeof(child_counts[0]); i++) {
        struct craft craft;

        for (int j = 0; j < 3; j++) {
            elements[j].child_count = child_counts[i][j];
            elements[j].has_type = j == 2;
        }
        craft_schema(&craft, elements, 3);
        expect(&craft, KTK_E_CORRUPT, NULL);
    }
    free(elements);
}

/* Paths that repeat one long name for each of many leaves. */
static void bomb_of_long_paths(void **unused) {
    int32_t count = 40000;
    struct schema_element *elements = make_elements(count, "x");
    char *name = malloc(400001);
    struct craft craft;

    (void)unused;
    assert_non_null(name);
    memset(name, 'n', 400000);
    name[400000] = '\0';
    elements[0].child_count = 1;
    elements[1].name = name;
    elements[1].child_count = count - 2;
    for (int32_t i = 2; i < count; i++) {
        elements[i].has_type = true;
    }
    craft_schema(&craft, elements, count);
    free(name);
    free(elements);
    expect(&craft, KTK_E_LIMIT, "limits.expansion_bytes_max");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_files_cut_off_at_every_byte),
        cmocka_unit_test(refuses_files_without_their_middle),
        cmocka_unit_test(survives_flipped_bits_at_every_byte),
        cmocka_unit_test(survives_flipped_bits_in_files_of_others),
        cmocka_unit_test(reads_what_is_put_together_right),
        cmocka_unit_test(names_page_and_offset_of_wrong_counts),
        cmocka_unit_test(refuses_lying_footers),
        cmocka_unit_test(refuses_wrong_repetition),
        cmocka_unit_test(names_int96_beyond_nanoseconds),
        cmocka_unit_test(bomb_of_claimed_sizes),
        cmocka_unit_test(bomb_of_runs),
        cmocka_unit_test(bomb_of_nulls),
        cmocka_unit_test(bomb_of_texts),
        cmocka_unit_test(bomb_of_honest_pages),
        cmocka_unit_test(refuses_a_schema_of_10000_levels),
        cmocka_unit_test(refuses_schemas_that_do_not_end),
        cmocka_unit_test(bomb_of_long_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
