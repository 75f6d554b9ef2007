/** What several partitions look like that are read as stored. */
#ifndef KTKI_QUERY_STORED_SHAPE_H
#define KTKI_QUERY_STORED_SHAPE_H

#include "query/read_ahead.h"

/**
 * Give the plan of KTK_SHAPE_PARTITION, which has partitions, the columns and the order of the
 * first one's file; it is one of KTK_SHAPE_TABLE from then on. Types are those of the table but for
 * numbers, which are as wide as the widest that is stored: files are opened until that is known.
 * Columns that the table does not have are left out. Of the options the bounds count alone.
 */
ktk_status ktki_stored_shape(struct query_plan *plan, const struct read_ahead_options *options,
                             ktk_error *err);

#endif
