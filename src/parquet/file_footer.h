/** The footer of a file that is being written. */
#ifndef KTKI_PARQUET_FILE_FOOTER_H
#define KTKI_PARQUET_FILE_FOOTER_H

#include "parquet/column_write.h"

/** Everything lies in the arena, which belongs to the footer. */
struct file_footer {
    struct arena arena;
    struct write_schema plan;
    int32_t key_value_count;
    struct parquet_key_value *key_values;
    struct arena group_arena; /* of the row groups */
    int32_t group_count;
    int32_t group_capacity;
    struct row_group *groups;
    int64_t row_count;
};

/** Plan for a schema, which must outlive the footer: its fields, its key/value metadata in order,
 * then `ARROW:schema`. */
ktk_status ktki_footer_init(struct file_footer *out, const struct schema *schema, ktk_error *err);
void ktki_footer_clear(struct file_footer *footer);

/** Forget the row groups: another file of the same schema. */
void ktki_footer_restart(struct file_footer *footer);

/**
 * Add a row group of encoded columns, one per leaf; its bytes begin at `file_offset` of the file,
 * column after column, the dictionary page of each first.
 */
ktk_status ktki_footer_add(struct file_footer *footer, const struct column_write *columns,
                           int64_t row_count, int32_t codec_id, int64_t file_offset,
                           ktk_error *err);

/** Append the footer, its length and the magic. */
ktk_status ktki_footer_encode(const struct file_footer *footer, struct buffer *out, ktk_error *err);

#define PARQUET_MAGIC "PAR1"
#define PARQUET_MAGIC_SIZE 4

#endif
