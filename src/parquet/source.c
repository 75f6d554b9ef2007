#include "parquet/source.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"

/* Both kinds of source hand out slices of memory that lives as long as they do. */
struct memory {
    ktk_context *context; /* a reference */
    char *name;
    const uint8_t *data;
    size_t size;
    ktk_bytes bytes; /* owned, or empty and `data` is mapped */
};

static ktk_status read_slices(void *state, const struct byte_range *ranges, size_t count,
                              ktk_bytes *out, ktk_error *err) {
    const struct memory *memory = state;

    (void)err;
    for (size_t i = 0; i < count; i++) {
        out[i] =
            (ktk_bytes){.data = memory->data + ranges[i].offset, .size = (size_t)ranges[i].size};
    }
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
    *out = memory;
    memory = NULL;
out:
    KTKI_DELETE(allocator, memory);
    return status;
}

static void memory_free(void *state) {
    struct memory *memory = state;
    ktk_context *context = memory->context;

    if (memory->data != NULL && memory->data != memory->bytes.data) {
        (void)munmap((void *)memory->data, memory->size);
    }
    ktk_bytes_clear(&memory->bytes);
    ktki_free_text(ktki_context_allocator(context), memory->name);
    KTKI_DELETE(ktki_context_allocator(context), memory);
    ktk_context_free(context);
}

static const struct source_ops memory_ops = {.read = read_slices, .free = memory_free};

static struct source source_of_memory(struct memory *memory) {
    return (struct source){
        .ops = &memory_ops, .state = memory, .size = (int64_t)memory->size, .name = memory->name};
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

/* An empty file cannot be mapped; it has no bytes to hand out either. */
static ktk_status map_file(struct memory *memory, int file, ktk_error *err) {
    struct stat info;
    void *data;

    if (fstat(file, &info) != 0) {
        return ktki_error_errno(err, errno, "cannot look at '%s'", memory->name);
    }
    if (!S_ISREG(info.st_mode)) {
        return ktk_error_set(err, KTK_E_INVALID, "'%s' is not a regular file", memory->name);
    }
    if (info.st_size == 0) {
        return KTK_OK;
    }
    data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (data == MAP_FAILED) {
        return ktki_error_errno(err, errno, "cannot map '%s'", memory->name);
    }
    memory->data = data;
    memory->size = (size_t)info.st_size;
    return KTK_OK;
}

ktk_status ktki_source_of_path(struct source *out, ktk_context *context, const char *path,
                               ktk_error *err) {
    struct memory *memory = NULL;
    int file = -1;
    ktk_status status = KTK_OK;

    KTKI_TRY(memory_new(&memory, context, path, err));
    file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) {
        status = ktki_error_errno(err, errno, "cannot open '%s'", path);
        goto out;
    }
    KTKI_TRY(map_file(memory, file, err));
    *out = source_of_memory(memory);
    memory = NULL;
out:
    if (file >= 0) {
        (void)close(file);
    }
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
