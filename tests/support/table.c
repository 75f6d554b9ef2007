#include "support/table.h"

#include "support/test.h"

static void run_row(char *line, size_t wanted, test_row_fn fn) {
    const char *cells[TEST_CELLS_MAX];
    size_t count = 0;
    char *at = line;

    while (at != NULL && count < TEST_CELLS_MAX) {
        cells[count++] = at;
        at = strchr(at, '\t');
        if (at != NULL) {
            *at++ = '\0';
        }
    }
    if (at != NULL || count != wanted) {
        fail_msg("a row that starts with '%s' has not %zu cells", line, wanted);
    }
    fn(cells, count);
}

void test_for_each_row(const char *path, size_t count, test_row_fn fn) {
    size_t size;
    uint8_t *data = test_read_source_file(path, &size);
    char *at = (char *)data;
    char *end = at + size;

    assert_true(size > 0);
    while (at < end) {
        char *line_end = memchr(at, '\n', (size_t)(end - at));
        assert_non_null(line_end);
        *line_end = '\0';
        run_row(at, count, fn);
        at = line_end + 1;
    }
    test_data_free(data);
}
