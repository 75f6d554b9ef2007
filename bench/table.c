#include "table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <kartothek/arrow.h>

static ktk_status append(struct bench_table *table, const struct ArrowArray *batch,
                         ktk_error *err) {
    if (table->batch_count == table->batch_capacity) {
        size_t capacity = table->batch_capacity == 0 ? 16 : 2 * table->batch_capacity;
        struct ArrowArray *batches = realloc(table->batches, capacity * sizeof(*batches));
        if (batches == NULL) {
            return ktk_error_set(err, KTK_E_NO_MEMORY, "out of memory");
        }
        table->batches = batches;
        table->batch_capacity = capacity;
    }
    table->batches[table->batch_count] = *batch;
    table->batch_count++;
    table->row_count += batch->length;
    return KTK_OK;
}

ktk_status bench_table_collect(struct bench_table *out, struct ArrowArrayStream *stream,
                               ktk_error *err) {
    ktk_status status = ktk_stream_schema(stream, &out->schema, err);
    while (status == KTK_OK) {
        struct ArrowArray batch = {0};
        status = ktk_stream_next(stream, &batch, err);
        if (status != KTK_OK || batch.release == NULL) {
            break;
        }
        status = append(out, &batch, err);
        if (status != KTK_OK) {
            batch.release(&batch);
        }
    }
    return status;
}

void bench_table_clear(struct bench_table *table) {
    for (size_t i = 0; i < table->batch_count; i++) {
        table->batches[i].release(&table->batches[i]);
    }
    free(table->batches);
    if (table->schema.release != NULL) {
        table->schema.release(&table->schema);
    }
    memset(table, 0, sizeof(*table));
}

/* ---- lending: the consumer owns the structs that it gets, the table the buffers and texts ---- */

static void release_lent_array(struct ArrowArray *array) {
    for (int64_t i = 0; i < array->n_children; i++) {
        if (array->children[i]->release != NULL) {
            array->children[i]->release(array->children[i]);
        }
        free(array->children[i]);
    }
    free(array->children);
    if (array->dictionary != NULL && array->dictionary->release != NULL) {
        array->dictionary->release(array->dictionary);
    }
    free(array->dictionary);
    array->release = NULL;
}

static bool lend_array(struct ArrowArray *out, const struct ArrowArray *array) {
    *out = *array;
    out->n_children = 0;
    out->children = NULL;
    out->dictionary = NULL;
    out->private_data = NULL;
    out->release = release_lent_array;
    bool done = true;
    if (array->n_children > 0) {
        out->children = calloc((size_t)array->n_children, sizeof(*out->children));
        done = out->children != NULL;
    }
    for (int64_t i = 0; done && i < array->n_children; i++) {
        out->children[i] = calloc(1, sizeof(*out->children[i]));
        out->n_children += out->children[i] != NULL ? 1 : 0;
        done = out->children[i] != NULL && lend_array(out->children[i], array->children[i]);
    }
    if (done && array->dictionary != NULL) {
        out->dictionary = calloc(1, sizeof(*out->dictionary));
        done = out->dictionary != NULL && lend_array(out->dictionary, array->dictionary);
    }
    if (!done) {
        release_lent_array(out);
    }
    return done;
}

static void release_lent_schema(struct ArrowSchema *schema) {
    for (int64_t i = 0; i < schema->n_children; i++) {
        if (schema->children[i]->release != NULL) {
            schema->children[i]->release(schema->children[i]);
        }
        free(schema->children[i]);
    }
    free(schema->children);
    if (schema->dictionary != NULL && schema->dictionary->release != NULL) {
        schema->dictionary->release(schema->dictionary);
    }
    free(schema->dictionary);
    schema->release = NULL;
}

static bool lend_schema(struct ArrowSchema *out, const struct ArrowSchema *schema) {
    *out = *schema;
    out->n_children = 0;
    out->children = NULL;
    out->dictionary = NULL;
    out->private_data = NULL;
    out->release = release_lent_schema;
    bool done = true;
    if (schema->n_children > 0) {
        out->children = calloc((size_t)schema->n_children, sizeof(*out->children));
        done = out->children != NULL;
    }
    for (int64_t i = 0; done && i < schema->n_children; i++) {
        out->children[i] = calloc(1, sizeof(*out->children[i]));
        out->n_children += out->children[i] != NULL ? 1 : 0;
        done = out->children[i] != NULL && lend_schema(out->children[i], schema->children[i]);
    }
    if (done && schema->dictionary != NULL) {
        out->dictionary = calloc(1, sizeof(*out->dictionary));
        done = out->dictionary != NULL && lend_schema(out->dictionary, schema->dictionary);
    }
    if (!done) {
        release_lent_schema(out);
    }
    return done;
}

struct lender {
    const struct bench_table *table;
    size_t next;
};

static int lender_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
    struct lender *lender = stream->private_data;
    return lend_schema(out, &lender->table->schema) ? 0 : ENOMEM;
}

static int lender_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
    struct lender *lender = stream->private_data;
    memset(out, 0, sizeof(*out));
    if (lender->next == lender->table->batch_count) {
        return 0;
    }
    bool done = lend_array(out, &lender->table->batches[lender->next]);
    lender->next += done ? 1 : 0;
    return done ? 0 : ENOMEM;
}

static const char *lender_error(struct ArrowArrayStream *stream) {
    (void)stream;
    return "out of memory";
}

static void lender_release(struct ArrowArrayStream *stream) {
    free(stream->private_data);
    stream->release = NULL;
}

ktk_status bench_table_lend(struct ArrowArrayStream *out, const struct bench_table *table,
                            ktk_error *err) {
    struct lender *lender = calloc(1, sizeof(*lender));
    if (lender == NULL) {
        return ktk_error_set(err, KTK_E_NO_MEMORY, "out of memory");
    }
    lender->table = table;
    *out =
        (struct ArrowArrayStream){lender_schema, lender_next, lender_error, lender_release, lender};
    return KTK_OK;
}
