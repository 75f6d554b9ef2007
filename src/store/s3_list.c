/* Lists of a bucket (ListObjectsV2). */
#include <stdio.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "net/http_date.h"
#include "net/xml.h"
#include "store/percent.h"
#include "store/s3_bucket.h"

struct page_entry {
    struct page_entry *next;
    ktk_store_entry entry; /* the key is the arena's, without the prefix of the store */
};

/* One answer. It is read wholly before anybody hears of it: whoever is told may use the store. */
struct page {
    struct arena arena;
    const struct s3_settings *settings;
    struct page_entry *first;
    struct page_entry **end;
    bool is_encoded;
    bool is_cut;
    const char *token;       /* of the next page; the arena's */
    struct page_entry *open; /* the one that is being read */
};

static ktk_status take_key(struct page *page, const char *text, ktk_error *err) {
    struct page_entry *open = page->open;
    size_t skipped = strlen(page->settings->prefix);
    struct buffer key;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&key, page->arena.allocator, 0);
    if (page->is_encoded) {
        KTKI_TRY(ktki_percent_decode(&key, text, strlen(text), true, err));
    } else {
        KTKI_TRY(ktki_buffer_append_text(&key, text, err));
    }
    if (key.size < skipped ||
        (skipped > 0 && memcmp(key.data, page->settings->prefix, skipped) != 0)) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "a list has a key that does not start with its prefix");
    }
    KTKI_TRY(ktki_arena_text(&page->arena, (const char *)key.data + skipped, key.size - skipped,
                             &open->entry.key, err));
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
    ktk_store_entry *entry;
    ktk_status status = KTK_OK;

    KTKI_TRY(open_entry(page, err));
    entry = &page->open->entry;
    if (strcmp(name, "Key") == 0) {
        KTKI_TRY(take_key(page, text, err));
    } else if (strcmp(name, "Size") == 0) {
        if (!ktki_parse_i64(text, strlen(text), &entry->size) || entry->size < 0) {
            KTKI_FAIL(err, KTK_E_CORRUPT, "a list has a size that is no number");
        }
    } else if (strcmp(name, "LastModified") == 0) {
        if (!ktki_iso_date_parse(text, &entry->modified_us)) {
            entry->modified_us = -1;
        }
    } else if (strcmp(name, "ETag") == 0 && strlen(text) < sizeof(entry->version.text)) {
        (void)snprintf(entry->version.text, sizeof(entry->version.text), "%s", text);
    }
out:
    return status;
}

/* The elements of an entry come before their entry ends; what stands outside may come later. */
static ktk_status take_element(void *state, const char *path, const char *text, ktk_error *err) {
    static const char contents[] = "ListBucketResult/Contents";
    struct page *page = state;
    ktk_status status = KTK_OK;

    if (strncmp(path, contents, sizeof(contents) - 1) == 0) {
        path += sizeof(contents) - 1;
        if (path[0] == '/') {
            KTKI_TRY(take_field(page, path + 1, text, err));
        } else if (path[0] == '\0' && page->open != NULL && page->open->entry.key != NULL) {
            *page->end = page->open;
            page->end = &page->open->next;
            page->open = NULL;
        }
    } else if (strcmp(path, "ListBucketResult/IsTruncated") == 0) {
        page->is_cut = strcmp(text, "true") == 0;
    } else if (strcmp(path, "ListBucketResult/NextContinuationToken") == 0) {
        KTKI_TRY(ktki_arena_text(&page->arena, text, strlen(text), &page->token, err));
    }
out:
    return status;
}

/* Not every service encodes keys although it was asked to, and says so. It may say so at the end.
 */
static ktk_status find_encoding(void *state, const char *path, const char *text, ktk_error *err) {
    struct page *page = state;

    (void)err;
    if (strcmp(path, "ListBucketResult/EncodingType") == 0) {
        page->is_encoded = strcmp(text, "url") == 0;
    }
    return KTK_OK;
}

static ktk_status fetch_page(struct s3_bucket *bucket, const char *prefix, const char *token,
                             struct page *page, ktk_error *err) {
    struct call_param params[5] = {{"list-type", "2"}, {"encoding-type", "url"}};
    struct http_answer answer = {0};
    struct s3_call call;
    struct buffer full;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&full, bucket->allocator, 0);
    KTKI_TRY(ktki_s3_call_init(&call, bucket, "GET", "list", NULL, err));
    KTKI_TRY(ktki_buffer_append_format(&full, err, "%s%s", bucket->settings.prefix, prefix));
    KTKI_TRY(ktki_buffer_append_byte(&full, '\0', err));
    call.call.params = params;
    call.call.param_count = 2;
    params[call.call.param_count++] = (struct call_param){"prefix", (const char *)full.data};
    if (token != NULL) {
        params[call.call.param_count++] = (struct call_param){"continuation-token", token};
    }
    call.call.answer_bytes_max = (size_t)bucket->limits->document_bytes_max;
    KTKI_TRY(ktki_exchange(bucket->exchanger, &call.call, &answer, NULL, err));
    KTKI_TRY(ktki_xml_read(bucket->allocator, answer.body.data, answer.body.size, find_encoding,
                           page, err));
    KTKI_TRY(ktki_xml_read(bucket->allocator, answer.body.data, answer.body.size, take_element,
                           page, err));
out:
    if (status == KTK_E_CORRUPT) {
        ktki_error_context(err, "a list of '%s'", bucket->name);
    }
    ktki_http_answer_clear(&answer);
    ktki_s3_call_clear(&call);
    ktki_buffer_clear(&full);
    return status;
}

static void page_init(struct page *page, const struct s3_bucket *bucket) {
    *page = (struct page){.settings = &bucket->settings};
    page->end = &page->first;
    ktki_arena_init(&page->arena, bucket->allocator);
}

ktk_status ktki_s3_list(struct s3_bucket *bucket, const char *prefix, ktk_store_list_fn fn,
                        void *fn_state, ktk_error *err) {
    struct page page;
    struct page next;
    ktk_status status = KTK_OK;

    page_init(&page, bucket);
    KTKI_TRY(fetch_page(bucket, prefix, NULL, &page, err));
    for (;;) {
        for (const struct page_entry *at = page.first; at != NULL; at = at->next) {
            KTKI_TRY(fn(fn_state, &at->entry, err));
        }
        if (!page.is_cut) {
            break;
        }
        if (page.token == NULL) {
            KTKI_FAIL(err, KTK_E_CORRUPT, "a list of '%s' is cut and does not say how to go on",
                      bucket->name);
        }
        page_init(&next, bucket);
        status = fetch_page(bucket, prefix, page.token, &next, err);
        ktki_arena_clear(&page.arena);
        page = next;
        page.end = NULL;
        KTKI_TRY(status);
    }
out:
    ktki_arena_clear(&page.arena);
    return status;
}
