#include "store/fs_read.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/context.h"
#include "base/error.h"
#include "store/fs_write.h"

/* From here on mapping is faster than copying: 4 times at 32 MiB, where fresh memory costs most. */
#define MAP_SIZE_MIN ((int64_t)1 << 20)
#define READ_FLAGS (O_RDONLY | O_NONBLOCK) /* not waiting for the writer of a named pipe */
#define READ_SIZE_MAX ((size_t)1 << 30)    /* read(2) gives a little less than 2 GiB */

static ktk_status not_found(const char *key, ktk_error *err) {
    return ktk_error_set(err, KTK_E_NOT_FOUND, "there is no key '%s'", key);
}

/* Open a regular file; `flags` READ_FLAGS or O_PATH. Folders are no keys. */
static ktk_status open_file(const struct fs_root *root, const char *key, int flags, int *out,
                            struct stat *info, ktk_error *err) {
    int fd = ktki_fs_open(root, key, flags);
    ktk_status status = KTK_OK;

    if (fd < 0) {
        KTKI_TRY(errno == ENOENT || errno == ENOTDIR ? not_found(key, err)
                                                     : ktki_fs_error(err, errno, "read", key));
    }
    if (fstat(fd, info) != 0) {
        KTKI_TRY(ktki_fs_error(err, errno, "read", key));
    }
    if (S_ISDIR(info->st_mode)) {
        KTKI_TRY(not_found(key, err));
    }
    if (!S_ISREG(info->st_mode)) {
        KTKI_FAIL(err, KTK_E_INVALID, "'%s' is not a regular file", key);
    }
    *out = fd;
    fd = -1;
out:
    if (fd >= 0) {
        close(fd);
    }
    return status;
}

/* Read until `size` bytes or the end of the file: a file that shrank meanwhile gives what is left.
 */
static ktk_status read_into(int fd, int64_t offset, uint8_t *data, size_t size, size_t *done,
                            const char *key, ktk_error *err) {
    size_t at = 0;

    while (at < size) {
        size_t left = size - at;
        ssize_t got =
            pread(fd, data + at, left < READ_SIZE_MAX ? left : READ_SIZE_MAX, offset + (int64_t)at);

        if (got < 0 && errno != EINTR) {
            return ktki_fs_error(err, errno, "read", key);
        }
        if (got == 0) {
            break;
        }
        at += got > 0 ? (size_t)got : 0;
    }
    *done = at;
    return KTK_OK;
}

static ktk_status copy_range(int fd, ktk_context *context, const char *key, int64_t offset,
                             size_t size, ktk_bytes *out, ktk_error *err) {
    struct buffer buffer;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&buffer, ktki_context_allocator(context), 0);
    KTKI_TRY(ktki_buffer_reserve(&buffer, size, err));
    KTKI_TRY(read_into(fd, offset, buffer.data, size, &buffer.size, key, err));
    KTKI_TRY(ktki_buffer_move(&buffer, out, err));
out:
    ktki_buffer_clear(&buffer);
    return status;
}

/* ---- mapping ---- */

struct mapping {
    const ktk_allocator *allocator;
    void *address;
    size_t size;
};

static void mapping_release(ktk_bytes *bytes) {
    struct mapping *mapping = bytes->owner;

    (void)munmap(mapping->address, mapping->size);
    KTKI_DELETE(mapping->allocator, mapping);
}

static ktk_status map_range(int fd, ktk_context *context, const char *key, int64_t offset,
                            size_t size, ktk_bytes *out, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(context);
    size_t lead = (size_t)(offset % sysconf(_SC_PAGESIZE)); /* mappings start with a page */
    struct mapping *mapping = NULL;
    void *address;
    ktk_status status = KTK_OK;

    KTKI_TRY(KTKI_NEW(allocator, &mapping, err));
    /* All of it is about to be read: one call fills the page table, instead of a fault a page. */
    address =
        mmap(NULL, lead + size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, offset - (int64_t)lead);
    if (address == MAP_FAILED) {
        /* Not every filesystem maps, and the number of mappings is limited. */
        KTKI_TRY(copy_range(fd, context, key, offset, size, out, err));
        goto out;
    }
    *mapping = (struct mapping){allocator, address, lead + size};
    *out = (ktk_bytes){(const uint8_t *)address + lead, size, mapping_release, mapping};
    mapping = NULL;
out:
    KTKI_DELETE(allocator, mapping);
    return status;
}

/* ---- operations ---- */

ktk_status ktki_fs_read(const struct fs_root *root, ktk_context *context, const char *key,
                        ktk_bytes *out, ktk_store_version *version, ktk_error *err) {
    int64_t size_max = ktki_context_limits(context)->object_bytes_max;
    struct stat info;
    int fd = -1;
    ktk_status status = KTK_OK;

    KTKI_TRY(open_file(root, key, READ_FLAGS, &fd, &info, err));
    if (info.st_size > size_max) {
        KTKI_FAIL(err, KTK_E_LIMIT, "'%s' has %lld bytes, more than object_bytes_max = %lld", key,
                  (long long)info.st_size, (long long)size_max);
    }
    KTKI_TRY(copy_range(fd, context, key, 0, (size_t)info.st_size, out, err));
    if (version != NULL) {
        ktki_fs_version(&info, version);
    }
out:
    if (fd >= 0) {
        close(fd);
    }
    return status;
}

ktk_status ktki_fs_read_range(const struct fs_root *root, ktk_context *context, const char *key,
                              int64_t offset, int64_t size, ktk_bytes *out, ktk_error *err) {
    struct stat info;
    int fd = -1;
    ktk_status status = KTK_OK;

    KTKI_TRY(open_file(root, key, READ_FLAGS, &fd, &info, err));
    if (offset > info.st_size) {
        KTKI_FAIL(err, KTK_E_INVALID, "offset %lld lies behind the %lld bytes of '%s'",
                  (long long)offset, (long long)info.st_size, key);
    }
    size = size < info.st_size - offset ? size : info.st_size - offset;
    KTKI_TRY((size >= MAP_SIZE_MIN ? map_range : copy_range)(fd, context, key, offset, (size_t)size,
                                                             out, err));
out:
    if (fd >= 0) {
        close(fd);
    }
    return status;
}

ktk_status ktki_fs_head(const struct fs_root *root, const char *key, ktk_store_entry *out,
                        ktk_error *err) {
    struct stat info;
    int fd = -1;
    ktk_status status = KTK_OK;

    KTKI_TRY(open_file(root, key, O_PATH, &fd, &info, err));
    ktki_fs_entry(&info, out);
out:
    if (fd >= 0) {
        close(fd);
    }
    return status;
}
