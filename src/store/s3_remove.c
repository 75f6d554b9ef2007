/* Many objects removed in one call (DeleteObjects). */
#include <stdio.h>

#include "base/error.h"
#include "net/xml.h"
#include "store/s3_bucket.h"

/* --- the answer ---------------------------------------------------------------------------- */

struct reading {
    const char *prefix;
    struct removal *removals;
    size_t count;
    size_t next; /* objects are mostly answered for in their order */
    const ktk_allocator *allocator;
    struct buffer key; /* of the object that is being told of, NUL-terminated; empty: none */
    struct service_error error;
    bool is_answer;
    size_t denied_count;
    ktk_error denied; /* of the first */
};

/* The removal of the object that the answer speaks of; NULL: nobody asked for that. */
static struct removal *find(struct reading *reading) {
    size_t skipped = strlen(reading->prefix);
    const char *key = reading->key.size > 0 ? (const char *)reading->key.data : "";

    if (strncmp(key, reading->prefix, skipped) != 0) {
        return NULL;
    }
    for (size_t i = 0; i < reading->count; i++) {
        size_t at = (reading->next + i) % reading->count;

        if (strcmp(reading->removals[at].key, key + skipped) == 0) {
            reading->next = at + 1;
            return &reading->removals[at];
        }
    }
    return NULL;
}

/* What came of one object. Other failures than these are left to who removes it by itself: that
 * tries again, and says what is wrong. */
static void end_object(struct reading *reading, bool is_error) {
    const char *code = reading->error.code;
    struct removal *removal = find(reading);

    if (removal != NULL && (!is_error || strcmp(code, "NoSuchKey") == 0)) {
        removal->is_gone = true;
    } else if (removal != NULL && strcmp(code, "AccessDenied") == 0 &&
               reading->denied_count++ == 0) {
        (void)ktk_error_set(&reading->denied, KTK_E_DENIED, "cannot remove '%s': %s%s%s",
                            removal->key, code, reading->error.message[0] == '\0' ? "" : ": ",
                            reading->error.message);
        ktki_error_about(&reading->denied, KTK_REASON_KEY, removal->key);
    }
    reading->key.size = 0;
    reading->error = (struct service_error){{0}, {0}};
}

static ktk_status take(void *state, const char *path, const char *text, ktk_error *err) {
    static const char deleted[] = "DeleteResult/Deleted";
    static const char error[] = "DeleteResult/Error";
    struct reading *reading = state;
    bool is_error = strncmp(path, error, sizeof(error) - 1) == 0;
    const char *rest = path + (is_error ? sizeof(error) : sizeof(deleted)) - 1;
    ktk_status status = KTK_OK;

    if (strcmp(path, "DeleteResult") == 0) {
        reading->is_answer = true;
    } else if (!is_error && strncmp(path, deleted, sizeof(deleted) - 1) != 0) {
        goto out;
    } else if (rest[0] == '\0') {
        end_object(reading, is_error);
    } else if (strcmp(rest, "/Key") == 0) {
        reading->key.size = 0;
        KTKI_TRY(ktki_buffer_append(&reading->key, text, strlen(text) + 1, err));
    } else if (strcmp(rest, "/Code") == 0) {
        (void)snprintf(reading->error.code, sizeof(reading->error.code), "%s", text);
    } else if (strcmp(rest, "/Message") == 0) {
        (void)snprintf(reading->error.message, sizeof(reading->error.message), "%.*s",
                       (int)strcspn(text, "\r\n"), text);
    }
out:
    return status;
}

ktk_status ktki_s3_read_removals(const ktk_allocator *allocator, const char *prefix,
                                 const struct http_answer *answer, struct removal *removals,
                                 size_t count, ktk_error *err) {
    struct reading reading = {.prefix = prefix, .removals = removals, .count = count};
    ktk_status status = KTK_OK;

    ktki_buffer_init(&reading.key, allocator, 0);
    KTKI_TRY(ktki_xml_read(allocator, answer->body.data, answer->body.size, take, &reading, err));
    if (!reading.is_answer) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "what was answered tells of no removal");
    }
    if (reading.denied_count > 0) {
        status = KTK_E_DENIED;
        if (err != NULL) {
            *err = reading.denied;
        }
        if (reading.denied_count > 1) {
            ktki_error_context(err, "%zu objects cannot be removed, the first of them",
                               reading.denied_count);
        }
    }
out:
    for (size_t i = 0; i < count && status != KTK_OK && status != KTK_E_DENIED; i++) {
        removals[i].is_gone = false;
    }
    ktki_buffer_clear(&reading.key);
    return status;
}

/* --- the call ------------------------------------------------------------------------------ */

static ktk_status append_objects(struct buffer *out, const struct object_store *store,
                                 const struct removal *removals, size_t count, ktk_error *err) {
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_buffer_append_text(
        out, "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">", err));
    for (size_t i = 0; i < count; i++) {
        KTKI_TRY(ktki_buffer_append_text(out, "<Object><Key>", err));
        KTKI_TRY(ktki_xml_append_text(out, store->prefix, err));
        KTKI_TRY(ktki_xml_append_text(out, removals[i].key, err));
        KTKI_TRY(ktki_buffer_append_text(out, "</Key></Object>", err));
    }
    KTKI_TRY(ktki_buffer_append_text(out, "</Delete>", err));
out:
    return status;
}

/* `*code`: status of the answer, 0: none; set in any case. It is asked to name what is gone: only
 * what it names is. */
static ktk_status send(const struct object_store *store, struct removal *removals, size_t count,
                       int32_t *code, ktk_error *err) {
    static const struct call_param param = {"delete", ""};
    struct http_answer answer = {0};
    struct http_header header = {"Content-MD5", NULL};
    struct object_call call;
    struct buffer body;
    struct buffer md5;
    ktk_status status = KTK_OK;

    *code = 0;
    ktki_buffer_init(&body, store->allocator, 0);
    ktki_buffer_init(&md5, store->allocator, 0);
    KTKI_TRY(ktki_object_call_init(&call, store, "POST", "remove objects", NULL, err));
    (void)snprintf(call.what, sizeof(call.what), "remove '%s' and %zu more", removals[0].key,
                   count - 1);
    KTKI_TRY(append_objects(&body, store, removals, count, err));
    KTKI_TRY(ktki_object_md5(&md5, store, body.data, body.size, err));
    header.value = (const char *)md5.data;
    call.call.params = &param;
    call.call.param_count = 1;
    call.call.headers = &header;
    call.call.header_count = 1;
    call.call.body = body.data;
    call.call.body_size = body.size;
    call.call.answer_bytes_max = (size_t)store->limits->document_bytes_max;
    status = ktki_exchange(store->exchanger, &call.call, &answer, NULL, err);
    *code = answer.status;
    KTKI_TRY(status);
    KTKI_TRY(ktki_s3_read_removals(store->allocator, store->prefix, &answer, removals, count, err));
out:
    ktki_http_answer_clear(&answer);
    ktki_buffer_clear(&md5);
    ktki_buffer_clear(&body);
    ktki_object_call_clear(&call);
    return status;
}

/* Services that do not know the call say so in many ways, or answer something else. */
static bool is_unknown(ktk_status status, int32_t code) {
    return status == KTK_E_UNSUPPORTED || status == KTK_E_CORRUPT ||
           (code >= 400 && code < 500 && code != 404 && code != 409 && status != KTK_E_DENIED &&
            status != KTK_E_UNAVAILABLE);
}

ktk_status ktki_s3_remove_many(void *state, struct removal *removals, size_t count,
                               ktk_error *err) {
    struct s3_bucket *bucket = state;
    int32_t code;
    ktk_status status;

    if (atomic_load(&bucket->has_no_batches)) {
        return KTK_OK;
    }
    status = send(&bucket->objects, removals, count, &code, err);
    if (is_unknown(status, code)) {
        atomic_store(&bucket->has_no_batches, true);
        return KTK_OK;
    }
    return code == 404 || code == 409 ? KTK_OK : status;
}
