"""
Files written with the library's defaults are read by pyarrow 0.17.1 and 6, which kartothek 5.3 runs with, and hold equal values.

The old pyarrow hands on what it reads as an Arrow stream, which today's pyarrow compares with what was written. Seeds are the numbers of the types.
Needs KTK_LIBRARY, the path of libkartothek.so, KTK_ORIGINALS for pyarrow 6 and KTK_PYARROW_0_17, an interpreter with pyarrow 0.17.1; what is
absent is reported as skipped.
"""
import json
import os
import pathlib
import subprocess

import numpy
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from compare_tables import difference
from conftest import original
from parquet_ctypes import Library
from random_tables import FLAT, random_array

#: reads each file of a list; what comes back is a list of errors, null where there is none
DRIVER = """
import json, sys
import pyarrow as pa, pyarrow.parquet as pq
errors = []
# A stream of 0.17 keeps the first dictionary of a column only.
def plain(column):
    if not pa.types.is_dictionary(column.type):
        return column
    return pa.chunked_array([chunk.dictionary.take(chunk.indices) for chunk in column.chunks], column.type.value_type)
for path in json.loads(sys.stdin.read()):
    try:
        table = pq.read_table(path)
        table = pa.table([plain(column) for column in table.columns], names=table.column_names)
        writer = pa.RecordBatchStreamWriter(path + ".stream", table.schema)
        writer.write_table(table)
        writer.close()
        errors.append(None)
    except Exception as error:
        errors.append("{}: {}".format(type(error).__name__, error))
print(json.dumps([pa.__version__, errors]))
"""

#: types that came after these versions, whose names in a file they refuse
UNKNOWN = {"0.17.1": {"decimal_256", "float16"}, "6": {"float16"}}

INT = pa.int64()
NESTED = {
    "list": pa.list_(INT),
    "list_of_texts": pa.list_(pa.string()),
    "list_of_lists": pa.list_(pa.list_(pa.float64())),
    "struct": pa.struct([("a", INT), ("b", pa.string())]),
    "struct_of_struct": pa.struct([("a", pa.struct([("b", INT)])), ("c", pa.bool_())]),
    "list_of_structs": pa.list_(pa.struct([("a", INT), ("b", pa.string())])),
    "struct_of_lists": pa.struct([("a", pa.list_(INT)), ("b", pa.list_(pa.string()))]),
    "map": pa.map_(pa.string(), INT),
}

#: "Nested data conversions not implemented", it says of these, whoever wrote them
NOT_NESTED = {"0.17.1": {"list_of_structs", "struct_of_lists", "map"}, "6": set()}


class Reader:
    def __init__(self, version, python):
        self.version = version
        self.python = python

    def read(self, paths):
        """[table or text of the error] for each file."""
        done = subprocess.run(
            [str(self.python), "-c", DRIVER],
            input=json.dumps([str(path) for path in paths]).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        )
        assert done.returncode == 0, done.stderr.decode()
        version, errors = json.loads(done.stdout.decode().strip().split("\n")[-1])
        assert version == self.version or version.startswith(self.version + ".")
        return [error or pa.ipc.open_stream(pa.memory_map(str(path) + ".stream")).read_all() for path, error in zip(paths, errors)]


@pytest.fixture(scope="session")
def ours():
    path = os.environ.get("KTK_LIBRARY")
    if not path:
        pytest.skip("KTK_LIBRARY does not name libkartothek.so")
    return Library(path)


@pytest.fixture(scope="session", params=["0.17.1", "6"])
def reader(request):
    if request.param == "6":
        return Reader("6", original("k53", "pyarrow 6 (needs Python 3.8)").python)
    python = os.environ.get("KTK_PYARROW_0_17")
    if not python or not pathlib.Path(python).exists():
        pytest.skip("pyarrow 0.17.1 is not set up (needs Python 3.8): KTK_PYARROW_0_17 names no interpreter")
    return Reader("0.17.1", python)


def check(reader, tables):
    """`tables`: by the path of their file."""
    wrong = {}
    for (path, table), read in zip(tables.items(), reader.read(list(tables))):
        found = read if isinstance(read, str) else difference(read, table)
        if found:
            wrong[path.stem] = found
    assert wrong == {}


def test_several_row_groups_of_several_pages(ours, reader, tmp_path):
    """Nothing is chosen: what is beyond 1 Mi rows and 1 MiB a page has to be there."""
    rng = numpy.random.default_rng(17)
    rows = 2**20 + 70000
    mask = rng.random(rows) < 0.1
    few = numpy.array(["", "a", "some text", "é日😀"])
    table = pa.table(
        {
            "id": pa.array(rng.permutation(rows)),
            "time": pa.array(rng.integers(-(2**50), 2**50, rows), mask=mask).cast(pa.timestamp("us")),
            "price": pa.array(rng.standard_normal(rows), mask=mask),
            "flag": pa.array(rng.random(rows) < 0.5, mask=mask),
            # Few values first, then others: pages by a dictionary, then plain ones.
            "text": pa.array([few[i % 4] if i < rows // 4 else "value %d" % (i * 7919 % rows) for i in range(rows)], mask=mask),
            "few": pa.array(few[rng.integers(0, 4, rows)], mask=mask),
            "category": pa.array(few[rng.integers(0, 4, rows)], mask=mask).dictionary_encode(),
            "none": pa.nulls(rows, pa.int32()),
        }
    )
    path = tmp_path / "defaults.parquet"
    ours.write(str(path), table)
    metadata = pq.ParquetFile(str(path)).metadata
    assert metadata.num_row_groups == 2
    texts = metadata.row_group(0).column(table.column_names.index("text"))
    assert {"PLAIN", "RLE_DICTIONARY"} <= set(texts.encodings) and texts.has_offset_index and texts.has_column_index
    check(reader, {path: table})


def small_pages(ours, path, table):
    """The defaults, but that thousands of rows are several row groups and pages."""
    ours.write(str(path), table, row_group_rows_max=1500, page_bytes_max=1000)
    metadata = pq.ParquetFile(str(path)).metadata
    assert metadata.num_row_groups == 3
    return metadata


def test_every_flat_type(ours, reader, tmp_path):
    tables = {}
    indexed = 0
    for seed, (name, kind) in enumerate(FLAT.items()):
        if name not in UNKNOWN[reader.version]:
            rng = numpy.random.default_rng(seed)
            path = tmp_path / (name + ".parquet")
            tables[path] = pa.table({"x": random_array(rng, kind, 4000, nano_step=1000), "all": random_array(rng, kind, 4000, kind == pa.null(), 1000)})
            metadata = small_pages(ours, path, tables[path])
            indexed += metadata.row_group(0).column(1).has_offset_index
    assert indexed > len(tables) // 2
    check(reader, tables)


def test_nested_types(ours, reader, tmp_path):
    tables = {}
    for seed, (name, kind) in enumerate(NESTED.items()):
        if name not in NOT_NESTED[reader.version]:
            rng = numpy.random.default_rng(seed)
            path = tmp_path / (name + ".parquet")
            tables[path] = pa.table({"x": random_array(rng, kind, 4000), "id": pa.array(range(4000))})
            small_pages(ours, path, tables[path])
    check(reader, tables)


def test_what_they_do_not_know_is_an_error(ours, reader, tmp_path):
    """Of the types left out above: never other values."""
    tables = {}
    for name in UNKNOWN[reader.version] | NOT_NESTED[reader.version]:
        path = tmp_path / (name + ".parquet")
        tables[path] = pa.table({"x": random_array(numpy.random.default_rng(1), {**FLAT, **NESTED}[name], 100)})
        ours.write(str(path), tables[path])
    for path, read in zip(tables, reader.read(list(tables))):
        assert isinstance(read, str), path.stem


def test_empty_tables(ours, reader, tmp_path):
    kinds = {name: kind for name, kind in FLAT.items() if name not in UNKNOWN[reader.version]}
    path = tmp_path / "empty.parquet"
    table = pa.table({name: pa.array([], kind) for name, kind in kinds.items()})
    ours.write(str(path), table)
    check(reader, {path: table})
