/* Key k of the view is key prefix + k of its base. */
#include "base/context.h"
#include "base/error.h"
#include "store/view.h"

static ktk_status add_prefix(const char *text, const char *key, struct buffer *out,
                             ktk_error *err) {
    ktk_status status = ktki_buffer_append_text(out, text, err);

    return status == KTK_OK ? ktki_buffer_append_text(out, key, err) : status;
}

/* Only called for keys that start with the prefix: nothing else is asked of the base. */
static ktk_status take_prefix(const char *text, const char *key, struct buffer *out,
                              ktk_error *err) {
    return ktki_buffer_append_text(out, key + strlen(text), err);
}

static const struct key_codec prefix_codec = {add_prefix, take_prefix};

ktk_status ktk_store_prefixed(ktk_store **out, ktk_store *base, const char *prefix,
                              ktk_error *err) {
    struct view_setup setup = {
        .codec = &prefix_codec, .text = prefix, .keys = ktki_store_key_space(base)};
    struct buffer label;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&label, ktki_context_allocator(ktk_store_context(base)), 0);
    KTKI_TRY(ktki_buffer_append_format(&label, err, "below '%s'", prefix));
    KTKI_TRY(ktki_buffer_append_byte(&label, '\0', err));
    setup.label = (const char *)label.data;
    KTKI_TRY(ktki_store_view_new(out, base, &setup, err));
out:
    ktki_buffer_clear(&label);
    return status;
}
