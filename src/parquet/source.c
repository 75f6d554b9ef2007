#include "parquet/source.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "base/mapped_file.h"

/* Mapped files and bytes hand out slices of memory that lives as long as they do. */
struct memory {
    ktk_context *context; /* a reference */
    char *name;
    const uint8_t *data; /* of a file: NULL until it is mapped, MAP_FAILED if that cannot be;
                            atomic access only */
    size_t size;
    ktk_bytes bytes; /* owned; of a file: empty */
    int file;        /* -1: none */
};

/* Slices of a mapped file of this size and more are unmapped again once they are read. */
#define UNMAPPED_SIZE_MIN ((size_t)1 << 17)

/* The end of a file, where the footer is, is copied up to this size. Of many files nothing else is
 * wanted, and mapping and unmapping them would take most of the time. */
#define COPIED_END_SIZE_MAX ((int64_t)1 << 20)

static void mapped_slice_release(ktk_bytes *bytes) {
    ktki_drop_pages(bytes->data, bytes->size);
}

void ktki_source_drop(const ktk_bytes *slice, const uint8_t *data, size_t size) {
    if (slice->release == mapped_slice_release) {
        ktki_drop_pages(data, size);
    }
}

static void slice(const uint8_t *data, const struct byte_range *ranges, size_t count,
                  bool is_mapped, ktk_bytes *out) {
    for (size_t i = 0; i < count; i++) {
        size_t size = (size_t)ranges[i].size;

        out[i] = (ktk_bytes){.data = data + ranges[i].offset, .size = size};
        if (is_mapped && size >= UNMAPPED_SIZE_MIN) {
            out[i].release = mapped_slice_release;
        }
    }
}

static ktk_status read_memory(void *state, const struct byte_range *ranges, size_t count,
                              ktk_bytes *out, ktk_error *err) {
    const struct memory *memory = state;

    (void)err;
    slice(memory->data, ranges, count, false, out);
    return KTK_OK;
}

static ktk_status memory_new(struct memory **out, ktk_context *context, const char *name,
                             ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(context);
    struct memory *memory = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(KTKI_NEW(allocator, &memory, err));
    KTKI_TRY(ktki_copy_text(allocator, name, strlen(name), &memory->name, err));
    memory->context = ktk_context_ref(context);
    memory->file = -1;
    *out = memory;
    memory = NULL;
out:
    KTKI_DELETE(allocator, memory);
    return status;
}

static bool is_address(const uint8_t *data) {
    return data != NULL && data != MAP_FAILED;
}

static void memory_free(void *state) {
    struct memory *memory = state;
    ktk_context *context = memory->context;

    if (memory->file >= 0) {
        if (is_address(memory->data)) {
            (void)munmap((void *)(uintptr_t)memory->data, memory->size);
        }
        (void)close(memory->file);
    }
    ktk_bytes_clear(&memory->bytes);
    ktki_free_text(ktki_context_allocator(context), memory->name);
    KTKI_DELETE(ktki_context_allocator(context), memory);
    ktk_context_free(context);
}

/* ---- pieces of a file ---- */

static void piece_release(ktk_bytes *bytes) {
    ktk_context *context = bytes->owner;

    ktki_free_array(ktki_context_allocator(context), (void *)(uintptr_t)bytes->data, bytes->size,
                    1);
    ktk_context_free(context);
}

static ktk_status read_piece(const struct memory *memory, const struct byte_range *range,
                             ktk_bytes *out, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(memory->context);
    size_t size = (size_t)range->size;
    uint8_t *data = NULL;
    size_t done = 0;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(allocator, size, 1, &data, err));
    while (done < size) {
        ssize_t got = pread(memory->file, data + done, size - done, range->offset + (off_t)done);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            status = ktki_error_errno(err, errno, "cannot read '%s'", memory->name);
            goto out;
        }
        if (got == 0) {
            KTKI_FAIL(err, KTK_E_IO, "'%s' got shorter while it was read", memory->name);
        }
        done += (size_t)got;
    }
    *out = (ktk_bytes){data, size, piece_release, ktk_context_ref(memory->context)};
    data = NULL;
out:
    ktki_free_array(allocator, data, size, 1);
    return status;
}

static ktk_status read_pieces(const struct memory *memory, const struct byte_range *ranges,
                              size_t count, ktk_bytes *out, ktk_error *err) {
    ktk_status status = KTK_OK;
    size_t done = 0;

    for (; done < count && status == KTK_OK; done++) {
        out[done] = (ktk_bytes)KTK_BYTES_INIT;
        status = read_piece(memory, &ranges[done], &out[done], err);
    }
    for (size_t i = 0; i < done && status != KTK_OK; i++) {
        ktk_bytes_clear(&out[i]);
    }
    return status;
}

/* ---- a file, mapped when it is needed ---- */

/* Threads that come at the same time each map the file, and all but the first unmap it again. */
static const uint8_t *map_file(struct memory *memory) {
    const uint8_t *data = __atomic_load_n(&memory->data, __ATOMIC_ACQUIRE);
    const uint8_t *mapped;

    if (data != NULL) {
        return data;
    }
    mapped = mmap(NULL, memory->size, PROT_READ, MAP_PRIVATE, memory->file, 0);
    if (__atomic_compare_exchange_n(&memory->data, &data, mapped, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE)) {
        return mapped;
    }
    if (is_address(mapped)) {
        (void)munmap((void *)(uintptr_t)mapped, memory->size);
    }
    return data;
}

static bool file_map(void *state) {
    return is_address(map_file(state));
}

static bool is_short_end(const struct memory *memory, const struct byte_range *ranges,
                         size_t count) {
    return count == 1 && ranges[0].size <= COPIED_END_SIZE_MAX &&
           ranges[0].offset + ranges[0].size == (int64_t)memory->size;
}

static ktk_status read_file(void *state, const struct byte_range *ranges, size_t count,
                            ktk_bytes *out, ktk_error *err) {
    struct memory *memory = state;
    const uint8_t *data = is_short_end(memory, ranges, count)
                              ? __atomic_load_n(&memory->data, __ATOMIC_ACQUIRE)
                              : map_file(memory);

    if (!is_address(data)) {
        return read_pieces(memory, ranges, count, out, err);
    }
    slice(data, ranges, count, true, out);
    return KTK_OK;
}

static const struct source_ops memory_ops = {.read = read_memory, .free = memory_free};
static const struct source_ops file_ops = {.read = read_file, .map = file_map, .free = memory_free};

static struct source source_of_memory(struct memory *memory) {
    bool is_file = memory->file >= 0;

    return (struct source){.ops = is_file ? &file_ops : &memory_ops,
                           .state = memory,
                           .size = (int64_t)memory->size,
                           .name = memory->name,
                           .kind = is_file ? SOURCE_FILE : SOURCE_MEMORY};
}

bool ktki_source_is_memory(const struct source *source) {
    return source->ops->map != NULL ? source->ops->map(source->state)
                                    : source->kind == SOURCE_MEMORY;
}

ktk_status ktki_source_of_bytes(struct source *out, ktk_context *context, ktk_bytes *bytes,
                                const char *name, ktk_error *err) {
    struct memory *memory = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(memory_new(&memory, context, name, err));
    memory->bytes = *bytes;
    memory->data = bytes->data;
    memory->size = bytes->size;
    *bytes = (ktk_bytes)KTK_BYTES_INIT;
    *out = source_of_memory(memory);
out:
    return status;
}

void ktki_source_adopt(struct source *source, ktk_bytes *bytes) {
    struct memory *memory = source->state;

    memory->bytes = *bytes;
    *bytes = (ktk_bytes)KTK_BYTES_INIT;
}

static ktk_status look_at_file(struct memory *memory, ktk_error *err) {
    struct stat info;

    if (fstat(memory->file, &info) != 0) {
        return ktki_error_errno(err, errno, "cannot look at '%s'", memory->name);
    }
    if (!S_ISREG(info.st_mode)) {
        return ktk_error_set(err, KTK_E_INVALID, "'%s' is not a regular file", memory->name);
    }
    memory->size = (size_t)info.st_size;
    return KTK_OK;
}

ktk_status ktki_source_of_path(struct source *out, ktk_context *context, const char *path,
                               ktk_error *err) {
    struct memory *memory = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(memory_new(&memory, context, path, err));
    memory->file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (memory->file < 0) {
        status = ktki_error_errno(err, errno, "cannot open '%s'", path);
        goto out;
    }
    KTKI_TRY(look_at_file(memory, err));
    *out = source_of_memory(memory);
    memory = NULL;
out:
    if (memory != NULL) {
        memory_free(memory);
    }
    return status;
}

void ktki_source_free(struct source *source) {
    if (source->ops != NULL) {
        (source->ops->free)(source->state); /* in brackets: alloc.h bans the bare word */
    }
    *source = (struct source){0};
}
