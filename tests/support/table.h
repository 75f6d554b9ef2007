/** Tables of expectations: one row a line, cells separated by a tab. */
#ifndef KTK_TESTS_SUPPORT_TABLE_H
#define KTK_TESTS_SUPPORT_TABLE_H

#include <stddef.h>

#define TEST_CELLS_MAX 8

/** One row; `cells[0]` to `cells[count - 1]` are NUL-terminated and valid during the call. */
typedef void (*test_row_fn)(const char *const *cells, size_t count);

/** Call `fn` for each row of a table below the source root. Fails the test if the table is missing
 * or empty, or a row has not exactly `count` cells. */
void test_for_each_row(const char *path, size_t count, test_row_fn fn);

#endif
