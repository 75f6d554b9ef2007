#include "store/view.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "base/context.h"
#include "base/error.h"
#include "store/store_put.h"

struct view {
    ktk_store *base;
    const ktk_allocator *allocator; /* of the context, which the store around this keeps alive */
    const struct key_codec *codec;
    char *text;
    struct read_cache *cache; /* NULL: none */
};

/* ---- keys ---- */

/* Fill `out` with the NUL-terminated key of the base. */
static ktk_status encode(const struct view *view, const char *key, struct buffer *out,
                         ktk_error *err) {
    ktk_status status = KTK_OK;

    ktki_buffer_init(out, view->allocator, 0);
    KTKI_TRY(view->codec == NULL ? ktki_buffer_append_text(out, key, err)
                                 : view->codec->encode(view->text, key, out, err));
    KTKI_TRY(ktki_buffer_append_byte(out, '\0', err));
out:
    return status;
}

static const char *text_of(const struct buffer *buffer) {
    return (const char *)buffer->data;
}

/* ---- operations ---- */

static ktk_status view_get(void *state, const char *key, ktk_bytes *out, ktk_store_version *version,
                           ktk_error *err) {
    struct view *view = state;
    struct buffer code;
    ktk_status status = KTK_OK;

    KTKI_TRY(encode(view, key, &code, err));
    KTKI_TRY(view->cache != NULL
                 ? ktki_read_cache_get(view->cache, text_of(&code), out, version, err)
                 : ktk_store_get(view->base, text_of(&code), out, version, err));
out:
    ktki_buffer_clear(&code);
    return status;
}

static ktk_status view_get_range(void *state, const char *key, int64_t offset, int64_t size,
                                 ktk_bytes *out, ktk_error *err) {
    struct view *view = state;
    struct buffer code;
    ktk_status status = KTK_OK;

    KTKI_TRY(encode(view, key, &code, err));
    KTKI_TRY(view->cache != NULL
                 ? ktki_read_cache_get_range(view->cache, text_of(&code), offset, size, out, err)
                 : ktk_store_get_range(view->base, text_of(&code), offset, size, out, err));
out:
    ktki_buffer_clear(&code);
    return status;
}

static ktk_status view_get_end(void *state, const char *key, int64_t size, ktk_bytes *out,
                               int64_t *value_size, ktk_error *err) {
    struct view *view = state;
    struct buffer code;
    ktk_status status = KTK_OK;

    KTKI_TRY(encode(view, key, &code, err));
    KTKI_TRY(view->cache != NULL
                 ? ktki_read_cache_get_end(view->cache, text_of(&code), size, out, value_size, err)
                 : ktki_store_get_end(view->base, text_of(&code), size, out, value_size, err));
out:
    ktki_buffer_clear(&code);
    return status;
}

static ktk_status view_get_ranges(void *state, const char *key, const struct object_range *ranges,
                                  size_t count, ktk_bytes *out, ktk_error *err) {
    struct view *view = state;
    struct buffer code;
    ktk_status status = KTK_OK;

    KTKI_TRY(encode(view, key, &code, err));
    KTKI_TRY(view->cache != NULL
                 ? ktki_read_cache_get_ranges(view->cache, text_of(&code), ranges, count, out, err)
                 : ktki_store_get_ranges(view->base, text_of(&code), ranges, count, out, err));
out:
    ktki_buffer_clear(&code);
    return status;
}

static ktk_status view_head(void *state, const char *key, ktk_store_entry *out, ktk_error *err) {
    struct view *view = state;
    struct buffer code;
    ktk_status status = KTK_OK;

    KTKI_TRY(encode(view, key, &code, err));
    KTKI_TRY(ktk_store_head(view->base, text_of(&code), out, err));
    out->key = key;
out:
    ktki_buffer_clear(&code);
    return status;
}

static ktk_status view_put(void *state, const char *key, const void *data, size_t size,
                           const ktk_put_condition *condition, ktk_store_version *version,
                           ktk_error *err) {
    struct view *view = state;
    struct buffer code;
    ktk_status status = KTK_OK;

    KTKI_TRY(encode(view, key, &code, err));
    KTKI_TRY(ktk_store_put(view->base, text_of(&code), data, size, condition, version, err));
out:
    ktki_buffer_clear(&code);
    return status;
}

static ktk_status view_begin(void *state, const char *key, const ktk_put_condition *condition,
                             void **out, ktk_error *err) {
    struct view *view = state;
    struct store_put *put;
    struct buffer code;
    ktk_status status = KTK_OK;

    KTKI_TRY(encode(view, key, &code, err));
    KTKI_TRY(ktki_store_put_begin(&put, view->base, text_of(&code), condition, err));
    *out = put;
out:
    ktki_buffer_clear(&code);
    return status;
}

static ktk_status view_append(void *put, const void *data, size_t size, ktk_error *err) {
    return ktki_store_put_append(put, data, size, err);
}

static ktk_status view_finish(void *put, ktk_store_version *version, ktk_error *err) {
    return ktki_store_put_finish(put, version, err);
}

static void view_end(void *put) {
    ktki_store_put_free(put);
}

/* Whether the base honours conditions is its own to say. */
static const struct put_ops view_puts = {
    .has_conditions = true,
    .begin = view_begin,
    .append = view_append,
    .finish = view_finish,
    .end = view_end,
};

static ktk_status view_remove(void *state, const char *key, ktk_error *err) {
    struct view *view = state;
    struct buffer code;
    ktk_status status = KTK_OK;

    KTKI_TRY(encode(view, key, &code, err));
    KTKI_TRY(ktk_store_remove(view->base, text_of(&code), err));
out:
    ktki_buffer_clear(&code);
    return status;
}

static ktk_status view_remove_many(void *state, struct removal *removals, size_t count,
                                   ktk_error *err) {
    struct view *view = state;
    struct removal *coded = NULL;
    struct arena codes;
    struct buffer code;
    ktk_status status = KTK_OK;

    ktki_arena_init(&codes, view->allocator);
    KTKI_TRY(ktki_arena_array(&codes, count, sizeof(*coded), &coded, err));
    for (size_t i = 0; i < count; i++) {
        status = encode(view, removals[i].key, &code, err);
        if (status == KTK_OK) {
            status = ktki_arena_text(&codes, text_of(&code), code.size - 1, &coded[i].key, err);
        }
        ktki_buffer_clear(&code);
        KTKI_TRY(status);
    }
    status = ktki_store_remove_many(view->base, coded, count, err);
    for (size_t i = 0; i < count; i++) {
        removals[i].is_gone = coded[i].is_gone;
    }
out:
    ktki_arena_clear(&codes);
    return status;
}

static ktk_status view_sync(void *state, ktk_error *err) {
    struct view *view = state;

    return ktk_store_sync(view->base, err);
}

/* A listing of the base under way. */
struct decoding {
    const struct view *view;
    ktk_store_list_fn fn;
    void *fn_state;
};

static ktk_status list_decoded(void *state, const ktk_store_entry *entry, ktk_error *err) {
    const struct decoding *decoding = state;
    const struct view *view = decoding->view;
    ktk_store_entry decoded = *entry;
    struct buffer key;
    struct buffer code = {0};
    ktk_status status = KTK_OK;

    ktki_buffer_init(&key, view->allocator, 0);
    ktki_buffer_init(&code, view->allocator, 0);
    KTKI_TRY(view->codec->decode(view->text, entry->key, &key, err));
    KTKI_TRY(ktki_buffer_append_byte(&key, '\0', err));
    KTKI_TRY(encode(view, text_of(&key), &code, err));
    if (strcmp(text_of(&code), entry->key) == 0) {
        decoded.key = text_of(&key);
        KTKI_TRY(decoding->fn(decoding->fn_state, &decoded, err));
    }
out:
    ktki_buffer_clear(&code);
    ktki_buffer_clear(&key);
    return status;
}

static ktk_status view_list(void *state, const char *prefix, ktk_store_list_fn fn, void *fn_state,
                            ktk_error *err) {
    struct view *view = state;
    struct decoding decoding = {view, fn, fn_state};
    struct buffer code;
    ktk_status status = KTK_OK;

    KTKI_TRY(encode(view, prefix, &code, err));
    KTKI_TRY(view->codec == NULL
                 ? ktk_store_list(view->base, text_of(&code), fn, fn_state, err)
                 : ktk_store_list(view->base, text_of(&code), list_decoded, &decoding, err));
out:
    ktki_buffer_clear(&code);
    return status;
}

static void view_describe(void *state, struct store_origin *out) {
    ktki_store_describe(((struct view *)state)->base, out);
}

static void view_free(void *state) {
    struct view *view = state;

    ktki_read_cache_free(view->cache);
    ktki_free_text(view->allocator, view->text);
    ktk_store_free(view->base);
    KTKI_DELETE(view->allocator, view);
}

static const ktk_store_ops view_ops = {
    .size = sizeof(ktk_store_ops),
    .get = view_get,
    .get_range = view_get_range,
    .head = view_head,
    .put = view_put,
    .remove = view_remove,
    .list = view_list,
    .sync = view_sync,
    .free = view_free,
};

static const ktk_store_ops read_only_ops = {
    .size = sizeof(ktk_store_ops),
    .get = view_get,
    .get_range = view_get_range,
    .head = view_head,
    .list = view_list,
    .free = view_free,
};

ktk_status ktki_store_view_new(ktk_store **out, ktk_store *base, const struct view_setup *setup,
                               ktk_error *err) {
    ktk_context *context = ktk_store_context(base);
    const ktk_allocator *allocator = ktki_context_allocator(context);
    /* The base serialises what it must: a view adds nothing that threads could disturb. */
    struct store_setup store = {
        .ops = setup->is_read_only ? &read_only_ops : &view_ops,
        .caps = ktki_store_caps(base) | (uint32_t)KTK_STORE_THREAD_SAFE,
        .calls_at_once = ktki_store_calls_at_once(base),
        .keys = setup->keys,
        .slices = ktki_store_slices(base),
        .is_view = true,
        .get_end = ktki_store_has_end(base) ? view_get_end : NULL,
        .get_ranges = view_get_ranges,
        .remove_many = view_remove_many,
        .puts = &view_puts,
        .describe = view_describe,
    };
    struct view *view = NULL;
    struct buffer name;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&name, allocator, 0);
    KTKI_TRY(ktki_buffer_append_format(&name, err, "%s (%s)", ktk_store_name(base), setup->label));
    KTKI_TRY(ktki_buffer_append_byte(&name, '\0', err));
    KTKI_TRY(KTKI_NEW(allocator, &view, err));
    view->allocator = allocator;
    view->codec = setup->codec;
    KTKI_TRY(ktki_copy_text(allocator, setup->text, strlen(setup->text), &view->text, err));
    view->base = ktk_store_ref(base);
    store.state = view;
    store.name = text_of(&name);
    KTKI_TRY(ktki_store_new(out, context, &store, err));
    view->cache = setup->cache;
    view = NULL;
    if (ktki_store_lock(base) != NULL) {
        status =
            ktk_store_set_lock(*out, ktki_store_lock(base)->ops, ktki_store_lock(base)->state, err);
    }
out:
    if (view != NULL) {
        view_free(view);
    }
    ktki_buffer_clear(&name);
    return status;
}
