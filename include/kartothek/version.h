/**
 * Version of the headers and of the library.
 */
#ifndef KARTOTHEK_VERSION_H
#define KARTOTHEK_VERSION_H

#include <kartothek/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define KTK_VERSION_MAJOR 0
#define KTK_VERSION_MINOR 1
#define KTK_VERSION_PATCH 0
#define KTK_VERSION_TEXT "0.1.0"

/** Version of the library that is running, e.g. "0.1.0". */
KTK_API const char *ktk_version(void);

#ifdef __cplusplus
}
#endif

#endif
