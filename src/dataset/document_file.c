#include "dataset/document_file.h"

#include "base/context.h"
#include "base/error.h"
#include "base/msgpack.h"
#include "codec/codec.h"
#include "dataset/name.h"
#include "store/backend.h"

/* The level of zstandard's Python package, which the originals use. */
#define ZSTD_LEVEL 3
/* Documents repeat their dataset's name in every line, and hold a random name there, too: none
 * shrinks to a 128th. */
#define EXPANSION_MAX 128

const char *ktki_document_suffix(ktk_document_format format) {
    return format == KTK_DOCUMENT_MSGPACK ? KTKI_DOCUMENT_SUFFIX_MSGPACK
                                          : KTKI_DOCUMENT_SUFFIX_JSON;
}

/* ---- msgpack ---- */

static ktk_status check_size(ktk_context *context, uint64_t content, size_t file_size,
                             ktk_error *err) {
    const ktk_limits *limits = ktki_context_limits(context);
    uint64_t explained =
        (uint64_t)limits->expansion_bytes_max + (uint64_t)EXPANSION_MAX * file_size;

    if (content > (uint64_t)limits->document_bytes_max) {
        return ktk_error_set(err, KTK_E_LIMIT,
                             "the document has %llu bytes, more than the %lld allowed",
                             (unsigned long long)content, (long long)limits->document_bytes_max);
    }
    if (content > explained) {
        return ktk_error_set(err, KTK_E_LIMIT,
                             "a file of %zu bytes claims to hold %llu bytes; if it is trusted, "
                             "raise limits.expansion_bytes_max",
                             file_size, (unsigned long long)content);
    }
    return KTK_OK;
}

/* What a file holds, as it is decompressed. */
struct content {
    struct zstd_stream stream;
    uint64_t left;
};

static ktk_status read_content(void *state, uint8_t *data, size_t room, size_t *read,
                               ktk_error *err) {
    struct content *content = state;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_zstd_stream_read(&content->stream, data, room, read, err));
    if (*read > content->left || (*read == 0 && content->left > 0)) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "the ZSTD data do not hold as many bytes as they say");
    }
    content->left -= *read;
out:
    return status;
}

ktk_status ktk_document_unpack(ktk_bytes *out, ktk_context *context, const void *data, size_t size,
                               ktk_error *err) {
    const ktk_limits *limits = ktki_context_limits(context);
    struct content content = {.left = 0};
    const struct msgpack_source source = {read_content, &content};
    struct buffer json;
    uint64_t expected;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&json, ktki_context_allocator(context), (size_t)limits->document_bytes_max);
    KTKI_TRY(ktki_zstd_content_size(data, size, &content.left, err));
    KTKI_TRY(check_size(context, content.left, size, err));
    KTKI_TRY(ktki_zstd_stream_init(&content.stream, data, size, err));
    /* JSON has a few bytes more for each text; without room for them it would be moved. */
    expected = content.left + content.left / 4;
    expected = expected < json.size_max ? expected : json.size_max;
    KTKI_TRY(ktki_buffer_reserve(&json, (size_t)expected, err));
    KTKI_TRY(ktki_msgpack_source_to_json(&json, &source, limits->nesting_max, err));
    ktki_buffer_fit(&json);
    KTKI_TRY(ktki_buffer_move(&json, out, err));
out:
    ktki_zstd_stream_clear(&content.stream);
    ktki_buffer_clear(&json);
    return status;
}

static ktk_status pack(struct buffer *out, const char *json, size_t size, ktk_error *err) {
    const struct codec *zstd;
    struct codec_scratch scratch;
    struct buffer packed;
    size_t written;
    ktk_status status = KTK_OK;

    ktki_codec_scratch_init(&scratch, out->allocator);
    ktki_buffer_init(&packed, out->allocator, 0);
    KTKI_TRY(ktki_codec_find(&zstd, CODEC_ZSTD, err));
    KTKI_TRY(ktki_msgpack_of_json(&packed, json, size, INT32_MAX, err));
    written = zstd->bound(packed.size);
    KTKI_TRY(ktki_buffer_reserve(out, written, err));
    KTKI_TRY(zstd->compress(&scratch, ZSTD_LEVEL, packed.data, packed.size, out->data + out->size,
                            &written, err));
    out->size += written;
out:
    ktki_buffer_clear(&packed);
    ktki_codec_scratch_clear(&scratch);
    return status;
}

ktk_status ktki_document_pack(struct buffer *out, ktk_document_format format, const char *json,
                              size_t size, ktk_error *err) {
    return format == KTK_DOCUMENT_MSGPACK ? pack(out, json, size, err)
                                          : ktki_buffer_append(out, json, size, err);
}

ktk_status ktk_document_pack(ktk_bytes *out, ktk_context *context, const char *json, size_t size,
                             ktk_error *err) {
    struct buffer packed;
    ktk_status status;

    ktki_buffer_init(&packed, ktki_context_allocator(context), 0);
    KTKI_TRY(pack(&packed, json, size, err));
    KTKI_TRY(ktki_buffer_move(&packed, out, err));
out:
    ktki_buffer_clear(&packed);
    return status;
}

/* ---- files ---- */

/* One of the two files. `key` is set in any case. */
static ktk_status load_format(struct buffer *key, ktk_bytes *text, ktk_store_version *version,
                              ktk_store *store, const char *uuid, ktk_document_format format,
                              ktk_error *err) {
    ktk_bytes file = KTK_BYTES_INIT;
    ktk_bytes json = KTK_BYTES_INIT;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_buffer_append_format(key, err, "%s%s", uuid, ktki_document_suffix(format)));
    KTKI_TRY(ktki_buffer_append_byte(key, '\0', err));
    KTKI_TRY(ktk_store_get(store, (const char *)key->data, &file, version, err));
    if (format == KTK_DOCUMENT_MSGPACK) {
        status = ktk_document_unpack(&json, ktk_store_context(store), file.data, file.size, err);
        if (status != KTK_OK) {
            ktki_error_context(err, "metadata '%s'", (const char *)key->data);
            goto out;
        }
        ktk_bytes_clear(&file);
        file = json;
    }
    *text = file;
    file = (ktk_bytes)KTK_BYTES_INIT;
out:
    ktk_bytes_clear(&file);
    return status;
}

ktk_status ktki_document_load_format(ktk_bytes *text, ktk_store_version *version, ktk_store *store,
                                     const char *uuid, ktk_document_format format, ktk_error *err) {
    struct buffer key;
    ktk_status status;

    ktki_buffer_init(&key, ktki_context_allocator(ktk_store_context(store)), 0);
    status = load_format(&key, text, version, store, uuid, format, err);
    ktki_buffer_clear(&key);
    return status;
}

ktk_status ktki_document_load(ktk_bytes *text, ktk_document_format *format,
                              ktk_store_version *version, ktk_store *store, const char *uuid,
                              ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(ktk_store_context(store));
    struct buffer json_key;
    struct buffer msgpack_key;
    struct store_origin origin;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&json_key, allocator, 0);
    ktki_buffer_init(&msgpack_key, allocator, 0);
    *format = KTK_DOCUMENT_JSON;
    status = load_format(&json_key, text, version, store, uuid, KTK_DOCUMENT_JSON, err);
    if (status == KTK_E_NOT_FOUND) {
        *format = KTK_DOCUMENT_MSGPACK;
        status = load_format(&msgpack_key, text, version, store, uuid, KTK_DOCUMENT_MSGPACK, err);
    }
    ktki_store_describe(store, &origin);
    if (status == KTK_E_NOT_FOUND && origin.missing != NULL) {
        KTKI_FAIL(err, KTK_E_NOT_FOUND, "dataset '%s' does not exist in %s: there is no such %s",
                  uuid, ktk_store_name(store), origin.missing);
    }
    if (status == KTK_E_NOT_FOUND) {
        KTKI_FAIL(err, KTK_E_NOT_FOUND,
                  "dataset '%s' does not exist in %s: there is neither '%s' nor '%s'", uuid,
                  ktk_store_name(store), (const char *)json_key.data,
                  (const char *)msgpack_key.data);
    }
out:
    ktki_buffer_clear(&msgpack_key);
    ktki_buffer_clear(&json_key);
    return status;
}
