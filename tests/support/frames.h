/** Small frames for tests of updates, written and read as text: rows joined by ';', values by ','.
 */
#ifndef KTK_TESTS_SUPPORT_FRAMES_H
#define KTK_TESTS_SUPPORT_FRAMES_H

#include <kartothek/arrow_abi.h>
#include <kartothek/store.h>

/**
 * A stream of one batch with the columns p (text), q (int64) and v (int64), e.g. of
 * "a,1,10;b,2,20"; an empty value is null, "" no row. KTK_E_NO_MEMORY if the context's allocator
 * fails.
 */
ktk_status frame_stream(struct ArrowArrayStream *out, ktk_context *context, const char *rows,
                        ktk_error *err);

/** The same with `column` of text instead of v. */
ktk_status frame_stream_text(struct ArrowArrayStream *out, ktk_context *context, const char *column,
                             const char *rows, ktk_error *err);

/**
 * All rows of a dataset in reading order, columns in schema order, in that notation, followed by
 * nothing. Free with test_data_free().
 */
ktk_status dataset_rows(char **out, ktk_store *store, const char *uuid, ktk_error *err);

/** Labels of all partitions up to the last '/' (or all of a label without one), joined by ' '. Free
 * with test_data_free(). */
ktk_status dataset_paths(char **out, ktk_store *store, const char *uuid, ktk_error *err);

/** Keys in the store. */
int64_t store_key_count(ktk_store *store);

#endif
