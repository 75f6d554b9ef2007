/**
 * Single Parquet files, without a dataset around them.
 */
#ifndef KARTOTHEK_PARQUET_H
#define KARTOTHEK_PARQUET_H

#include <kartothek/arrow_abi.h>
#include <kartothek/context.h>
#include <kartothek/error.h>
#include <kartothek/predicate.h>
#include <kartothek/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum ktk_compression {
    KTK_COMPRESSION_NONE = 0,
    KTK_COMPRESSION_SNAPPY = 1,
    KTK_COMPRESSION_GZIP = 2,
    KTK_COMPRESSION_ZSTD = 3,
    KTK_COMPRESSION_LZ4_RAW = 4, /**< for readers of 2021 and later: pyarrow 5, DuckDB, Polars */
    KTK_COMPRESSION_BROTLI = 5
} ktk_compression;

/** Parse "snappy", "zstd", "lz4_raw", "gzip", "brotli", "none" (any case; also "uncompressed").
 * KTK_E_INVALID names the choices. */
KTK_API ktk_status ktk_compression_parse(ktk_compression *out, const char *name,
                                         ktk_error *err) KTK_CHECK_RESULT;

/** Name of a codec number as Parquet files store it, e.g. "SNAPPY". Never NULL. */
KTK_API const char *ktk_parquet_codec_name(int32_t codec);

/* ---- reading ---- */

/**
 * Open a local file; it keeps a descriptor, is mapped when rows are read, and must not shrink while
 * open. May be shared between threads.
 *
 * A footer that is not well-formed is refused here. Schema and column chunks are decoded when they
 * are first asked for: what is wrong with them is told then, by the schema, the facts of a row
 * group or the read that needs them.
 */
KTK_API ktk_status ktk_parquet_open_path(ktk_parquet_file **out, ktk_context *context,
                                         const char *path, ktk_error *err) KTK_CHECK_RESULT;

/** Open a file that lies in memory; on success the bytes move into the result. */
KTK_API ktk_status ktk_parquet_open_bytes(ktk_parquet_file **out, ktk_context *context,
                                          ktk_bytes *bytes, ktk_error *err) KTK_CHECK_RESULT;

/** Take another reference. Streams hold one each. */
KTK_API ktk_parquet_file *ktk_parquet_file_ref(ktk_parquet_file *file);

/** Drop a reference. NULL is allowed. */
KTK_API void ktk_parquet_file_free(ktk_parquet_file *file);

/** Facts of the footer; texts are borrowed from the file. */
typedef struct ktk_parquet_info {
    int64_t row_count;
    int32_t row_group_count;
    int32_t leaf_count; /**< leaf columns */
    int32_t version;
    int64_t footer_size;    /**< bytes of the footer, without its length and magic */
    const char *created_by; /**< NULL if absent */
    int64_t file_size;
    int32_t element_count;   /**< nodes of the schema, the root included */
    int32_t key_value_count; /**< entries of the footer's metadata */
} ktk_parquet_info;

KTK_API void ktk_parquet_file_info(const ktk_parquet_file *file, ktk_parquet_info *out);

/** A node of the schema as the file has it; texts are borrowed from the file. */
typedef struct ktk_parquet_element {
    const char *name;
    const char *repetition;    /**< "REQUIRED", "OPTIONAL", "REPEATED"; "" of the root */
    const char *physical_type; /**< e.g. "INT64"; NULL of a group */
    const char *logical_type;  /**< e.g. "LIST"; "" if none */
    int32_t type_length;       /**< of FIXED_LEN_BYTE_ARRAY; else 0 */
    int32_t field_id;          /**< -1: none */
    int32_t child_count;       /**< of a group: they follow, each with what is below it */
} ktk_parquet_element;

/** `index` in [0, element_count), depth-first, the root first; KTK_E_INVALID otherwise. */
KTK_API ktk_status ktk_parquet_element_get(const ktk_parquet_file *file, int32_t index,
                                           ktk_parquet_element *out,
                                           ktk_error *err) KTK_CHECK_RESULT;

typedef struct ktk_parquet_row_group_info {
    int64_t row_count;
    int64_t uncompressed_size; /**< sum over the column chunks */
    int64_t compressed_size;   /**< sum over the column chunks */
    int32_t sorting_count;     /**< columns by which its rows are said to be sorted */
} ktk_parquet_row_group_info;

/** `row_group` in [0, row_group_count); KTK_E_INVALID otherwise. */
KTK_API ktk_status ktk_parquet_row_group_info_get(const ktk_parquet_file *file, int32_t row_group,
                                                  ktk_parquet_row_group_info *out,
                                                  ktk_error *err) KTK_CHECK_RESULT;

typedef struct ktk_parquet_sorting_column {
    const char *path; /**< dotted path in the schema, borrowed from the file */
    bool is_descending;
    bool has_nulls_first;
} ktk_parquet_sorting_column;

/** `index` in [0, sorting_count), the first one sorts first; KTK_E_INVALID otherwise. */
KTK_API ktk_status ktk_parquet_sorting_column_get(const ktk_parquet_file *file, int32_t row_group,
                                                  int32_t index, ktk_parquet_sorting_column *out,
                                                  ktk_error *err) KTK_CHECK_RESULT;

/** One column chunk; texts are borrowed from the file. */
typedef struct ktk_parquet_column_info {
    const char *path;          /**< dotted path in the schema */
    const char *physical_type; /**< e.g. "INT64" */
    const char *logical_type;  /**< e.g. "TIMESTAMP(MICROS, UTC=false)"; "" if none */
    const char *codec;         /**< e.g. "SNAPPY" */
    const char *encodings;     /**< names joined by ", " */
    int64_t value_count;       /**< nulls included */
    int64_t uncompressed_size;
    int64_t compressed_size;
    int64_t null_count;  /**< -1: unknown */
    const char *minimum; /**< readable text of the statistics; NULL: none */
    const char *maximum;
    int64_t distinct_count;    /**< -1: unknown */
    int64_t text_bytes;        /**< of BYTE_ARRAY values before encoding; -1: unknown */
    int64_t column_index_size; /**< bounds of its pages; 0: there is none */
    int64_t offset_index_size; /**< places of its pages; 0: there is none */
    bool has_bloom_filter;
    bool is_encrypted;
} ktk_parquet_column_info;

KTK_API ktk_status ktk_parquet_column_info_get(const ktk_parquet_file *file, int32_t row_group,
                                               int32_t leaf, ktk_parquet_column_info *out,
                                               ktk_error *err) KTK_CHECK_RESULT;

typedef enum ktk_parquet_checksum {
    KTK_CHECKSUM_NONE = 0, /**< the page has none */
    KTK_CHECKSUM_RIGHT = 1,
    KTK_CHECKSUM_WRONG = 2
} ktk_parquet_checksum;

/** One page, as its header and the page index say; texts live as long as the call. */
typedef struct ktk_parquet_page {
    const char *kind;     /**< "DICTIONARY_PAGE", "DATA_PAGE", "DATA_PAGE_V2", "INDEX_PAGE" */
    const char *encoding; /**< of the values */
    int64_t offset;       /**< of its header, in the file */
    int64_t header_size;
    int64_t compressed_size; /**< without the header */
    int64_t uncompressed_size;
    int64_t value_count; /**< nulls included; of a dictionary page its entries */
    int64_t row_count;   /**< -1: unknown */
    int64_t null_count;  /**< -1: unknown */
    const char *minimum; /**< readable text; NULL: none */
    const char *maximum;
    ktk_parquet_checksum checksum;
} ktk_parquet_page;

/** Receives page by page. A status other than KTK_OK ends the walk and is returned. */
typedef ktk_status (*ktk_parquet_page_fn)(void *state, const ktk_parquet_page *page,
                                          ktk_error *err);

/**
 * Call `fn` for every page of a column chunk, in the order of the file. Nothing is decoded; a wrong
 * checksum is reported, not refused.
 *
 * @return KTK_E_INVALID for a chunk that is not there; KTK_E_CORRUPT names row group, column, page
 * and offset.
 */
KTK_API ktk_status ktk_parquet_pages(ktk_parquet_file *file, int32_t row_group, int32_t leaf,
                                     ktk_parquet_page_fn fn, void *state,
                                     ktk_error *err) KTK_CHECK_RESULT;

/** A key/value metadata entry of the footer, borrowed; `*value` NULL: it has none. `index` in
 * [0, key_value_count); KTK_E_INVALID otherwise. */
KTK_API ktk_status ktk_parquet_key_value_get(const ktk_parquet_file *file, int32_t index,
                                             const char **key, const char **value, size_t *size,
                                             ktk_error *err) KTK_CHECK_RESULT;

/** Value of a key/value metadata entry of the footer, borrowed; NULL if absent. `size` may be NULL.
 */
KTK_API const char *ktk_parquet_key_value(const ktk_parquet_file *file, const char *key,
                                          size_t *size);

/**
 * Arrow schema, with the types that an `ARROW:schema` entry restores. The caller releases it.
 *
 * Logical types that Arrow has no type for stand in the metadata of their fields, and are written
 * from there: `PARQUET:logical_type` is UUID, ENUM, JSON, BSON, INTERVAL, VARIANT (of a struct),
 * GEOMETRY or GEOGRAPHY; of the last two, `PARQUET:crs` is the coordinate reference system, and
 * `PARQUET:edges` of GEOGRAPHY VINCENTY, THOMAS, ANDOYER or KARNEY. Types of later versions of the
 * format read as UNKNOWN.
 */
KTK_API ktk_status ktk_parquet_file_schema(ktk_parquet_file *file, struct ArrowSchema *out,
                                           ktk_error *err) KTK_CHECK_RESULT;

/**
 * Columns are chosen by name or by path. A name is that of a top-level column, exactly. What is no
 * such name is a path: names joined by dots that lead into a nested column, e.g.
 * "order.lines.price"; names that are a part of how lists and maps are stored ("list", "element",
 * "key_value") may be left out. Of a column that paths lead into, only these parts are read: it is
 * one column of the result, at the place of its first path, with structs that have fewer children.
 * A part of the values of a map brings the keys, keys alone bring the values.
 */
typedef struct ktk_parquet_read_options {
    size_t size;
    const char *const *columns; /**< names and paths, in the order wanted; NULL: all */
    size_t column_count; /**< with `columns` not NULL, 0 reads no column: batches have a length
                            alone */
    const int32_t *row_groups; /**< NULL: all */
    size_t row_group_count;
    bool keep_dictionaries; /**< columns whose ARROW:schema type is a dictionary stay one; else they
                               become plain values */
    const ktk_predicate *where; /**< rows to read, asked of columns that need not be among those
                                   read; borrowed for the call; NULL: all. Row groups and pages
                                   that cannot hold such rows are passed over */
    int64_t row_start;          /**< first row to read, counted through the file */
    int64_t row_count;          /**< rows from there on, before `where`; 0: to the end */
    int64_t batch_rows_max;     /**< rows of a batch at most; 0: a batch a row group */
    int64_t memory_bytes_max;   /**< bytes that a batch and decoding it may take, about: row groups
                                   come in as many batches as that needs, whose pages are read one
                                   after the other. Columns of lists, maps and structs are held for
                                   a whole row group all the same. 0: no limit */
    bool skip_checksums;        /**< do not compare pages with the checksums that they may have */
} ktk_parquet_read_options;

#define KTK_PARQUET_READ_OPTIONS_INIT                                                              \
    {sizeof(ktk_parquet_read_options), NULL, 0, NULL, 0, false, NULL, 0, 0, 0, 0, false}

/**
 * Stream of record batches, at least one per row group with rows wanted; batches have rows. The
 * stream holds a reference to the file.
 *
 * @return KTK_E_NOT_FOUND for an unknown column (all are named); KTK_E_INVALID for a value of the
 * predicate that does not fit its column, or numbers below 0; KTK_E_UNSUPPORTED for a predicate on
 * a nested column. Decoding errors, KTK_E_UNSUPPORTED for encrypted columns among them, come out
 * of the stream.
 */
KTK_API ktk_status ktk_parquet_read(struct ArrowArrayStream *out, ktk_parquet_file *file,
                                    const ktk_parquet_read_options *options,
                                    ktk_error *err) KTK_CHECK_RESULT;

/* ---- writing ---- */

/** How the values of a column are encoded where no dictionary numbers them. */
typedef enum ktk_parquet_encoding {
    KTK_ENCODING_AUTO = 0, /**< PLAIN, which all readers know */
    KTK_ENCODING_PLAIN = 1,
    KTK_ENCODING_RLE = 2,                     /**< BOOLEAN */
    KTK_ENCODING_DELTA_BINARY_PACKED = 3,     /**< INT32, INT64 */
    KTK_ENCODING_DELTA_LENGTH_BYTE_ARRAY = 4, /**< BYTE_ARRAY */
    KTK_ENCODING_DELTA_BYTE_ARRAY = 5,        /**< BYTE_ARRAY, FIXED_LEN_BYTE_ARRAY */
    KTK_ENCODING_BYTE_STREAM_SPLIT = 6 /**< INT32, INT64, FLOAT, DOUBLE, FIXED_LEN_BYTE_ARRAY */
} ktk_parquet_encoding;

typedef enum ktk_parquet_dictionary {
    KTK_DICTIONARY_AUTO = 0,  /**< if it pays; never where an encoding is chosen */
    KTK_DICTIONARY_NEVER = 1, /**< no values are numbered */
    KTK_DICTIONARY_ALWAYS = 2 /**< as long as its page has room; not for BOOLEAN */
} ktk_parquet_dictionary;

/** What is chosen for one leaf column. */
typedef struct ktk_parquet_column_options {
    const char *path; /**< dotted path in the file's schema, e.g. "x" or "x.list.item" */
    ktk_parquet_encoding encoding;
    ktk_parquet_dictionary dictionary;
    bool bloom_filter; /**< lets readers pass over row groups without a value; not for booleans */
    double bloom_fpp;  /**< share of absent values that the filter lets pass; 0: 0.01 */
} ktk_parquet_column_options;

/** The unit that timestamps are stored in. */
typedef enum ktk_parquet_timestamp_unit {
    KTK_TIMESTAMP_MICROSECONDS = 0, /**< what kartothek's files have */
    KTK_TIMESTAMP_MILLISECONDS = 1,
    KTK_TIMESTAMP_NANOSECONDS = 2 /**< not known to readers from before 2018 */
} ktk_parquet_timestamp_unit;

typedef struct ktk_parquet_write_options {
    size_t size;
    ktk_compression compression;
    int32_t
        compression_level; /**< 0: the codec's default (zstd: 1, lz4_raw: 1, gzip: 6, brotli: 5) */
    int64_t row_group_rows_max;                /**< 0: 1 Mi rows */
    int64_t page_bytes_max;                    /**< 0: 1 MiB of encoded values */
    bool no_dictionary;                        /**< PLAIN only */
    const ktk_parquet_column_options *columns; /**< choices for single columns; borrowed until the
                                                  file, or the update, is complete */
    size_t column_count;
    int32_t data_page_version; /**< 1 or 2; 0: 1 */
    bool page_checksums;       /**< a CRC-32 in the header of each page */
    ktk_parquet_timestamp_unit timestamp_unit;
    int64_t memory_bytes_max; /**< memory of the writer, at least 1 MiB; 0: 512 MiB. See
                                 ktk_parquet_write_path() */
    bool no_page_index; /**< without one: it tells readers where pages lie and between which bounds
                           their values are; a file whose chunks have one page each has none */
    const ktk_parquet_sorting_column *sorting; /**< by what the rows of every row group are sorted:
                                                  noted in the file, not checked; borrowed like
                                                  `columns` */
    size_t sorting_count;
} ktk_parquet_write_options;

#define KTK_PARQUET_WRITE_OPTIONS_INIT                                                             \
    {sizeof(ktk_parquet_write_options),                                                            \
     KTK_COMPRESSION_SNAPPY,                                                                       \
     0,                                                                                            \
     0,                                                                                            \
     0,                                                                                            \
     false,                                                                                        \
     NULL,                                                                                         \
     0,                                                                                            \
     0,                                                                                            \
     false,                                                                                        \
     KTK_TIMESTAMP_MICROSECONDS,                                                                   \
     0,                                                                                            \
     false,                                                                                        \
     NULL,                                                                                         \
     0}

/**
 * Write all batches of a stream into a local file: a temporary neighbour, renamed when complete.
 * The stream is consumed and released in every case. Equal input gives equal bytes.
 *
 * Structs, maps and lists of all kinds may lie within one another. All fields become OPTIONAL but
 * the keys of maps, which must not be null. The Arrow types are kept beside, as pyarrow keeps them.
 *
 * Memory: rows wait until they fill a row group, which is closed early when their values and
 * offsets (at least 4 bytes a number) take 7/16 of `memory_bytes_max`; then it is written page by
 * page, before the next batch is asked for. Indices of dictionary columns take as much at most, and
 * pages that wait for their turn 1/8, but no more than 16 MiB. Beside that the writer needs up to
 * 32 MiB and 4 pages a thread. The batch under way belongs to the stream, and is not counted.
 *
 * @return KTK_E_INVALID for an option out of range, a column to choose for that is not there or
 * cannot have its encoding, a timestamp with a rest below the unit, and a null key of a map;
 * KTK_E_NOT_FOUND for a column to be sorted by that is not there;
 * KTK_E_UNSUPPORTED for intervals, structs without fields, dictionaries of nested values, and
 * decimals of a scale that Parquet does not have.
 */
KTK_API ktk_status ktk_parquet_write_path(ktk_context *context, const char *path,
                                          struct ArrowArrayStream *stream,
                                          const ktk_parquet_write_options *options,
                                          ktk_error *err) KTK_CHECK_RESULT;

/** The same into memory. */
KTK_API ktk_status ktk_parquet_write_bytes(ktk_bytes *out, ktk_context *context,
                                           struct ArrowArrayStream *stream,
                                           const ktk_parquet_write_options *options,
                                           ktk_error *err) KTK_CHECK_RESULT;

#ifdef __cplusplus
}
#endif

#endif
