#include <kartothek/history.h>

#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "update/document_diff.h"

struct ktk_diff {
    struct document_diff documents;
    struct buffer tables; /* const char *, of the two datasets */
};

static bool has_table(const ktk_dataset *dataset, const char *table) {
    for (int32_t i = 0; i < ktk_dataset_table_count(dataset); i++) {
        if (strcmp(ktk_dataset_table(dataset, i), table) == 0) {
            return true;
        }
    }
    return false;
}

static ktk_status schema_differs(bool *out, ktk_dataset *a, ktk_dataset *b, const char *table,
                                 ktk_error *err) {
    const void *first;
    const void *second;
    size_t first_size;
    size_t second_size;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktk_dataset_schema_file(a, table, &first, &first_size, err));
    KTKI_TRY(ktk_dataset_schema_file(b, table, &second, &second_size, err));
    *out = first_size != second_size || memcmp(first, second, first_size) != 0;
out:
    return status;
}

/* Tables of `a` that `b` has not, or, the first time round, with another schema. */
static ktk_status diff_tables(ktk_diff *diff, ktk_dataset *a, ktk_dataset *b, bool is_second,
                              ktk_error *err) {
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < ktk_dataset_table_count(a); i++) {
        const char *table = ktk_dataset_table(a, i);
        bool differs = !has_table(b, table);

        if (!differs && !is_second) {
            KTKI_TRY(schema_differs(&differs, a, b, table, err));
        }
        if (differs) {
            KTKI_TRY(ktki_buffer_append(&diff->tables, &table, sizeof(table), err));
        }
    }
out:
    return status;
}

ktk_status ktk_diff_new(ktk_diff **out, ktk_dataset *from, ktk_dataset *to, ktk_error *err) {
    const ktk_allocator *allocator =
        ktki_context_allocator(ktk_store_context(ktk_dataset_store(from)));
    ktk_diff *diff = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(KTKI_NEW(allocator, &diff, err));
    ktki_buffer_init(&diff->tables, allocator, 0);
    KTKI_TRY(ktki_document_diff(&diff->documents, from, to, err));
    (void)ktk_dataset_ref(from);
    (void)ktk_dataset_ref(to);
    KTKI_TRY(diff_tables(diff, from, to, false, err));
    KTKI_TRY(diff_tables(diff, to, from, true, err));
    *out = diff;
    diff = NULL;
out:
    if (diff != NULL && diff->documents.from == NULL) {
        KTKI_DELETE(allocator, diff);
    } else {
        ktk_diff_free(diff);
    }
    return status;
}

void ktk_diff_free(ktk_diff *diff) {
    const ktk_allocator *allocator;
    ktk_dataset *from;
    ktk_dataset *to;

    if (diff == NULL) {
        return;
    }
    from = diff->documents.from;
    to = diff->documents.to;
    allocator = diff->tables.allocator;
    ktki_document_diff_clear(&diff->documents);
    ktki_buffer_clear(&diff->tables);
    KTKI_DELETE(allocator, diff);
    /* The datasets go last: the allocator lives in the context of their store. */
    ktk_dataset_free(to);
    ktk_dataset_free(from);
}

static const char *label_at(const ktk_dataset *dataset, const struct buffer *positions,
                            int64_t index) {
    return ktk_dataset_partition_label(dataset, ((const int64_t *)positions->data)[index]);
}

static int64_t text_count(const struct buffer *texts) {
    return (int64_t)(texts->size / sizeof(const char *));
}

static const char *text_at(const struct buffer *texts, int64_t index) {
    return ((const char *const *)texts->data)[index];
}

int64_t ktk_diff_added_count(const ktk_diff *diff) {
    return (int64_t)(diff->documents.added.size / sizeof(int64_t));
}

const char *ktk_diff_added(const ktk_diff *diff, int64_t index) {
    return label_at(diff->documents.to, &diff->documents.added, index);
}

int64_t ktk_diff_removed_count(const ktk_diff *diff) {
    return (int64_t)(diff->documents.removed.size / sizeof(int64_t));
}

const char *ktk_diff_removed(const ktk_diff *diff, int64_t index) {
    return label_at(diff->documents.from, &diff->documents.removed, index);
}

int64_t ktk_diff_metadata_count(const ktk_diff *diff) {
    return text_count(&diff->documents.metadata);
}

const char *ktk_diff_metadata_key(const ktk_diff *diff, int64_t index) {
    return text_at(&diff->documents.metadata, index);
}

int64_t ktk_diff_index_count(const ktk_diff *diff) {
    return text_count(&diff->documents.indices);
}

const char *ktk_diff_index_column(const ktk_diff *diff, int64_t index) {
    return text_at(&diff->documents.indices, index);
}

int64_t ktk_diff_table_count(const ktk_diff *diff) {
    return text_count(&diff->tables);
}

const char *ktk_diff_table(const ktk_diff *diff, int64_t index) {
    return text_at(&diff->tables, index);
}
