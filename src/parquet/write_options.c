#include "parquet/write_options.h"

#include <strings.h>

#include "base/error.h"
#include "base/options.h"

#define ROW_GROUP_ROWS_DEFAULT ((int64_t)1 << 20)
#define PAGE_BYTES_DEFAULT ((int64_t)1 << 20)
#define PAGE_BYTES_MAX ((int64_t)1 << 30)
#define MEMORY_BYTES_DEFAULT ((int64_t)512 << 20)
#define MEMORY_BYTES_MIN ((int64_t)1 << 20)

/* More pages in front of a slow one do not keep more threads busy. */
#define WAITING_BYTES_MAX ((int64_t)16 << 20)

/*
 * Pages of so many rows at most, as current pyarrow has them. Measured on 15 columns of 2 million
 * rows, time and size hardly change between 10,000 and 80,000 rows: fewer rows pay for headers and
 * short matches of the codec, more no longer fit into a processor's own cache. Of these, small
 * pages let readers skip more.
 */
#define PAGE_ROWS_MAX 20000

/* By ktk_compression. */
static const int32_t codec_ids[] = {
    [KTK_COMPRESSION_NONE] = CODEC_NONE,       [KTK_COMPRESSION_SNAPPY] = CODEC_SNAPPY,
    [KTK_COMPRESSION_GZIP] = CODEC_GZIP,       [KTK_COMPRESSION_ZSTD] = CODEC_ZSTD,
    [KTK_COMPRESSION_LZ4_RAW] = CODEC_LZ4_RAW, [KTK_COMPRESSION_BROTLI] = CODEC_BROTLI,
};

static const struct {
    const char *name;
    ktk_compression compression;
} compression_names[] = {
    {"none", KTK_COMPRESSION_NONE},     {"uncompressed", KTK_COMPRESSION_NONE},
    {"snappy", KTK_COMPRESSION_SNAPPY}, {"gzip", KTK_COMPRESSION_GZIP},
    {"zstd", KTK_COMPRESSION_ZSTD},     {"lz4_raw", KTK_COMPRESSION_LZ4_RAW},
    {"brotli", KTK_COMPRESSION_BROTLI},
};

ktk_status ktk_compression_parse(ktk_compression *out, const char *name, ktk_error *err) {
    for (size_t i = 0; i < sizeof(compression_names) / sizeof(compression_names[0]); i++) {
        if (strcasecmp(name, compression_names[i].name) == 0) {
            *out = compression_names[i].compression;
            return KTK_OK;
        }
    }
    return ktk_error_set(
        err, KTK_E_INVALID,
        "unknown compression '%s', choose snappy, zstd, lz4_raw, gzip, brotli or none", name);
}

/* Rows, then as much for the indices of a single column of dictionary entries, then pages. */
static void share_memory(struct write_options *resolved, int64_t bytes_max) {
    int64_t bytes = bytes_max > 0 ? bytes_max : MEMORY_BYTES_DEFAULT;
    int64_t waiting = bytes / 8;

    resolved->row_group_bytes_max = bytes / 16 * 7;
    resolved->waiting_size_max =
        (size_t)(waiting < WAITING_BYTES_MAX ? waiting : WAITING_BYTES_MAX);
}

ktk_status ktki_write_options_resolve(struct write_options *out,
                                      const ktk_parquet_write_options *options, ktk_error *err) {
    const ktk_parquet_write_options defaults = KTK_PARQUET_WRITE_OPTIONS_INIT;
    struct write_options resolved = {0};
    ktk_status status = KTK_OK;

    KTKI_TAKE_OPTIONS(options, &defaults, "KTK_PARQUET_WRITE_OPTIONS_INIT", err);
    if ((size_t)options->compression >= sizeof(codec_ids) / sizeof(codec_ids[0])) {
        KTKI_FAIL(err, KTK_E_INVALID, "unknown compression %d", (int)options->compression);
    }
    if (options->row_group_rows_max < 0) {
        KTKI_FAIL(err, KTK_E_INVALID, "rows of a row group must be positive, not %lld",
                  (long long)options->row_group_rows_max);
    }
    if (options->page_bytes_max < 0 || options->page_bytes_max > PAGE_BYTES_MAX) {
        KTKI_FAIL(err, KTK_E_INVALID, "bytes of a page must be in 1 … %lld, not %lld",
                  (long long)PAGE_BYTES_MAX, (long long)options->page_bytes_max);
    }
    if (options->data_page_version < 0 || options->data_page_version > 2) {
        KTKI_FAIL(err, KTK_E_INVALID, "data pages have version 1 or 2, not %d",
                  options->data_page_version);
    }
    if (options->memory_bytes_max != 0 && options->memory_bytes_max < MEMORY_BYTES_MIN) {
        KTKI_FAIL(err, KTK_E_INVALID, "a writer needs %lld bytes of memory at least, not %lld",
                  (long long)MEMORY_BYTES_MIN, (long long)options->memory_bytes_max);
    }
    share_memory(&resolved, options->memory_bytes_max);
    resolved.column.page.data_page_version = options->data_page_version == 2 ? 2 : 1;
    resolved.column.page.has_index = !options->no_page_index;
    resolved.column.page.has_checksums = options->page_checksums;
    resolved.column.page.codec_id = codec_ids[options->compression];
    KTKI_TRY(ktki_codec_find(&resolved.column.page.codec, resolved.column.page.codec_id, err));
    resolved.column.page.level = options->compression_level != 0
                                     ? options->compression_level
                                     : resolved.column.page.codec->level_default;
    resolved.column.page.rows_max = PAGE_ROWS_MAX;
    resolved.column.page.bytes_max =
        options->page_bytes_max > 0 ? options->page_bytes_max : PAGE_BYTES_DEFAULT;
    resolved.row_group_rows_max =
        options->row_group_rows_max > 0 ? options->row_group_rows_max : ROW_GROUP_ROWS_DEFAULT;
    resolved.column.no_dictionary = options->no_dictionary;
    *out = resolved;
out:
    return status;
}
