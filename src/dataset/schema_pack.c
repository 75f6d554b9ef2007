#include "dataset/schema_pack.h"

#include <string.h>

#include "base/base64.h"
#include "base/error.h"
#include "codec/codec.h"

/* Some thirty columns with what pandas notes of them. Each commit puts the document, twice. */
#define PACKED_BYTES_MAX ((size_t)3 * 1024)

/* Of a text that somebody has made up. */
#define FILE_BYTES_MAX ((uint64_t)256 * 1024)

ktk_status ktki_schema_pack(const char **out, struct arena *arena, const void *data, size_t size,
                            ktk_error *err) {
    const struct codec *zstd;
    struct codec_scratch scratch;
    struct buffer packed;
    struct buffer text;
    size_t written;
    ktk_status status = KTK_OK;

    ktki_codec_scratch_init(&scratch, arena->allocator);
    ktki_buffer_init(&packed, arena->allocator, 0);
    ktki_buffer_init(&text, arena->allocator, 0);
    *out = NULL;
    if (size > FILE_BYTES_MAX) {
        goto out;
    }
    KTKI_TRY(ktki_codec_find(&zstd, CODEC_ZSTD, err));
    written = zstd->bound(size);
    KTKI_TRY(ktki_buffer_reserve(&packed, written, err));
    KTKI_TRY(zstd->compress(&scratch, zstd->level_default, data, size, packed.data, &written, err));
    if (written > PACKED_BYTES_MAX) {
        goto out;
    }
    KTKI_TRY(ktki_base64_append(&text, packed.data, written, err));
    KTKI_TRY(ktki_arena_text(arena, (const char *)text.data, text.size, out, err));
out:
    ktki_buffer_clear(&text);
    ktki_buffer_clear(&packed);
    ktki_codec_scratch_clear(&scratch);
    return status;
}

static ktk_status unpack(struct buffer *out, const char *text, ktk_error *err) {
    const struct codec *zstd;
    struct codec_scratch scratch;
    struct buffer packed;
    uint64_t size;
    ktk_status status = KTK_OK;

    ktki_codec_scratch_init(&scratch, out->allocator);
    ktki_buffer_init(&packed, out->allocator, 0);
    KTKI_TRY(ktki_base64_decode(&packed, text, err));
    KTKI_TRY(ktki_zstd_content_size(packed.data, packed.size, &size, err));
    if (size > FILE_BYTES_MAX) {
        KTKI_FAIL(err, KTK_E_CORRUPT, "a schema file of %llu bytes", (unsigned long long)size);
    }
    KTKI_TRY(ktki_codec_find(&zstd, CODEC_ZSTD, err));
    KTKI_TRY(ktki_buffer_reserve(out, (size_t)size, err));
    KTKI_TRY(zstd->decompress(&scratch, packed.data, packed.size, out->data + out->size,
                              (size_t)size, err));
    out->size += (size_t)size;
out:
    ktki_buffer_clear(&packed);
    ktki_codec_scratch_clear(&scratch);
    return status;
}

ktk_status ktki_schema_unpack(struct buffer *out, const char *text, ktk_error *err) {
    ktk_status status = unpack(out, text, err);

    return status == KTK_E_NO_MEMORY ? status : KTK_OK;
}
