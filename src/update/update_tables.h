/** The tables of the partitions that an update adds: every partition has a file of each. */
#ifndef KTKI_UPDATE_UPDATE_TABLES_H
#define KTKI_UPDATE_UPDATE_TABLES_H

#include "update/update_internal.h"

/** Forget what the tables were, and let them be these; the names are copied. */
ktk_status ktki_update_set_tables(struct ktk_update *update, const char *const *names,
                                  int32_t count, ktk_error *err);

/**
 * The update has just these tables, in any order; the first who says so decides.
 *
 * @return KTK_E_INVALID for others, for a name that none may have and for one given twice.
 */
ktk_status ktki_update_take_tables(struct ktk_update *update, const char *const *names,
                                   int32_t count, ktk_error *err);

/** The same with the tables of a dataset, which is `dataset`. */
ktk_status ktki_update_take_tables_of(struct ktk_update *update, const ktk_dataset *dataset,
                                      ktk_error *err);

/** Position of a table, -1 if there is none of that name. */
int32_t ktki_update_find_table(const struct ktk_update *update, const char *name);

/**
 * Let the normalised schemas of an input join those of the update, one a table in the order of the
 * update's; NULL: the input says nothing of the table. The origins must live as long as the update.
 *
 * @return KTK_E_SCHEMA if they do not agree with what was added before, with the dataset under the
 * update, or with each other in a column that several tables have.
 */
ktk_status ktki_update_join_schemas(struct ktk_update *update, struct schema *const *schemas,
                                    const char *const *origins, ktk_error *err);

#endif
