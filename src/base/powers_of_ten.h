/** Powers of ten to 128 bits, for reading and writing doubles. */
#ifndef KTKI_BASE_POWERS_OF_TEN_H
#define KTKI_BASE_POWERS_OF_TEN_H

#include <stdint.h>

#define KTKI_POWER_FIRST (-342)
#define KTKI_POWER_LAST 324

/** Powers from 10^0 to this one are exact in the table. */
#define KTKI_POWER_EXACT_LAST 55

/** `high * 2^64 + low` is 10^e * 2^(127 - ktki_floor_log2_of_power(e)), rounded up to an integer;
 * its highest bit is set. */
struct power_of_ten {
    uint64_t high;
    uint64_t low;
};

/** 10^e stands at index e - KTKI_POWER_FIRST. */
extern const struct power_of_ten ktki_powers_of_ten[KTKI_POWER_LAST - KTKI_POWER_FIRST + 1];

/** floor(log2(10^exponent)) for exponents of the table. */
static inline int32_t ktki_floor_log2_of_power(int32_t exponent) {
    return exponent * 1741647 >> 19;
}

#endif
