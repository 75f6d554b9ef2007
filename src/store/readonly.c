/* Without put and remove the wrapper refuses them: nothing else is to do. */
#include "store/view.h"

ktk_status ktk_store_readonly(ktk_store **out, ktk_store *base, ktk_error *err) {
    const struct view_setup setup = {
        .text = "", .keys = ktki_store_key_space(base), .is_read_only = true, .label = "read-only"};

    return ktki_store_view_new(out, base, &setup, err);
}
