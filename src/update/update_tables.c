#include "update/update_tables.h"

#include "base/alloc.h"
#include "base/error.h"
#include "dataset/name.h"
#include "dataset/table_schema.h"

/* ---- names ---- */

int32_t ktki_update_find_table(const struct ktk_update *update, const char *name) {
    for (int32_t i = 0; i < update->table_count; i++) {
        if (strcmp(update->tables[i].name, name) == 0) {
            return i;
        }
    }
    return -1;
}

static ktk_status check_names(const char *const *names, int32_t count, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (count == 0) {
        KTKI_FAIL(err, KTK_E_INVALID, "an input must have a table");
    }
    for (int32_t i = 0; i < count; i++) {
        KTKI_TRY(ktki_table_name_check(names[i], err));
        for (int32_t j = 0; j < i; j++) {
            if (strcmp(names[i], names[j]) == 0) {
                KTKI_FAIL(err, KTK_E_INVALID, "table '%s' is given twice", names[i]);
            }
        }
    }
out:
    return status;
}

ktk_status ktki_update_set_tables(struct ktk_update *update, const char *const *names,
                                  int32_t count, ktk_error *err) {
    struct update_table *tables;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_arena_zeroed(&update->arena, (size_t)count, sizeof(*tables), &tables, err));
    for (int32_t i = 0; i < count; i++) {
        KTKI_TRY(ktki_update_text(update, &tables[i].name, err, "%s", names[i]));
        KTKI_TRY(ktki_update_text(update, &tables[i].schema_key, err, "%s/%s/%s", update->uuid,
                                  names[i], KTKI_SCHEMA_FILE));
    }
    update->tables = tables;
    update->table_count = count;
out:
    return status;
}

static ktk_status list_tables(struct buffer *out, const char *const *names, int32_t count,
                              ktk_error *err) {
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < count && status == KTK_OK; i++) {
        status = ktki_buffer_append_format(out, err, "%s'%s'", i == 0 ? "" : ", ", names[i]);
    }
    return status;
}

static ktk_status other_tables(const struct ktk_update *update, const char *const *names,
                               int32_t count, ktk_error *err) {
    struct buffer known;
    struct buffer given;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&known, update->allocator, 0);
    ktki_buffer_init(&given, update->allocator, 0);
    for (int32_t i = 0; i < update->table_count; i++) {
        KTKI_TRY(ktki_buffer_append_format(&known, err, "%s'%s'", i == 0 ? "" : ", ",
                                           update->tables[i].name));
    }
    KTKI_TRY(list_tables(&given, names, count, err));
    KTKI_FAIL(
        err, KTK_E_INVALID,
        "the partitions of dataset '%s' have a file of each of the tables %.*s, which rows of "
        "%.*s do not make",
        update->uuid, (int)known.size, (const char *)known.data, (int)given.size,
        (const char *)given.data);
out:
    ktki_buffer_clear(&given);
    ktki_buffer_clear(&known);
    return status;
}

ktk_status ktki_update_take_tables(struct ktk_update *update, const char *const *names,
                                   int32_t count, ktk_error *err) {
    bool is_equal = count == update->table_count;
    ktk_status status = KTK_OK;

    KTKI_TRY(check_names(names, count, err));
    if (update->table_count == 0) {
        KTKI_TRY(ktki_update_set_tables(update, names, count, err));
        goto out;
    }
    for (int32_t i = 0; is_equal && i < count; i++) {
        is_equal = ktki_update_find_table(update, names[i]) >= 0;
    }
    if (!is_equal) {
        status = other_tables(update, names, count, err);
    }
out:
    return status;
}

ktk_status ktki_update_take_tables_of(struct ktk_update *update, const ktk_dataset *dataset,
                                      ktk_error *err) {
    int32_t count = ktk_dataset_table_count(dataset);
    const char **names = NULL;
    bool is_equal = count == update->table_count;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_array(update->allocator, (size_t)count, sizeof(*names), &names, err));
    for (int32_t i = 0; i < count; i++) {
        names[i] = ktk_dataset_table(dataset, i);
        is_equal = is_equal && ktki_update_find_table(update, names[i]) >= 0;
    }
    /* What is there was not named by the caller: any name will do. */
    if (update->table_count == 0) {
        KTKI_TRY(ktki_update_set_tables(update, names, count, err));
    } else if (!is_equal) {
        struct buffer known;

        ktki_buffer_init(&known, update->allocator, 0);
        status = list_tables(&known, names, count, err);
        if (status == KTK_OK) {
            status = ktk_error_set(err, KTK_E_INVALID,
                                   "dataset '%s' has the tables %.*s, of each of which a partition "
                                   "must have a file",
                                   update->uuid, (int)known.size, (const char *)known.data);
        }
        ktki_buffer_clear(&known);
    }
out:
    ktki_free_array(update->allocator, names, (size_t)count, sizeof(*names));
    return status;
}

/* ---- schemas ---- */

/* Say which table it is that a schema does not fit. */
static ktk_status about_table(ktk_status status, const struct update_table *table, ktk_error *err) {
    if (status == KTK_E_SCHEMA) {
        ktki_error_about(err, KTK_REASON_TABLE_SCHEMA, table->name);
    }
    return status;
}

/* What the dataset under the update would have with `schema`; `schema` itself if there is none. */
static ktk_status join_base(struct schema **out, const struct ktk_update *update,
                            const struct update_table *table, struct schema *schema,
                            const char *origin, ktk_error *err) {
    ktk_dataset *dataset = ktki_update_replaces(update) ? NULL : update->base.dataset;
    struct schema *stored;
    ktk_status status = KTK_OK;

    if (dataset == NULL || ktk_dataset_table_count(dataset) == 0) {
        *out = ktki_schema_ref(schema);
        goto out;
    }
    KTKI_TRY(ktki_dataset_table_schema(&stored, dataset, table->name, err));
    KTKI_TRY(about_table(
        ktki_table_schema_widen(out, stored, table->schema_key, schema, origin, err), table, err));
out:
    return status;
}

/* Columns of one name are of one type in all tables. */
static ktk_status check_shared(struct schema *const *schemas, const char *const *origins,
                               int32_t count, ktk_error *err) {
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < count; i++) {
        for (int32_t j = i + 1; j < count; j++) {
            if (schemas[i] != NULL && schemas[j] != NULL) {
                KTKI_TRY(
                    ktki_table_schema_share(schemas[i], origins[i], schemas[j], origins[j], err));
            }
        }
    }
out:
    return status;
}

ktk_status ktki_update_join_schemas(struct ktk_update *update, struct schema *const *schemas,
                                    const char *const *origins, ktk_error *err) {
    size_t count = (size_t)update->table_count;
    struct schema **bases = NULL;
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_alloc_zeroed(update->allocator, count, sizeof(struct schema *), &bases, err));
    for (size_t i = 0; i < count; i++) {
        struct update_table *table = &update->tables[i];
        struct schema *joined = NULL;

        if (schemas[i] == NULL) {
            continue;
        }
        if (table->schema == NULL) {
            joined = ktki_schema_ref(schemas[i]);
            table->schema_origin = origins[i];
        } else {
            KTKI_TRY(
                about_table(ktki_table_schema_agree(&joined, table->schema, table->schema_origin,
                                                    schemas[i], origins[i], err),
                            table, err));
        }
        ktki_schema_free(table->schema);
        table->schema = joined;
        KTKI_TRY(join_base(&bases[i], update, table, joined, origins[i], err));
    }
    KTKI_TRY(check_shared(bases, origins, update->table_count, err));
out:
    for (size_t i = 0; bases != NULL && i < count; i++) {
        ktki_schema_free(bases[i]);
    }
    ktki_free_array(update->allocator, bases, count, sizeof(struct schema *));
    return status;
}
