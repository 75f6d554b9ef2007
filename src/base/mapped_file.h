/** Local files in the address space: their bytes are there without having been read. */
#ifndef KTKI_BASE_MAPPED_FILE_H
#define KTKI_BASE_MAPPED_FILE_H

#include <kartothek/error.h>
#include <kartothek/types.h>

/** The whole of a regular file. KTK_E_NOT_FOUND, KTK_E_IO and others as the system says;
 * KTK_E_INVALID for what is no regular file. Somebody who makes the file shorter before the bytes
 * are cleared ends the process. */
ktk_status ktki_map_file(ktk_bytes *out, const char *path, ktk_error *err);

/** Whole pages of a part of a mapped file leave the memory of the process, but not the kernel's
 * cache: whoever reads them again gets them from there. */
void ktki_drop_pages(const void *data, size_t size);

/** The same of a file that is read from front to back up to `at`, now and then: what lies before
 * `*passed` has left the memory. */
void ktki_drop_passed(const void *data, size_t at, size_t *passed);

#endif
