#include "dataset/snapshot.h"

#include <assert.h>
#include <pthread.h>

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"

#include "store/backend.h"

/* An object up to this size costs one request, whatever is read of it. */
#define WHOLE_BYTES_MAX ((int64_t)256 * 1024)

/* The same from afar, where it is also what comes with the footer of a larger one: a megabyte takes
 * 10 ms at the 100 MB/s of one connection, and a round trip up to its first byte takes 10 to 30 ms.
 * The rest is room for the footer of a file that has a megabyte of rows. */
#define END_BYTES ((int64_t)(1024 + 64) * 1024)

/* Ranges that lie this close together are one request: less than a round trip is worth. */
#define GAP_BYTES_MAX ((int64_t)1024 * 1024)

/* From afar nobody waits for a second request, which goes out at the same time. What lies between
 * two ranges is therefore only worth its price while it is small, or a share of what is wanted. */
#define GAP_BYTES_CHEAP ((int64_t)64 * 1024)
#define GAP_SHARE 4

/* From afar a request that has become this large takes no further range: two of them at the same
 * time are faster. */
#define RUN_BYTES_MAX ((int64_t)16 * 1024 * 1024)

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
    bool is_far;
    bool is_whole;         /* small, or of a size that the store could not say */
    struct fetched *end;   /* of a larger one: its last bytes, if they came when it was opened */
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

/* Neighbours, read with one request. */
struct run {
    size_t first; /* of the ordered ranges */
    size_t count;
    int64_t wanted; /* bytes in its ranges, those in two of them counted twice */
    struct object_range range;
};

/* Ranges of one read that are not at hand, and what is asked for them. */
struct fetch {
    struct store_source *source;
    size_t capacity;
    size_t count;
    struct ordered_range *ordered;
    size_t run_count;
    struct run *runs;
    struct object_range *ranges; /* of the runs */
    ktk_bytes *bytes;            /* of the runs, not yet shared */
};

/* Whether the next range is better asked for with the run than by itself. */
static bool joins(const struct store_source *source, const struct run *run,
                  const struct byte_range *next) {
    int64_t gap = next->offset - (run->range.offset + run->range.size);
    int64_t unwanted = run->range.size - run->wanted + gap;

    if (gap < 0 || !source->is_far) {
        return gap <= GAP_BYTES_MAX;
    }
    return run->range.size < RUN_BYTES_MAX && gap <= GAP_BYTES_MAX &&
           (unwanted <= GAP_BYTES_CHEAP || unwanted <= (run->wanted + next->size) / GAP_SHARE);
}

static void make_runs(struct fetch *fetch) {
    assert(fetch->runs != NULL);
    for (size_t i = 0; i < fetch->count; i++) {
        const struct byte_range *next = &fetch->ordered[i].range;
        struct run *run = fetch->run_count == 0 ? NULL : &fetch->runs[fetch->run_count - 1];
        int64_t end = next->offset + next->size;

        if (run == NULL || !joins(fetch->source, run, next)) {
            run = &fetch->runs[fetch->run_count++];
            *run = (struct run){.first = i, .range = {next->offset, 0}};
        }
        run->count++;
        run->wanted += next->size;
        if (end > run->range.offset + run->range.size) {
            run->range.size = end - run->range.offset;
        }
    }
}

/* Share the bytes of a run among its ranges. */
static ktk_status share_run(struct fetch *fetch, size_t index, ktk_bytes *out, ktk_error *err) {
    const struct run *run = &fetch->runs[index];
    struct fetched *fetched = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(check_size(fetch->source, fetch->bytes[index].size, run->range.size, err));
    KTKI_TRY(fetched_new(&fetched, fetch->source->allocator, err));
    fetched->bytes = fetch->bytes[index];
    fetch->bytes[index] = (ktk_bytes)KTK_BYTES_INIT;
    for (size_t i = run->first; i < run->first + run->count; i++) {
        const struct ordered_range *it = &fetch->ordered[i];

        out[it->position] = slice_of(fetched, it->range.offset - run->range.offset, it->range.size);
    }
out:
    fetched_free(fetched);
    return status;
}

static ktk_status read_runs(struct fetch *fetch, ktk_bytes *out, ktk_error *err) {
    const ktk_allocator *allocator = fetch->source->allocator;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(allocator, fetch->capacity, sizeof(*fetch->runs), &fetch->runs, err));
    make_runs(fetch);
    KTKI_TRY(
        ktki_alloc_array(allocator, fetch->run_count, sizeof(*fetch->ranges), &fetch->ranges, err));
    KTKI_TRY(
        ktki_alloc_zeroed(allocator, fetch->run_count, sizeof(*fetch->bytes), &fetch->bytes, err));
    for (size_t i = 0; i < fetch->run_count; i++) {
        fetch->ranges[i] = fetch->runs[i].range;
    }
    KTKI_TRY(ktki_store_get_ranges(fetch->source->store, fetch->source->key, fetch->ranges,
                                   fetch->run_count, fetch->bytes, err));
    for (size_t i = 0; i < fetch->run_count; i++) {
        KTKI_TRY(share_run(fetch, i, out, err));
    }
out:
    for (size_t i = 0; fetch->bytes != NULL && i < fetch->run_count; i++) {
        ktk_bytes_clear(&fetch->bytes[i]);
    }
    ktki_free_array(allocator, fetch->bytes, fetch->run_count, sizeof(*fetch->bytes));
    ktki_free_array(allocator, fetch->ranges, fetch->run_count, sizeof(*fetch->ranges));
    ktki_free_array(allocator, fetch->runs, fetch->capacity, sizeof(*fetch->runs));
    return status;
}

/* Whether a range is at hand. */
static bool slice_end(const struct store_source *source, const struct byte_range *range,
                      ktk_bytes *out) {
    struct fetched *end = source->end;
    int64_t start = end == NULL ? source->size : source->size - (int64_t)end->bytes.size;

    if (range->size == 0) {
        *out = (ktk_bytes)KTK_BYTES_INIT;
        return true;
    }
    if (end == NULL || range->offset < start) {
        return false;
    }
    *out = slice_of(end, range->offset - start, range->size);
    return true;
}

static ktk_status read_ranges(struct store_source *source, const struct byte_range *ranges,
                              size_t count, ktk_bytes *out, ktk_error *err) {
    struct fetch fetch = {.source = source, .capacity = count};
    ktk_status status = KTK_OK;

    KTKI_TRY(
        ktki_alloc_array(source->allocator, count, sizeof(*fetch.ordered), &fetch.ordered, err));
    for (size_t i = 0; i < count; i++) {
        out[i] = (ktk_bytes)KTK_BYTES_INIT;
        if (!slice_end(source, &ranges[i], &out[i])) {
            fetch.ordered[fetch.count++] = (struct ordered_range){ranges[i], i};
        }
    }
    qsort(fetch.ordered, fetch.count, sizeof(*fetch.ordered), compare_offsets);
    if (fetch.count > 0) {
        status = read_runs(&fetch, out, err);
    }
    for (size_t i = 0; i < count && status != KTK_OK; i++) {
        ktk_bytes_clear(&out[i]);
    }
out:
    ktki_free_array(source->allocator, fetch.ordered, count, sizeof(*fetch.ordered));
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
    fetched_free(source->end);
    (void)pthread_mutex_destroy(&source->lock);
    ktki_free_text(source->allocator, source->key);
    /* The store goes last: the allocator lives in its context. */
    KTKI_DELETE(source->allocator, source);
    ktk_store_free(store);
}

static const struct source_ops store_source_ops = {.read = store_source_read,
                                                   .free = store_source_free};

/* From afar the size comes with the end of the object, which is all of a small one. */
static ktk_status fetch_end(struct store_source *source, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(fetched_new(&source->end, source->allocator, err));
    KTKI_TRY(ktki_store_get_end(source->store, source->key, END_BYTES, &source->end->bytes,
                                &source->size, err));
    if ((int64_t)source->end->bytes.size == source->size) {
        source->whole = source->end;
        source->end = NULL;
    }
out:
    return status;
}

/* Size of the object: as given, as the store says, or what fetching it shows. */
static ktk_status find_size(struct store_source *source, int64_t size, ktk_error *err) {
    ktk_store_entry entry;
    ktk_status status = KTK_OK;

    source->size = size;
    if (size < 0 && ktki_store_has_end(source->store)) {
        KTKI_TRY(fetch_end(source, err));
    } else if (size < 0) {
        KTKI_TRY(ktk_store_head(source->store, source->key, &entry, err));
        source->size = entry.size;
    }
    if (source->size < 0) {
        KTKI_TRY(fetched_new(&source->whole, source->allocator, err));
        KTKI_TRY(ktk_store_get(source->store, source->key, &source->whole->bytes, NULL, err));
        source->size = (int64_t)source->whole->bytes.size;
    }
    source->is_whole =
        source->whole != NULL || source->size <= (source->is_far ? END_BYTES : WHOLE_BYTES_MAX);
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
    source->is_far = ktki_store_is_far(store);
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
