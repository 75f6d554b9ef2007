/** Where the bytes of a Parquet file come from: one code path for mapped files, memory, store
 * ranges and the fuzzer. */
#ifndef KTKI_PARQUET_SOURCE_H
#define KTKI_PARQUET_SOURCE_H

#include <kartothek/context.h>

struct byte_range {
    int64_t offset;
    int64_t size;
};

struct source_ops {
    /** Fill `out[i]` with exactly the bytes of `ranges[i]`; each is cleared by the caller. On
     * failure none is left filled. May be called from several threads. Ranges lie within the size;
     * the reader checks that before. */
    ktk_status (*read)(void *state, const struct byte_range *ranges, size_t count, ktk_bytes *out,
                       ktk_error *err);
    /** Have requests cost nothing from now on: whether that is so. The answer never changes; any
     * thread may ask. NULL: the kind says it. */
    bool (*map)(void *state);
    void (*free)(void *state);
};

/** What a request costs. */
enum source_kind {
    SOURCE_STORE = 0, /* a round trip: few large ones are better */
    SOURCE_FILE,      /* a system call and a copy of the bytes */
    SOURCE_MEMORY     /* nothing: the bytes are at hand and are only pointed at */
};

/** `size` is the size of the whole file. */
struct source {
    const struct source_ops *ops;
    void *state;
    int64_t size;
    const char *name; /* for messages; owned by the state */
    enum source_kind kind;
};

/** Bytes in memory; moved on success. */
ktk_status ktki_source_of_bytes(struct source *out, ktk_context *context, ktk_bytes *bytes,
                                const char *name, ktk_error *err);

/** A source made by the function above of bytes without `release` takes over their owner, once it
 * is known that it will be kept. */
void ktki_source_adopt(struct source *source, ktk_bytes *bytes);

/** A local file. Its end is read; for anything else it is mapped read-only, or where there is no
 * room for that, read piece by piece. A descriptor stays open. */
ktk_status ktki_source_of_path(struct source *out, ktk_context *context, const char *path,
                               ktk_error *err);

/** Whether bytes are only pointed at; a local file is mapped for that. */
bool ktki_source_is_memory(const struct source *source);

/** A part of a slice that was read is not needed for now: of a mapped file it leaves the memory, as
 * the whole slice does when it is cleared. */
void ktki_source_drop(const ktk_bytes *slice, const uint8_t *data, size_t size);

void ktki_source_free(struct source *source);

#endif
