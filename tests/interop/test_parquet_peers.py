"""
Random tables written by us are read by pyarrow, DuckDB and Polars with equal values, and what they write is read by us.

The seed is the name of the case: `pytest test_parquet_peers.py -k 'pyarrow_writes and 17'` repeats one. KTK_PEER_CASES is how many there are
of each kind. Needs KTK_LIBRARY, the path of libkartothek.so, and an interpreter with pyarrow, duckdb and polars.
"""
import os

import duckdb
import numpy
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from compare_tables import difference
from parquet_ctypes import Library
from random_tables import FLAT, random_table

CASES = int(os.environ.get("KTK_PEER_CASES", "40"))
NESTS = ("list", "large_list", "fixed_size_list", "struct", "map")


def name_of(kind):
    return next(name for name, known in FLAT.items() if known == kind)


def leaves(kind):
    """The flat types within a type."""
    if pa.types.is_nested(kind):
        for i in range(kind.num_fields):
            yield from leaves(kind.field(i).type)
    else:
        yield kind


def holds(kind, names):
    return any(name_of(leaf) in names for leaf in leaves(kind) if leaf in FLAT.values())


def without(table, names, nests=()):
    """The columns that hold none of the types, and of whose type no text is part."""
    return table.select([field.name for field in table.schema if not holds(field.type, names) and not any(nest in str(field.type) for nest in nests)])


@pytest.fixture(scope="session")
def ours():
    path = os.environ.get("KTK_LIBRARY")
    if not path:
        pytest.skip("KTK_LIBRARY does not name libkartothek.so")
    return Library(path)


# ---- what peers make of files; what they cannot is not asked of them ----


def pyarrow_reads(path):
    return pq.read_table(path)


#: no type of DuckDB holds all their values
DUCKDB_CANNOT = {"decimal_256", "time_ns", "null", "float16", "timestamp_ns", "timestamp_ns_berlin"}


def duckdb_reads(path):
    return duckdb.connect().sql("SELECT * FROM read_parquet('{}')".format(path)).to_arrow_table()


POLARS_CANNOT = {"decimal_256", "null"}


def polars_reads(path):
    return polars.read_parquet(path, use_pyarrow=False).to_arrow()


READERS = {"pyarrow": (pyarrow_reads, ()), "duckdb": (duckdb_reads, DUCKDB_CANNOT), "polars": (polars_reads, POLARS_CANNOT)}


def our_options(rng, table):
    return {
        "compression": str(rng.choice(["none", "snappy", "gzip", "zstd", "lz4_raw", "brotli"])),
        "row_group_rows_max": int(rng.choice([0, 1, 10, 500])) if table.num_rows < 500 else int(rng.choice([0, 100, 777])),
        "page_bytes_max": int(rng.choice([0, 1, 100, 5000])),
        "no_dictionary": bool(rng.integers(2)),
        "data_page_version": int(rng.choice([0, 1, 2])),
        "page_checksums": bool(rng.integers(2)),
        "no_page_index": bool(rng.integers(2)),
        "memory_bytes_max": int(rng.choice([0, 2**20])),
    }


@pytest.mark.parametrize("nested", [False, True], ids=["flat", "nested"])
@pytest.mark.parametrize("seed", range(CASES))
def test_what_we_write_is_read_by_all(ours, tmp_path, seed, nested):
    rng = numpy.random.default_rng(seed)
    # The library writes microseconds and refuses a rest.
    table = random_table(rng, list(FLAT), NESTS if nested else (), nano_step=1000)
    options = our_options(rng, table)
    path = str(tmp_path / "ours.parquet")
    ours.write(path, table, batch_rows=int(rng.choice([1, 64, 5000])) if table.num_rows < 500 else None, **options)
    assert difference(ours.read(path), table) is None, options
    for peer, (read, cannot) in READERS.items():
        part = without(table, cannot)
        if part.num_columns == 0:
            continue
        file = path
        if part.num_columns < table.num_columns:
            file = str(tmp_path / (peer + ".parquet"))
            ours.write(file, part, **options)
        found = difference(read(file), part)
        assert found is None, "{} reads {} with {}".format(peer, found, options)


# ---- what peers write ----

BYTE_ARRAYS = ["PLAIN", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"]


def encodings_for(kind):
    """The encodings in which pyarrow writes a type."""
    if pa.types.is_boolean(kind):
        return ["PLAIN", "RLE"]
    if pa.types.is_float16(kind) or pa.types.is_decimal(kind) or pa.types.is_fixed_size_binary(kind):
        return ["PLAIN", "BYTE_STREAM_SPLIT", "DELTA_BYTE_ARRAY"]
    if pa.types.is_floating(kind):
        return ["PLAIN", "BYTE_STREAM_SPLIT"]
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return BYTE_ARRAYS
    if pa.types.is_integer(kind) or pa.types.is_temporal(kind):
        return ["PLAIN", "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"]
    return ["PLAIN"]


def pyarrow_writes(rng, path, table, nano_step):
    options = {
        "compression": str(rng.choice(["none", "snappy", "gzip", "zstd", "lz4", "brotli"])),
        "data_page_version": str(rng.choice(["1.0", "2.0"])),
        "version": "2.6" if nano_step == 1 else str(rng.choice(["1.0", "2.4", "2.6"])),
        "data_page_size": int(rng.choice([1, 100, 5000, 2**20])),
        "write_page_index": bool(rng.integers(2)),
        "write_page_checksum": bool(rng.integers(2)),
        "write_statistics": bool(rng.integers(2)),
        "store_schema": bool(rng.integers(2)),
        "use_compliant_nested_type": bool(rng.integers(2)),
        "row_group_size": max(1, int(rng.choice([table.num_rows, 333, 10 if table.num_rows < 500 else 100]))),
        "write_batch_size": int(rng.choice([1, 64, 1024])),
    }
    flat = [field for field in table.schema if not pa.types.is_nested(field.type) and not pa.types.is_dictionary(field.type)]
    if rng.integers(2):
        options["use_dictionary"] = False
        options["column_encoding"] = {field.name: str(rng.choice(encodings_for(field.type))) for field in flat}
    else:
        options["dictionary_pagesize_limit"] = int(rng.choice([10, 2**20]))
    pq.write_table(table, path, **options)
    return options


def duckdb_writes(rng, path, table, nano_step):
    codec = str(rng.choice(["uncompressed", "snappy", "gzip", "zstd", "lz4_raw", "brotli"]))
    version = str(rng.choice(["V1", "V2"]))
    options = "FORMAT parquet, CODEC '{}', ROW_GROUP_SIZE {}, PARQUET_VERSION {}".format(codec, int(rng.choice([2048, 100000])), version)
    connection = duckdb.connect()
    connection.register("given", table)
    connection.execute("COPY given TO '{}' ({})".format(path, options))
    return options


def polars_writes(rng, path, table, nano_step):
    options = {
        "compression": str(rng.choice(["uncompressed", "snappy", "gzip", "zstd", "lz4", "brotli"])),
        "statistics": str(rng.choice(["full", "none"])) if rng.integers(2) else True,
        "row_group_size": int(rng.choice([100, 512 * 512])),
        "data_page_size": int(rng.choice([100, 2**20])),
    }
    if options["statistics"] == "none":
        options["statistics"] = False
    polars.from_arrow(table).write_parquet(path, **options)
    return options


#: a duration becomes an INTERVAL; of fixed_size_binary within a struct it takes in nulls
DUCKDB_WRITES_NOT = DUCKDB_CANNOT | {"duration_us", "fixed_binary"}

WRITERS = {
    "pyarrow": (pyarrow_writes, (), ()),
    # Of a null list of fixed size it writes items without a level of their own, which nobody can read.
    "duckdb": (duckdb_writes, DUCKDB_WRITES_NOT, ("fixed_size_list",)),
    "polars": (polars_writes, POLARS_CANNOT, ("map<", "fixed_size_list")),
}


@pytest.mark.parametrize("nested", [False, True], ids=["flat", "nested"])
@pytest.mark.parametrize("seed", range(CASES))
@pytest.mark.parametrize("peer", WRITERS)
def test_what_they_write_is_read_by_us(ours, tmp_path, peer, seed, nested):
    write, cannot, nests = WRITERS[peer]
    rng = numpy.random.default_rng(10**6 + seed)
    nano_step = int(rng.choice([1, 1000]))
    table = without(random_table(rng, list(FLAT), NESTS if nested else (), nano_step=nano_step), cannot, nests)
    if table.num_columns == 0:
        return
    path = str(tmp_path / "theirs.parquet")
    options = write(rng, path, table, nano_step)
    found = difference(ours.read(path), table)
    assert found is None, "{} with {}".format(found, options)
    some = table.column_names[:: int(rng.integers(1, 3))][::-1]
    assert difference(ours.read(path, columns=some), table.select(some)) is None


def test_the_comparison_finds_a_changed_value():
    rng = numpy.random.default_rng(0)
    table = random_table(rng, list(FLAT), NESTS, columns=10)
    assert difference(table, table) is None
    values = [[{"a": 1, "b": [1.5]}, None], []]
    kind = pa.list_(pa.struct([("a", pa.int32()), ("b", pa.list_(pa.float64()))]))
    first = pa.table({"x": pa.array(values, kind)})
    for other in ([[{"a": 2, "b": [1.5]}, None], []], [[{"a": 1, "b": [1.25]}, None], []], [[{"a": 1, "b": []}, None], []], [[None, {"a": 1, "b": [1.5]}], []]):
        assert difference(pa.table({"x": pa.array(other, kind)}), first) is not None
    assert difference(pa.table({"x": pa.array([values[0], None], kind)}), first) is not None
