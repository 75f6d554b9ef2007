/** What is made of an open file's footer when it is first asked for, where that must succeed. */
#ifndef TESTS_PARQUET_OPENED_H
#define TESTS_PARQUET_OPENED_H

#include "parquet/reader.h"
#include "support/test.h"

static inline struct schema *opened_schema(ktk_parquet_file *file) {
    struct schema *schema = NULL;
    ktk_error err;

    CHECK_OK(ktki_parquet_schema(&schema, file, &err));
    return schema;
}

static inline const struct row_group *opened_row_group(ktk_parquet_file *file, int32_t row_group) {
    const struct row_group *group = NULL;
    ktk_error err;

    CHECK_OK(ktki_parquet_row_group(&group, file, row_group, &err));
    return group;
}

#endif
