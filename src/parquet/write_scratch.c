#include "parquet/write_scratch.h"

#include "base/alloc.h"
#include "base/error.h"

/* Bytes of indices that are kept for the next column: those of a row group of usual size. */
#define INDICES_KEPT_MAX ((size_t)4 << 20)

/* Bytes of a file that are kept for the next one. */
#define FILE_KEPT_MAX ((size_t)32 << 20)

void ktki_scratch_pool_init(struct scratch_pool *pool, const ktk_allocator *allocator) {
    *pool = (struct scratch_pool){.allocator = allocator};
    (void)pthread_mutex_init(&pool->lock, NULL);
}

static void scratch_free(struct write_scratch *scratch, const ktk_allocator *allocator) {
    ktki_arena_clear(&scratch->arena);
    ktki_codec_scratch_clear(&scratch->codec);
    ktki_dictionary_clear(&scratch->dictionary);
    ktki_encoder_clear(&scratch->encoder);
    ktki_buffer_clear(&scratch->indices);
    ktki_buffer_clear(&scratch->levels);
    ktki_buffer_clear(&scratch->body);
    ktki_buffer_clear(&scratch->header);
    KTKI_DELETE(allocator, scratch);
}

void ktki_scratch_pool_clear(struct scratch_pool *pool) {
    for (int use = 0; use < SCRATCH_USE_COUNT; use++) {
        while (pool->free_ones[use] != NULL) {
            struct write_scratch *scratch = pool->free_ones[use];

            pool->free_ones[use] = scratch->next;
            scratch_free(scratch, pool->allocator);
        }
    }
    for (int use = 0; use < OUTPUT_USE_COUNT; use++) {
        while (pool->free_outputs[use] != NULL) {
            struct page_output *output = pool->free_outputs[use];

            pool->free_outputs[use] = output->next;
            ktki_buffer_clear(&output->bytes);
            KTKI_DELETE(pool->allocator, output);
        }
    }
    (void)pthread_mutex_destroy(&pool->lock);
}

ktk_status ktki_scratch_take(struct scratch_pool *pool, enum scratch_use use,
                             struct write_scratch **out, ktk_error *err) {
    const ktk_allocator *allocator = pool->allocator;
    struct write_scratch *scratch;
    ktk_status status = KTK_OK;

    pthread_mutex_lock(&pool->lock);
    scratch = pool->free_ones[use];
    if (scratch != NULL) {
        pool->free_ones[use] = scratch->next;
    }
    pthread_mutex_unlock(&pool->lock);
    if (scratch == NULL) {
        /* Not zeroed as a whole: the room for blocks is large. */
        KTKI_TRY(ktki_alloc_array(allocator, 1, sizeof(*scratch), &scratch, err));
        scratch->use = use;
        scratch->values.allocator = allocator;
        ktki_arena_init(&scratch->arena, allocator);
        ktki_codec_scratch_init(&scratch->codec, allocator);
        ktki_dictionary_init(&scratch->dictionary, allocator);
        ktki_encoder_init(&scratch->encoder, allocator);
        ktki_buffer_init(&scratch->indices, allocator, 0);
        ktki_buffer_init(&scratch->levels, allocator, 0);
        ktki_buffer_init(&scratch->body, allocator, 0);
        ktki_buffer_init(&scratch->header, allocator, 0);
    }
    *out = scratch;
out:
    return status;
}

void ktki_scratch_give(struct scratch_pool *pool, struct write_scratch *scratch) {
    if (scratch != NULL) {
        if (scratch->indices.capacity > INDICES_KEPT_MAX) {
            ktki_buffer_clear(&scratch->indices);
        }
        pthread_mutex_lock(&pool->lock);
        scratch->next = pool->free_ones[scratch->use];
        pool->free_ones[scratch->use] = scratch;
        pthread_mutex_unlock(&pool->lock);
    }
}

ktk_status ktki_output_take(struct scratch_pool *pool, enum output_use use,
                            struct page_output **out, ktk_error *err) {
    struct page_output *output;
    ktk_status status = KTK_OK;

    pthread_mutex_lock(&pool->lock);
    output = pool->free_outputs[use];
    if (output != NULL) {
        pool->free_outputs[use] = output->next;
    }
    pthread_mutex_unlock(&pool->lock);
    if (output == NULL) {
        KTKI_TRY(KTKI_NEW(pool->allocator, &output, err));
        output->use = use;
        ktki_buffer_init(&output->bytes, pool->allocator, 0);
    }
    *out = output;
out:
    return status;
}

void ktki_output_give(struct scratch_pool *pool, struct page_output *output) {
    if (output != NULL) {
        if (output->bytes.capacity > FILE_KEPT_MAX) {
            ktki_buffer_clear(&output->bytes);
        }
        output->bytes.size = 0;
        pthread_mutex_lock(&pool->lock);
        output->next = pool->free_outputs[output->use];
        pool->free_outputs[output->use] = output;
        pthread_mutex_unlock(&pool->lock);
    }
}
