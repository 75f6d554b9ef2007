/* The golden data of the originals as an oracle: what was expected, as a tree of JSON; what came
 * out of a stream, value by value in the notation of tests/data/golden/README.md. Reads arrays by
 * the C Data Interface alone. */
#ifndef KTK_TESTS_QUERY_GOLDEN_H
#define KTK_TESTS_QUERY_GOLDEN_H

#include <kartothek/arrow.h>
#include <kartothek/predicate.h>
#include <kartothek/store.h>

enum node_kind { NODE_NULL, NODE_BOOL, NODE_NUMBER, NODE_TEXT, NODE_ARRAY, NODE_OBJECT };

struct node {
    enum node_kind kind;
    char *text; /* NODE_BOOL ("true", "false"), NODE_NUMBER as written, NODE_TEXT */
    size_t size;
    size_t count;
    char **keys; /* NODE_OBJECT */
    struct node *items;
};

/* A JSON file below tests/data/golden; fails the test if it is none. */
struct node *golden_load(const char *path);
void golden_free(struct node *node);

/* Member of an object, NULL if it has none of that name. */
const struct node *golden_member(const struct node *object, const char *key);
int64_t golden_integer(const struct node *number);

/* Open tests/data/golden/<path>, read-only. */
ktk_store *golden_store(ktk_context *context, const char *path);

/* A store in memory with the keys of one dataset of a golden store. */
ktk_store *golden_copy(ktk_context *context, const char *path, const char *uuid);

/* All batches of a stream, which is released. */
struct golden_rows {
    struct ArrowSchema schema;
    struct ArrowArray *batches;
    size_t batch_count;
    int64_t row_count;
};

ktk_status golden_collect(struct golden_rows *out, struct ArrowArrayStream *stream, ktk_error *err);
void golden_rows_clear(struct golden_rows *rows);

/* Column of that name, -1 if there is none. */
int64_t golden_column(const struct golden_rows *rows, const char *name);

/* Is the value what the node says? Fails the test for types it does not know. */
bool golden_value_is(const struct golden_rows *rows, int64_t column, int64_t row,
                     const struct node *wanted);

/* The value as text: as in the JSON; floats as %.17g. "null" for null. Valid until the next call.
 */
const char *golden_text(const struct golden_rows *rows, int64_t column, int64_t row);

#define GOLDEN_BYTES_MAX 64

/* A value of a predicate, of the type that the JSON names. Texts are borrowed from the node, bytes
 * lie in `bytes`. */
void golden_to_value(ktk_value *out, const char *type, const struct node *content,
                     char bytes[GOLDEN_BYTES_MAX]);

/* Compare all rows with a list of objects, columns by name; says where they differ. */
void golden_check_rows(const struct golden_rows *rows, const struct node *wanted, const char *what);

#endif
