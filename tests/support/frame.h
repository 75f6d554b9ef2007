/** Small frames for tests, written and read as text. */
#ifndef KTK_TESTS_SUPPORT_FRAME_H
#define KTK_TESTS_SUPPORT_FRAME_H

#include <kartothek/arrow_abi.h>
#include <kartothek/store.h>

/**
 * A stream of rows. `columns` is "name:type,…" with the types string, int8, int64, double, bool,
 * date32, timestamp (naive, ns), null; `rows` is "cell,cell;cell,cell", an empty cell is a null.
 * `batch_rows` rows come in a batch, 0: all in one.
 *
 * `pandas`, if not NULL, becomes the `pandas` entry of the schema.
 */
ktk_status test_frame(struct ArrowArrayStream *out, ktk_context *context, const char *columns,
                      const char *rows, int64_t batch_rows, const char *pandas, ktk_error *err);

/** An empty store, as test_store_url() has it, whose level is known: whoever counts its requests
 * finds none that try out what it does about conditions. */
ktk_store *test_store_open(ktk_context *context);

/** Returns when the store tells a later time of what is put now than of anything before, by a
 * second at least where it tells whole seconds: whatever there is has grown old for those who
 * compare such times. */
void test_grow_old(ktk_store *store);

/** All rows of a stream in the same form, behind the names of the columns: "a,b|1,x;2,y". The
 * stream is consumed. Free with test_data_free(). */
ktk_status test_frame_text(char **out, struct ArrowArrayStream *stream, ktk_error *err);

/** The same of a dataset's only table, read as a whole in document order. */
ktk_status test_dataset_text(char **out, ktk_store *store, const char *uuid, ktk_error *err);

/** Fails the test unless a dataset reads so. */
void test_check_dataset(ktk_store *store, const char *uuid, const char *wanted);

/** Keys in the store that start so. */
int64_t test_key_count(ktk_store *store, const char *prefix);

#endif
