#include "render.h"

#include <inttypes.h>
#include <libsmartcols.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "heap.h"

#define GAP 2
#define ELLIPSIS "\xE2\x80\xA6"

/* ---- texts ---- */

/* Control characters would move the cursor: they are shown as escapes. */
static char *make_visible(const char *text) {
    static const char *const formats[] = {['\t'] = "\\t", ['\n'] = "\\n", ['\r'] = "\\r"};
    const size_t size = 4 * strlen(text) + 1;
    char *copy = cli_alloc(size, 1);
    size_t used = 0;

    for (const unsigned char *from = (const unsigned char *)text; *from != '\0'; from++) {
        const char *name = *from < sizeof(formats) / sizeof(formats[0]) ? formats[*from] : NULL;
        bool is_control = *from < ' ' || *from == 0x7F;

        if (name != NULL) {
            used += (size_t)snprintf(copy + used, size - used, "%s", name);
        } else {
            used +=
                (size_t)snprintf(copy + used, size - used, is_control ? "\\x%02x" : "%c", *from);
        }
    }
    return copy;
}

/* Columns that a text takes; `limit` >= 0: only as many bytes as fit into so many columns, which
 * `*fitting` receives. */
static int text_width(const char *text, int limit, size_t *fitting) {
    size_t size = strlen(text);
    mbstate_t state = {0};
    size_t at = 0;
    int width = 0;

    while (at < size) {
        wchar_t c = L'?';
        size_t step = mbrtowc(&c, text + at, size - at, &state);
        int columns = 1;

        if (step == 0 || step > size) {
            memset(&state, 0, sizeof(state));
            step = 1;
        } else {
            columns = wcwidth(c) < 0 ? 1 : wcwidth(c);
        }
        if (limit >= 0 && width + columns > limit) {
            break;
        }
        width += columns;
        at += step;
    }
    if (fitting != NULL) {
        *fitting = at;
    }
    return width;
}

/* As much as fits beside the ellipsis: the end of paths, the start of other texts. */
static const char *cut(const char *text, int width, bool is_path) {
    size_t size;

    if (!is_path) {
        (void)text_width(text, width - 1, &size);
        return cli_format("%.*s" ELLIPSIS, (int)size, text);
    }
    while (text_width(text, -1, NULL) > width - 1) {
        (void)text_width(text, 1, &size);
        text += size > 0 ? size : 1;
    }
    return cli_format(ELLIPSIS "%s", text);
}

const char *cli_number(int64_t number) {
    char digits[32];
    char *text = cli_alloc(48, 1);
    char *at = text;
    size_t size = (size_t)snprintf(digits, sizeof(digits), "%" PRId64, number);

    for (size_t i = 0; i < size; i++) {
        *at++ = digits[i];
        if (digits[i] != '-' && i + 1 < size && (size - i - 1) % 3 == 0) {
            *at++ = ',';
        }
    }
    return text;
}

const char *cli_size(int64_t bytes) {
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB", "EB"};
    double size = (double)bytes;
    size_t unit = 0;

    if (bytes < 0) {
        return "?";
    }
    if (bytes < 1000) {
        return cli_format("%" PRId64 " B", bytes);
    }
    size /= 1000;
    while (size >= 999.5 && unit < 5) {
        size /= 1000;
        unit++;
    }
    return cli_format(size < 99.95 ? "%.1f %s" : "%.0f %s", size, units[unit]);
}

const char *cli_count(int64_t count, const char *singular, const char *plural) {
    return cli_format("%s %s", cli_number(count), count == 1 ? singular : plural);
}

/* ---- tables ---- */

void cli_table_column(struct table *table, const char *name, enum column_kind kind) {
    char *visible = make_visible(name);

    table->columns = cli_grow(table->columns, table->column_count, sizeof(*table->columns));
    table->columns[table->column_count++] =
        (struct table_column){visible, kind, text_width(visible, -1, NULL)};
}

void cli_table_cell(struct table *table, const char *text) {
    struct table_column *column = &table->columns[table->cell_count % table->column_count];
    struct cell cell = {NULL, 4};

    if (text != NULL) {
        cell.text = make_visible(text);
        cell.width = text_width(cell.text, -1, NULL);
    }
    column->width = cell.width > column->width ? cell.width : column->width;
    table->cells = cli_grow(table->cells, table->cell_count, sizeof(*table->cells));
    table->cells[table->cell_count++] = cell;
}

void cli_table_cell_number(struct table *table, int64_t number) {
    cli_table_cell(table, cli_number(number));
}

void cli_table_cell_size(struct table *table, int64_t bytes) {
    cli_table_cell(table, cli_size(bytes));
}

struct view {
    const struct table *table;
    const struct output *output;
    int width_max;    /* of a cell */
    size_t left;      /* columns shown from the left */
    size_t right;     /* columns shown from the right */
    bool uses_colors; /* and bold */
};

static int shown_width(const struct view *view, size_t column) {
    int width = view->table->columns[column].width;

    return view->width_max > 0 && width > view->width_max ? view->width_max : width;
}

static int total_width(const struct view *view) {
    int total = -GAP;

    for (size_t i = 0; i < view->table->column_count; i++) {
        total += shown_width(view, i) + GAP;
    }
    return total;
}

/* Choose columns from both ends until nothing more fits, at least the first. */
static void choose_columns(struct view *view) {
    size_t count = view->table->column_count;
    int used = 1; /* the column of the ellipsis */
    bool left_fits = true;
    bool right_fits = true;

    while (view->left + view->right + 1 < count && (left_fits || right_fits)) {
        bool from_left = left_fits && (view->left <= view->right || !right_fits);
        size_t next = from_left ? view->left : count - 1 - view->right;
        int width = shown_width(view, next) + GAP;
        bool fits = used + width <= view->output->width || view->left == 0;

        if (fits) {
            used += width;
            view->left += from_left;
            view->right += !from_left;
        } else if (from_left) {
            left_fits = false;
        } else {
            right_fits = false;
        }
    }
}

/* The widest cells that let all columns be seen; if none do, some columns go. */
static void choose_layout(struct view *view) {
    static const int widths[] = {60, 40, 30, 24};
    int limit = view->output->width;

    if (limit == 0) {
        view->left = view->table->column_count;
        return;
    }
    for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
        view->width_max = widths[i] < limit ? widths[i] : limit;
        if (total_width(view) <= limit) {
            view->left = view->table->column_count;
            return;
        }
    }
    if (shown_width(view, 0) > limit - GAP - 1) {
        view->width_max = limit > GAP + 4 ? limit - GAP - 1 : 4;
    }
    choose_columns(view);
}

static void add_scols_column(const struct view *view, struct libscols_table *to, size_t column) {
    const struct table_column *from = &view->table->columns[column];
    const char *name = from->name;
    struct libscols_column *added;

    if (view->width_max > 0 && text_width(name, -1, NULL) > view->width_max) {
        name = cut(name, view->width_max, false);
    }
    added = scols_table_new_column(to, name, 0, from->kind == COLUMN_NUMBER ? SCOLS_FL_RIGHT : 0);
    if (added != NULL && view->uses_colors) {
        (void)scols_cell_set_color(scols_column_get_header(added), "\033[1m");
    }
}

static void set_scols_cell(const struct view *view, struct libscols_line *line, size_t at,
                           size_t column, const struct cell *cell) {
    const char *text = cell->text;

    if (text == NULL) {
        text = "null";
        if (view->uses_colors) {
            (void)scols_cell_set_color(scols_line_get_cell(line, at), "\033[2m");
        }
    } else if (view->width_max > 0 && cell->width > view->width_max) {
        text = cut(text, view->width_max, view->table->columns[column].kind == COLUMN_PATH);
    }
    (void)scols_line_set_data(line, at, text);
}

static void fill_scols(const struct view *view, struct libscols_table *to) {
    size_t count = view->table->column_count;
    size_t rows = view->table->cell_count / count;

    for (size_t i = 0; i < view->left; i++) {
        add_scols_column(view, to, i);
    }
    if (view->left < count) {
        (void)scols_table_new_column(to, ELLIPSIS, 0, 0);
    }
    for (size_t i = count - view->right; i < count; i++) {
        add_scols_column(view, to, i);
    }
    for (size_t row = 0; row < rows; row++) {
        const struct cell *cells = &view->table->cells[row * count];
        struct libscols_line *line = scols_table_new_line(to, NULL);
        size_t at = 0;

        for (size_t i = 0; line != NULL && i < view->left; i++) {
            set_scols_cell(view, line, at++, i, &cells[i]);
        }
        if (line != NULL && view->left < count) {
            (void)scols_line_set_data(line, at++, ELLIPSIS);
        }
        for (size_t i = count - view->right; line != NULL && i < count; i++) {
            set_scols_cell(view, line, at++, i, &cells[i]);
        }
    }
}

size_t cli_table_print(const struct table *table, const struct output *output) {
    struct view view = {.table = table, .output = output};
    struct libscols_table *printed = table->column_count > 0 ? scols_new_table() : NULL;

    if (printed == NULL) {
        return 0;
    }
    view.uses_colors = output->is_terminal && getenv("NO_COLOR") == NULL;
    choose_layout(&view);
    (void)scols_table_set_stream(printed, output->file);
    (void)scols_table_set_termforce(printed, SCOLS_TERMFORCE_NEVER);
    (void)scols_table_set_column_separator(printed, "  ");
    (void)scols_table_enable_minout(printed, 1);
    (void)scols_table_enable_colors(printed, view.uses_colors);
    fill_scols(&view, printed);
    (void)scols_print_table(printed);
    scols_unref_table(printed);
    return table->column_count - view.left - view.right;
}

static void print_dim(const struct output *output, const char *text) {
    bool uses_colors = output->is_terminal && getenv("NO_COLOR") == NULL;

    fprintf(output->file, "%s%s%s\n", uses_colors ? "\033[2m" : "", text,
            uses_colors ? "\033[0m" : "");
}

void cli_print_footer(const struct output *output, const char *format, ...) {
    va_list arguments;
    const char *text;

    va_start(arguments, format);
    text = cli_format_list(format, arguments);
    va_end(arguments);
    print_dim(output, text);
}

void cli_print_fact(const struct output *output, const char *name, const char *format, ...) {
    va_list arguments;
    const char *text;

    va_start(arguments, format);
    text = cli_format_list(format, arguments);
    va_end(arguments);
    fprintf(output->file, "%-15s%s\n", name, make_visible(text));
}
