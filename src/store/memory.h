/** A store in memory: an ordered map, gone with its last reference. */
#ifndef KTKI_STORE_MEMORY_H
#define KTKI_STORE_MEMORY_H

#include "store/backend.h"

/** Empty. Values that were handed out stay readable after the store has gone, but not longer than
 * `context`. */
ktk_status ktki_store_memory_new(ktk_store **out, ktk_context *context, enum key_space keys,
                                 const char *name, ktk_error *err);

#endif
