/** Rules of structs that stand in footers and elsewhere. */
#ifndef KTKI_PARQUET_METADATA_RULES_H
#define KTKI_PARQUET_METADATA_RULES_H

#include "parquet/thrift_struct.h"

#define COUNT_OF(array) ((int32_t)(sizeof(array) / sizeof((array)[0])))

/** Statistics, into a struct parquet_statistics, whose counts must be set to -1 before. */
extern const struct struct_rule ktki_rule_of_statistics;

#endif
