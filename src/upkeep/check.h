/** The inside of a check: what its parts share. The public half is kartothek/upkeep.h. */
#ifndef KTKI_UPKEEP_CHECK_H
#define KTKI_UPKEEP_CHECK_H

#include <kartothek/upkeep.h>

#include "dataset/snapshot.h"
#include "upkeep/key_list.h"

struct check {
    ktk_store *store;
    ktk_context *context; /* borrowed from the store */
    const ktk_allocator *allocator;
    const char *uuid;
    const ktk_check_options *options;
    ktk_dataset *dataset;
    struct key_list keys; /* of the dataset */
    ktk_check_result result;
};

/** Report a finding and count it. */
ktk_status ktki_check_find(struct check *check, ktk_check_severity severity, const char *what,
                           const char *key, ktk_error *err, const char *format, ...)
    KTK_PRINTF(6, 7);

/** True for a failure that says something of what is stored, and not of the world. */
bool ktki_check_is_finding(ktk_status status);

/** Is there such a key? Keys of others are asked for one by one. */
ktk_status ktki_check_exists(bool *out, struct check *check, const char *key, ktk_error *err);

/** Names, existence and paths of data files. */
ktk_status ktki_check_files(struct check *check, ktk_error *err);

/** Read all data files. */
ktk_status ktki_check_contents(struct check *check, ktk_error *err);

/** Indices: that they are there, and that their labels are those of partitions, all of them. */
ktk_status ktki_check_indices(struct check *check, ktk_error *err);

#endif
