/** Secondary indices along with a change of partitions. */
#ifndef KTKI_UPDATE_INDEX_FOLLOW_H
#define KTKI_UPDATE_INDEX_FOLLOW_H

#include "update/update_internal.h"

/** KTK_E_UNSUPPORTED if partitions of the dataset (NULL: there is none) cannot change for its
 * indices; asked before anything is written. `is_replaced`: no index stays. */
ktk_status ktki_index_follow_check(ktk_dataset *dataset, bool is_replaced, ktk_error *err);

/**
 * Complete the change with the indices that the document which it meets needs; asked again for each
 * document that it meets. `current` NULL: there is none.
 */
ktk_status ktki_index_follow(struct change *change, ktk_dataset *current, ktk_error *err);

#endif
