/* The first line of the input is a store URL, the rest a key. What a URL gives is clean text that
 * survives a round trip, and neither result nor error shows the user's credentials; a key that the
 * fs store allows stays below its root. */
#include <string.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/text.h"
#include "fuzz.h"
#include "store/fs_path.h"
#include "store/percent.h"
#include "store/url.h"

/* Bytes as a NUL-terminated text; a NUL in them ends it. */
static void text_of(struct buffer *out, const uint8_t *data, size_t size) {
    ktki_buffer_init(out, ktki_alloc_default(), 0);
    FUZZ_ASSERT(ktki_buffer_append(out, data, size, NULL) == KTK_OK);
    FUZZ_ASSERT(ktki_buffer_append_byte(out, '\0', NULL) == KTK_OK);
}

static void check_error(const ktk_error *err) {
    FUZZ_ASSERT(err->message[0] != '\0');
    FUZZ_ASSERT(strchr(err->message, '\n') == NULL);
    FUZZ_ASSERT(ktki_utf8_is_valid(err->message, strlen(err->message)));
}

/* A path that begins with '/', percent-encoded but for its '/', is the same path. */
static void check_path(const struct store_url *url) {
    struct store_url again = {0};
    struct buffer text;

    if (url->path[0] != '/') {
        return;
    }
    ktki_buffer_init(&text, ktki_alloc_default(), 0);
    FUZZ_ASSERT(ktki_buffer_append_format(&text, NULL, "%s://", url->scheme) == KTK_OK);
    for (const char *at = url->path; *at != '\0'; at++) {
        FUZZ_ASSERT(ktki_buffer_append_format(&text, NULL, *at == '/' ? "/" : "%%%02x",
                                              (unsigned)(unsigned char)*at) == KTK_OK);
    }
    FUZZ_ASSERT(ktki_buffer_append_byte(&text, '\0', NULL) == KTK_OK);
    FUZZ_ASSERT(ktki_store_url_parse(&again, ktki_alloc_default(), (const char *)text.data, NULL) ==
                KTK_OK);
    FUZZ_ASSERT(strcmp(again.path, url->path) == 0);
    FUZZ_ASSERT(strcmp(again.scheme, url->scheme) == 0);
    FUZZ_ASSERT(again.create_if_missing && again.wrapper_count == 0);
    ktki_store_url_clear(&again);
    ktki_buffer_clear(&text);
}

static void check_url(const char *text) {
    struct store_url url = {0};
    ktk_error err = {0};

    if (ktki_store_url_parse(&url, ktki_alloc_default(), text, &err) != KTK_OK) {
        check_error(&err);
        return;
    }
    FUZZ_ASSERT(url.scheme[0] >= 'a' && url.scheme[0] <= 'z');
    FUZZ_ASSERT(strpbrk(url.scheme, "+:/@ABCDEFGHIJKLMNOPQRSTUVWXYZ") == NULL);
    FUZZ_ASSERT(ktki_utf8_is_valid(url.path, strlen(url.path)));
    FUZZ_ASSERT(url.wrapper_count <= KTKI_STORE_WRAPPERS_MAX);
    check_path(&url);
    ktki_store_url_clear(&url);
}

/* The same URL with a user. */
static void check_credentials(const char *text) {
    const char *mark = strstr(text, "://");
    struct store_url url = {0};
    ktk_error err = {0};
    struct buffer with;

    if (mark == NULL || strstr(text, "Hush") != NULL) {
        return;
    }
    ktki_buffer_init(&with, ktki_alloc_default(), 0);
    FUZZ_ASSERT(ktki_buffer_append(&with, text, (size_t)(mark - text) + 3, NULL) == KTK_OK);
    FUZZ_ASSERT(ktki_buffer_append_text(&with, "KeyId:Hush%2F@", NULL) == KTK_OK);
    FUZZ_ASSERT(ktki_buffer_append(&with, mark + 3, strlen(mark + 3) + 1, NULL) == KTK_OK);
    if (ktki_store_url_parse(&url, ktki_alloc_default(), (const char *)with.data, &err) == KTK_OK) {
        FUZZ_ASSERT(strstr(url.path, "Hush") == NULL);
        ktki_store_url_clear(&url);
    } else {
        FUZZ_ASSERT(strstr(err.message, "Hush") == NULL);
    }
    ktki_buffer_clear(&with);
}

/* Walk the key as an operating system would: it never leaves the root, nor stays in place. */
static void check_key(const char *key) {
    ktk_error err = {0};

    if (ktki_fs_check_key(key, &err) != KTK_OK) {
        FUZZ_ASSERT(err.message[0] != '\0');
        return;
    }
    FUZZ_ASSERT(key[0] != '/' && key[0] != '\0');
    for (const char *at = key; at != NULL; at = strchr(at, '/')) {
        at += *at == '/';
        FUZZ_ASSERT(*at != '/' && *at != '\0');
        FUZZ_ASSERT(strcmp(at, ".") != 0 && strncmp(at, "./", 2) != 0);
        FUZZ_ASSERT(strcmp(at, "..") != 0 && strncmp(at, "../", 3) != 0);
    }
}

static void check_percent(const char *text) {
    struct buffer code;
    struct buffer back;

    ktki_buffer_init(&code, ktki_alloc_default(), 0);
    ktki_buffer_init(&back, ktki_alloc_default(), 0);
    FUZZ_ASSERT(ktki_percent_encode_plus(&code, text, NULL) == KTK_OK);
    FUZZ_ASSERT(ktki_percent_decode(&back, (const char *)code.data, code.size, true, NULL) ==
                KTK_OK);
    FUZZ_ASSERT(back.size == strlen(text));
    FUZZ_ASSERT(back.size == 0 || memcmp(back.data, text, back.size) == 0);
    ktki_buffer_clear(&back);
    ktki_buffer_clear(&code);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *line_end = size == 0 ? NULL : memchr(data, '\n', size);
    size_t url_size = line_end == NULL ? size : (size_t)(line_end - data);
    size_t key_at = url_size + (line_end != NULL);
    struct buffer url;
    struct buffer key;

    text_of(&url, data, url_size);
    text_of(&key, size == 0 ? data : data + key_at, size - key_at);
    check_url((const char *)url.data);
    check_credentials((const char *)url.data);
    check_key((const char *)key.data);
    check_percent((const char *)key.data);
    ktki_buffer_clear(&key);
    ktki_buffer_clear(&url);
    return 0;
}
