"""
Every type in every encoding it can have, in pages of both versions, with checksums: written by us and read by pyarrow, DuckDB and Polars as far as
they know it, and written by pyarrow and read by us.

The seed is part of the name of the case. Needs KTK_LIBRARY, the path of libkartothek.so, and an interpreter with pyarrow; peers that cannot be
imported are reported as skipped.
"""
import ctypes
import os

import pytest

numpy = pytest.importorskip("numpy")
pa = pytest.importorskip("pyarrow", reason="pyarrow cannot be imported")
import pyarrow.parquet as pq  # noqa: E402
from compare_tables import difference  # noqa: E402
from parquet_ctypes import ColumnOptions, KtkError, Library, enum_values, header_text  # noqa: E402
from random_tables import FLAT, null_mask, random_array  # noqa: E402

FITS = {
    "BOOLEAN": ["PLAIN", "RLE"],
    "INT32": ["PLAIN", "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"],
    "INT64": ["PLAIN", "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"],
    "FLOAT": ["PLAIN", "BYTE_STREAM_SPLIT"],
    "DOUBLE": ["PLAIN", "BYTE_STREAM_SPLIT"],
    "BYTE_ARRAY": ["PLAIN", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"],
    "FIXED_LEN_BYTE_ARRAY": ["PLAIN", "DELTA_BYTE_ARRAY", "BYTE_STREAM_SPLIT"],
}
ENCODINGS = sorted({name for names in FITS.values() for name in names})
SEEDS = int(os.environ.get("KTK_PEER_SEEDS", "1"))
CODECS = ["none", "snappy", "gzip", "zstd", "lz4_raw", "brotli"]


@pytest.fixture(scope="session")
def ours():
    path = os.environ.get("KTK_LIBRARY")
    if not path:
        pytest.skip("KTK_LIBRARY does not name libkartothek.so")
    return Library(path)


def write(ours, path, table, encodings, **options):
    """`encodings`: of columns by path; DICTIONARY stands for numbered values."""
    names = enum_values(header_text())
    columns = (ColumnOptions * max(1, len(encodings)))()
    for column, (name, encoding) in zip(columns, encodings.items()):
        column.path = name.encode()
        if encoding == "DICTIONARY":
            column.dictionary = names["KTK_DICTIONARY_ALWAYS"]
        else:
            column.encoding = names["KTK_ENCODING_" + encoding]
    ours.write(path, table, columns=ctypes.cast(columns, ctypes.c_void_p), column_count=len(encodings), **options)


# ---- readers; what they do not know is not asked of them ----


def pyarrow_reads(path):
    return pq.read_table(path, page_checksum_verification=True)


def duckdb_reads(path):
    duckdb = pytest.importorskip("duckdb", reason="duckdb cannot be imported")
    return duckdb.connect().sql("SELECT * FROM read_parquet('{}')".format(path)).to_arrow_table()


def polars_reads(path):
    polars = pytest.importorskip("polars", reason="polars cannot be imported")
    return polars.read_parquet(path, use_pyarrow=False).to_arrow()


FIXED = ["fixed_binary", "decimal_small", "decimal_medium", "decimal_large"]
DELTA_TEXTS = ("DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY")
READERS = {
    # It reads texts that were a dictionary from dictionary pages and PLAIN ones alone.
    "pyarrow": (pyarrow_reads, set(), {("dictionary", encoding) for encoding in DELTA_TEXTS}),
    # No type of DuckDB holds all values of these; of fixed width it joins the streams of numbers alone.
    "duckdb": (
        duckdb_reads,
        {"decimal_256", "time_ns", "null", "float16", "timestamp_ns", "timestamp_ns_berlin"},
        {(name, "BYTE_STREAM_SPLIT") for name in FIXED},
    ),
    # "Not yet supported", it says of these.
    "polars": (
        polars_reads,
        {"decimal_256", "null"},
        {(name, "BYTE_STREAM_SPLIT") for name in FIXED} | {(name, "DELTA_BYTE_ARRAY") for name in FIXED + ["float16"]},
    ),
}


def physical_type(ours, tmp_path, table):
    path = str(tmp_path / "plain.parquet")
    ours.write(path, table.slice(0, 0))
    return pq.ParquetFile(path).schema.column(0).physical_type


def column_of(rng, name, nano_step=1000):
    count = int(rng.choice([0, 1, 33, 129, 1000, 5000]))
    return pa.table({"x": random_array(rng, FLAT[name], count, nano_step=nano_step)})


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("encoding", ENCODINGS + ["DICTIONARY"])
@pytest.mark.parametrize("name", FLAT)
@pytest.mark.parametrize("reader", READERS)
def test_written_by_us(ours, tmp_path, reader, name, encoding, version, seed):
    read, cannot, unknown = READERS[reader]
    rng = numpy.random.default_rng([seed, version, ENCODINGS.index(encoding) if encoding in ENCODINGS else 99, list(FLAT).index(name)])
    table = column_of(rng, name)
    physical = physical_type(ours, tmp_path, table)
    path = str(tmp_path / "ours.parquet")
    options = {
        "compression": str(rng.choice(CODECS)),
        "data_page_version": version,
        "page_checksums": bool(rng.integers(2)),
        "page_bytes_max": int(rng.choice([0, 1000])),
        "row_group_rows_max": int(rng.choice([0, 777])),
    }
    if encoding not in FITS[physical] + ([] if physical == "BOOLEAN" else ["DICTIONARY"]):
        with pytest.raises(KtkError, match="'x' of type {} cannot".format(physical)):
            write(ours, path, table, {"x": encoding}, **options)
        return
    write(ours, path, table, {"x": encoding}, **options)
    assert difference(ours.read(path), table) is None, options
    if name in cannot or (name, encoding) in unknown:
        return
    found = difference(read(path), table)
    assert found is None, "{} with {}".format(found, options)
    chunk = pq.ParquetFile(path).metadata.row_group(0).column(0) if table.num_rows else None
    if chunk is not None and table["x"].null_count < min(table.num_rows, 777):
        assert ("RLE_DICTIONARY" if encoding == "DICTIONARY" else encoding) in chunk.encodings


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("name", FLAT)
def test_written_by_pyarrow(ours, tmp_path, name, encoding, version, seed):
    rng = numpy.random.default_rng([seed, int(version[0]), ENCODINGS.index(encoding), list(FLAT).index(name), 7])
    table = column_of(rng, name, nano_step=1)
    physical = physical_type(ours, tmp_path, table)
    if encoding not in FITS[physical] or pa.types.is_null(FLAT[name]) or pa.types.is_dictionary(FLAT[name]):
        return
    path = str(tmp_path / "theirs.parquet")
    small = [kind for kind in ("decimal_small", "decimal_medium") if kind == name and rng.integers(2)]
    if small:
        if encoding != "PLAIN":
            return
    pq.write_table(
        table,
        path,
        use_dictionary=False,
        column_encoding={"x": encoding},
        data_page_version=version,
        version="2.6",
        compression=str(rng.choice(["none", "snappy", "zstd", "gzip"])),
        write_page_checksum=bool(rng.integers(2)),
        data_page_size=int(rng.choice([1000, 2**20])),
        store_decimal_as_integer=bool(small),
    )
    assert difference(ours.read(path), table) is None


@pytest.mark.parametrize("unit", ["MICROSECONDS", "MILLISECONDS", "NANOSECONDS"])
def test_units_of_timestamps(ours, tmp_path, unit):
    rng = numpy.random.default_rng(1)
    step = {"MICROSECONDS": 1000, "MILLISECONDS": 10**6, "NANOSECONDS": 1}[unit]
    values = rng.integers(-(2**60), 2**60, 500) // step * step
    table = pa.table({"x": pa.array(values, mask=null_mask(rng, 500)).cast(pa.int64()).view(pa.timestamp("ns"))})
    path = str(tmp_path / "ours.parquet")
    ours.write(path, table, timestamp_unit=enum_values(header_text())["KTK_TIMESTAMP_" + unit])
    stored = {"MICROSECONDS": "us", "MILLISECONDS": "ms", "NANOSECONDS": "ns"}[unit]
    assert ours.read(path).schema.field("x").type == pa.timestamp(stored)
    for read, _, _ in READERS.values():
        assert difference(read(path), table) is None
    if unit != "NANOSECONDS":
        odd = pa.table({"x": pa.array([1], pa.timestamp("ns"))})
        with pytest.raises(KtkError, match="rest below"):
            ours.write(path, odd, timestamp_unit=enum_values(header_text())["KTK_TIMESTAMP_" + unit])


ANNOTATED = {
    "UUID": (pa.binary(16), [b"0123456789abcdef", None]),
    "INTERVAL": (pa.binary(12), [bytes(12), None]),
    "ENUM": (pa.binary(), [b"red", None]),
    "JSON": (pa.string(), ['{"a": 1}', None]),
    "BSON": (pa.binary(), [b"\x05\0\0\0\0", None]),
    "GEOMETRY": (pa.binary(), [bytes.fromhex("0101000000000000000000f03f0000000000000040"), None]),
    "GEOGRAPHY": (pa.binary(), [bytes.fromhex("0101000000000000000000f03f0000000000000040"), None]),
}


@pytest.mark.parametrize("name", ANNOTATED)
def test_annotations_are_kept(ours, tmp_path, name):
    kind, values = ANNOTATED[name]
    metadata = {b"PARQUET:logical_type": name.encode()}
    if name.startswith("GEO"):
        metadata[b"PARQUET:crs"] = b"OGC:CRS83"
    if name == "GEOGRAPHY":
        metadata[b"PARQUET:edges"] = b"THOMAS"
    table = pa.table([pa.array(values, kind)], schema=pa.schema([pa.field("x", kind, metadata=metadata)]))
    path = str(tmp_path / "ours.parquet")
    ours.write(path, table)
    column = pq.ParquetFile(path).schema.column(0)
    assert name.lower() in (str(column.logical_type) + column.converted_type).lower()
    if name.startswith("GEO"):
        assert "OGC:CRS83" in str(column.logical_type)
    read = ours.read(path)
    assert read.schema.field("x").metadata.items() >= metadata.items()
    assert difference(read, table) is None
    assert difference(pq.read_table(path, arrow_extensions_enabled=False), table) is None
    if name in ("ENUM", "GEOMETRY", "GEOGRAPHY", "INTERVAL"):
        statistics = pq.ParquetFile(path).metadata.row_group(0).column(0).statistics
        assert (statistics is not None and statistics.has_min_max) == (name == "ENUM")


def test_extension_types_are_annotated(ours, tmp_path):
    path = str(tmp_path / "ours.parquet")
    table = pa.table({"x": pa.array([b"0123456789abcdef"], pa.uuid()), "y": pa.array(["{}"], pa.json_(pa.string()))})
    ours.write(path, table)
    schema = pq.ParquetFile(path).schema
    assert (str(schema.column(0).logical_type), str(schema.column(1).logical_type)) == ("UUID", "JSON")
    assert pq.read_table(path).schema.types == [pa.uuid(), pa.json_(pa.string())]
    assert ours.read(path).schema.types == [pa.uuid(), pa.json_(pa.string())]


def test_variants_are_annotated(ours, tmp_path):
    kind = pa.struct([("metadata", pa.binary()), ("value", pa.binary())])
    field = pa.field("x", kind, metadata={"PARQUET:logical_type": "VARIANT"})
    table = pa.table([pa.array([{"metadata": b"\x01\0\0", "value": b"\0"}, None], kind)], schema=pa.schema([field]))
    path = str(tmp_path / "ours.parquet")
    ours.write(path, table)
    read = ours.read(path)
    assert read.schema.field("x").metadata[b"PARQUET:logical_type"] == b"VARIANT"
    assert not read.schema.field("x").type.field("metadata").nullable
    assert read.to_pylist() == table.to_pylist()
    assert pq.read_table(path).to_pylist() == table.to_pylist()


@pytest.mark.parametrize("name", [name for name in FLAT if name not in ("null", "bool") and not name.startswith("dictionary")])
def test_dictionaries_of_any_type_are_kept(ours, tmp_path, name):
    rng = numpy.random.default_rng(list(FLAT).index(name))
    pool = random_array(rng, FLAT[name], 9, nullable=False, nano_step=1000)
    array = pa.DictionaryArray.from_arrays(pa.array(rng.integers(0, 9, 3000), pa.int8(), mask=null_mask(rng, 3000)), pool, ordered=bool(rng.integers(2)))
    table = pa.table({"x": array})
    path = str(tmp_path / "ours.parquet")
    # Whether a dictionary pays or not.
    for encodings in ({"x": "DICTIONARY"}, {"x": "PLAIN"}, {}):
        write(ours, path, table, encodings)
        read = ours.read(path, keep_dictionaries=True)
        kind = read.schema.field("x").type
        assert pa.types.is_dictionary(kind) and kind.ordered == array.type.ordered
        assert difference(read, table) is None
        assert difference(pq.read_table(path), table) is None
        assert difference(ours.read(path), table) is None


@pytest.mark.parametrize("version", [1, 2])
def test_checksums_are_compared_unless_told_not_to(ours, tmp_path, version):
    path = tmp_path / "ours.parquet"
    table = pa.table({"x": pa.array(range(1000), pa.int64())})
    ours.write(str(path), table, page_checksums=True, compression="none", no_dictionary=True, data_page_version=version)
    data = bytearray(path.read_bytes())
    at = data.index((777).to_bytes(8, "little"))
    data[at : at + 8] = (778).to_bytes(8, "little")
    path.write_bytes(data)
    for read in (ours.read, pyarrow_reads):
        with pytest.raises((KtkError, OSError, pa.ArrowException), match="(?i)checksum|crc"):
            read(str(path))
    assert ours.read(str(path), skip_checksums=True)["x"][777].as_py() == 778
    assert ours.read(str(path), skip_checksums=True, row_start=770, row_count=20)["x"][7].as_py() == 778
