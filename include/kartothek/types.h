/**
 * Names shared by all public headers: opaque handles, byte strings, attributes.
 */
#ifndef KARTOTHEK_TYPES_H
#define KARTOTHEK_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define KTK_API __attribute__((visibility("default")))
#define KTK_CHECK_RESULT __attribute__((warn_unused_result))
#define KTK_PRINTF(format_index, first_argument)                                                   \
    __attribute__((format(printf, format_index, first_argument)))
#else
#define KTK_API
#define KTK_CHECK_RESULT
#define KTK_PRINTF(format_index, first_argument)
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ktk_context ktk_context;
typedef struct ktk_store ktk_store;
typedef struct ktk_predicate ktk_predicate;
typedef struct ktk_parquet_file ktk_parquet_file;
typedef struct ktk_parquet_writer ktk_parquet_writer;
typedef struct ktk_dataset ktk_dataset;
typedef struct ktk_update ktk_update;
typedef struct ktk_diff ktk_diff;
typedef struct ktk_split ktk_split;
typedef struct ktk_partition_reader ktk_partition_reader;

/**
 * A byte string handed out by the library or by a store.
 *
 * The struct belongs to the caller, the bytes to whoever set `release`. Clear it with
 * ktk_bytes_clear() exactly once; a zeroed struct is empty and may be cleared too. The bytes must
 * not be written to.
 */
typedef struct ktk_bytes {
    const uint8_t *data;
    size_t size;
    void (*release)(struct ktk_bytes *self); /**< NULL: nothing to release */
    void *owner;                             /**< for `release` alone */
} ktk_bytes;

#define KTK_BYTES_INIT {NULL, 0, NULL, NULL}

/** Release the bytes and zero the struct. */
KTK_API void ktk_bytes_clear(ktk_bytes *bytes);

#ifdef __cplusplus
}
#endif

#endif
