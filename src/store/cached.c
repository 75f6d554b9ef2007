/* What is read of the base comes from another store where it is there. */
#include "base/error.h"
#include "store/view.h"

ktk_status ktk_store_cached(ktk_store **out, ktk_store *base, ktk_store *files, int64_t bytes_max,
                            ktk_error *err) {
    struct view_setup setup = {.text = "", .keys = ktki_store_key_space(base), .label = "cached"};
    ktk_status status = KTK_OK;

    if (bytes_max <= 0) {
        KTKI_FAIL(err, KTK_E_INVALID, "a cache must have room for some bytes, not for %lld",
                  (long long)bytes_max);
    }
    KTKI_TRY(ktki_read_cache_new(&setup.cache, base, files, bytes_max, err));
    KTKI_TRY(ktki_store_view_new(out, base, &setup, err));
    setup.cache = NULL;
out:
    ktki_read_cache_free(setup.cache);
    return status;
}
