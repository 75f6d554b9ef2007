"""
What we write is loaded by the real kartothek 5.3.0 and plateau 4.6.2 and equals what we wrote.

The frames are those of the golden datasets: read by us, written again by us, then described by the original and compared with the
expectation that the original's own dataset has.
"""
import json

import pytest
from conftest import GOLDEN
from test_golden import unsupported_reason

from kartothek import _core
from kartothek.core.dataset import DatasetMetadata
from kartothek.io.eager import read_dataset_as_dataframes, store_dataframes_as_dataset

#: datasets that cannot be written again through frames, and why
NOT_REWRITTEN = {
    "defect_table_indices": "a table called 'indices' is refused",
    "defect_label_pairs": "caller's labels with pairs are no partition keys",
    "defect_slash": "the original loses part of the value",
    "defect_tz_partition": "the original cannot read its own partition values",
    "defect_out_of_range_date": "the original cannot read dates outside 1677 to 2262 as partition values",
    "defect_duration_partition": "the original cannot read its own partition values",
    "defect_arrow_nested": "the original cannot read the dtypes of its own nested columns",
    "defect_unobserved_categories": "the original writes empty partitions for categories that do not occur",
    "part_column_names": "one key is a bool, and the original reads every bool partition value as True",
    "part_bool": "the original reads every bool partition value as True",
    "part_binary": "the original reads binary partition values as text",
    "part_decimal": "the original reads decimal partition values as text",
    "legacy_foreign_files": "file keys of its own",
    "legacy_minimal": "a document without partition keys",
}


def rewritable(origin):
    for path in sorted((GOLDEN / "expected" / origin).glob("*.json")):
        if path.name.startswith("_"):
            continue
        document = json.loads(path.read_text())
        if (
            "rows" in document
            and document["dataset_uuid"] not in NOT_REWRITTEN
            and unsupported_reason(document) is None
            and document["tables"] == ["table"]
            and document["partitions"]
            and document["original_reader"]["ok"]
        ):
            yield document


#: Written again as Arrow streams: a frame would change the type of a column (integers with nulls, precision of decimals, units),
#: or has dictionaries of Python as values, which are not taken from frames.
THROUGH_ARROW = {"idx_types", "types_lists", "types_nulls", "types_scalars", "types_arrow_dtypes"}

#: The originals describe categories by the dtype of their codes, and a column that was null first as "empty"; we name the values.
PANDAS_TYPES = {"string": "unicode", "large_string": "object", "timestamp[ns]": "datetime", "int64": "int64"}


#: Text of pandas' `string` dtype whose dtype nothing names any more when it is written again: plateau then reads plain text.
STRING_DTYPE_LOST = {"part_string", "types_arrow_dtypes"}


def described_by_value(uuid, columns):
    for column in columns:
        if uuid in STRING_DTYPE_LOST and column["type"] == "string":
            column = dict(column, type="large_string", pandas_type="object")
        codes = column["pandas_type"] in ("int8", "categorical", "empty")
        yield dict(column, pandas_type=PANDAS_TYPES[column["type"]]) if codes and column["type"] in PANDAS_TYPES else column


def as_categories(frame, columns):
    """Text columns that the original's frame held as categories."""
    for column in columns:
        if column["type"] in ("string", "large_string") and (column["pandas_type"] or "").startswith("int"):
            frame[column["name"]] = frame[column["name"]].astype("category")
    return frame


def write_frames(document, source, target):
    frames = read_dataset_as_dataframes(dataset_uuid=document["dataset_uuid"], store=source, dates_as_object=True)
    store_dataframes_as_dataset(
        store=target,
        dataset_uuid=document["dataset_uuid"],
        dfs=[as_categories(frame["table"], document["schemas"]["table"]) for frame in frames],
        partition_on=document["partition_keys"],
        metadata=user_metadata(document),
    )


def write_streams(document, source, target):
    dataset = _core.Dataset.open(_core.Store.open(source), document["dataset_uuid"])
    update = _core.Update.begin(
        _core.Store.open(target),
        document["dataset_uuid"],
        partition_on=document["partition_keys"],
        metadata=json.dumps(user_metadata(document)),
    )
    for i in range(dataset.partition_count):
        update.add(dataset.query(partitions=[i], as_stored=True, keep_dictionaries=True))
    update.commit()


def user_metadata(document):
    return {key: value for key, value in document["metadata"].items() if key != "creation_time"}


def rewrite(document, folder):
    """Write the golden dataset again with ours; the expectation for what came of it."""
    source = "hfs://{}#wrap:readonly".format(GOLDEN / document["store"])
    target = "hfs://{}".format(folder)
    uuid = document["dataset_uuid"]
    (write_streams if uuid in THROUGH_ARROW else write_frames)(document, source, target)
    metadata = DatasetMetadata.load_from_store(uuid, target).metadata
    schemas = {table: list(described_by_value(uuid, columns)) for table, columns in document["schemas"].items()}
    expected = dict(document, metadata=metadata, indices={}, explicit_partitions=True, schemas=schemas)
    path = folder / (uuid + ".expected.json")
    path.write_text(json.dumps(expected))
    return path


def compare(original, origin, tmp_path):
    documents = list(rewritable(origin))
    assert len(documents) > 20
    calls = []
    for document in documents:
        path = rewrite(document, tmp_path)
        calls.append([str(tmp_path), document["dataset_uuid"], "--compare", str(path), "--sorted"])
    wrong = {}
    for call, (code, result) in zip(calls, original.check(calls)):
        if code != 0:
            wrong[call[1]] = result
    assert wrong == {}


def test_kartothek_reads_what_we_write(kartothek_5_3, tmp_path):
    compare(kartothek_5_3, "k53", tmp_path)


def test_plateau_reads_what_we_write(plateau_4_6, tmp_path):
    compare(plateau_4_6, "p46", tmp_path)


#: none with time zones: the originals cannot update their own datasets with them (defect D-15)
UPDATED = ["my_dataset", "partitioned_dataset", "part_int64", "part_timestamp", "types_ints", "part_date", "part_text"]


def check_updates(original, tmp_path):
    """The original appends the rows once more: it accepts our schema, keys and document."""
    documents = [document for document in rewritable("k53") if document["dataset_uuid"] in UPDATED]
    assert len(documents) == len(UPDATED)
    for document in documents:
        rewrite(document, tmp_path)
    results = original.check([[str(tmp_path), document["dataset_uuid"], "--update"] for document in documents])
    for document, (code, result) in zip(documents, results):
        assert code == 0, (document["dataset_uuid"], result)
        assert result["rows"]["table"]["count"] == 2 * document["rows"]["table"]["count"]


def test_kartothek_updates_what_we_write(kartothek_5_3, tmp_path):
    check_updates(kartothek_5_3, tmp_path)


def test_plateau_updates_what_we_write(plateau_4_6, tmp_path):
    check_updates(plateau_4_6, tmp_path)


def test_kartothek_pushes_predicates_into_our_files(kartothek_5_3, tmp_path):
    """Statistics that the original trusts: each value of a column finds its rows and no others."""
    (document,) = [document for document in rewritable("k53") if document["dataset_uuid"] == "types_ints"]
    rewrite(document, tmp_path)
    rows = document["rows"]["table"]["rows"]
    column = document["schemas"]["table"][0]["name"]
    values = sorted({row[column] for row in rows}, key=int)
    calls = []
    for value in values:
        literal = [column, "==", {"type": document["schemas"]["table"][0]["type"], "value": value}]
        calls.append([str(tmp_path), "types_ints", "--predicates", json.dumps([[literal]])])
    for value, (code, result) in zip(values, kartothek_5_3.check(calls)):
        assert code == 0, result
        assert result["count"] == sum(row[column] == value for row in rows)


@pytest.mark.parametrize("name", sorted(NOT_REWRITTEN))
def test_datasets_that_are_not_rewritten_exist(name):
    assert any((GOLDEN / "expected" / origin / (name + ".json")).exists() for origin in ("k53", "p46"))
