/** The options of a writer with the defaults filled in. */
#ifndef KTKI_PARQUET_WRITE_OPTIONS_H
#define KTKI_PARQUET_WRITE_OPTIONS_H

#include <kartothek/parquet.h>

#include "parquet/column_write.h"

struct write_options {
    struct column_settings column;
    int64_t row_group_rows_max;
    int64_t row_group_bytes_max; /* as ktki_row_bytes() counts */
    size_t waiting_size_max;     /* bytes of encoded pages whose turn has not come */
};

/** `options` NULL: all defaults. KTK_E_INVALID for a value out of range. */
ktk_status ktki_write_options_resolve(struct write_options *out,
                                      const ktk_parquet_write_options *options, ktk_error *err);

#endif
