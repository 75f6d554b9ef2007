/* What an update would remove. */
#include <kartothek/dataset.h>
#include <kartothek/update.h>

#include "base/error.h"
#include "parquet/reader.h"
#include "update/update_internal.h"

static ktk_status count_partition(ktk_update_effect *effect, ktk_dataset *dataset, int64_t position,
                                  ktk_error *err) {
    const struct partition *partition = &ktki_dataset_document(dataset)->partitions[position];
    ktk_parquet_file *file = NULL;
    ktk_store_entry entry;
    ktk_status status = KTK_OK;

    effect->removed_count++;
    for (int32_t i = 0; i < partition->file_count; i++) {
        KTKI_TRY(ktk_store_head(ktk_dataset_store(dataset), partition->files[i].key, &entry, err));
        effect->removed_bytes += entry.size > 0 ? entry.size : 0;
    }
    if (partition->file_count > 0) {
        KTKI_TRY(
            ktk_dataset_open_partition(&file, dataset, position, partition->files[0].table, err));
        effect->row_count += ktki_parquet_metadata(file)->row_count;
    }
out:
    ktk_parquet_file_free(file);
    return status;
}

ktk_status ktk_update_preview(ktk_update *update, ktk_update_effect *out, ktk_error *err) {
    ktk_dataset *dataset = update->base.dataset;
    ktk_update_effect effect = {.rewritten_count = update->rewritten_count,
                                .row_count = update->rewritten_hits};
    int64_t count = dataset != NULL ? ktk_dataset_partition_count(dataset) : 0;
    ktk_status status = KTK_OK;

    for (int64_t i = 0; update->change.removed.size > 0 && i < count; i++) {
        const char *label = ktk_dataset_partition_label(dataset, i);

        if (ktki_change_removes(&update->change, label) &&
            !ktki_change_has_input(&update->change, label)) {
            KTKI_TRY(count_partition(&effect, dataset, i, err));
        }
    }
    *out = effect;
out:
    return status;
}

const char *ktk_update_removed_label(const ktk_update *update, int64_t index) {
    const char *const *removed = (const char *const *)update->change.removed.data;
    int64_t count = (int64_t)(update->change.removed.size / sizeof(*removed));

    return index < 0 || index >= count ? NULL : removed[index];
}
