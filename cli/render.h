/** Results for people: tables that fit the terminal, numbers and sizes. */
#ifndef KTK_CLI_RENDER_H
#define KTK_CLI_RENDER_H

#include "output.h"

struct cell {
    const char *text; /* NULL: null */
    int width;        /* in columns of the terminal */
};

enum column_kind {
    COLUMN_TEXT = 0,
    COLUMN_NUMBER, /* to the right */
    COLUMN_PATH    /* of which the end says most */
};

struct table_column {
    const char *name;
    enum column_kind kind;
    int width; /* of the widest cell */
};

/** Fill with cli_table_column(), then cli_table_cell() row by row. All zero: empty. */
struct table {
    struct table_column *columns;
    size_t column_count;
    struct cell *cells;
    size_t cell_count;
};

void cli_table_column(struct table *table, const char *name, enum column_kind kind);

/** The next cell; the text is copied, with control characters made visible. NULL: shown as null. */
void cli_table_cell(struct table *table, const char *text);
void cli_table_cell_number(struct table *table, int64_t number);
void cli_table_cell_size(struct table *table, int64_t bytes);

/**
 * Print. On a terminal long cells are cut and, if the line is still too long, columns in the middle
 * are left out.
 *
 * @return how many columns were left out.
 */
size_t cli_table_print(const struct table *table, const struct output *output);

/** A dim last line. */
void cli_print_footer(const struct output *output, const char *format, ...) KTK_PRINTF(2, 3);

/** One `name  value` line of a list of facts. */
void cli_print_fact(const struct output *output, const char *name, const char *format, ...)
    KTK_PRINTF(3, 4);

/** "336,776". */
const char *cli_number(int64_t number);

/** "1.2 MB"; a negative size is unknown: "?". */
const char *cli_size(int64_t bytes);

/** "1 row", "2 rows". */
const char *cli_count(int64_t count, const char *singular, const char *plural);

#endif
