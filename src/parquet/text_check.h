/** Refusing text that is no text: a file with it could be written, but not read again. */
#ifndef KTKI_PARQUET_TEXT_CHECK_H
#define KTKI_PARQUET_TEXT_CHECK_H

#include <kartothek/error.h>

#include "parquet/value_block.h"

/** KTK_E_INVALID, with the column and the first bytes of the value, unless all pieces of bytes of
 * the block are valid UTF-8. */
ktk_status ktki_text_check(const struct value_block *block, const char *column, ktk_error *err);

#endif
