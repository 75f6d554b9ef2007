"""Writes the tables of this folder from Python, the oracle for numbers, dates and JSON.

Usage: python make_tables.py (Python 3.8 or newer with pandas). The tables are committed; run it again only to extend them.
Columns are separated by a tab. The random numbers are seeded: the same Python gives the same tables.
"""

import datetime
import pathlib
import random

FOLDER = pathlib.Path(__file__).parent


def write_table(name, rows):
    with open(FOLDER / name, "w", encoding="ascii", newline="\n") as file:
        for row in rows:
            file.write("\t".join(str(cell) for cell in row) + "\n")


def dates():
    """days since the epoch, ISO date"""
    epoch = datetime.date(1970, 1, 1).toordinal()
    last = datetime.date.max.toordinal()
    ordinals = set(range(1, last, 7919)) | {1, last}
    for year in (1, 4, 100, 400, 1582, 1900, 1969, 1970, 2000, 2023, 2024, 2100, 9999):
        for month, day in ((1, 1), (2, 28), (3, 1), (12, 31)):
            ordinal = datetime.date(year, month, day).toordinal()
            ordinals |= {ordinal, max(1, ordinal - 1), min(last, ordinal + 1)}
    for ordinal in sorted(ordinals):
        yield ordinal - epoch, datetime.date.fromordinal(ordinal).isoformat()


def timestamps():
    """nanoseconds since the epoch, str(pandas.Timestamp)"""
    import pandas

    rng = random.Random(1)
    values = {0, 1, -1, 999, 1000, -1000, 10**9, -(10**9), 123456789, 86400 * 10**9 - 1}
    values |= {pandas.Timestamp.min.value, pandas.Timestamp.max.value}
    for digits in (0, 3, 6, 9):
        for _ in range(100):
            values.add(rng.randrange(-(2**63) // 10**digits + 1000, 2**63 // 10**digits - 1000) * 10**digits)
    for value in sorted(values):
        yield value, str(pandas.Timestamp(value))


if __name__ == "__main__":
    write_table("dates.tsv", dates())
    write_table("timestamps.tsv", timestamps())
