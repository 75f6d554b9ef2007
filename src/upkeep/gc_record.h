/**
 * What a garbage collection notes: `<uuid>/_ktk/gc/<time>-<id>.json`, the files that nothing names
 * and since when that is known. Each record is complete in itself: only the newest one counts.
 */
#ifndef KTKI_UPKEEP_GC_RECORD_H
#define KTKI_UPKEEP_GC_RECORD_H

#include "upkeep/key_list.h"

/** A file that is noted. */
struct gc_note {
    const char *key;
    int64_t since_us; /* -1: since the record was written */
    bool is_due;      /* the run that wrote the record was to remove it */
};

/** The notes of the newest record of a dataset. Everything lies in the arena. */
struct gc_notes {
    struct arena arena;
    struct buffer items;       /* struct gc_note; `since_us` is filled in */
    struct hash_map positions; /* key to the position in `items` */
};

void ktki_gc_notes_init(struct gc_notes *notes, const ktk_allocator *allocator);
void ktki_gc_notes_clear(struct gc_notes *notes);

/** Read the newest record among the keys of a dataset. None, or one that is no record: no notes. */
ktk_status ktki_gc_notes_read(struct gc_notes *notes, ktk_store *store, const char *uuid,
                              const struct key_list *keys, ktk_error *err);

/** NULL if there is none for the key. */
const struct gc_note *ktki_gc_note_find(const struct gc_notes *notes, const char *key);

/**
 * Write a record.
 *
 * @param written_us receives the time of the store at which it was written, -1 if the store does
 * not say.
 * @param now_ms by the clock of this computer.
 */
ktk_status ktki_gc_record_write(int64_t *written_us, ktk_store *store, const char *uuid,
                                const struct gc_note *notes, size_t count, int64_t now_ms,
                                int64_t grace_ms, ktk_error *err);

/** Remove the records among the keys of a dataset, which a newer one made useless. */
ktk_status ktki_gc_records_remove(ktk_store *store, const char *uuid, const struct key_list *keys,
                                  ktk_error *err);

#endif
