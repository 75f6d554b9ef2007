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
from random_tables import FLAT, random_array, random_table

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
DUCKDB_WRITES_NOT = DUCKDB_CANNOT | {"fixed_binary"} | {name for name in FLAT if name.startswith("duration")}

#: how the text of a nested type names an array of views in it, which pyarrow cannot write: "Slicing not implemented for StringView"
NESTED_VIEWS = tuple(before + view for before in (": ", ", ", "<") for view in ("string_view", "binary_view"))

WRITERS = {
    "pyarrow": (pyarrow_writes, (), NESTED_VIEWS),
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


# ---- what random tables of a few thousand rows do not reach ----

LONG = ("bool", "int16", "int64", "float64", "string", "timestamp_us", "decimal_medium", "dictionary")


def long_table(seed):
    """More rows than 16 bits number, flat and in lists, with runs of nulls."""
    rng = numpy.random.default_rng(seed)
    rows = 150000
    columns = {name: random_array(rng, FLAT[name], rows) for name in LONG}
    columns["list"] = random_array(rng, pa.list_(pa.field("element", pa.int32())), rows)
    columns["all_null"] = pa.nulls(rows, pa.int64())
    return pa.table(columns)


def long_by_pyarrow(table, path, version):
    options = {"max_rows_per_page": 10**6} if "max_rows_per_page" in pq.write_table.__doc__ else {}
    pq.write_table(table, path, data_page_size=2**30, row_group_size=10**6, data_page_version=version + ".0", use_dictionary=["string"], **options)


def long_by_duckdb(table, path, version):
    connection = duckdb.connect()
    connection.register("given", table)
    connection.execute("COPY given TO '{}' (FORMAT parquet, ROW_GROUP_SIZE 1000000, PARQUET_VERSION V{})".format(path, version))


def long_by_polars(table, path, version):
    polars.from_arrow(table).write_parquet(path, row_group_size=10**6, data_page_size=2**30)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("write", [long_by_pyarrow, long_by_duckdb, long_by_polars])
def test_long_row_groups_of_others_are_read(ours, tmp_path, write, version, seed):
    table = long_table(seed)
    path = str(tmp_path / "theirs.parquet")
    write(table, path, version)
    assert difference(ours.read(path), table) is None
    # By pieces, which begin and end within pages.
    assert difference(ours.read(path, memory_bytes_max=2**21), table) is None
    start = int(numpy.random.default_rng(seed).integers(60000, 70000))
    assert difference(ours.read(path, row_start=start, row_count=2000), table.slice(start, 2000)) is None


@pytest.mark.parametrize("seed", range(3))
def test_long_row_groups_of_ours_are_read(ours, tmp_path, seed):
    table = long_table(seed)
    path = str(tmp_path / "ours.parquet")
    ours.write(path, table, page_bytes_max=2**30, data_page_version=1 + seed % 2)
    assert difference(ours.read(path), table) is None
    for peer, (read, _) in READERS.items():
        assert difference(read(path), table) is None, peer


@pytest.mark.parametrize("seed", range(10))
def test_dictionaries_within_nested_columns_are_kept(ours, tmp_path, seed):
    rng = numpy.random.default_rng(seed)
    inner = FLAT["dictionary"] if seed % 2 else FLAT["dictionary_int64"]
    kinds = [pa.list_(inner), pa.struct([("a", inner), ("b", pa.list_(inner))]), pa.map_(pa.string(), inner), pa.list_(pa.struct([("a", inner)]))]
    table = pa.table({"c%d" % i: random_array(rng, kind, 2000) for i, kind in enumerate(kinds)})
    path = str(tmp_path / "x.parquet")
    for write in (ours.write, lambda path, table: pq.write_table(table, path)):
        write(path, table)
        for keep in (True, False):
            read = ours.read(path, keep_dictionaries=keep)
            assert difference(read, table) is None
            assert ("dictionary" in str(read.schema.field("c0").type)) == keep
    assert difference(pq.read_table(path), table) is None


@pytest.mark.parametrize("version", ["V1", "V2"])
def test_uuids_and_intervals_of_duckdb(ours, tmp_path, version):
    path = str(tmp_path / "theirs.parquet")
    select = "SELECT to_months(i::INT) + to_days(2 * i::INT) + to_seconds(3 * i) AS i, printf('00112233-4455-6677-8899-%012x', i)::UUID AS u FROM range(3000) t(i)"
    duckdb.connect().execute("COPY ({}) TO '{}' (FORMAT parquet, PARQUET_VERSION {})".format(select, path, version))
    read = ours.read(path)
    assert [read.schema.field(i).metadata[b"PARQUET:logical_type"] for i in range(2)] == [b"INTERVAL", b"UUID"]
    assert read["u"].to_pylist() == [bytes.fromhex("00112233445566778899%012x" % i) for i in range(3000)]
    parts = numpy.frombuffer(b"".join(read["i"].to_pylist()), "<u4").reshape(-1, 3)
    assert (parts == numpy.arange(3000)[:, None] * [1, 2, 3000]).all()


def test_uuids_of_pyarrow(ours, tmp_path):
    table = pa.table({"u": pa.array([bytes([i % 256]) * 16 if i % 7 else None for i in range(3000)], pa.uuid())})
    path = str(tmp_path / "theirs.parquet")
    pq.write_table(table, path, store_schema=False)
    read = ours.read(path)
    assert read.schema.field("u").metadata[b"PARQUET:logical_type"] == b"UUID"
    assert difference(read, table) is None


def test_files_without_columns(ours, tmp_path):
    path = str(tmp_path / "x.parquet")
    for table in (pa.table({}), pa.table({"x": [1, 2, 3]}).select([])):
        ours.write(path, table)
        assert ours.read(path).num_columns == pq.read_table(path).num_columns == 0
        assert pq.ParquetFile(path).metadata.num_rows == ours.read(path).num_rows == table.num_rows
    pq.write_table(pa.table({}), path)
    assert ours.read(path).num_columns == 0
