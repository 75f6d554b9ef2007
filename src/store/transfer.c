/* Values that go from store to store. */
#include "base/context.h"
#include "base/error.h"
#include "store/backend.h"
#include "store/store_put.h"

/* A value that ends within it is one request on either side. */
#define FIRST_BYTES ((int64_t)16 << 20)

/* Of a larger one so many ranges are asked for at a time. */
#define RANGE_BYTES ((int64_t)8 << 20)
#define RANGES_AT_ONCE 2

static ktk_status append_ranges(struct store_put *put, ktk_store *source, const char *key,
                                int64_t *done, int64_t size, ktk_error *err) {
    struct object_range ranges[RANGES_AT_ONCE];
    ktk_bytes bytes[RANGES_AT_ONCE] = {KTK_BYTES_INIT, KTK_BYTES_INIT};
    size_t count = 0;
    int64_t at = *done;
    ktk_status status = KTK_OK;

    for (; count < RANGES_AT_ONCE && at < size; count++) {
        int64_t left = size - at;

        ranges[count] = (struct object_range){at, left < RANGE_BYTES ? left : RANGE_BYTES};
        at += ranges[count].size;
    }
    KTKI_TRY(ktki_store_get_ranges(source, key, ranges, count, bytes, err));
    for (size_t i = 0; i < count; i++) {
        if (bytes[i].size != (size_t)ranges[i].size) {
            KTKI_FAIL(err, KTK_E_IO, "'%s': %zu bytes came where %lld were asked for", key,
                      bytes[i].size, (long long)ranges[i].size);
        }
        KTKI_TRY(ktki_store_put_append(put, bytes[i].data, bytes[i].size, err));
        ktk_bytes_clear(&bytes[i]);
    }
    *done = at;
out:
    for (size_t i = 0; i < RANGES_AT_ONCE; i++) {
        ktk_bytes_clear(&bytes[i]);
    }
    return status;
}

/* A value that goes on behind `first`, which is released. */
static ktk_status transfer_pieces(ktk_store *store, const char *key, ktk_store *source,
                                  const char *source_key, const ktk_put_condition *condition,
                                  ktk_bytes *first, int64_t *size, ktk_error *err) {
    struct store_put *put = NULL;
    int64_t done = (int64_t)first->size;
    ktk_store_entry entry;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktk_store_head(source, source_key, &entry, err));
    KTKI_TRY(ktki_store_put_begin(&put, store, key, condition, err));
    KTKI_TRY(ktki_store_put_append(put, first->data, first->size, err));
    ktk_bytes_clear(first);
    while (done < entry.size) {
        KTKI_TRY(ktki_context_keep_going(ktk_store_context(store), err));
        KTKI_TRY(append_ranges(put, source, source_key, &done, entry.size, err));
    }
    KTKI_TRY(ktki_store_put_finish(put, NULL, err));
    *size = done;
out:
    ktki_store_put_free(put);
    return status;
}

ktk_status ktki_store_transfer(ktk_store *store, const char *key, ktk_store *source,
                               const char *source_key, const ktk_put_condition *condition,
                               int64_t *size, ktk_error *err) {
    ktk_bytes bytes = KTK_BYTES_INIT;
    ktk_status status = KTK_OK;

    if (ktki_store_slices(source)) {
        KTKI_TRY(ktk_store_get(source, source_key, &bytes, NULL, err));
    } else {
        KTKI_TRY(ktk_store_get_range(source, source_key, 0, FIRST_BYTES, &bytes, err));
        if (bytes.size == (size_t)FIRST_BYTES) {
            status = transfer_pieces(store, key, source, source_key, condition, &bytes, size, err);
            goto out;
        }
    }
    KTKI_TRY(ktk_store_put(store, key, bytes.data, bytes.size, condition, NULL, err));
    *size = (int64_t)bytes.size;
out:
    ktk_bytes_clear(&bytes);
    return status;
}
