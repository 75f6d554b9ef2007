"""Random Arrow tables: every type, null patterns, orders of values that encodings care about, nesting."""
import decimal

import numpy
import pyarrow as pa

INTEGERS = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
DAY = {"s": 86400, "ms": 86400 * 10**3, "us": 86400 * 10**6, "ns": 86400 * 10**9}
#: seconds from 1677 to 2262, which nanoseconds of 64 bits cover
SECONDS = 9 * 10**9
FLAT = {
    "bool": pa.bool_(),
    **{str(kind): kind for kind in INTEGERS},
    "float16": pa.float16(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "string": pa.string(),
    "large_string": pa.large_string(),
    "binary": pa.binary(),
    "large_binary": pa.large_binary(),
    "string_view": pa.string_view(),
    "binary_view": pa.binary_view(),
    "fixed_binary": pa.binary(7),
    "date32": pa.date32(),
    "date64": pa.date64(),
    "time_s": pa.time32("s"),
    "time_ms": pa.time32("ms"),
    "time_us": pa.time64("us"),
    "time_ns": pa.time64("ns"),
    "timestamp_s": pa.timestamp("s"),
    "timestamp_ms": pa.timestamp("ms"),
    "timestamp_us": pa.timestamp("us"),
    "timestamp_us_utc": pa.timestamp("us", tz="UTC"),
    "timestamp_ns": pa.timestamp("ns"),
    "timestamp_ns_berlin": pa.timestamp("ns", tz="Europe/Berlin"),
    "duration_s": pa.duration("s"),
    "duration_us": pa.duration("us"),
    "duration_ns": pa.duration("ns"),
    "decimal_small": pa.decimal128(7, 2),
    "decimal_medium": pa.decimal128(16, 5),
    "decimal_large": pa.decimal128(38, 10),
    "decimal_256": pa.decimal256(60, 3),
    "dictionary": pa.dictionary(pa.int32(), pa.string()),
    "dictionary_int64": pa.dictionary(pa.int8(), pa.int64()),
    "null": pa.null(),
}


def null_mask(rng, count):
    """None, or where nulls are."""
    kind = rng.integers(6)
    if kind < 2 or count == 0:
        return None
    if kind == 2:
        return numpy.ones(count, bool)
    if kind == 3:
        return rng.random(count) < 0.02
    if kind == 4:
        return rng.random(count) < 0.5
    return numpy.repeat(rng.random(count // 50 + 1) < 0.4, 50)[:count]


def random_integers(rng, count, low, high):
    """int64 or uint64 values in [low, high], in one of the orders that matter to encodings."""
    kind = rng.integers(6)
    dtype = numpy.uint64 if high >= 2**63 else numpy.int64
    draw = lambda size: rng.integers(low, high, size, dtype=dtype, endpoint=True)  # noqa: E731
    if kind == 0:
        return draw(count)
    if kind == 1:
        return numpy.sort(draw(count))
    if kind == 2:
        return numpy.full(count, draw(1)[0], dtype)
    if kind == 3:
        return rng.choice(draw(8), count)
    if kind == 4:
        return numpy.repeat(draw(count // 100 + 1), 100)[:count]
    extremes = numpy.array([low, high, max(low, 0), min(high, 1)], dtype)
    return rng.choice(extremes, count)


def random_texts(rng, count):
    alphabet = numpy.array(list("abcdefghij ,\"\n0é日😀"))
    word = lambda size: "".join(rng.choice(alphabet, size))  # noqa: E731
    kind = rng.integers(5)
    if kind == 0:
        pool = [word(rng.integers(0, 12)) for _ in range(10)] + [""]
        return [pool[i] for i in rng.integers(0, len(pool), count)]
    if kind == 1:
        prefix = word(30)
        return sorted("{}{:07d}".format(prefix, i) for i in rng.integers(0, 10**7, count))
    if kind == 2:
        return [word(rng.integers(0, 20)) for _ in range(count)]
    if kind == 3:
        return [word(3) * int(rng.integers(0, 40)) for _ in range(count)]
    return ["%016x" % i for i in rng.integers(0, 2**63, count)]


def ints(rng, count, mask, kind, low, high, step=1):
    """Values of a type whose storage is integers; multiples of `step`."""
    storage = pa.int32() if kind.bit_width == 32 else pa.int64()
    return pa.array(random_integers(rng, count, low, high) // step * step, mask=mask).cast(storage).view(kind)


def random_flat(rng, kind, count, mask, nano_step):
    if pa.types.is_null(kind):
        return pa.nulls(count)
    if pa.types.is_boolean(kind):
        return pa.array(random_integers(rng, count, 0, 1).astype(bool), mask=mask)
    if pa.types.is_integer(kind):
        bits = kind.bit_width
        low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if pa.types.is_signed_integer(kind) else (0, 2**bits - 1)
        if rng.integers(2):
            low, high = max(low, -100), min(high, 100)
        return pa.array(random_integers(rng, count, low, high), mask=mask).cast(kind)
    if pa.types.is_floating(kind):
        dtype = kind.to_pandas_dtype()
        values = rng.choice(numpy.array([0.0, -0.0, 1.5, numpy.inf, -numpy.inf, numpy.nan, 6e4], dtype), count)
        return pa.array(values if rng.integers(2) else (rng.standard_normal(count) * 100).astype(dtype), mask=mask, from_pandas=False)
    if pa.types.is_date32(kind):
        return ints(rng, count, mask, kind, -(10**5), 10**5)
    if pa.types.is_date64(kind):
        return ints(rng, count, mask, kind, -(10**5) * DAY["ms"], 10**5 * DAY["ms"], DAY["ms"])
    if pa.types.is_time(kind):
        return ints(rng, count, mask, kind, 0, DAY[kind.unit] - 1)
    if pa.types.is_timestamp(kind) or pa.types.is_duration(kind):
        limit = SECONDS * DAY[kind.unit] // DAY["s"]
        return ints(rng, count, mask, kind, -limit, limit, nano_step if kind.unit == "ns" else 1)
    if pa.types.is_decimal(kind):
        limit = min(10**kind.precision - 1, 2**62)
        factor = max(1, (10**kind.precision - 1) // limit) if rng.integers(2) else 1
        context = decimal.Context(prec=80)
        numbers = random_integers(rng, count, -limit, limit)
        values = [context.scaleb(decimal.Decimal(int(i) * factor), -kind.scale) for i in numbers]
        return pa.array(values, kind, mask=mask)
    if pa.types.is_fixed_size_binary(kind):
        data = random_integers(rng, count, 0, 2**62).tobytes()
        return pa.array([data[8 * i : 8 * i + kind.byte_width] for i in range(count)], kind, mask=mask)
    texts = random_texts(rng, count)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        texts = [text.encode("utf-16") for text in texts]
    return pa.array(texts, kind, mask=mask)


def random_array(rng, kind, count, nullable=True, nano_step=1):
    def below(kind, count, nullable=True):
        return random_array(rng, kind, count, nullable, nano_step)

    mask = null_mask(rng, count) if nullable else None
    if pa.types.is_dictionary(kind):
        values = pa.array(["v%d" % i for i in range(9)] if pa.types.is_string(kind.value_type) else [i * i for i in range(9)], kind.value_type)
        indices = pa.array(rng.integers(0, 9, count), mask=mask).cast(kind.index_type)
        return pa.DictionaryArray.from_arrays(indices, values, ordered=kind.ordered)
    if pa.types.is_struct(kind):
        fields = [kind.field(i) for i in range(kind.num_fields)]
        parts = [below(field.type, count, field.nullable) for field in fields]
        return pa.StructArray.from_arrays(parts, fields=fields, mask=None if mask is None else pa.array(mask))
    if pa.types.is_fixed_size_list(kind):
        items = below(kind.value_type, count * kind.list_size, kind.value_field.nullable)
        return pa.FixedSizeListArray.from_arrays(items, type=kind, mask=None if mask is None else pa.array(mask))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_map(kind):
        lengths = rng.integers(0, rng.choice([2, 4, 9]), count)
        if mask is not None:
            lengths[mask] = 0
        offsets = numpy.concatenate([[0], numpy.cumsum(lengths)]).astype(numpy.int64)
        width = pa.int64() if pa.types.is_large_list(kind) else pa.int32()
        offsets = pa.array(offsets).cast(width)
        total = int(lengths.sum())
        if mask is not None:
            offsets = pa.array(offsets.to_numpy(), width, mask=numpy.append(mask, False))
        if pa.types.is_map(kind):
            # They differ within a map: DuckDB demands it, as the format does.
            keys = pa.array(rng.permutation(total)).cast(kind.key_type)
            return pa.MapArray.from_arrays(offsets, keys, below(kind.item_type, total, kind.item_field.nullable), type=kind)
        items = below(kind.value_type, total, kind.value_field.nullable)
        return type(pa.array([], kind)).from_arrays(offsets, items, type=kind)
    return random_flat(rng, kind, count, mask, nano_step)


def random_type(rng, names, depth, nests):
    """One of the named flat types, below up to `depth` levels of the nestings."""
    if depth == 0 or not nests or rng.integers(3) == 0:
        return FLAT[names[rng.integers(len(names))]]

    def field(name):
        below = random_type(rng, names, depth - 1, nests)
        return pa.field(name, below, nullable=pa.types.is_null(below) or bool(rng.integers(4)))

    nest = nests[rng.integers(len(nests))]
    if nest == "struct":
        return pa.struct([field("f%d" % i) for i in range(rng.integers(1, 4))])
    if nest == "map":
        return pa.map_(FLAT[str(rng.choice(["string", "int32", "int64"]))], field("value"))
    if nest == "fixed_size_list":
        return pa.list_(field("element"), int(rng.integers(1, 4)))
    return (pa.list_ if nest == "list" else pa.large_list)(field("element"))


def random_table(rng, names, nests=(), columns=6, rows_max=3000, nano_step=1):
    """Columns of random types; now and then the table is a slice of a larger one. Timestamps of nanoseconds
    are multiples of `nano_step`."""
    rows = int(rng.choice([0, 1, 7, 100, 1000, rows_max]))
    skip = int(rng.integers(0, 9)) * int(rng.integers(2))
    arrays, fields = [], []
    for i in range(columns):
        kind = random_type(rng, names, int(rng.integers(0, 5)) if nests else 0, nests)
        array = random_array(rng, kind, rows + skip, nano_step=nano_step)
        nullable = pa.types.is_null(kind) or array.null_count > 0 or bool(rng.integers(2))
        arrays.append(array)
        fields.append(pa.field("c%d" % i, kind, nullable=nullable))
    return pa.table(arrays, schema=pa.schema(fields)).slice(skip)
