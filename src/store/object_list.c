/* Lists of a bucket or container, page by page. */
#include <stdio.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "net/http_date.h"
#include "net/xml.h"
#include "store/object.h"
#include "store/percent.h"

struct page_entry {
    struct page_entry *next;
    ktk_store_entry entry; /* the key is the arena's, without the prefix of the store */
};

/* One answer. It is read wholly before anybody hears of it: whoever is told may use the store. */
struct page {
    struct arena arena;
    const struct object_store *store;
    struct page_entry *first;
    struct page_entry **end;
    bool is_encoded;
    bool is_truncated;
    struct call_param next;  /* with which the next page is asked for; no name: this is the last */
    struct page_entry *open; /* the one that is being read */
};

/* Keys may come before it is said that they are encoded, so that they are read at the end. */
static ktk_status read_key(struct page *page, ktk_store_entry *entry, ktk_error *err) {
    size_t skipped = strlen(page->store->prefix);
    const char *text = entry->key;
    struct buffer key;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&key, page->arena.allocator, 0);
    if (page->is_encoded) {
        KTKI_TRY(ktki_percent_decode(&key, text, strlen(text), true, err));
    } else {
        KTKI_TRY(ktki_buffer_append_text(&key, text, err));
    }
    if (key.size < skipped ||
        (skipped > 0 && memcmp(key.data, page->store->prefix, skipped) != 0)) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "a list has a key that does not start with its prefix");
    }
    KTKI_TRY(ktki_arena_text(&page->arena, (const char *)key.data + skipped, key.size - skipped,
                             &entry->key, err));
out:
    ktki_buffer_clear(&key);
    return status;
}

static ktk_status open_entry(struct page *page, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (page->open == NULL) {
        KTKI_TRY(ktki_arena_zeroed(&page->arena, 1, sizeof(*page->open), &page->open, err));
        page->open->entry.size = -1;
        page->open->entry.modified_us = -1;
    }
out:
    return status;
}

static ktk_status take_field(struct page *page, const char *name, const char *text,
                             ktk_error *err) {
    const struct object_list_format *format = page->store->list;
    int64_t seconds = 0;
    ktk_store_entry *entry;
    ktk_status status = KTK_OK;

    KTKI_TRY(open_entry(page, err));
    entry = &page->open->entry;
    if (strcmp(name, format->key) == 0) {
        KTKI_TRY(ktki_arena_text(&page->arena, text, strlen(text), &entry->key, err));
    } else if (strcmp(name, format->size) == 0) {
        if (!ktki_parse_i64(text, strlen(text), &entry->size) || entry->size < 0) {
            KTKI_FAIL(err, KTK_E_CORRUPT, "a list has a size that is no number");
        }
    } else if (strcmp(name, format->modified) == 0 && format->is_http_date) {
        entry->modified_us = ktki_http_date_parse(text, &seconds) ? seconds * 1000000 : -1;
    } else if (strcmp(name, format->modified) == 0) {
        if (!ktki_iso_date_parse(text, &entry->modified_us)) {
            entry->modified_us = -1;
        }
    } else if (strcmp(name, format->version) == 0 &&
               strlen(text) + 2 < sizeof(entry->version.text)) {
        /* As the header has it, though Azure's lists leave the quotes off. */
        (void)snprintf(entry->version.text, sizeof(entry->version.text),
                       text[0] == '"' ? "%s" : "\"%s\"", text);
    }
out:
    return status;
}

static ktk_status take_element(void *state, const char *path, const char *text, ktk_error *err) {
    struct page *page = state;
    const struct object_list_format *format = page->store->list;
    size_t size = strlen(format->entry);
    ktk_status status = KTK_OK;

    if (strncmp(path, format->entry, size) == 0 && path[size] == '/') {
        KTKI_TRY(take_field(page, path + size + 1, text, err));
    } else if (strcmp(path, format->entry) == 0 && page->open != NULL &&
               page->open->entry.key != NULL) {
        *page->end = page->open;
        page->end = &page->open->next;
        page->open = NULL;
    } else if (format->encoding != NULL && strcmp(path, format->encoding) == 0) {
        page->is_encoded = strcmp(text, "url") == 0;
    } else if (format->truncated != NULL && strcmp(path, format->truncated) == 0) {
        page->is_truncated = strcmp(text, "true") == 0;
    } else if (strcmp(path, format->next) == 0 && text[0] != '\0') {
        page->next.name = format->next_param;
        KTKI_TRY(ktki_arena_text(&page->arena, text, strlen(text), &page->next.value, err));
    }
out:
    return status;
}

/* A service that cuts a list, but gives no token, goes on behind the last key. */
static ktk_status go_on_by_key(struct page *page, const struct page_entry *last, ktk_error *err) {
    struct buffer key;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&key, page->arena.allocator, 0);
    if (last == NULL) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "a list is cut short before its first key");
    }
    KTKI_TRY(ktki_buffer_append_format(&key, err, "%s%s", page->store->prefix, last->entry.key));
    KTKI_TRY(
        ktki_arena_text(&page->arena, (const char *)key.data, key.size, &page->next.value, err));
    page->next.name = page->store->list->after_param;
out:
    ktki_buffer_clear(&key);
    return status;
}

static ktk_status read_page(struct page *page, const struct http_answer *answer, ktk_error *err) {
    const struct object_store *store = page->store;
    const struct page_entry *last = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_xml_read(store->allocator, answer->body.data, answer->body.size, take_element,
                           page, err));
    for (struct page_entry *at = page->first; at != NULL; at = at->next) {
        KTKI_TRY(read_key(page, &at->entry, err));
        last = at;
    }
    if (page->is_truncated && page->next.name == NULL) {
        KTKI_TRY(go_on_by_key(page, last, err));
    }
out:
    if (status == KTK_E_CORRUPT) {
        ktki_error_context(err, "a list of '%s'", store->name);
    }
    return status;
}

/* `from`: the one to begin with; no name: the first. */
static ktk_status fetch_page(const struct object_store *store, const char *prefix,
                             const struct call_param *from, struct page *page, ktk_error *err) {
    const struct object_list_format *format = store->list;
    struct call_param params[6];
    struct http_answer answer = {0};
    struct object_call call;
    struct buffer full;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&full, store->allocator, 0);
    KTKI_TRY(ktki_object_call_init(&call, store, "GET", "list", NULL, err));
    KTKI_TRY(ktki_buffer_append_format(&full, err, "%s%s", store->prefix, prefix));
    KTKI_TRY(ktki_buffer_append_byte(&full, '\0', err));
    memcpy(params, format->params, format->param_count * sizeof(params[0]));
    call.call.params = params;
    call.call.param_count = format->param_count;
    params[call.call.param_count++] = (struct call_param){"prefix", (const char *)full.data};
    if (from->name != NULL) {
        params[call.call.param_count++] = *from;
    }
    call.call.answer_bytes_max = (size_t)store->limits->document_bytes_max;
    KTKI_TRY(ktki_exchange(store->exchanger, &call.call, &answer, NULL, err));
    KTKI_TRY(read_page(page, &answer, err));
    if (from->name != NULL && page->next.name == from->name &&
        strcmp(page->next.value, from->value) == 0) {
        KTKI_FAIL(err, KTK_E_CORRUPT,
                  "a list of '%s' does not get on: it gives the same page twice", store->name);
    }
out:
    ktki_http_answer_clear(&answer);
    ktki_object_call_clear(&call);
    ktki_buffer_clear(&full);
    return status;
}

static void page_init(struct page *page, const struct object_store *store) {
    *page = (struct page){.store = store};
    page->end = &page->first;
    ktki_arena_init(&page->arena, store->allocator);
}

ktk_status ktki_object_list(void *state, const char *prefix, ktk_store_list_fn fn, void *fn_state,
                            ktk_error *err) {
    const struct object_store *store = state;
    const struct call_param beginning = {NULL, NULL};
    struct page page;
    struct page next;
    ktk_status status = KTK_OK;

    page_init(&page, store);
    KTKI_TRY(fetch_page(store, prefix, &beginning, &page, err));
    for (;;) {
        for (const struct page_entry *at = page.first; at != NULL; at = at->next) {
            KTKI_TRY(fn(fn_state, &at->entry, err));
        }
        if (page.next.name == NULL) {
            break;
        }
        page_init(&next, store);
        status = fetch_page(store, prefix, &page.next, &next, err);
        ktki_arena_clear(&page.arena);
        page = next;
        KTKI_TRY(status);
    }
out:
    ktki_arena_clear(&page.arena);
    return status;
}
