/* Datasets of many files of random length, whose rows are counted through: row `n` has the id `n`
 * and a mark that follows from it. */
#ifndef KTK_TESTS_QUERY_MANY_FILES_H
#define KTK_TESTS_QUERY_MANY_FILES_H

#include <kartothek/arrow_abi.h>
#include <kartothek/store.h>

#define FILES_MAX 60
#define MARKS 16

struct made_dataset {
    int file_count;
    int64_t rows[FILES_MAX];
    int64_t row_group_rows[FILES_MAX];
    int64_t row_count;
};

int64_t mark_of(int64_t id);

/* Most files are small, some have many row groups, some no row. */
void draw(struct made_dataset *made, uint32_t *random);

/* `count` files of as many rows each. */
struct made_dataset regular(int count, int64_t rows);

/* Dataset "d", with files "d/table/f00.parquet" and so on, in an empty store; in one in memory. */
ktk_store *store_at(ktk_context *context, const struct made_dataset *made, const char *url);
ktk_store *store_of(ktk_context *context, const struct made_dataset *made);

/* The rows of a batch must be those that follow `*next` among the rows with `mark` (-1: all). */
void check_batch(const struct ArrowArray *batch, int64_t mark, int64_t *next);

#endif
