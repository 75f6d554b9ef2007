/*
 * Digest of a table that does not depend on the order of its rows, so that results of different
 * libraries can be compared. All sums are mod 2^64.
 *
 *   h(int, bool, date, timestamp)  the value as int64 (days, microseconds)
 *   h(float)    the bits of the value as IEEE double
 *   h(string)   sum over bytes b[j] of b[j] * (j + 1), plus 1000003 * length
 *   S(column)   sum of h over the values, plus 1000003 * number of nulls
 *   digest      sum over columns k = 0, 1, … of S(k) * (2 k + 1)
 */
#ifndef BENCH_DIGEST_H
#define BENCH_DIGEST_H

#include "table.h"

/* KTK_E_UNSUPPORTED for a column whose type has no digest. */
ktk_status bench_digest(uint64_t *out, const struct bench_table *table, ktk_error *err);

#endif
