"""Writes the tables of this folder from Python, the oracle for numbers, dates and JSON.

Usage: python make_tables.py (Python 3.8 or newer with pandas, simplejson and msgpack). The tables are committed; run it again only to extend them.
Columns are separated by a tab. The random numbers are seeded: the same Python gives the same tables.
"""

import datetime
import fractions
import json
import pathlib
import random
import re
import struct

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


def bits_of(value):
    return struct.pack(">d", value).hex()


def double_of(bits):
    return struct.unpack(">d", struct.pack(">Q", bits))[0]


def floats():
    """bits in hexadecimal, repr"""
    rng = random.Random(4)
    values = {0.0, 1.0, 0.1, 1 / 3, 100.0, 123456.789, 9007199254740993.0, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308}
    values |= {10.0**exponent for exponent in range(-25, 25)} | {2.0**exponent for exponent in range(-1074, 1024, 7)}
    values |= {double_of(rng.randrange(0x7FF << 52)) for _ in range(600)}
    values |= {round(rng.uniform(0, 10 ** rng.randrange(1, 18)), rng.randrange(6)) for _ in range(300)}
    values |= {double_of(rng.randrange(1 << rng.randrange(1, 53))) for _ in range(60)}
    for value in [float("inf"), float("-inf"), -0.0] + sorted(values) + [-value for value in sorted(values)[1::20]]:
        yield bits_of(value), repr(value)


def middle(bits):
    """All digits of the middle between a double and the next one."""
    middle = (fractions.Fraction(double_of(bits)) + fractions.Fraction(double_of(bits + 1))) / 2
    places = middle.denominator.bit_length() - 1
    digits = str(middle.numerator * 5**places).rjust(places + 1, "0")
    return digits[: len(digits) - places] + "." + digits[len(digits) - places :]


def float_texts():
    """text, bits in hexadecimal of float(text)"""
    rng = random.Random(5)
    texts = "0 -0 00 0e5 .5 5. -.5e1 1e0 1E+2 1e-2 1e22 1e23 1e400 1e-400 -1e400 0e999999999999 1e-999999999999 1e39223372036854772036 1e-39223372036854772036 0e39223372036854772036".split()
    texts += "2.47e-324 2.4703282292062327e-324 2.4703282292062328e-324 1.7976931348623158e308 1.7976931348623159e308".split()
    texts += "9007199254740993 9007199254740992.999999999999999999 9007199254740993.00000000000000000000000001".split()
    texts += ["0." + "0" * 400 + "1e400", "1" + "0" * 400 + "e-400", "1" + "0" * 309, "0" * 50 + "1", "18446744073709551616"]
    for _ in range(40):
        text = middle(rng.choice((rng.randrange(1 << 62), rng.randrange(1 << 53), rng.randrange(0x3C0 << 52, 0x440 << 52))))
        texts += [text, text + "1", text[:-1] + "4" if text[-1] == "5" else text + "0", text + "0" * 100 + "1"]
    for _ in range(300):
        digits = str(rng.randrange(10 ** rng.randrange(1, 40)))
        texts.append("%s.%se%d" % (digits, rng.randrange(10**8), rng.randrange(-360, 330)))
        texts.append("%se%d" % (digits, rng.randrange(-40, 40)))
    for text in texts:
        yield text, bits_of(float(text))


def json_strings():
    """UTF-8 in hexadecimal, simplejson.dumps"""
    import simplejson

    rng = random.Random(2)
    texts = [chr(code) for code in range(0x180)]
    texts += [chr(code) for code in (0x7FF, 0x800, 0x20AC, 0xD7FF, 0xE000, 0xFFFD, 0xFFFF, 0x10000, 0x1F600, 0x10FFFF)]
    alphabet = texts + list("abcdefghijklmnopqrstuvwxyz=/%-") * 10
    texts += ["".join(rng.choice(alphabet) for _ in range(rng.randrange(40))) for _ in range(200)]
    for text in texts:
        yield text.encode().hex(), simplejson.dumps(text)


class Raw(str):
    """A number as written."""


class Pairs(list):
    """An object, doubled keys and all."""


def dump(value):
    import simplejson

    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, Pairs):
        return "{" + ", ".join(dump(key) + ": " + dump(item) for key, item in value) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(dump(item) for item in value) + "]"
    if isinstance(value, str):
        return simplejson.dumps(re.sub("[\ud800-\udfff]", "\ufffd", value))
    return {True: "true", False: "false", None: "null"}[value]


def normalise(data):
    """What the json module reads, in the form it writes; numbers stay as written. None for what is no JSON."""
    try:
        return dump(
            json.loads(data.decode(), parse_int=Raw, parse_float=Raw, parse_constant=Raw, object_pairs_hook=Pairs)
        )
    except ValueError:
        return None


JSON_SEEDS = """
{"dataset_metadata_version": 4, "dataset_uuid": "u", "partitions": {"p1": {"files": {"t": "u/t/i=1/j=2/f.parquet"}}}}
{"a": [1, -2.5, 1e5, 0, -0, 0.0, 1E-7, 123456789012345678901234567890], "a": {}, "b": []}
[NaN, Infinity, -Infinity, true, false, null]
["caf\u00e9 \U0001f600", "\\"\\\\\\/\\b\\f\\n\\r\\t", "\\u00e9\\uD83D\\uDE00\\ud800", "\\ud800\\u0041", "\\udc00"]
{"long key with more than sixteen bytes": "a value that is long enough for two words", "\u20ac": "\u20ac\u20ac\u20ac\u20ac"}
[[[[[[1]]]], {"a": {"b": {"c": [{}]}}}]]
"text"
12
-
"""


def json_documents():
    """document in hexadecimal, its normal form ("-" for what is no JSON)"""
    rng = random.Random(3)
    alphabet = b'{}[]:,"\\ \n\t0123456789.eE+-truefalsnulNaIity/bx\x00\x1f\x7f\x80\xc3\xa9\xed\xf0'
    seeds = [seed.encode() for seed in JSON_SEEDS.strip().split("\n")]
    documents = list(seeds)
    for _ in range(1500):
        data = bytearray(rng.choice(seeds))
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            at = rng.randrange(len(data) + 1)
            kind = rng.randrange(4)
            if kind == 0:
                data[at : at + 1] = bytes([rng.choice(alphabet)])
            elif kind == 1:
                data[at:at] = bytes([rng.choice(alphabet)])
            elif kind == 2:
                del data[at : at + rng.choice((1, 1, 2, 5))]
            else:
                data[at:at] = rng.choice((b" ", b"\n", b"\t \r\n"))
        documents.append(bytes(data))
    for document in sorted(set(documents) - {b""}):
        yield document.hex(), normalise(document) or "-"


def random_value(rng, depth):
    kind = rng.randrange(9 if depth > 0 else 7)
    if kind == 0:
        return rng.choice((None, True, False))
    if kind == 1:
        return rng.randrange(-(2**63), 2**64) >> rng.randrange(0, 64)
    if kind == 2:
        return rng.choice((0.0, -0.0, 1.5, 1e300, 1e-7, float("inf"), float("-inf"), float("nan"), rng.random()))
    if kind < 7:
        size = rng.choice((0, 1, 5, 31, 32, 33, 255, 256)) if kind < 5 else rng.randrange(12)
        return "".join(rng.choice("ab\u00e9\u20ac\U0001f600\x00\"\n") for _ in range(size))
    size = rng.choice((0, 1, 2, 3, 15, 16, 17))
    if kind == 7:
        return [random_value(rng, depth - 1) for _ in range(size)]
    return {str(i) + rng.choice(("", "k" * 31)): random_value(rng, depth - 1) for i in range(size)}


def msgpacks():
    """JSON as Python's json writes it, the same value as msgpack in hexadecimal"""
    import msgpack

    rng = random.Random(4)
    edges = [0, 127, 128, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1]
    values = edges + [-value for value in edges if value <= 2**63] + [-1, -32, -33, -128, -129, -32768, -32769, -(2**31), -(2**31) - 1]
    values += [{}, [], ""]
    values += [random_value(rng, 2) for _ in range(250)]
    # Maps of one entry in each other, as documents have them, and what nearly looks like that.
    values += [
        {
            "day=2020/a": {"files": {"table": "u/table/day=2020/a.parquet"}},
            "day=2020/b": {"files": {"table": "u/table/day=2020/b.parquet"}},
            "c": 1,
        },
        {"a": {"b": {"c": {"d": {"e": "f"}}}}, "g": {"h": {"i": {"j": "k"}}}},
        {
            "a": {"b": {"c": 'd"e'}},
            "f\\g": {"h": "i"},
            "j": {"k\x7f": "l"},
            "m": {"n": "\u00e9"},
            "o": {"p": ["q"]},
            "r": {"s": {"t": 5}},
            "u": {"v": {}},
            "w": {"x": "y", "z": ""},
        },
        {
            "": {"": {"": ""}},
            "x" * 31: {"y" * 32: "z" * 255},
            "a" * 16: "b" * 256,
            "k": {"q" * 17 + '"': "v"},
            "l": {"m": "n" * 15 + "\n" + "o" * 20},
        },
        # Maps that are those of the entry before, and all but those.
        {
            "a1": {"f": {"t": "1"}},
            "a2": {"f": {"t": "22"}},
            "a3": {"f": {"u": "3"}},
            "a4": "4",
            "a5": {"f": {"t": {"x": "5"}}},
            "a6": {"f": {"t": {"x": {"y": "6"}}}},
            "a7": {"f": {"t": 7}},
            "a8": {"f": {"t": "8", "u": "9"}},
            "a9": {"f": {"t": 'q"u'}},
            "a10": {"f": {"t": "10"}},
            "a11": {"t": "11"},
            "a12": {"f": {"t": []}},
        },
        {
            "k" * 15: {"m" * 16: "v" * 17},
            "k" * 16: {"m" * 16: "v" * 31},
            "k" * 33: {"m" * 16: "v" * 48},
            "k": {"m" * 130: "v"},
            "l": {"m" * 130: "w"},
            "l" * 255: {"m" * 16: "v" * 255},
        },
    ]
    for value in values:
        yield json.dumps(value), msgpack.packb(value).hex()


if __name__ == "__main__":
    write_table("dates.tsv", dates())
    write_table("timestamps.tsv", timestamps())
    write_table("floats.tsv", floats())
    write_table("float_texts.tsv", float_texts())
    write_table("json_strings.tsv", json_strings())
    write_table("json_documents.tsv", json_documents())
    write_table("msgpack.tsv", msgpacks())
