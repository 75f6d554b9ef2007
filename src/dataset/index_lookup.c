#include "dataset/index.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "arrow/array.h"
#include "base/alloc.h"
#include "base/context.h"
#include "base/error.h"
#include "dataset/snapshot_internal.h"
#include "parquet/reader.h"

/* ---- digests ---- */

void ktki_digest_add(struct label_digest *digest, const char *label, size_t size) {
    digest->count++;
    digest->sum += ktki_hash_bytes(label, size);
}

void ktki_digest_format(const struct label_digest *digest, char text[KTKI_DIGEST_TEXT_SIZE]) {
    (void)snprintf(text, KTKI_DIGEST_TEXT_SIZE, "%" PRId64 ":%016" PRIx64, digest->count,
                   digest->sum);
}

bool ktki_index_is_cut(const ktk_parquet_file *file, enum type_id type) {
    return (ktki_type_is_text(type) || ktki_type_is_binary(type)) &&
           (ktk_parquet_key_value(file, KTKI_INDEX_COVERS, NULL) == NULL ||
            ktk_parquet_key_value(file, KTKI_INDEX_CUT, NULL) != NULL);
}

/* ---- what of a predicate can be asked of an index ---- */

static bool is_null(const ktk_value *value) {
    return value->kind == KTK_VALUE_NULL || (value->kind == KTK_VALUE_FLOAT && isnan(value->real));
}

/* No row of null can match: then the index, which has no nulls, knows all that do. */
static bool rejects_null(const struct literal *literal) {
    switch (literal->op) {
    case KTK_OP_NE:
    case KTK_OP_IS_DISTINCT_FROM:
        return is_null(&literal->values[0]);
    case KTK_OP_NOT_IN:
    case KTK_OP_EQ:
    case KTK_OP_IN:
        for (size_t i = 0; i < literal->value_count; i++) {
            if (is_null(&literal->values[i])) {
                return literal->op == KTK_OP_NOT_IN;
            }
        }
        return literal->op != KTK_OP_NOT_IN;
    default:
        return true;
    }
}

static bool holds_nul(const struct literal *literal) {
    for (size_t i = 0; i < literal->value_count; i++) {
        const ktk_value *value = &literal->values[i];
        bool has_bytes = value->kind == KTK_VALUE_TEXT || value->kind == KTK_VALUE_BINARY ||
                         value->kind == KTK_VALUE_UNTYPED;

        if (has_bytes && value->bytes_size > 0 &&
            memchr(value->bytes, '\0', value->bytes_size) != NULL) {
            return true;
        }
    }
    return false;
}

/* Bring a literal to what can be asked of texts that may have been cut at their first NUL, without
 * losing a row: defect D-38. False: nothing can. */
static bool weaken(ktk_literal *literal, const struct literal *from) {
    switch (from->op) {
    case KTK_OP_NE:
    case KTK_OP_IS_DISTINCT_FROM:
        return is_null(&from->values[0]);
    case KTK_OP_NOT_IN:
        return false;
    case KTK_OP_GT:
        literal->op = KTK_OP_GE;
        return !holds_nul(from);
    default:
        return !holds_nul(from);
    }
}

/* The predicate of the literals that an index can answer; NULL if there are none, or null may be
 * among what is asked for. */
static ktk_status make_where(ktk_predicate **out, ktk_context *context,
                             const struct literal *const *literals, size_t count, bool are_cut,
                             ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(context);
    ktk_literal *kept = NULL;
    size_t kept_count = 0;
    bool is_null_free = false;
    ktk_status status = KTK_OK;

    *out = NULL;
    KTKI_TRY(ktki_alloc_array(allocator, count, sizeof(*kept), &kept, err));
    for (size_t i = 0; i < count; i++) {
        const struct literal *from = literals[i];

        kept[kept_count] = (ktk_literal){from->column, from->op, from->values, from->value_count};
        if (!are_cut || weaken(&kept[kept_count], from)) {
            kept_count++;
            is_null_free = is_null_free || rejects_null(from);
        }
    }
    if (is_null_free) {
        KTKI_TRY(ktk_predicate_new(out, context, kept, &kept_count, 1, err));
    }
out:
    ktki_free_array(allocator, kept, count, sizeof(*kept));
    return status;
}

/* ---- partitions by label ---- */

#define SEARCHES_MAX 3

/* Number the labels, once. Under the lock. */
static ktk_status number_labels(ktk_dataset *dataset, ktk_error *err) {
    const ktk_allocator *allocator = ktki_context_allocator(ktk_store_context(dataset->store));
    const struct document *document = &dataset->document;
    struct label_digest digest = {0};
    struct hash_map labels;
    ktk_status status = KTK_OK;

    ktki_hash_map_init(&labels, allocator);
    for (int64_t i = 0; i < document->partition_count; i++) {
        const char *label = document->partitions[i].label;
        size_t size = strlen(label);
        uint64_t *place;

        KTKI_TRY(ktki_hash_map_insert(&labels, label, size, (uint64_t)i, &place, NULL, err));
        ktki_digest_add(&digest, label, size);
    }
    dataset->labels = labels;
    dataset->digest = digest;
    dataset->has_labels = true;
    ktki_hash_map_init(&labels, allocator);
out:
    ktki_hash_map_clear(&labels);
    return status;
}

static ktk_status need_labels(ktk_dataset *dataset, ktk_error *err) {
    ktk_status status = KTK_OK;

    (void)pthread_mutex_lock(&dataset->lock);
    if (!dataset->has_labels) {
        status = number_labels(dataset, err);
    }
    (void)pthread_mutex_unlock(&dataset->lock);
    return status;
}

/* Whether a label is looked for among all instead: as often as this takes less than their table. */
static bool takes_search(ktk_dataset *dataset) {
    bool takes;

    (void)pthread_mutex_lock(&dataset->lock);
    takes = !dataset->has_labels && dataset->searches < SEARCHES_MAX;
    dataset->searches += takes;
    (void)pthread_mutex_unlock(&dataset->lock);
    return takes;
}

static int64_t search_label(const struct document *document, const char *label) {
    for (int64_t i = 0; i < document->partition_count; i++) {
        if (strcmp(document->partitions[i].label, label) == 0) {
            return i;
        }
    }
    return -1;
}

ktk_status ktk_dataset_partition_find(int64_t *out, ktk_dataset *dataset, const char *label,
                                      ktk_error *err) {
    const uint64_t *number;
    ktk_status status = KTK_OK;

    if (takes_search(dataset)) {
        *out = search_label(&dataset->document, label);
        goto out;
    }
    KTKI_TRY(need_labels(dataset, err));
    number = ktki_hash_map_find(&dataset->labels, label, strlen(label));
    *out = number == NULL ? -1 : (int64_t)*number;
out:
    return status;
}

struct marking {
    const struct hash_map *labels;
    uint8_t *bits;
    int64_t left; /* of partitions that are not marked; with the last one the marking ends */
};

/* Labels that the document does not have are left over from somebody's mistake: they say nothing.
 */
static ktk_status mark(void *state, const char *label, size_t size, ktk_error *err) {
    struct marking *marking = state;
    const uint64_t *number = ktki_hash_map_find(marking->labels, label, size);

    if (number != NULL && !ktki_bit_get(marking->bits, (int64_t)*number)) {
        ktki_bit_set(marking->bits, (int64_t)*number);
        marking->left--;
    }
    return marking->left > 0 ? KTK_OK
                             : ktk_error_set(err, KTK_E_CANCELLED, "all partitions are marked");
}

/* ---- one index ---- */

/* An index that is looked at: one of the two is set. */
struct opened {
    ktk_dataset *dataset;
    struct dataset_index *index;
    ktk_context *context;
    struct schema *schema;
    const struct document_index *embedded;
    ktk_parquet_file *file;
    const char *covers; /* text of the digest; NULL: unknown */
};

static ktk_status open_index(struct opened *opened, int32_t number, bool *is_there,
                             ktk_error *err) {
    const struct document_index *index = &opened->dataset->document.indices[number];
    struct source source = {0};
    ktk_status status = KTK_OK;

    *is_there = true;
    if (index->key == NULL) {
        opened->embedded = index;
        goto out;
    }
    status = ktki_source_of_key(&source, opened->dataset->store, index->key, -1, err);
    if (status == KTK_OK) {
        status = ktki_parquet_open(&opened->file, opened->context, &source, err);
    }
    if (status == KTK_E_NOT_FOUND) {
        *is_there = false;
        status = KTK_OK;
        goto out;
    }
    KTKI_TRY(status);
    source = (struct source){0};
    opened->covers = ktk_parquet_key_value(opened->file, KTKI_INDEX_COVERS, NULL);
out:
    ktki_source_free(&source);
    return status;
}

static ktk_status pass_labels(bool *applies, const struct opened *opened,
                              const ktk_predicate *where, struct marking *marking, ktk_error *err) {
    ktk_status status;

    marking->left = opened->dataset->document.partition_count;
    status = opened->embedded != NULL
                 ? ktki_index_embedded_labels(applies, opened->embedded, opened->context,
                                              opened->schema, where, mark, marking, err)
                 : ktki_index_file_labels(applies, opened->file, opened->context, where, mark,
                                          marking, err);
    if (status == KTK_E_CANCELLED && marking->left == 0) {
        *applies = true;
        status = KTK_OK;
    }
    return status;
}

static bool covers_all(const struct opened *opened) {
    char text[KTKI_DIGEST_TEXT_SIZE];

    ktki_digest_format(&opened->dataset->digest, text);
    return opened->covers != NULL && strcmp(opened->covers, text) == 0;
}

/* Find the partitions that the index does not know; of several threads that do so the first one's
 * bits are kept, for as long as the snapshot. */
static ktk_status find_uncovered(const uint8_t **out, const struct opened *opened, ktk_error *err) {
    ktk_dataset *dataset = opened->dataset;
    const ktk_allocator *allocator = ktki_context_allocator(opened->context);
    size_t size = ktki_bits_size(dataset->document.partition_count);
    struct marking marking = {.labels = &dataset->labels};
    bool applies;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_zeroed(allocator, size, 1, &marking.bits, err));
    if (covers_all(opened)) {
        memset(marking.bits, 0xFF, size);
    } else {
        KTKI_TRY(pass_labels(&applies, opened, NULL, &marking, err));
    }
    for (size_t i = 0; i < size; i++) {
        marking.bits[i] = (uint8_t)~marking.bits[i];
    }
    (void)pthread_mutex_lock(&dataset->lock);
    if (opened->index->uncovered == NULL) {
        opened->index->uncovered = marking.bits;
        marking.bits = NULL;
    }
    *out = opened->index->uncovered;
    (void)pthread_mutex_unlock(&dataset->lock);
out:
    ktki_free_array(allocator, marking.bits, size, 1);
    return status;
}

static ktk_status add_uncovered(const struct opened *opened, uint8_t *bits, ktk_error *err) {
    ktk_dataset *dataset = opened->dataset;
    size_t size = ktki_bits_size(dataset->document.partition_count);
    const uint8_t *uncovered;
    ktk_status status = KTK_OK;

    (void)pthread_mutex_lock(&dataset->lock);
    uncovered = opened->index->uncovered;
    (void)pthread_mutex_unlock(&dataset->lock);
    if (uncovered == NULL) {
        KTKI_TRY(find_uncovered(&uncovered, opened, err));
    }
    for (size_t i = 0; i < size; i++) {
        bits[i] |= uncovered[i];
    }
out:
    return status;
}

/* Whether texts of the index may end too early. */
static bool are_texts_cut(const struct opened *opened, const char *column) {
    int32_t field = ktki_schema_find(opened->schema, column);

    return opened->file != NULL &&
           ktki_index_is_cut(opened->file,
                             field < 0 ? TYPE_STRING : opened->schema->fields[field].type.id);
}

ktk_status ktki_index_lookup(bool *applies, uint8_t *bits, ktk_dataset *dataset, int32_t index,
                             struct schema *schema, const struct literal *const *literals,
                             size_t literal_count, ktk_error *err) {
    const struct document_index *entry = &dataset->document.indices[index];
    struct opened opened = {
        .dataset = dataset, .index = &dataset->indices[index], .schema = schema};
    struct marking marking = {.labels = &dataset->labels, .bits = bits};
    ktk_predicate *where = NULL;
    bool is_there = false;
    ktk_status status = KTK_OK;

    *applies = false;
    opened.context = ktk_store_context(dataset->store);
    KTKI_TRY(make_where(&where, opened.context, literals, literal_count, false, err));
    if (where == NULL) {
        goto out; /* no need to open the file */
    }
    KTKI_TRY(open_index(&opened, index, &is_there, err));
    if (!is_there) {
        goto out;
    }
    if (are_texts_cut(&opened, entry->column)) {
        ktk_predicate_free(where);
        where = NULL;
        KTKI_TRY(make_where(&where, opened.context, literals, literal_count, true, err));
        if (where == NULL) {
            goto out;
        }
    }
    KTKI_TRY(need_labels(dataset, err));
    memset(bits, 0, ktki_bits_size(dataset->document.partition_count));
    KTKI_TRY(pass_labels(applies, &opened, where, &marking, err));
    if (*applies) {
        KTKI_TRY(add_uncovered(&opened, bits, err));
    }
out:
    if (status != KTK_OK && status != KTK_E_NO_MEMORY) {
        ktki_error_context(err, "index '%s'", entry->key != NULL ? entry->key : entry->column);
    }
    ktk_predicate_free(where);
    ktk_parquet_file_free(opened.file);
    return status;
}

int32_t ktki_index_find(const ktk_dataset *dataset, const char *column) {
    for (int32_t i = 0; i < dataset->document.index_count; i++) {
        if (strcmp(dataset->document.indices[i].column, column) == 0) {
            return i;
        }
    }
    return -1;
}
