/**
 * Replacing the schema files of the tables around a commit.
 *
 * Each has one fixed key, which readers of the old document and of the new one both look at. It is
 * put right before the document and only if its bytes change; if the commit definitely fails, what
 * was there before is put back. In between, readers of the old document see the new schema:
 * harmless unless an overwrite changes types.
 */
#ifndef KTKI_UPDATE_SCHEMA_SWITCH_H
#define KTKI_UPDATE_SCHEMA_SWITCH_H

#include "update/update_internal.h"

/** The file of one table. */
struct table_switch {
    const struct update_table *table;
    struct buffer bytes;            /* of the file that the commit wants */
    char hash[KTKI_HASH_TEXT_SIZE]; /* of these; "" if the update has no schema */
    bool is_changed;                /* the dataset has another file, or none */
    bool is_put;                    /* the file was changed, by us */
    ktk_store_version version;      /* of our file */
    bool had_file;
    ktk_bytes previous; /* of the file that was replaced */
};

struct schema_switch {
    const struct ktk_update *update; /* NULL: empty */
    const struct document_state *current;
    int32_t table_count; /* that of the update */
    struct table_switch *tables;
};

/**
 * Join the schemas of the update, as far as it has some, with those of the document which the
 * commit replaces. Nothing is written yet. Both must outlive the switch.
 *
 * @return KTK_E_SCHEMA if they do not agree.
 */
ktk_status ktki_schema_switch_init(struct schema_switch *out, const struct ktk_update *update,
                                   const struct document_state *current, ktk_error *err);

/**
 * Put a copy of each file under its hash (`<uuid>/_ktk/schema/<table>/<hash>.arrowschema`), unless
 * there is one: readers take it where the file at the fixed key is not the one that the document
 * was committed with.
 */
ktk_status ktki_schema_switch_prepare(const struct schema_switch *schema_switch, ktk_error *err);

/**
 * Put the files of which the dataset has others.
 *
 * Writers that race for one dataset replace each other's files here, each conditional on what it
 * saw; one that sees that the document has changed already stops with KTK_E_CONFLICT. The winner of
 * the document then puts its file again if need be (ktki_schema_switch_confirm), a loser puts back
 * what it replaced (ktki_schema_switch_revert), so that in the end the file is the winner's.
 */
ktk_status ktki_schema_switch_put(struct schema_switch *schema_switch, ktk_error *err);

/** The commit came through: make sure that the files are ours. As far as possible. */
void ktki_schema_switch_confirm(struct schema_switch *schema_switch);

/** The commit has failed: put back each file that was replaced, unless somebody else has put
 * another since, or has committed with one like ours. As far as possible. A file that is new stays:
 * it says nothing without a document. */
void ktki_schema_switch_revert(struct schema_switch *schema_switch);

void ktki_schema_switch_clear(struct schema_switch *schema_switch);

#endif
