"""
Bloom filters: DuckDB finds in ours what is there, and little else; pyarrow and Polars read files that have them.

Needs KTK_LIBRARY, the path of libkartothek.so, and an interpreter with pyarrow and duckdb; reported as skipped where they are absent.
"""
import ctypes
import datetime
import os

import pytest

pa = pytest.importorskip("pyarrow", reason="pyarrow cannot be imported")
duckdb = pytest.importorskip("duckdb", reason="duckdb cannot be imported")
import pyarrow.parquet as pq  # noqa: E402
from parquet_ctypes import ColumnOptions, Library, enum_values, header_text  # noqa: E402

ROWS = 30000
GROUP_ROWS = 10000
START = datetime.date(2020, 1, 1)

#: column: (its values, its type in SQL, a value that is nowhere)
COLUMNS = {
    "few": (pa.array(["w{}".format(i % 1000) for i in range(ROWS)]), "VARCHAR", "x{}".format),
    "ids": (pa.array([i * 1000003 for i in range(ROWS)], pa.int64()), "BIGINT", lambda i: i * 1000003 + 7),
    "int32": (pa.array([i * 7 for i in range(ROWS)], pa.int32()), "INTEGER", lambda i: i * 7 + 1),
    "double": (pa.array([i / 8 for i in range(ROWS)], pa.float64()), "DOUBLE", lambda i: i / 8 + 0.0625),
    "float": (pa.array([float(i) for i in range(ROWS)], pa.float32()), "FLOAT", lambda i: i + 0.5),
    "text": (pa.array([None if i % 10 == 0 else "u{}".format(i) for i in range(ROWS)]), "VARCHAR", "v{}".format),
    "date": (pa.array([START + datetime.timedelta(days=i) for i in range(ROWS)]), "DATE", lambda i: START - datetime.timedelta(days=i + 1)),
}


@pytest.fixture(scope="session")
def ours():
    path = os.environ.get("KTK_LIBRARY")
    if not path:
        pytest.skip("KTK_LIBRARY does not name libkartothek.so")
    return Library(path)


def write(ours, path, dictionary):
    table = pa.table({name: values for name, (values, _, _) in COLUMNS.items()})
    columns = (ColumnOptions * len(COLUMNS))()
    for column, name in zip(columns, COLUMNS):
        column.path = name.encode()
        column.dictionary = enum_values(header_text())["KTK_DICTIONARY_" + dictionary]
        column.bloom_filter = True
    ours.write(path, table, columns=ctypes.cast(columns, ctypes.c_void_p), column_count=len(columns), row_group_rows_max=GROUP_ROWS)
    return table


def excluded(connection, path, name, value):
    """The row groups that DuckDB need not look into."""
    query = "SELECT row_group_id FROM parquet_bloom_probe('{}', '{}', CAST('{}' AS {})) WHERE bloom_filter_excludes"
    return {row[0] for row in connection.sql(query.format(path, name, value, COLUMNS[name][1])).fetchall()}


@pytest.mark.parametrize("dictionary", ["AUTO", "NEVER", "ALWAYS"])
def test_duckdb_asks_our_filters(ours, tmp_path, dictionary):
    path = str(tmp_path / "bloom.parquet")
    table = write(ours, path, dictionary)
    connection = duckdb.connect()
    assert pq.read_table(path).equals(table)
    for name, (values, _, stranger) in COLUMNS.items():
        passed = 0
        for i in range(5, ROWS, 1501):
            value = values[i].as_py()
            if value is not None:
                assert i // GROUP_ROWS not in excluded(connection, path, name, value), (name, value)
            passed += 3 - len(excluded(connection, path, name, stranger(i)))
        assert passed <= 6, name  # of 60


def test_polars_reads_them(ours, tmp_path):
    polars = pytest.importorskip("polars", reason="polars cannot be imported")
    path = str(tmp_path / "bloom.parquet")
    table = write(ours, path, "AUTO")
    assert polars.read_parquet(path, use_pyarrow=False).equals(polars.from_arrow(table))
