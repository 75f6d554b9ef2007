/** Garbage collection; the public half is kartothek/upkeep.h. */
#ifndef KTKI_UPKEEP_GC_H
#define KTKI_UPKEEP_GC_H

#include <kartothek/upkeep.h>

#include "base/retry.h"

/** ktk_gc() with a clock of the caller's; NULL: the system's. */
ktk_status ktki_gc(ktk_store *store, const char *uuid, const ktk_gc_options *options,
                   const struct time_source *clock, ktk_gc_result *out, ktk_error *err);

#endif
