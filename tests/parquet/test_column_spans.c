#include "support/test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/context.h"
#include "parquet/column_read.h"
#include "parquet/file_handle.h"

/* Chunks that are large enough to be read by several threads, with what they must become written
 * down while they are put together. */

enum { ROWS_MAX = 700000, DICTIONARY_COUNT = 200, TEXT_MAX = 50 };

struct fixture {
    ktk_parquet_file file;
    struct memory_bound bound;
    ktk_context *context;
    struct read_scratch *scratch;
    struct buffer chunk_bytes;
    struct buffer page;
    struct schema_element element;
    struct parquet_leaf leaf;
    struct column_chunk chunk;
    struct field field;
    struct chunk_read read;
    struct ArrowArray array;
    ktk_error err;
    uint32_t random;
    /* expected */
    size_t row_count;
    int64_t null_count;
    uint8_t *is_valid;   /* a byte each */
    uint64_t *values;    /* numbers, or where a text starts in `texts` */
    struct buffer texts; /* sizes are a byte in front */
};

static uint32_t random_below(struct fixture *fixture, uint32_t bound) {
    fixture->random = fixture->random * 1664525 + 1013904223;
    return (fixture->random >> 8) % bound;
}

static void begin(struct fixture *fixture, ktk_context *context, enum parquet_type physical,
                  enum type_id type) {
    memset(fixture, 0, sizeof(*fixture));
    fixture->context = context;
    fixture->file.context = context;
    (void)pthread_mutex_init(&fixture->file.lock, NULL);
    ktki_buffer_init(&fixture->chunk_bytes, test_allocator(), 0);
    ktki_buffer_init(&fixture->page, test_allocator(), 0);
    ktki_buffer_init(&fixture->texts, test_allocator(), 0);
    fixture->element = (struct schema_element){.has_type = true, .type = physical, .name = "x"};
    fixture->leaf =
        (struct parquet_leaf){.element = &fixture->element, .path = "x", .definition_max = 1};
    fixture->chunk.type = physical;
    fixture->field = (struct field){.name = "x", .nullable = true, .type = {.id = type}};
    ktki_memory_bound_init(&fixture->bound, ktki_context_allocator(context), INT64_MAX);
    fixture->read = (struct chunk_read){.file = &fixture->file,
                                        .bound = &fixture->bound,
                                        .context = context,
                                        .leaf = &fixture->leaf,
                                        .chunk = &fixture->chunk,
                                        .field = &fixture->field};
    fixture->is_valid = malloc(ROWS_MAX);
    fixture->values = malloc(ROWS_MAX * sizeof(*fixture->values));
    assert_true(fixture->is_valid != NULL && fixture->values != NULL);
    fixture->random = 7;
}

static void end(struct fixture *fixture) {
    ktki_array_clear(&fixture->array);
    while (fixture->file.scratches != NULL) {
        struct read_scratch *next = fixture->file.scratches->next;
        ktki_scratch_free(fixture->file.scratches);
        fixture->file.scratches = next;
    }
    ktki_scratch_free(fixture->scratch);
    ktki_buffer_clear(&fixture->chunk_bytes);
    ktki_buffer_clear(&fixture->page);
    ktki_buffer_clear(&fixture->texts);
    free(fixture->is_valid);
    free(fixture->values);
    (void)pthread_mutex_destroy(&fixture->file.lock);
    test_context_free(fixture->context);
    assert_int_equal(test_allocator_live(), 0);
}

static void append(struct fixture *fixture, const void *data, size_t size) {
    ktk_error err;

    CHECK_OK(ktki_buffer_append(&fixture->page, data, size, &err));
}

static void append_run(struct fixture *fixture, size_t count) {
    uint64_t head = (count + 7) / 8 << 1 | 1;

    for (; head >= 0x80; head >>= 7) {
        append(fixture, &(uint8_t){(uint8_t)(head | 0x80)}, 1);
    }
    append(fixture, &(uint8_t){(uint8_t)head}, 1);
}

static void close_page(struct fixture *fixture, struct page_header header) {
    ktk_error err;

    header.compressed_size = header.uncompressed_size = (int32_t)fixture->page.size;
    CHECK_OK(ktki_page_header_encode(&header, &fixture->chunk_bytes, &err));
    CHECK_OK(
        ktki_buffer_append(&fixture->chunk_bytes, fixture->page.data, fixture->page.size, &err));
    fixture->page.size = 0;
}

/* Levels of `count` rows; a row is null with a chance of `nulls` in 8. */
static void begin_page(struct fixture *fixture, size_t count, uint32_t nulls) {
    uint8_t *bits = calloc(1, count / 8 + 1);
    uint32_t size;

    assert_non_null(bits);
    assert_true(fixture->row_count + count <= ROWS_MAX);
    for (size_t i = 0; i < count; i++) {
        bool is_valid = random_below(fixture, 8) >= nulls;
        fixture->is_valid[fixture->row_count + i] = is_valid;
        fixture->null_count += !is_valid;
        bits[i / 8] |= (uint8_t)(is_valid << i % 8);
    }
    append(fixture, &(uint32_t){0}, 4);
    append_run(fixture, count);
    append(fixture, bits, (count + 7) / 8);
    size = (uint32_t)fixture->page.size - 4;
    memcpy(fixture->page.data, &size, 4);
    free(bits);
}

static void end_page(struct fixture *fixture, size_t count, enum parquet_encoding encoding) {
    close_page(fixture, (struct page_header){.type = PQ_DATA_PAGE,
                                             .value_count = (int32_t)count,
                                             .encoding = encoding,
                                             .definition_encoding = PQ_RLE,
                                             .repetition_encoding = PQ_RLE});
    fixture->row_count += count;
    fixture->chunk.value_count += (int64_t)count;
    fixture->read.row_count += (int64_t)count;
}

/* A random text, remembered; `*value` tells where. */
static void append_text(struct fixture *fixture, uint64_t *value) {
    uint8_t text[1 + TEXT_MAX];
    uint32_t size = random_below(fixture, random_below(fixture, 3) == 0 ? TEXT_MAX : 6);
    ktk_error err;

    text[0] = (uint8_t)size;
    for (uint32_t i = 0; i < size; i++) {
        text[1 + i] = (uint8_t)('a' + random_below(fixture, 26));
    }
    append(fixture, &size, 4);
    append(fixture, text + 1, size);
    *value = fixture->texts.size;
    CHECK_OK(ktki_buffer_append(&fixture->texts, text, size + 1, &err));
}

static void add_text_dictionary(struct fixture *fixture, uint64_t *entries) {
    for (int i = 0; i < DICTIONARY_COUNT; i++) {
        append_text(fixture, &entries[i]);
    }
    close_page(fixture, (struct page_header){.type = PQ_DICTIONARY_PAGE,
                                             .value_count = DICTIONARY_COUNT,
                                             .encoding = PQ_PLAIN});
}

/* Indices of 8 bits in one packed run. */
static void add_coded(struct fixture *fixture, size_t count, uint32_t nulls,
                      const uint64_t *entries) {
    static const uint8_t padding[8];
    size_t there = 0;

    begin_page(fixture, count, nulls);
    for (size_t i = 0; i < count; i++) {
        there += fixture->is_valid[fixture->row_count + i];
    }
    append(fixture, &(uint8_t){8}, 1);
    append_run(fixture, there);
    for (size_t i = 0; i < count; i++) {
        if (fixture->is_valid[fixture->row_count + i] != 0) {
            uint8_t index = (uint8_t)random_below(fixture, DICTIONARY_COUNT);
            append(fixture, &index, 1);
            fixture->values[fixture->row_count + i] = entries[index];
        }
    }
    append(fixture, padding, (8 - there % 8) % 8);
    end_page(fixture, count, PQ_RLE_DICTIONARY);
}

static void add_plain_texts(struct fixture *fixture, size_t count, uint32_t nulls) {
    begin_page(fixture, count, nulls);
    for (size_t i = 0; i < count; i++) {
        if (fixture->is_valid[fixture->row_count + i] != 0) {
            append_text(fixture, &fixture->values[fixture->row_count + i]);
        }
    }
    end_page(fixture, count, PQ_PLAIN);
}

static void add_numbers(struct fixture *fixture, size_t count, uint32_t nulls) {
    begin_page(fixture, count, nulls);
    for (size_t i = 0; i < count; i++) {
        uint64_t value = (uint64_t)random_below(fixture, 1u << 20) << 30;
        fixture->values[fixture->row_count + i] = fixture->is_valid[fixture->row_count + i] * value;
        if (fixture->is_valid[fixture->row_count + i] != 0) {
            append(fixture, &value, 8);
        }
    }
    end_page(fixture, count, PQ_PLAIN);
}

static ktk_status decode(struct fixture *fixture) {
    ktk_status status = KTK_OK;

    if (fixture->scratch == NULL) {
        status = ktki_scratch_new(&fixture->scratch, ktki_context_allocator(fixture->context),
                                  &fixture->err);
    }
    fixture->read.data = fixture->chunk_bytes.data;
    fixture->read.size = fixture->chunk_bytes.size;
    return status != KTK_OK
               ? status
               : ktki_chunk_read(&fixture->array, &fixture->read, fixture->scratch, &fixture->err);
}

static void check(const struct fixture *fixture) {
    enum type_id type = fixture->field.type.id;
    const uint8_t *validity = fixture->array.buffers[0];
    ktk_error err;

    CHECK_OK(ktki_array_check(&fixture->array, &fixture->field, true, &err));
    assert_int_equal(fixture->array.length, fixture->row_count);
    assert_int_equal(fixture->array.null_count, fixture->null_count);
    for (size_t i = 0; i < fixture->row_count; i++) {
        struct ArrowArray array = fixture->array;
        const uint8_t *data;
        size_t size;

        assert_int_equal(validity == NULL || ktki_bit_get(validity, (int64_t)i),
                         fixture->is_valid[i]);
        ktki_array_bytes(&array, &fixture->field.type, (int64_t)i, &data, &size);
        if (type == TYPE_INT64) {
            assert_memory_equal(data, &fixture->values[i], 8);
        } else if (fixture->is_valid[i] == 0) {
            assert_int_equal(size, 0);
        } else {
            const uint8_t *wanted = fixture->texts.data + fixture->values[i];
            assert_int_equal(size, wanted[0]);
            assert_memory_equal(data, wanted + 1, size);
        }
    }
}

static void decodes(struct fixture *fixture) {
    if (decode(fixture) != KTK_OK) {
        fail_msg("%s", fixture->err.message);
    }
    check(fixture);
}

static void reads_numbers(void **unused) {
    static const size_t counts[] = {20000, 1, 70001, 33333, 65536, 7, 120000, 20000, 50000, 12345};
    struct fixture fixture;

    (void)unused;
    for (uint32_t nulls = 0; nulls < 3; nulls++) {
        begin(&fixture, test_context_new(3), PQ_INT64, TYPE_INT64);
        for (size_t i = 0; i < 10; i++) {
            add_numbers(&fixture, counts[i], nulls == 2 ? (uint32_t)(i % 9) : nulls);
        }
        decodes(&fixture);
        end(&fixture);
    }
}

/* Coded pages, plain ones, and coded ones again, which no writer is known to make. */
static void add_texts(struct fixture *fixture, uint32_t nulls) {
    uint64_t entries[DICTIONARY_COUNT];

    add_text_dictionary(fixture, entries);
    for (int i = 0; i < 7; i++) {
        add_coded(fixture, 50000 + 111 * (size_t)i, nulls, entries);
    }
    for (int i = 0; i < 9; i++) {
        add_plain_texts(fixture, i == 4 ? 1 : 20011, i == 6 ? 8 : nulls);
    }
    add_coded(fixture, 20000, nulls, entries);
    add_coded(fixture, 3, 8, entries);
    add_plain_texts(fixture, 40, nulls);
}

static void reads_texts(void **unused) {
    static const enum type_id types[] = {TYPE_STRING, TYPE_LARGE_STRING, TYPE_BINARY};
    struct fixture fixture;

    (void)unused;
    for (uint32_t nulls = 0; nulls < 3; nulls++) {
        begin(&fixture, test_context_new(nulls == 1 ? 2 : 4), PQ_BYTE_ARRAY, types[nulls]);
        add_texts(&fixture, nulls);
        decodes(&fixture);
        end(&fixture);
    }
}

/* Bytes behind the texts of a page: where the next page's begin is only known in order. */
static void reads_texts_with_bytes_behind_them(void **unused) {
    struct fixture fixture;

    (void)unused;
    begin(&fixture, test_context_new(3), PQ_BYTE_ARRAY, TYPE_STRING);
    for (int i = 0; i < 12; i++) {
        begin_page(&fixture, 20000, 1);
        for (size_t row = fixture.row_count; row < fixture.row_count + 20000; row++) {
            if (fixture.is_valid[row] != 0) {
                append_text(&fixture, &fixture.values[row]);
            }
        }
        append(&fixture, "behind", i == 5 ? 6 : 0);
        end_page(&fixture, 20000, PQ_PLAIN);
    }
    decodes(&fixture);
    end(&fixture);
}

static void refuses_damaged_pages(void **unused) {
    struct fixture fixture;

    (void)unused;
    for (int damaged = 0; damaged < 12; damaged += 4) {
        begin(&fixture, test_context_new(4), PQ_BYTE_ARRAY, TYPE_STRING);
        for (int i = 0; i < 12; i++) {
            if (i == damaged) {
                begin_page(&fixture, 20000, 0);
                append(&fixture, "\xFF\xFF\xFF\x7F", 4);
                end_page(&fixture, 20000, PQ_PLAIN);
            } else {
                add_plain_texts(&fixture, 20000, 0);
            }
        }
        assert_int_equal(decode(&fixture), KTK_E_CORRUPT);
        {
            char wanted[32];
            (void)snprintf(wanted, sizeof(wanted), "data page %d ", damaged);
            if (strstr(fixture.err.message, wanted) == NULL) {
                fail_msg("\"%s\" does not say \"%s\"", fixture.err.message, wanted);
            }
        }
        assert_null(fixture.array.release);
        end(&fixture);
    }
}

/* Allocations from number `fail_at` on fail, whichever thread makes them. */
static atomic_int_fast64_t allocations;
static atomic_int_fast64_t fail_at;

static void *failing_resize(void *state, void *block, size_t old_size, size_t new_size) {
    const ktk_allocator *allocator = test_allocator();

    (void)state;
    if (new_size > 0 && atomic_fetch_add(&allocations, 1) >= atomic_load(&fail_at)) {
        return NULL;
    }
    return allocator->resize(allocator->state, block, old_size, new_size);
}

static void survives_want_of_memory(void **unused) {
    const ktk_allocator allocator = {failing_resize, NULL};
    bool is_done = false;

    (void)unused;
    for (int64_t n = 0; !is_done; n++) {
        ktk_context_options options = KTK_CONTEXT_OPTIONS_INIT;
        struct fixture fixture;
        ktk_context *context = NULL;
        ktk_status status;
        ktk_error err;

        options.allocator = &allocator;
        options.threads = 3;
        atomic_store(&fail_at, INT64_MAX);
        CHECK_OK(ktk_context_new(&context, &options, &err));
        begin(&fixture, context, PQ_BYTE_ARRAY, TYPE_STRING);
        for (int i = 0; i < 6; i++) {
            add_plain_texts(&fixture, 30000, 1);
        }
        atomic_store(&allocations, 0);
        atomic_store(&fail_at, n);
        status = decode(&fixture);
        assert_true(status == KTK_OK || status == KTK_E_NO_MEMORY);
        is_done = status == KTK_OK;
        assert_true(is_done || n < 1000);
        end(&fixture);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_numbers),
        cmocka_unit_test(reads_texts),
        cmocka_unit_test(reads_texts_with_bytes_behind_them),
        cmocka_unit_test(refuses_damaged_pages),
        cmocka_unit_test(survives_want_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
