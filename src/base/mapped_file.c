#include "base/mapped_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

/* So much of a file leaves the memory at a time. */
#define PASSED_SIZE_MIN ((size_t)1 << 20)

void ktki_drop_pages(const void *data, size_t size) {
    uintptr_t unit = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t start = ((uintptr_t)data + unit - 1) / unit * unit;
    uintptr_t end = ((uintptr_t)data + size) / unit * unit;

    if (start < end) {
        (void)madvise((void *)start, end - start, MADV_DONTNEED);
    }
}

void ktki_drop_passed(const void *data, size_t at, size_t *passed) {
    if (at - *passed >= PASSED_SIZE_MIN) {
        ktki_drop_pages((const uint8_t *)data + *passed, at - *passed);
        *passed = at;
    }
}

static void unmap(ktk_bytes *bytes) {
    (void)munmap((void *)(uintptr_t)bytes->data, bytes->size);
}

static ktk_status map(ktk_bytes *out, const char *path, int file, ktk_error *err) {
    struct stat info;
    void *data;

    if (fstat(file, &info) != 0) {
        return ktki_error_errno(err, errno, "cannot look at '%s'", path);
    }
    if (!S_ISREG(info.st_mode)) {
        return ktk_error_set(err, KTK_E_INVALID, "'%s' is not a regular file", path);
    }
    if (info.st_size == 0) {
        *out = (ktk_bytes){.data = (const uint8_t *)""}; /* no mapping is as short as that */
        return KTK_OK;
    }
    data = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (data == MAP_FAILED) {
        return ktki_error_errno(err, errno, "cannot map '%s'", path);
    }
    *out = (ktk_bytes){data, (size_t)info.st_size, unmap, NULL};
    return KTK_OK;
}

ktk_status ktki_map_file(ktk_bytes *out, const char *path, ktk_error *err) {
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ktk_status status;

    if (file < 0) {
        return ktki_error_errno(err, errno, "cannot open '%s'", path);
    }
    status = map(out, path, file, err);
    (void)close(file);
    return status;
}
