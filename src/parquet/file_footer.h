/** The footer of a file that is being written. */
#ifndef KTKI_PARQUET_FILE_FOOTER_H
#define KTKI_PARQUET_FILE_FOOTER_H

#include <kartothek/parquet.h>

#include "parquet/column_write.h"

/** Everything lies in the arena, which belongs to the footer. */
struct file_footer {
    struct arena arena;
    struct write_schema plan;
    int32_t key_value_count;
    struct parquet_key_value *key_values;
    int32_t sorting_count;
    const struct sorting_column *sorting; /* of every row group */
    struct arena group_arena;             /* of the row groups */
    int32_t group_count;
    int32_t group_capacity;
    struct row_group *groups;
    int64_t row_count;
    struct buffer index; /* the page index of all row groups; goes in front of the footer */
};

/** Plan for a schema, which must outlive the footer: its fields, its key/value metadata in order,
 * then `ARROW:schema`, in which texts that are views are plain ones. */
ktk_status ktki_footer_init(struct file_footer *out, const struct schema *schema, ktk_error *err);
void ktki_footer_clear(struct file_footer *footer);

/** Note by what the rows of every row group are sorted. KTK_E_NOT_FOUND names an unknown column. */
ktk_status ktki_footer_sort(struct file_footer *footer, const ktk_parquet_sorting_column *sorting,
                            size_t count, ktk_error *err);

/** Forget the row groups: another file of the same schema. */
void ktki_footer_restart(struct file_footer *footer);

/**
 * Add a row group of encoded columns, one per leaf; its bytes begin at `file_offset` of the file,
 * column after column, the dictionary page of each first.
 */
ktk_status ktki_footer_add(struct file_footer *footer, const struct column_write *columns,
                           int64_t row_count, int32_t codec_id, int64_t file_offset,
                           ktk_error *err);

/** The page index goes to `offset` of the file: to be told before the footer is encoded. */
void ktki_footer_place_index(struct file_footer *footer, int64_t offset);

/** Append the footer, its length and the magic. */
ktk_status ktki_footer_encode(const struct file_footer *footer, struct buffer *out, ktk_error *err);

#define PARQUET_MAGIC "PAR1"
#define PARQUET_MAGIC_SIZE 4

#endif
