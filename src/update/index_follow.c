#include "update/index_follow.h"

#include "base/error.h"

/* An index that lists partitions which are gone, or lacks new ones, hides rows from readers that
 * trust it. */
ktk_status ktki_index_follow_check(ktk_dataset *dataset, bool is_replaced, ktk_error *err) {
    if (dataset != NULL && !is_replaced && ktk_dataset_index_count(dataset) > 0) {
        return ktk_error_set(err, KTK_E_UNSUPPORTED,
                             "dataset '%s' has a secondary index on column '%s', which cannot be "
                             "updated",
                             ktk_dataset_uuid(dataset), ktk_dataset_index_column(dataset, 0));
    }
    return KTK_OK;
}

ktk_status ktki_index_follow(struct change *change, ktk_dataset *current, ktk_error *err) {
    bool is_touched = change->added_count > 0 || change->removed.size > 0;

    return is_touched ? ktki_index_follow_check(current, false, err) : KTK_OK;
}
