/**
 * All of libkartothek. Rules that hold everywhere:
 *
 * - A function that can fail returns ktk_status and takes a `ktk_error *` last (may be NULL).
 * Outputs are written only on KTK_OK. Nothing prints, aborts or exits.
 * - `T **out`: the caller owns the result and frees it with ktk_T_free(), which accepts NULL.
 * `const T *` results are borrowed from their parent. Arguments are borrowed for the call, unless
 * said otherwise.
 * - Arrow structs move: on success the callee has taken them (`release` is NULL), on failure the
 * caller still owns them.
 * - Option structs start as their _INIT macro; zero is the default of every field.
 * - Texts are UTF-8. Sizes are bytes, counts are things, offsets start at 0.
 * - Objects belong to one thread at a time unless their header says that they may be shared.
 */
#ifndef KARTOTHEK_KARTOTHEK_H
#define KARTOTHEK_KARTOTHEK_H

#include <kartothek/arrow.h>
#include <kartothek/arrow_abi.h>
#include <kartothek/compact.h>
#include <kartothek/context.h>
#include <kartothek/dataset.h>
#include <kartothek/doctor.h>
#include <kartothek/error.h>
#include <kartothek/history.h>
#include <kartothek/index.h>
#include <kartothek/parquet.h>
#include <kartothek/predicate.h>
#include <kartothek/query.h>
#include <kartothek/store.h>
#include <kartothek/store_check.h>
#include <kartothek/types.h>
#include <kartothek/update.h>
#include <kartothek/upkeep.h>
#include <kartothek/version.h>

#endif
