/**
 * Helpers around Arrow streams: reading one, CSV in and out, JSON lines out.
 */
#ifndef KARTOTHEK_ARROW_H
#define KARTOTHEK_ARROW_H

#include <kartothek/arrow_abi.h>
#include <kartothek/context.h>
#include <kartothek/error.h>
#include <kartothek/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The next batch of a stream, a struct array; `out->release` is NULL at the end. Streams made by
 * this library keep the whole ktk_error of a failure; of other streams the errno and the text are
 * taken.
 */
KTK_API ktk_status ktk_stream_next(struct ArrowArrayStream *stream, struct ArrowArray *out,
                                   ktk_error *err) KTK_CHECK_RESULT;

/** The schema of a stream, a struct type; errors as ktk_stream_next(). */
KTK_API ktk_status ktk_stream_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out,
                                     ktk_error *err) KTK_CHECK_RESULT;

/**
 * Split the rows of a stream by the values of some of its columns: a group for each combination of
 * values that occurs, ascending by the first column, then the next. The stream is read to its end,
 * on the context's threads, and released in every case; all rows are in memory until they are
 * taken.
 *
 * Values are equal if their bytes are, but -0.0 equals 0.0; dictionaries count by their values.
 * Rows with a null or NaN in one of the columns are in no group.
 *
 * @param bytes_max what the rows may take; 0: any size.
 * @return KTK_E_NOT_FOUND for a column that is not there, KTK_E_UNSUPPORTED for nested ones,
 * KTK_E_LIMIT if the rows are more than `bytes_max`.
 */
KTK_API ktk_status ktk_split_new(ktk_split **out, ktk_context *context,
                                 struct ArrowArrayStream *stream, const char *const *columns,
                                 size_t column_count, int64_t bytes_max,
                                 ktk_error *err) KTK_CHECK_RESULT;

/** Free a split; streams taken from it stay. NULL is allowed. */
KTK_API void ktk_split_free(ktk_split *split);

KTK_API int64_t ktk_split_group_count(const ktk_split *split);

/** The values, a row a group; dictionaries are decoded. */
KTK_API ktk_status ktk_split_values(struct ArrowArrayStream *out, ktk_split *split,
                                    ktk_error *err) KTK_CHECK_RESULT;

/** The rows of group `group`, in [0, ktk_split_group_count()), as they followed each other, all
 * columns. They leave the split: the second time there are none. */
KTK_API ktk_status ktk_split_take(struct ArrowArrayStream *out, ktk_split *split, int64_t group,
                                  ktk_error *err) KTK_CHECK_RESULT;

typedef struct ktk_csv_read_options {
    size_t size;
    char delimiter;                 /**< 0: ',' */
    bool no_header;                 /**< columns are then named column_0, column_1, … */
    const char *const *null_values; /**< texts that mean null when unquoted; NULL: "" "NA" "NULL"
                                       "null" "NaN" "nan" */
    size_t null_value_count;
    const char *const *type_columns; /**< columns whose type is given instead of inferred */
    const char *const *type_names; /**< "bool" "int8" … "uint64" "float" "double" "string" "binary"
                                      "date32" "timestamp[us]" "timestamp[us, tz=UTC]" */
    size_t type_count;
    int64_t batch_rows_max; /**< 0: 64 Ki rows */
    bool quoted_nulls;      /**< texts that mean null do so in quotes, too */
    bool optional_types;    /**< a type given for a column that is not there is passed over */
    const char *other_type; /**< type of the columns that none is given for; NULL: inferred */
} ktk_csv_read_options;

#define KTK_CSV_READ_OPTIONS_INIT                                                                  \
    {sizeof(ktk_csv_read_options), 0, false, NULL, 0, NULL, NULL, 0, 0, false, false, NULL}

/**
 * Read CSV (RFC 4180; LF, CRLF or CR line ends; UTF-8 with or without byte order mark). The bytes
 * move into the stream on success; everything that can be wrong with them is found before.
 * `options` NULL: the defaults.
 *
 * A quote inside a field that does not start with one is text. Empty lines are passed over, but of
 * one column they are values. Names must be UTF-8 and differ. A header alone gives no rows and
 * string columns.
 *
 * Types are inferred over the whole input. A column has the first of these types that all its
 * values have, nulls aside: bool (true, True, TRUE, false, …), int64 (also "007"), uint64, double,
 * date32 (2020-01-31), timestamp[us] (ISO 8601, time and up to six digits of fraction optional),
 * timestamp[us, tz=UTC] (all with Z or an offset), else string; without values it is string. Spaces
 * belong to a value. "binary" must be given, and is hexadecimal, as ktk_csv_write() writes it.
 *
 * @return KTK_E_CORRUPT with line and column for an unclosed quote or a row with another number of
 * fields; KTK_E_INVALID for an empty text, a name that is there twice, a value that does not have
 * the type given or is no UTF-8.
 */
KTK_API ktk_status ktk_csv_read(struct ArrowArrayStream *out, ktk_context *context,
                                ktk_bytes *bytes, const ktk_csv_read_options *options,
                                ktk_error *err) KTK_CHECK_RESULT;

/** The same of a local file, of which little is in memory at a time: it is mapped, and read twice.
 * It must not become shorter before the stream is released. Errors name it. */
KTK_API ktk_status ktk_csv_read_path(struct ArrowArrayStream *out, ktk_context *context,
                                     const char *path, const ktk_csv_read_options *options,
                                     ktk_error *err) KTK_CHECK_RESULT;

/** Receives text piece by piece. A status other than KTK_OK ends the writing and is returned. */
typedef ktk_status (*ktk_write_fn)(void *state, const char *data, size_t size, ktk_error *err);

typedef struct ktk_csv_write_options {
    size_t size;
    char delimiter; /**< 0: ',' */
    bool no_header;
    const char *null_value; /**< NULL: "" */
} ktk_csv_write_options;

#define KTK_CSV_WRITE_OPTIONS_INIT {sizeof(ktk_csv_write_options), 0, false, NULL}

/**
 * Write all rows as CSV (RFC 4180, LF line ends), values as ktk_format_value() shows them. The
 * stream is consumed and released in every case. `options` NULL: the defaults.
 *
 * Quoted is what must be, and what is not null but would be read as null, e.g. an empty string; NaN
 * stays bare and reads as null.
 */
KTK_API ktk_status ktk_csv_write(ktk_context *context, struct ArrowArrayStream *stream,
                                 const ktk_csv_write_options *options, ktk_write_fn fn, void *state,
                                 ktk_error *err) KTK_CHECK_RESULT;

/**
 * Write one JSON object a row, each on its own line. The stream is consumed and released in every
 * case.
 *
 * Integers are numbers of any size; NaN and infinities are null; decimals, dates, times (ISO 8601
 * with 'T') and durations are strings, binary is a string of hexadecimal digits; lists are arrays,
 * structs and maps are objects.
 */
KTK_API ktk_status ktk_json_lines_write(ktk_context *context, struct ArrowArrayStream *stream,
                                        ktk_write_fn fn, void *state,
                                        ktk_error *err) KTK_CHECK_RESULT;

typedef struct ktk_json_lines_read_options {
    size_t size;
    const char *const *type_columns; /**< columns whose type is given instead of inferred */
    const char *const *type_names;   /**< those of CSV but "binary" */
    size_t type_count;
    bool optional_types; /**< a type given for a column that is not there is passed over */
} ktk_json_lines_read_options;

#define KTK_JSON_LINES_READ_OPTIONS_INIT {sizeof(ktk_json_lines_read_options), NULL, NULL, 0, false}

/**
 * Read one JSON object a line as a row, blank lines aside; UTF-8. The text is not needed any more
 * after the call. `options` NULL: the defaults.
 *
 * Columns come in the order in which they are first met; one that a row does not have is null
 * there. A column is bool; or int64, uint64 or double, the first that all its numbers have; or
 * date32, timestamp[us] or timestamp[us, tz=UTC] if all its strings are such as
 * ktk_json_lines_write() writes them; else string. Nothing but nulls makes a string column.
 * Numbers, true and false become strings only where that type is given.
 *
 * @return KTK_E_CORRUPT with the line for what is no JSON object; KTK_E_UNSUPPORTED for objects and
 * lists within a row; KTK_E_INVALID for a text without rows, a key that comes twice in a row, and
 * values of a column that are of different kinds or do not have the type given.
 */
KTK_API ktk_status ktk_json_lines_read(struct ArrowArrayStream *out, ktk_context *context,
                                       const void *data, size_t size,
                                       const ktk_json_lines_read_options *options,
                                       ktk_error *err) KTK_CHECK_RESULT;

/** The same of a local file, of which little is in memory at a time: it is mapped, and read twice.
 * It must not become shorter before the stream is released. Errors name it. */
KTK_API ktk_status ktk_json_lines_read_path(struct ArrowArrayStream *out, ktk_context *context,
                                            const char *path,
                                            const ktk_json_lines_read_options *options,
                                            ktk_error *err) KTK_CHECK_RESULT;

/** Receives the hashes of some rows, in order; they are valid during the call. A status other than
 * KTK_OK ends the hashing and is returned. */
typedef ktk_status (*ktk_hash_fn)(void *state, const uint64_t *hashes, int64_t count,
                                  ktk_error *err);

typedef struct ktk_hash_options {
    size_t size;
    const char *const *columns; /**< what is hashed, in this order; NULL: all columns */
    size_t column_count;
    bool bools_as_text; /**< as pandas 1: bools are hashed as the texts "True" and "False" */
    bool signed_zeros;  /**< as pandas 1 and 2: 0.0 and -0.0 have hashes of their own */
} ktk_hash_options;

#define KTK_HASH_OPTIONS_INIT {sizeof(ktk_hash_options), NULL, 0, false, false}

/**
 * Hash each row, with the result of `pandas.util.hash_pandas_object(frame, index=False)` on the
 * frame that the columns make: what buckets rows, and what datasets are compared by. The stream is
 * consumed and released in every case. `options` NULL: the defaults.
 *
 * Numbers, timestamps and durations are hashed by the bits of their own width, text and bytes by
 * SipHash-2-4, dates, times of day and decimals by the text that shows them, dictionaries by their
 * values. Not a promise for ever: pandas may change it, as it did with versions 2 and 3.
 *
 * @return KTK_E_NOT_FOUND for a column that is not there; KTK_E_UNSUPPORTED for nested columns.
 */
KTK_API ktk_status ktk_hash_rows(ktk_context *context, struct ArrowArrayStream *stream,
                                 const ktk_hash_options *options, ktk_hash_fn fn, void *state,
                                 ktk_error *err) KTK_CHECK_RESULT;

/**
 * Text of one value as CSV would show it (unquoted), e.g. for tables. `array` belongs to `schema`;
 * `row` counts from 0. Writes at most `capacity` bytes with a NUL, cut at a character boundary, and
 * returns the full length; null gives "" and sets `*is_null`. What cannot be shown (no memory, an
 * invalid schema) is "?".
 *
 * Numbers are the shortest text that reads back to the same value; dates and times are ISO 8601
 * ("2020-01-31 12:00:00.5" has six or nine digits of fraction), those with a time zone in UTC with
 * "+00:00"; binary is hexadecimal; dictionaries show their values; lists, structs and maps are
 * JSON.
 */
KTK_API size_t ktk_format_value(const struct ArrowSchema *schema, const struct ArrowArray *array,
                                int64_t row, char *text, size_t capacity, bool *is_null);

/** Readable type of a schema node, e.g. "timestamp[us, tz=UTC]"; like ktk_format_value() in what it
 * writes and returns. */
KTK_API size_t ktk_format_type(const struct ArrowSchema *schema, char *text, size_t capacity);

#ifdef __cplusplus
}
#endif

#endif
