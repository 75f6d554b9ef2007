/* Metadata documents: what was read and is written reads the same again, and writes the same
 * bytes. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "dataset/document.h"

static void check_same(const struct document *a, const struct document *b) {
    FUZZ_ASSERT(strcmp(a->uuid, b->uuid) == 0 && a->version == b->version);
    FUZZ_ASSERT(a->has_partitions == b->has_partitions);
    FUZZ_ASSERT(a->partition_count == b->partition_count);
    for (int64_t i = 0; i < a->partition_count; i++) {
        const struct partition *p = &a->partitions[i];
        const struct partition *q = &b->partitions[i];

        FUZZ_ASSERT(strcmp(p->label, q->label) == 0 && p->file_count == q->file_count);
        for (int32_t j = 0; j < p->file_count; j++) {
            FUZZ_ASSERT(strcmp(p->files[j].table, q->files[j].table) == 0);
            FUZZ_ASSERT(strcmp(p->files[j].key, q->files[j].key) == 0);
        }
    }
    FUZZ_ASSERT(a->has_partition_keys == b->has_partition_keys);
    FUZZ_ASSERT(a->partition_key_count == b->partition_key_count);
    for (int32_t i = 0; i < a->partition_key_count; i++) {
        FUZZ_ASSERT(strcmp(a->partition_keys[i], b->partition_keys[i]) == 0);
    }
    FUZZ_ASSERT(a->index_count == b->index_count);
    for (int32_t i = 0; i < a->index_count; i++) {
        FUZZ_ASSERT(strcmp(a->indices[i].column, b->indices[i].column) == 0);
        FUZZ_ASSERT((a->indices[i].key == NULL) == (b->indices[i].key == NULL));
    }
}

/* What is parsed in place says the same, and its text comes back. */
static void check_in_place(const struct document *document, ktk_context *context,
                           const uint8_t *data, size_t size) {
    struct document placed;
    char *text = malloc(size);
    ktk_error err;

    FUZZ_ASSERT(text != NULL);
    memcpy(text, data, size);
    FUZZ_ASSERT(ktki_document_parse_in_place(&placed, context, text, size, &err) == KTK_OK);
    check_same(document, &placed);
    ktki_document_restore(text, text, size);
    FUZZ_ASSERT(memcmp(text, data, size) == 0);
    ktki_document_clear(&placed);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    ktk_context_options options = KTK_CONTEXT_OPTIONS_INIT;
    struct document document;
    ktk_context *context;
    ktk_error err;

    options.threads = 1;
    FUZZ_ASSERT(ktk_context_new(&context, &options, NULL) == KTK_OK);
    if (ktki_document_parse(&document, context, (const char *)data, size, &err) == KTK_OK) {
        const ktk_allocator *allocator = ktki_context_allocator(context);
        struct document again;
        struct buffer first;
        struct buffer second;

        ktki_buffer_init(&first, allocator, 0);
        ktki_buffer_init(&second, allocator, 0);
        check_in_place(&document, context, data, size);
        if (ktki_document_write(&document, &first, &err) == KTK_OK) {
            FUZZ_ASSERT(ktki_document_parse(&again, context, (const char *)first.data, first.size,
                                            &err) == KTK_OK);
            check_same(&document, &again);
            FUZZ_ASSERT(ktki_document_write(&again, &second, &err) == KTK_OK);
            FUZZ_ASSERT(first.size == second.size &&
                        memcmp(first.data, second.data, first.size) == 0);
            ktki_document_clear(&again);
        } else {
            FUZZ_ASSERT(err.status == KTK_E_INVALID || err.status == KTK_E_LIMIT);
        }
        ktki_buffer_clear(&second);
        ktki_buffer_clear(&first);
        ktki_document_clear(&document);
    }
    ktk_context_free(context);
    return 0;
}
