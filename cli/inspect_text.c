/* inspect: a Parquet file as tables. */
#include <string.h>

#include "heap.h"
#include "inspect.h"
#include "options.h"
#include "render.h"

/* Longer values of metadata entries are cut. */
#define SHOWN_BYTES_MAX 60

struct header {
    const char *name;
    enum column_kind kind;
};

static void begin_table(struct table *table, const struct header *headers, size_t count) {
    for (size_t i = 0; i < count; i++) {
        cli_table_column(table, headers[i].name, headers[i].kind);
    }
}

#define BEGIN_TABLE(table, headers)                                                                \
    begin_table((table), (headers), sizeof(headers) / sizeof((headers)[0]))

static const char *count_text(int64_t count) {
    return count < 0 ? "?" : cli_number(count);
}

static const char *or_nothing(const char *text) {
    return text == NULL ? "" : text;
}

/* ---- schema and metadata ---- */

static const char *element_type(const ktk_parquet_element *element) {
    const char *type = element->physical_type == NULL ? "group" : element->physical_type;

    if (element->type_length > 0) {
        type = cli_format("%s(%d)", type, element->type_length);
    }
    return *element->logical_type == '\0' ? type : cli_format("%s %s", type, element->logical_type);
}

/* Nodes still to come on each level of the path to the present one. */
struct levels {
    int32_t *left;
    size_t depth;
};

static void go_down(struct levels *levels, int32_t child_count) {
    levels->left = cli_grow(levels->left, levels->depth, sizeof(*levels->left));
    levels->left[levels->depth++] = child_count;
}

static void go_on(struct levels *levels) {
    while (levels->depth > 0 && levels->left[levels->depth - 1] == 0) {
        levels->depth--;
    }
    if (levels->depth > 0) {
        levels->left[levels->depth - 1]--;
    }
}

static ktk_status print_schema(const struct output *output, const ktk_parquet_file *file,
                               const ktk_parquet_info *info, ktk_error *err) {
    static const struct header headers[] = {{"schema", COLUMN_TEXT},
                                            {"repetition", COLUMN_TEXT},
                                            {"type", COLUMN_TEXT},
                                            {"id", COLUMN_NUMBER}};
    struct table table = {0};
    struct levels levels = {0};
    ktk_status status = KTK_OK;

    BEGIN_TABLE(&table, headers);
    for (int32_t i = 0; i < info->element_count && status == KTK_OK; i++) {
        ktk_parquet_element element;
        int indent;

        status = ktk_parquet_element_get(file, i, &element, err);
        if (status != KTK_OK) {
            break;
        }
        go_on(&levels);
        indent = i == 0 ? 0 : 2 * (int)levels.depth;
        cli_table_cell(&table, cli_format("%*s%s", indent, "", element.name));
        cli_table_cell(&table, element.repetition);
        cli_table_cell(&table, i == 0 ? "" : element_type(&element));
        cli_table_cell(&table, element.field_id < 0 ? "" : cli_format("%d", element.field_id));
        go_down(&levels, element.child_count);
    }
    fputc('\n', output->file);
    (void)cli_table_print(&table, output);
    return status;
}

/* The beginning of a long text, cut between characters. */
static const char *shorten(const char *text, size_t size) {
    size_t kept = SHOWN_BYTES_MAX;

    if (size <= SHOWN_BYTES_MAX) {
        return text;
    }
    while (kept > 0 && ((unsigned char)text[kept] & 0xC0) == 0x80) {
        kept--;
    }
    return cli_format("%.*s…", (int)kept, text);
}

static ktk_status print_metadata(const struct output *output, const ktk_parquet_file *file,
                                 const ktk_parquet_info *info, ktk_error *err) {
    static const struct header headers[] = {
        {"metadata", COLUMN_TEXT}, {"size", COLUMN_NUMBER}, {"value", COLUMN_TEXT}};
    struct table table = {0};
    ktk_status status = KTK_OK;

    BEGIN_TABLE(&table, headers);
    for (int32_t i = 0; i < info->key_value_count && status == KTK_OK; i++) {
        const char *key = NULL;
        const char *value = NULL;
        size_t size = 0;

        status = ktk_parquet_key_value_get(file, i, &key, &value, &size, err);
        if (status == KTK_OK) {
            cli_table_cell(&table, key);
            cli_table_cell_size(&table, (int64_t)size);
            cli_table_cell(&table, shorten(value, size));
        }
    }
    if (info->key_value_count > 0) {
        fputc('\n', output->file);
        (void)cli_table_print(&table, output);
    }
    return status;
}

/* ---- row groups ---- */

static ktk_status add_page_row(void *state, const ktk_parquet_page *page, ktk_error *err) {
    struct table *table = state;

    (void)err;
    cli_table_cell_number(table, (int64_t)(table->cell_count / table->column_count));
    cli_table_cell(table, page->kind);
    cli_table_cell(table, page->encoding);
    cli_table_cell(table, count_text(page->row_count));
    cli_table_cell_number(table, page->value_count);
    cli_table_cell(table, count_text(page->null_count));
    cli_table_cell_size(table, page->uncompressed_size);
    cli_table_cell_size(table, page->compressed_size);
    cli_table_cell_number(table, page->offset);
    cli_table_cell(table, or_nothing(cli_checksum(page->checksum)));
    cli_table_cell(table, or_nothing(page->minimum));
    cli_table_cell(table, or_nothing(page->maximum));
    return KTK_OK;
}

static ktk_status print_pages(const struct output *output, ktk_parquet_file *file,
                              int32_t row_group, int32_t leaf, const char *path, ktk_error *err) {
    static const struct header headers[] = {
        {"page", COLUMN_NUMBER},   {"kind", COLUMN_TEXT},     {"encoding", COLUMN_TEXT},
        {"rows", COLUMN_NUMBER},   {"values", COLUMN_NUMBER}, {"nulls", COLUMN_NUMBER},
        {"plain", COLUMN_NUMBER},  {"stored", COLUMN_NUMBER}, {"offset", COLUMN_NUMBER},
        {"checksum", COLUMN_TEXT}, {"minimum", COLUMN_TEXT},  {"maximum", COLUMN_TEXT}};
    struct table table = {0};
    ktk_status status;

    BEGIN_TABLE(&table, headers);
    status = ktk_parquet_pages(file, row_group, leaf, add_page_row, &table, err);
    fprintf(output->file, "\nrow group %d, column %s\n", row_group, path);
    (void)cli_table_print(&table, output);
    return status;
}

/* "column, offset, bloom" at most. */
static const char *index_text(const ktk_parquet_column_info *column) {
    struct text_list names = {0};

    if (column->column_index_size > 0) {
        cli_list_add(&names, "column");
    }
    if (column->offset_index_size > 0) {
        cli_list_add(&names, "offset");
    }
    if (column->has_bloom_filter) {
        cli_list_add(&names, "bloom");
    }
    return names.count == 0 ? "" : cli_join(&names);
}

static void add_column_row(struct table *table, const ktk_parquet_column_info *column) {
    cli_table_cell(table, column->path);
    cli_table_cell(table, column->logical_type[0] == '\0'
                              ? column->physical_type
                              : cli_format("%s %s", column->physical_type, column->logical_type));
    cli_table_cell(table, column->is_encrypted ? "encrypted" : column->codec);
    cli_table_cell(table, column->encodings);
    cli_table_cell_number(table, column->value_count);
    cli_table_cell(table, count_text(column->null_count));
    cli_table_cell_size(table, column->uncompressed_size);
    cli_table_cell_size(table, column->compressed_size);
    cli_table_cell(table, index_text(column));
    cli_table_cell(table, or_nothing(column->minimum));
    cli_table_cell(table, or_nothing(column->maximum));
}

static ktk_status print_sorting(const struct output *output, const ktk_parquet_file *file,
                                int32_t row_group, int32_t count, ktk_error *err) {
    ktk_status status = KTK_OK;

    for (int32_t i = 0; i < count && status == KTK_OK; i++) {
        ktk_parquet_sorting_column column;

        status = ktk_parquet_sorting_column_get(file, row_group, i, &column, err);
        if (status == KTK_OK) {
            fprintf(output->file, "%s%s %s, nulls %s", i == 0 ? "sorted by " : "; ", column.path,
                    column.is_descending ? "descending" : "ascending",
                    column.has_nulls_first ? "first" : "last");
        }
    }
    if (count > 0) {
        fputc('\n', output->file);
    }
    return status;
}

static ktk_status print_row_group(const struct output *output, ktk_parquet_file *file,
                                  const ktk_parquet_info *info, int32_t row_group, bool pages,
                                  ktk_error *err) {
    static const struct header headers[] = {
        {"column", COLUMN_TEXT},    {"type", COLUMN_TEXT},     {"codec", COLUMN_TEXT},
        {"encodings", COLUMN_TEXT}, {"values", COLUMN_NUMBER}, {"nulls", COLUMN_NUMBER},
        {"plain", COLUMN_NUMBER},   {"stored", COLUMN_NUMBER}, {"index", COLUMN_TEXT},
        {"minimum", COLUMN_TEXT},   {"maximum", COLUMN_TEXT}};
    struct table table = {0};
    ktk_parquet_row_group_info group;
    ktk_parquet_column_info column;
    ktk_status status = ktk_parquet_row_group_info_get(file, row_group, &group, err);

    if (status != KTK_OK) {
        return status;
    }
    fprintf(output->file, "\nrow group %d: %s, %s plain, %s stored\n", row_group,
            cli_count(group.row_count, "row", "rows"), cli_size(group.uncompressed_size),
            cli_size(group.compressed_size));
    status = print_sorting(output, file, row_group, group.sorting_count, err);
    BEGIN_TABLE(&table, headers);
    for (int32_t i = 0; i < info->leaf_count && status == KTK_OK; i++) {
        status = ktk_parquet_column_info_get(file, row_group, i, &column, err);
        if (status == KTK_OK) {
            add_column_row(&table, &column);
        }
    }
    (void)cli_table_print(&table, output);
    for (int32_t i = 0; i < info->leaf_count && pages && status == KTK_OK; i++) {
        status = ktk_parquet_column_info_get(file, row_group, i, &column, err);
        if (status == KTK_OK && !column.is_encrypted) {
            status = print_pages(output, file, row_group, i, column.path, err);
        }
    }
    return status;
}

ktk_status cli_inspect_text(const struct output *output, ktk_parquet_file *file, const char *name,
                            bool pages, ktk_error *err) {
    ktk_status status;
    ktk_parquet_info info;

    ktk_parquet_file_info(file, &info);
    cli_print_fact(output, "file", "%s", name);
    cli_print_fact(output, "size", "%s", cli_size(info.file_size));
    cli_print_fact(output, "rows", "%s", cli_number(info.row_count));
    cli_print_fact(output, "row groups", "%s", cli_number(info.row_group_count));
    cli_print_fact(output, "columns", "%s", cli_number(info.leaf_count));
    cli_print_fact(output, "version", "%d", info.version);
    cli_print_fact(output, "footer", "%s", cli_size(info.footer_size));
    cli_print_fact(output, "created by", "%s",
                   info.created_by == NULL ? "not said" : info.created_by);
    status = print_schema(output, file, &info, err);
    if (status == KTK_OK) {
        status = print_metadata(output, file, &info, err);
    }
    for (int32_t i = 0; i < info.row_group_count && status == KTK_OK; i++) {
        status = print_row_group(output, file, &info, i, pages, err);
    }
    return status;
}
