"""The eager functions: what they accept, return and raise."""
import io
import json

import numpy as np
import pandas as pd
import pytest

from kartothek.core.dataset import DatasetMetadata
from kartothek.core.utils import ensure_store
from kartothek.io.eager import delete_dataset, read_dataset_as_dataframes, read_table, store_dataframes_as_dataset
from kartothek.serialization import ParquetSerializer


@pytest.fixture
def frame():
    return pd.DataFrame({"p": ["b", "a", "b", "c"], "q": [1, 1, 2, 2], "x": [10, 20, 30, 40]})


def store(store_url, *frames, **kwargs):
    return store_dataframes_as_dataset(store=store_url, dataset_uuid="u", dfs=list(frames), **kwargs)


def test_returns_the_committed_state(store_url, frame):
    dataset = store(store_url, frame, partition_on=["p"], metadata={"owner": "me", "n": {"a": [1, None]}})
    assert isinstance(dataset, DatasetMetadata)
    assert [label.split("/")[0] for label in dataset.partitions] == ["p=b", "p=a", "p=c"]
    assert dataset.metadata["owner"] == "me" and dataset.metadata["n"] == {"a": [1, None]}
    assert "creation_time" in dataset.metadata
    assert repr(dataset) == (
        "DatasetMetadata(uuid=u, tables=['table'], partition_keys=['p'], metadata_version=4, indices=[], explicit_partitions=True)"
    )
    assert dataset == DatasetMetadata.load_from_store("u", store_url)
    on_disk = json.loads(ensure_store(store_url).get("u.by-dataset-metadata.json"))
    # What the library notes there for itself is nobody's metadata.
    assert {"ktk.commit"} <= {key for key in on_disk["metadata"] if key.startswith("ktk.")}
    on_disk["metadata"] = {key: value for key, value in on_disk["metadata"].items() if not key.startswith("ktk.")}
    assert dataset.to_dict() == on_disk


def test_reads_by_partition_keys(store_url, frame):
    store(store_url, frame, partition_on=["p", "q"])

    def rows(predicates):
        return sorted(read_table(dataset_uuid="u", store=store_url, predicates=predicates).x.tolist())

    assert rows([[("p", "==", "b")]]) == [10, 30]
    assert rows([[("p", "==", "b"), ("q", "==", 2)]]) == [30]
    assert rows([[("p", "==", "a")], [("q", ">", 1)]]) == [20, 30, 40]
    assert rows([[("p", "in", ["a", "c"])]]) == [20, 40]
    assert rows([[("p", "!=", "b")]]) == [20, 40]
    assert rows([[("p", "is distinct from", "b")]]) == [20, 40]
    assert rows([[("x", "not in", [20, 40])]]) == [10, 30]
    assert rows([[("p", "==", "nowhere")]]) == []
    assert rows([[("x", ">=", 20), ("p", "==", "b")]]) == [30]


def test_columns_in_the_order_wanted(store_url, frame):
    store(store_url, frame, partition_on="p")
    assert list(read_table(dataset_uuid="u", store=store_url).columns) == ["p", "q", "x"]
    result = read_table(dataset_uuid="u", store=store_url, columns=["x", "p"])
    assert list(result.columns) == ["x", "p"] and result.x.tolist() == [10, 30, 20, 40]
    none = read_table(dataset_uuid="u", store=store_url, columns=[])
    assert none.shape == (4, 0)
    with pytest.raises(ValueError, match="Columns cannot be found in stored dataframe: a, z"):
        read_table(dataset_uuid="u", store=store_url, columns=["z", "x", "a"])


def test_one_frame_per_partition(store_url, frame):
    store(store_url, frame, frame, partition_on=["p"])
    frames = read_dataset_as_dataframes(dataset_uuid="u", store=store_url)
    assert [part["table"].x.tolist() for part in frames] == [[10, 30], [20], [40]] * 2
    assert list(frames[0]["table"].columns) == ["p", "q", "x"]
    grouped = read_dataset_as_dataframes(dataset_uuid="u", store=store_url, dispatch_by=["p"])
    assert [part["table"].x.tolist() for part in grouped] == [[20, 20], [10, 30, 10, 30], [40, 40]]
    assert len(read_dataset_as_dataframes(dataset_uuid="u", store=store_url, dispatch_by=[])) == 1
    filtered = read_dataset_as_dataframes(dataset_uuid="u", store=store_url, label_filter=lambda label: "p=a" in label)
    assert [part["table"].x.tolist() for part in filtered] == [[20], [20]]
    with pytest.raises(RuntimeError, match="Dispatch columns must be indexed.\nRequested index: \\['x'\\]"):
        read_dataset_as_dataframes(dataset_uuid="u", store=store_url, dispatch_by=["x"])


def test_existing_dataset(store_url, frame):
    store(store_url, frame)
    with pytest.raises(RuntimeError) as caught:
        store(store_url, frame)
    assert caught.value.args == ("Dataset `%s` already exists and overwrite is not permitted!", "u")
    store(store_url, frame[:1], overwrite=True)
    assert len(read_table(dataset_uuid="u", store=store_url)) == 1


def test_missing_dataset(store_url):
    text = "Dataset does not exist. Tried u.by-dataset-metadata.json and u.by-dataset-metadata.msgpack.zstd"
    for call in (read_table, read_dataset_as_dataframes, delete_dataset):
        with pytest.raises(KeyError) as caught:
            call(dataset_uuid="u", store=store_url)
        assert caught.value.args == (text,)


def test_delete(store_url, frame):
    store(store_url, frame, partition_on=["p"])
    store_dataframes_as_dataset(store=store_url, dataset_uuid="u_other", dfs=[frame])
    delete_dataset(dataset_uuid="u", store=store_url)
    assert DatasetMetadata.storage_keys("u", store_url) == []
    assert not DatasetMetadata.exists("u", store_url)
    assert len(read_table(dataset_uuid="u_other", store=store_url)) == 4


@pytest.mark.parametrize(
    "arguments, exception, part",
    [
        ({"dataset_uuid": "no/slash"}, ValueError, "no/slash"),
        ({"dataset_uuid": "u\n"}, ValueError, "UUID contains illegal character|illegal"),
        ({"dfs": []}, ValueError, "Cannot store empty datasets"),
        ({"partition_on": ["nope"]}, ValueError, "nope"),
        ({"partition_on": {"p"}}, ValueError, "incompatible for normalisation"),
        ({"metadata_version": 3}, NotImplementedError, "Minimal supported metadata version is 4"),
        ({"metadata_version": 5}, NotImplementedError, "Future metadata version"),
        ({"metadata_storage_format": "xml"}, ValueError, "Unknown metadata storage format encountered: xml"),
        ({"partition_on": ["p"], "secondary_indices": ["p"]}, RuntimeError, "Cannot create secondary index on partition columns"),
        ({"secondary_indices": ["zz"]}, RuntimeError, "Column `zz` could not be found in the partition `[0-9a-f]{32}` with tables `\\['table'\\]`"),
        ({"df_serializer": ParquetSerializer(compression="LZO")}, (ValueError, NotImplementedError), "LZO"),
        ({"metadata": {"x": float("nan")}}, ValueError, "NaN"),
        ({"dfs": [1]}, ValueError, "Unexpected type during parsing encountered"),
    ],
)
def test_bad_input_writes_nothing(store_url, frame, arguments, exception, part):
    """Defect D-18: kartothek finds some of these after it has written."""
    call = dict({"dataset_uuid": "u", "dfs": [frame], "store": store_url}, **arguments)
    with pytest.raises(exception, match=part):
        store_dataframes_as_dataset(**call)
    assert list(ensure_store(store_url).keys()) == []


def test_null_in_a_partition_column(store_url):
    frame = pd.DataFrame({"p": ["a", None, "b"], "x": [1, 2, 3]})
    with pytest.raises(ValueError, match="3.*2.*null values"):
        store(store_url, frame, partition_on=["p"])
    assert DatasetMetadata.storage_keys("u", store_url) == []


def test_schemas_that_do_not_agree(store_url):
    with pytest.raises(ValueError, match="Schemas for table 'table' of dataset 'u' are not compatible!\n\nSchema violation") as caught:
        store(store_url, pd.DataFrame({"x": [1]}), pd.DataFrame({"x": ["a"]}))
    assert "'x'" in str(caught.value) and "int64" in str(caught.value) and "string" in str(caught.value)
    assert DatasetMetadata.storage_keys("u", store_url) == []


def test_null_column_takes_the_type_of_the_others(store_url):
    store(store_url, pd.DataFrame({"x": [None, None]}), pd.DataFrame({"x": [1.5, 2.5]}))
    result = read_table(dataset_uuid="u", store=store_url)
    assert str(result.x.dtype) == "float64" and result.x.tolist()[2:] == [1.5, 2.5] and result.x.isna().sum() == 2


def test_unobserved_categories_make_no_partition(store_url):
    """Defect D-26: kartothek makes an empty one."""
    frame = pd.DataFrame({"c": pd.Categorical(["y", "x"], categories=["x", "y", "z"]), "v": [1, 2]})
    dataset = store(store_url, frame, partition_on=["c"])
    assert [label.split("/")[0] for label in dataset.partitions] == ["c=y", "c=x"]


def test_partition_values_of_every_type_come_back(store_url):
    import datetime

    frame = pd.DataFrame(
        {
            "t": ["a/b", "ä %", "x=y"],
            "i": np.array([-1, 0, 2**62], dtype="int64"),
            "f": [0.1, 1e16, -0.5],
            "b": [True, False, True],
            "d": np.array([datetime.date(2020, 2, 29), datetime.date(1900, 1, 1), datetime.date(1970, 1, 1)], dtype=object),
            "s": pd.Series([pd.Timestamp(t) for t in ("2020-01-01", "2020-01-01 00:00:00.000001", "1969-12-31 23:59:59")]).astype("datetime64[ns]"),
            "x": [1, 2, 3],
        }
    )
    keys = ["t", "i", "f", "b", "d", "s"]
    store(store_url, frame, partition_on=keys)
    result = read_table(dataset_uuid="u", store=store_url, dates_as_object=True)
    assert list(result.columns) == keys + ["x"]
    for column in result.columns:
        assert result[column].tolist() == frame[column].tolist()


def test_serializer_settings_reach_the_files(store_url, frame):
    pq = pytest.importorskip("pyarrow.parquet")
    dataset = store(store_url, frame, df_serializer=ParquetSerializer(compression="ZSTD", chunk_size=3))
    (partition,) = dataset.partitions.values()
    metadata = pq.ParquetFile(io.BytesIO(ensure_store(store_url).get(partition.files["table"]))).metadata
    assert metadata.num_row_groups == 2 and metadata.row_group(0).num_rows == 3
    assert metadata.row_group(0).column(0).compression == "ZSTD"


@pytest.mark.parametrize("chunk_size, exception", [("1", TypeError), (0, ValueError)])
def test_serializer_refuses(chunk_size, exception):
    with pytest.raises(exception, match="Cannot initialize ParquetSerializer"):
        ParquetSerializer(chunk_size=chunk_size)


def test_callers_label(store_url, frame):
    dataset = store(store_url, {"label": "first", "data": {"table": frame}}, {"label": "second", "data": [("table", frame)]})
    assert list(dataset.partitions) == ["first", "second"]
    with pytest.raises(ValueError, match="same"):
        store(store_url, {"label": "same", "data": {"table": frame}}, {"label": "same", "data": {"table": frame}}, overwrite=True)
    assert list(DatasetMetadata.load_from_store("u", store_url).partitions) == ["first", "second"]


@pytest.mark.parametrize(
    "predicates, part",
    [
        ([], "Empty predicates"),
        ([[]], "Conjunction 0 is empty"),
        ([("x", "==", 1)], "Conjunction 0 should be a list of 3-tuples"),
        ([[("x", "==")]], "Clause 0 in conjunction 0 should be a 3-tuple"),
        ([[("x", "<", None)]], "with null value and operator <"),
    ],
)
def test_malformed_predicates(store_url, frame, predicates, part):
    store(store_url, frame)
    with pytest.raises(ValueError, match=part):
        read_table(dataset_uuid="u", store=store_url, predicates=predicates)


@pytest.mark.parametrize("arguments", [{}, {"dataset_uuid": "u"}, {"store": "hfs:///tmp"}])
def test_addressing(arguments):
    with pytest.raises(ValueError, match="Need to supply either a `factory` or `dataset_uuid` and `store`"):
        read_table(**arguments)
