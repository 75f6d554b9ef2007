/** What the options of a writer choose for single columns, put into the plan. */
#ifndef KTKI_PARQUET_WRITE_CHOICES_H
#define KTKI_PARQUET_WRITE_CHOICES_H

#include <kartothek/parquet.h>

#include "parquet/schema_write.h"

/** KTK_E_INVALID names the column, and what it could have. */
ktk_status ktki_write_choices(struct write_schema *plan, const ktk_parquet_write_options *options,
                              ktk_error *err);

#endif
