#!/usr/bin/env python3
"""Prints src/base/powers_of_ten.c: the table behind reading and writing doubles. Then format it as all sources are."""

FIRST = -342
LAST = 324


def floor_log2(numerator, denominator):
    log2 = numerator.bit_length() - denominator.bit_length()
    if log2 >= 0:
        is_less = numerator < denominator << log2
    else:
        is_less = numerator << -log2 < denominator
    return log2 - 1 if is_less else log2


def main():
    print('#include "base/powers_of_ten.h"')
    print()
    print("/* Printed by scripts/make_powers_of_ten.py. */")
    print("const struct power_of_ten ktki_powers_of_ten[KTKI_POWER_LAST - KTKI_POWER_FIRST + 1] = {")
    for exponent in range(FIRST, LAST + 1):
        numerator = 10 ** max(exponent, 0)
        denominator = 10 ** max(-exponent, 0)
        log2 = floor_log2(numerator, denominator)
        assert log2 == exponent * 1741647 >> 19  # ktki_floor_log2_of_power()
        shift = 127 - log2
        numerator <<= max(shift, 0)
        denominator <<= max(-shift, 0)
        value = -(-numerator // denominator)
        assert value.bit_length() == 128
        print("    {0x%016X, 0x%016X}, /* %d */" % (value >> 64, value & (2**64 - 1), exponent))
    print("};")


if __name__ == "__main__":
    main()
