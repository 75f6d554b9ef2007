/** All of one Parquet file, for people and for scripts. */
#ifndef KTK_CLI_INSPECT_H
#define KTK_CLI_INSPECT_H

#include <kartothek/kartothek.h>

#include "output.h"

/** Facts, schema, metadata, row groups and column chunks; with `pages` the pages of each. */
ktk_status cli_inspect_text(const struct output *output, ktk_parquet_file *file, const char *name,
                            bool pages, ktk_error *err);
ktk_status cli_inspect_json(const struct output *output, ktk_parquet_file *file, const char *name,
                            bool pages, ktk_error *err);

/** "right", "wrong"; NULL if the page has none. */
const char *cli_checksum(ktk_parquet_checksum checksum);

#endif
