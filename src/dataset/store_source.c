#include "dataset/snapshot.h"

#include <pthread.h>

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"

/* An object up to this size costs one request, whatever is read of it. */
#define WHOLE_BYTES_MAX ((int64_t)256 * 1024)

/* Ranges that lie this close together are one request: less than a round trip is worth. */
#define GAP_BYTES_MAX ((int64_t)1024 * 1024)

/* Bytes that came with one request, shared by the ranges in them. */
struct fetched {
    int64_t references; /* atomic access only */
    const ktk_allocator *allocator;
    ktk_bytes bytes;
};

struct store_source {
    ktk_store *store;
    const ktk_allocator *allocator;
    char *key;
    int64_t size;
    bool is_whole;         /* small, or of a size that the store could not say */
    pthread_mutex_t lock;  /* of `whole` */
    struct fetched *whole; /* NULL: not fetched yet */
};

static ktk_status fetched_new(struct fetched **out, const ktk_allocator *allocator,
                              ktk_error *err) {
    ktk_status status = KTKI_NEW(allocator, out, err);

    if (status == KTK_OK) {
        (*out)->references = 1;
        (*out)->allocator = allocator;
    }
    return status;
}

static struct fetched *fetched_ref(struct fetched *fetched) {
    (void)__atomic_fetch_add(&fetched->references, 1, __ATOMIC_RELAXED);
    return fetched;
}

static void fetched_free(struct fetched *fetched) {
    if (fetched != NULL && __atomic_fetch_sub(&fetched->references, 1, __ATOMIC_ACQ_REL) == 1) {
        ktk_bytes_clear(&fetched->bytes);
        KTKI_DELETE(fetched->allocator, fetched);
    }
}

static void slice_release(ktk_bytes *slice) {
    fetched_free(slice->owner);
}

static ktk_bytes slice_of(struct fetched *fetched, int64_t offset, int64_t size) {
    const uint8_t *data = fetched->bytes.data;

    return (ktk_bytes){data == NULL ? NULL : data + offset, (size_t)size, slice_release,
                       fetched_ref(fetched)};
}

/* An object that got shorter since it was opened, or that the store cut. */
static ktk_status check_size(const struct store_source *source, size_t got, int64_t wanted,
                             ktk_error *err) {
    if (got != (size_t)wanted) {
        return ktk_error_set(err, KTK_E_IO, "'%s': %zu bytes came where %lld were asked for",
                             source->key, got, (long long)wanted);
    }
    return KTK_OK;
}

static struct fetched *whole_ref(struct store_source *source) {
    struct fetched *whole;

    (void)pthread_mutex_lock(&source->lock);
    whole = source->whole != NULL ? fetched_ref(source->whole) : NULL;
    (void)pthread_mutex_unlock(&source->lock);
    return whole;
}

/* A reference to all bytes, fetched by the first that asks; two at once may both fetch. */
static ktk_status fetch_whole(struct store_source *source, struct fetched **out, ktk_error *err) {
    struct fetched *fetched = whole_ref(source);
    ktk_status status = KTK_OK;

    if (fetched == NULL) {
        KTKI_TRY(fetched_new(&fetched, source->allocator, err));
        KTKI_TRY(ktk_store_get(source->store, source->key, &fetched->bytes, NULL, err));
        KTKI_TRY(check_size(source, fetched->bytes.size, source->size, err));
        (void)pthread_mutex_lock(&source->lock);
        if (source->whole == NULL) {
            source->whole = fetched_ref(fetched);
        }
        (void)pthread_mutex_unlock(&source->lock);
    }
    *out = fetched;
    fetched = NULL;
out:
    fetched_free(fetched);
    return status;
}

static ktk_status read_whole(struct store_source *source, const struct byte_range *ranges,
                             size_t count, ktk_bytes *out, ktk_error *err) {
    struct fetched *whole = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(fetch_whole(source, &whole, err));
    for (size_t i = 0; i < count; i++) {
        out[i] = slice_of(whole, ranges[i].offset, ranges[i].size);
    }
out:
    fetched_free(whole);
    return status;
}

struct ordered_range {
    struct byte_range range;
    size_t position; /* in the request */
};

static int compare_offsets(const void *a, const void *b) {
    int64_t first = ((const struct ordered_range *)a)->range.offset;
    int64_t second = ((const struct ordered_range *)b)->range.offset;

    return (first > second) - (first < second);
}

/* One request for `count` neighbouring ranges, from the first offset to `end`. */
static ktk_status read_run(struct store_source *source, const struct ordered_range *run,
                           size_t count, int64_t end, ktk_bytes *out, ktk_error *err) {
    int64_t start = run[0].range.offset;
    struct fetched *fetched = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(fetched_new(&fetched, source->allocator, err));
    KTKI_TRY(
        ktk_store_get_range(source->store, source->key, start, end - start, &fetched->bytes, err));
    KTKI_TRY(check_size(source, fetched->bytes.size, end - start, err));
    for (size_t i = 0; i < count; i++) {
        out[run[i].position] = slice_of(fetched, run[i].range.offset - start, run[i].range.size);
    }
out:
    fetched_free(fetched);
    return status;
}

static ktk_status read_runs(struct store_source *source, const struct ordered_range *ordered,
                            size_t count, ktk_bytes *out, ktk_error *err) {
    ktk_status status = KTK_OK;
    size_t first = 0;

    while (first < count && status == KTK_OK) {
        int64_t end = ordered[first].range.offset + ordered[first].range.size;
        size_t next = first + 1;

        for (; next < count && ordered[next].range.offset - end <= GAP_BYTES_MAX; next++) {
            int64_t range_end = ordered[next].range.offset + ordered[next].range.size;
            end = range_end > end ? range_end : end;
        }
        status = read_run(source, ordered + first, next - first, end, out, err);
        first = next;
    }
    return status;
}

static ktk_status read_ranges(struct store_source *source, const struct byte_range *ranges,
                              size_t count, ktk_bytes *out, ktk_error *err) {
    struct ordered_range *ordered = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(source->allocator, count, sizeof(*ordered), &ordered, err));
    for (size_t i = 0; i < count; i++) {
        ordered[i] = (struct ordered_range){ranges[i], i};
        out[i] = (ktk_bytes)KTK_BYTES_INIT;
    }
    qsort(ordered, count, sizeof(*ordered), compare_offsets);
    status = read_runs(source, ordered, count, out, err);
    for (size_t i = 0; i < count && status != KTK_OK; i++) {
        ktk_bytes_clear(&out[i]);
    }
out:
    ktki_free_array(source->allocator, ordered, count, sizeof(*ordered));
    return status;
}

static ktk_status store_source_read(void *state, const struct byte_range *ranges, size_t count,
                                    ktk_bytes *out, ktk_error *err) {
    struct store_source *source = state;

    if (count == 0) {
        return KTK_OK;
    }
    return source->is_whole ? read_whole(source, ranges, count, out, err)
                            : read_ranges(source, ranges, count, out, err);
}

static void store_source_free(void *state) {
    struct store_source *source = state;
    ktk_store *store = source->store;

    fetched_free(source->whole);
    (void)pthread_mutex_destroy(&source->lock);
    ktki_free_text(source->allocator, source->key);
    /* The store goes last: the allocator lives in its context. */
    KTKI_DELETE(source->allocator, source);
    ktk_store_free(store);
}

static const struct source_ops store_source_ops = {.read = store_source_read,
                                                   .free = store_source_free};

/* Size of the object: as given, as the store says, or what fetching it shows. */
static ktk_status find_size(struct store_source *source, int64_t size, ktk_error *err) {
    ktk_store_entry entry;
    ktk_status status = KTK_OK;

    if (size < 0) {
        KTKI_TRY(ktk_store_head(source->store, source->key, &entry, err));
        size = entry.size;
    }
    if (size < 0) {
        KTKI_TRY(fetched_new(&source->whole, source->allocator, err));
        KTKI_TRY(ktk_store_get(source->store, source->key, &source->whole->bytes, NULL, err));
        size = (int64_t)source->whole->bytes.size;
    }
    source->size = size;
    source->is_whole = source->whole != NULL || size <= WHOLE_BYTES_MAX;
out:
    return status;
}

ktk_status ktki_source_of_key(struct source *out, ktk_store *store, const char *key, int64_t size,
                              ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(ktk_store_context(store));
    struct store_source *source = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(KTKI_NEW(allocator, &source, err));
    if (pthread_mutex_init(&source->lock, NULL) != 0) {
        KTKI_DELETE(allocator, source);
        source = NULL;
        KTKI_FAIL(err, KTK_E_NO_MEMORY, "cannot make a lock");
    }
    source->store = ktk_store_ref(store);
    source->allocator = allocator;
    KTKI_TRY(ktki_copy_text(allocator, key, strlen(key), &source->key, err));
    KTKI_TRY(find_size(source, size, err));
    *out = (struct source){&store_source_ops, source, source->size, source->key, SOURCE_STORE};
    source = NULL;
out:
    if (source != NULL) {
        store_source_free(source);
    }
    return status;
}
