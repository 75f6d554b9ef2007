/* Key k of the view is key quote_plus(k) of its base, which may then be one without '/'. */
#include "store/percent.h"
#include "store/view.h"

static ktk_status encode(const char *text, const char *key, struct buffer *out, ktk_error *err) {
    (void)text;
    return ktki_percent_encode_plus(out, key, err);
}

static ktk_status decode(const char *text, const char *key, struct buffer *out, ktk_error *err) {
    (void)text;
    return ktki_percent_decode(out, key, strlen(key), true, err);
}

static const struct key_codec url_codec = {encode, decode};

ktk_status ktk_store_urlencoded(ktk_store **out, ktk_store *base, ktk_error *err) {
    const struct view_setup setup = {
        .codec = &url_codec, .text = "", .keys = KTKI_KEYS_ANY, .label = "url-encoded"};

    return ktki_store_view_new(out, base, &setup, err);
}
