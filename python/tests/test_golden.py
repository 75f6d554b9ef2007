"""Datasets of the real originals read back equal to their expectations, through Arrow and through pandas."""
import json

import pytest
from conftest import GOLDEN

from kartothek import _core

import golden

try:
    import pyarrow as pa
except ImportError:
    pa = None

def expectations():
    for origin in ("k53", "p46", "mixed"):
        for path in sorted((GOLDEN / "expected" / origin).glob("*.json")):
            if not path.name.startswith("_"):
                document = json.loads(path.read_text())
                if "rows" in document:
                    yield pytest.param(origin, document, id="{}/{}".format(origin, path.stem))


def unsupported_reason(document):
    """Why this version does not read a dataset, or None."""
    if len({table for part in document["partitions"] for table in part["files"]} - set(document["schemas"])) > 0:
        return "a table without a schema file"
    for columns in document["schemas"].values():
        for column in columns:
            if column["name"] in document["partition_keys"] and column["type"].startswith("duration"):
                return "durations as partition values have no text form that reads back"
    return None


def open_dataset(document):
    store = _core.Store.open("hfs://{}#wrap:readonly".format(GOLDEN / document["store"]))
    return _core.Dataset.open(store, document["dataset_uuid"])


EXPECTATIONS = list(expectations())


@pytest.mark.parametrize("origin, document", EXPECTATIONS if pa is not None else [])
def test_reads_back_equal(origin, document):
    reason = unsupported_reason(document)
    if reason is not None:
        with pytest.raises((NotImplementedError, ValueError, KeyError)) as caught:
            dataset = open_dataset(document)
            for table in document["tables"] or [None]:
                pa.table(dataset.query(table=table).read())
            pytest.fail("read although expected unsupported: {}".format(reason))
        assert str(caught.value)
        return
    dataset = open_dataset(document)
    assert dataset.uuid == document["dataset_uuid"]
    assert dataset.partition_keys == document["partition_keys"]
    assert dataset.is_explicit == document["explicit_partitions"]
    assert sorted(dataset.tables) == sorted(document["tables"])
    labels = [label for label, _ in dataset.partitions()]
    assert labels == [partition["label"] for partition in document["partitions"]]
    for table, expected in document["rows"].items():
        result = pa.table(dataset.query(table=table).read())
        columns = {name: golden.column_values(result.column(name).combine_chunks()) for name in result.column_names}
        assert golden.differences(expected, columns) == []


@pytest.mark.parametrize("origin, document", [e for e in EXPECTATIONS if unsupported_reason(e.values[1]) is None])
def test_frames_equal(origin, document):
    """The same through pandas: every value that a frame can hold is the expected one."""
    if document["dataset_uuid"] in ("defect_out_of_range_date",):
        pytest.skip("dates beyond the years of datetime.date have no place in a frame")
    from kartothek.io.eager import read_table

    store = "hfs://{}#wrap:readonly".format(GOLDEN / document["store"])
    for table, expected in document["rows"].items():
        frame = read_table(dataset_uuid=document["dataset_uuid"], store=store, table=table, dates_as_object=True)
        types = {column["name"]: column["type"] for column in document["schemas"][table]}
        columns = {name: golden.frame_values(frame[name], types[name]) for name in frame.columns}
        lossy = [name for name in frame.columns if types[name].startswith(("int", "uint")) and frame[name].dtype == "float64"]
        assert golden.differences(golden.as_floats(expected, lossy), columns) == []


def test_datasets_of_several_tables():
    """One map of frames a partition; tables and columns are chosen by name (written by kartothek 5.3.0)."""
    from kartothek.io.eager import read_dataset_as_dataframes, read_table

    source = dict(dataset_uuid="tables_partitioned", store="hfs://{}#wrap:readonly".format(GOLDEN / "stores/k53/tables"))
    frames = read_dataset_as_dataframes(**source)
    assert [{table: len(frame) for table, frame in part.items()} for part in frames] == 2 * [{"core": 2, "helper": 2, "prediction": 1}]
    assert list(frames[0]["prediction"].columns) == ["P", "PRED", "FLAG"]
    assert [list(part) for part in read_dataset_as_dataframes(tables=["helper"], **source)] == 2 * [["helper"]]
    assert list(read_dataset_as_dataframes(columns={"core": ["L"]}, **source)[0]["core"].columns) == ["L"]
    assert len(read_table(table="helper", **source)) == 4
    with pytest.raises(KeyError, match="has no table 'table'"):
        read_table(**source)
    with pytest.raises(ValueError, match="invalid table"):
        read_dataset_as_dataframes(columns={"nothing": ["L"]}, **source)


@pytest.mark.parametrize("uuid, count", [("empty_header", 0), ("empty_header_keys", 0), ("empty_none", 0), ("implicit_keys", 3), ("implicit_plain", 3)])
def test_defect_d35_nothing_and_implicit_partitions(uuid, count):
    from kartothek.io.eager import read_dataset_as_dataframes

    source = dict(dataset_uuid=uuid, store="hfs://{}#wrap:readonly".format(GOLDEN / "stores/k53/empty"))
    assert len(read_dataset_as_dataframes(**source)) == count
    assert len(read_dataset_as_dataframes(dispatch_by=[], **source)) == min(count, 1)


INDEXED = [e for e in EXPECTATIONS if isinstance(e.values[1].get("indices"), dict) and e.values[1]["indices"]]


@pytest.mark.parametrize("origin, document", INDEXED if pa is not None else [])
def test_indices_equal(origin, document):
    """Both storage forms; a value that a file has twice has the labels of both (defect D-38: texts of the originals end at their first NUL)."""
    dataset = open_dataset(document)
    assert sorted(dataset.indices) == sorted(document["indices"])
    for column, expected in document["indices"].items():
        table = pa.table(dataset.index_stream(column).read())
        assert table.column_names == [column, "partition"]
        found = {}
        for value, labels in zip(golden.column_values(table.column(0).combine_chunks()), table.column(1).to_pylist()):
            # What a document embeds is text to the original, which does not ask the schema.
            found.setdefault(value if expected["key"] is not None else str(value), set()).update(labels)
        wanted = expected.get("values", expected.get("head", []) + expected.get("tail", []))
        assert len(found) == expected.get("count", len(wanted))
        assert [found.get(value) for value, _ in wanted] == [set(labels) for _, labels in wanted], column
