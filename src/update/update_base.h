/** The dataset that an update goes on top of: does the update fit it? */
#ifndef KTKI_UPDATE_UPDATE_BASE_H
#define KTKI_UPDATE_UPDATE_BASE_H

#include "update/update_internal.h"

/**
 * Check an update against the dataset that it is to change: partition columns and tables. Takes
 * over what the options left open.
 *
 * @return KTK_E_INVALID for other partition columns or other tables.
 */
ktk_status ktki_update_check_base(struct ktk_update *update, ktk_dataset *dataset, ktk_error *err);

/** KTK_E_INVALID if the dataset under the update has a partition of that label, which the update
 * does not remove. */
ktk_status ktki_update_check_label(struct ktk_update *update, const char *label, ktk_error *err);

/** The document is to be put in this format. */
ktk_status ktki_update_take_format(struct ktk_update *update, ktk_document_format format,
                                   ktk_error *err);

#endif
