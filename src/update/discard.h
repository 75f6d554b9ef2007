/** Removing what was written in vain. */
#ifndef KTKI_UPDATE_DISCARD_H
#define KTKI_UPDATE_DISCARD_H

#include <kartothek/store.h>

/** Remove files that nobody is going to name, also after the call was cancelled. What cannot be
 * removed stays, for the garbage collection. */
void ktki_discard(ktk_store *store, const char *const *keys, size_t count);

#endif
