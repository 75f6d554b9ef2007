"""Make the seeds of fuzz_ipc_schema and what they mean, from the golden Parquet files and from pyarrow itself.

Usage: make_ipc_schema_seeds.py SOURCE_ROOT (needs pyarrow >= 16). Writes fuzz/corpora/ipc_schema/*.bin, the messages,
and tests/data/arrow/ipc_schema.txt, a description of each as pyarrow's own reader sees it, in lines:

    message <file name>
    field <name>:<type>[?][{<key>=<value>}...]
    metadata <key>=<bytes of the value>
"""
import base64
import pathlib
import sys

import pyarrow as pa
import pyarrow.parquet as pq

T = pa.types
INTERVAL = getattr(T, "is_interval", lambda t: str(t) == "month_day_nano_interval")


def describe_type(t):
    if T.is_dictionary(t):
        order = ",ordered" if t.ordered else ""
        return f"dictionary({describe_type(t.index_type)}{order})<{describe_type(t.value_type)}>"
    if T.is_map(t):
        entries = t.field(0)
        order = ",sorted" if t.keys_sorted else ""
        return f"map({entries.name}{order})<{','.join(describe(f) for f in entries.type)}>"
    if T.is_fixed_size_list(t):
        return f"fixed_list({t.list_size})<{describe(t.value_field)}>"
    if T.is_large_list(t):
        return f"large_list<{describe(t.value_field)}>"
    if T.is_list(t):
        return f"list<{describe(t.value_field)}>"
    if T.is_struct(t):
        return f"struct<{','.join(describe(f) for f in t)}>"
    if T.is_timestamp(t):
        return f"timestamp({t.unit},{t.tz or ''})"
    if T.is_duration(t):
        return f"duration({t.unit})"
    if T.is_time(t):
        return f"time{t.bit_width}({t.unit})"
    if T.is_decimal(t):
        return f"decimal{t.bit_width}({t.precision},{t.scale})"
    if T.is_fixed_size_binary(t):
        return f"fixed_binary({t.byte_width})"
    if INTERVAL(t):
        return "interval(16)"
    names = {"halffloat": "float16", "float": "float32", "double": "float64", "date32[day]": "date32", "date64[ms]": "date64"}
    return names.get(str(t), str(t))


def describe(field):
    text = f"{field.name}:{describe_type(field.type)}{'?' if field.nullable else ''}"
    for key, value in (field.metadata or {}).items():
        text += f"{{{key.decode()}={value.decode()}}}"
    return text


def describe_schema(schema):
    yield from (f"field {describe(field)}" for field in schema)
    yield from (f"metadata {key.decode()}={len(value)}" for key, value in (schema.metadata or {}).items())


def golden_messages(root):
    """One message for each set of types, in the order of the paths."""
    seen = set()
    for path in sorted((root / "tests/data/golden").rglob("*")):
        if not path.is_file() or not (".parquet" in path.name or path.name == "_common_metadata"):
            continue
        try:
            metadata = pq.read_metadata(path).metadata or {}
        except (pa.ArrowInvalid, OSError):
            continue  # damaged on purpose
        if b"ARROW:schema" not in metadata:
            continue
        message = base64.b64decode(metadata[b"ARROW:schema"])
        schema = pa.ipc.read_schema(pa.BufferReader(message))
        key = tuple(sorted({f"{f.type} {f.nullable}" for f in schema}))
        if key not in seen:
            seen.add(key)
            yield f"golden_{len(seen):03}.bin", message


def made_schemas():
    units = ("s", "ms", "us", "ns")
    yield "none", pa.schema([])
    yield "flat", pa.schema(
        [pa.field(str(t), t) for t in (pa.null(), pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(),
                                       pa.uint16(), pa.uint32(), pa.uint64(), pa.float16(), pa.float32(), pa.float64())]
        + [pa.field("required", pa.int32(), nullable=False)])
    yield "bytes", pa.schema(
        [pa.field(str(t), t) for t in (pa.string(), pa.large_string(), pa.binary(), pa.large_binary(), pa.string_view(),
                                       pa.binary_view(), pa.binary(7))])
    yield "times", pa.schema(
        [pa.field("date32", pa.date32()), pa.field("date64", pa.date64()), pa.field("interval", pa.month_day_nano_interval())]
        + [pa.field(f"time_{u}", pa.time32(u) if u in ("s", "ms") else pa.time64(u)) for u in units]
        + [pa.field(f"timestamp_{u}", pa.timestamp(u)) for u in units]
        + [pa.field("zone", pa.timestamp("us", "Europe/Berlin")), pa.field("offset", pa.timestamp("ns", "+01:30"))]
        + [pa.field(f"duration_{u}", pa.duration(u)) for u in units])
    yield "decimals", pa.schema([pa.field("a", pa.decimal128(38, 9)), pa.field("b", pa.decimal256(76, -3)),
                                 pa.field("c", pa.decimal128(1, 0))])
    item = pa.field("element", pa.int16(), nullable=False, metadata={"PARQUET:field_id": "3"})
    yield "nested", pa.schema(
        [pa.field("list", pa.list_(item)), pa.field("large", pa.large_list(pa.string())),
         pa.field("fixed", pa.list_(pa.float32(), 3)),
         pa.field("struct", pa.struct([pa.field("x", pa.int8()), pa.field("y", pa.list_(pa.list_(pa.date32())))])),
         pa.field("map", pa.map_(pa.string(), pa.int64())),
         pa.field("sorted", pa.map_(pa.string(), pa.struct([("z", pa.bool_())]), keys_sorted=True)),
         pa.field("empty", pa.struct([]))])
    yield "dictionaries", pa.schema(
        [pa.field("plain", pa.dictionary(pa.int8(), pa.string())),
         pa.field("ordered", pa.dictionary(pa.int32(), pa.large_string(), ordered=True)),
         pa.field("unsigned", pa.dictionary(pa.uint64(), pa.timestamp("ns", "UTC"))),
         pa.field("inside", pa.list_(pa.dictionary(pa.int16(), pa.int64()))),
         pa.field("lists", pa.dictionary(pa.int64(), pa.list_(pa.binary())))])
    yield "metadata", pa.schema(
        [pa.field("grün", pa.int64(), metadata={"a": "b", "": "", "ключ": "значение"}), pa.field("", pa.int8())],
        metadata={"pandas": "{}", "empty": ""})


def refused_schemas():
    yield "union", pa.schema([pa.field("u", pa.sparse_union([pa.field("a", pa.int8())]))])
    yield "run_ends", pa.schema([pa.field("r", pa.run_end_encoded(pa.int32(), pa.int8()))])
    yield "list_view", pa.schema([pa.field("v", pa.list_view(pa.int8()))])
    yield "decimal32", pa.schema([pa.field("d", pa.decimal32(5, 2))])
    deep = pa.int8()
    for _ in range(100):
        deep = pa.list_(deep)
    yield "deep", pa.schema([pa.field("d", deep)])


def main():
    root = pathlib.Path(sys.argv[1])
    seeds = root / "fuzz/corpora/ipc_schema"
    seeds.mkdir(parents=True, exist_ok=True)
    messages = dict(golden_messages(root))
    messages.update((f"made_{name}.bin", schema.serialize().to_pybytes()) for name, schema in made_schemas())
    # As written before Arrow 0.15: no continuation marker.
    messages["legacy_flat.bin"] = messages["made_flat.bin"][4:]
    lines = []
    for name, message in messages.items():
        (seeds / name).write_bytes(message)
        lines += [f"message {name}", *describe_schema(pa.ipc.read_schema(pa.BufferReader(message)))]
    for name, schema in refused_schemas():
        (seeds / f"refused_{name}.bin").write_bytes(schema.serialize().to_pybytes())
    target = root / "tests/data/arrow/ipc_schema.txt"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
