"""Updates: what they accept, return and raise, and what is there afterwards."""
import json
import pickle

import pandas as pd
import pytest

from kartothek import _core
from kartothek.core.dataset import DatasetMetadata
from kartothek.core.utils import ensure_store
from kartothek.exceptions import CommitConflict, CommitError, DatasetExists, StaleWriter, UnknownOutcome
from kartothek.io.eager import (
    build_dataset_indices,
    commit_dataset,
    create_empty_dataset_header,
    read_dataset_as_dataframes,
    read_table,
    store_dataframes_as_dataset,
    update_dataset_from_dataframes,
    write_single_partition,
)
from kartothek.io.iter import (
    read_dataset_as_dataframes__iterator,
    store_dataframes_as_dataset__iter,
    update_dataset_from_dataframes__iter,
)


def frame(p, x, **others):
    return pd.DataFrame(dict({"p": p, "x": x}, **others))


@pytest.fixture
def url(store_url):
    store_dataframes_as_dataset(
        store=store_url,
        dataset_uuid="u",
        dfs=[frame([1, 1, 2], [10, 11, 20]), frame([2, 3], [21, 30])],
        partition_on=["p"],
        secondary_indices=["x"],
        metadata={"n": 1, "keep": [1, 2]},
    )
    return store_url


def update(url, df_list=None, **kwargs):
    return update_dataset_from_dataframes(df_list, store=url, dataset_uuid="u", **kwargs)


def rows(url, predicates=None):
    return sorted(read_table(dataset_uuid="u", store=url, predicates=predicates).x.tolist())


def document(url):
    return json.loads(ensure_store(url).get("u.by-dataset-metadata.json"))


def test_rows_are_added(url):
    dataset = update(url, [frame([1, 4], [12, 40])])
    assert isinstance(dataset, DatasetMetadata) and len(dataset.partitions) == 6
    assert dataset == DatasetMetadata.load_from_store("u", url)
    assert dataset.partition_keys == ["p"] and list(dataset.indices) == ["x"]
    assert rows(url) == [10, 11, 12, 20, 21, 30, 40]
    assert rows(url, [[("p", "==", 1)]]) == [10, 11, 12]
    assert rows(url, [[("x", "==", 40)]]) == [40]


def test_a_dataset_that_is_not_there_is_made(store_url):
    dataset = update(store_url, frame(["a", "b"], [1, 2]), partition_on="p", secondary_indices="x", delete_scope=[{"p": "a"}])
    assert dataset.partition_keys == ["p"] and list(dataset.indices) == ["x"] and rows(store_url) == [1, 2]


@pytest.mark.parametrize("nothing", [None, [], [None], [[]]])
def test_nothing_makes_no_dataset(store_url, nothing):
    with pytest.raises(ValueError, match="Cannot store empty datasets, partition_list must not be empty if in store mode."):
        update(store_url, nothing)
    assert not DatasetMetadata.exists("u", store_url)


@pytest.mark.parametrize("nothing", [None, [], [None], [[]]])
@pytest.mark.parametrize(
    "scope, left",
    [
        ([{"p": 1}], [20, 21, 30]),
        ([{"p": "1"}], [20, 21, 30]),
        ([{"p": 1}, {"p": 3}], [20, 21]),
        ([{"p": 1}, {"p": 1}], [20, 21, 30]),
        ([{"p": 7}], [10, 11, 20, 21, 30]),
        ([], [10, 11, 20, 21, 30]),
        (None, [10, 11, 20, 21, 30]),
    ],
)
def test_delete_scope(url, nothing, scope, left):
    dataset = update(url, nothing, delete_scope=scope)
    assert rows(url) == left
    assert dataset.metadata["keep"] == [1, 2]


def test_delete_and_add_replaces(url):
    update(url, [frame([1], [99])], delete_scope=[{"p": 1}])
    assert rows(url) == [20, 21, 30, 99]
    assert rows(url, [[("x", "in", [10, 99])]]) == [99]


def test_all_of_two_keys_must_match(store_url):
    both = frame([1, 1, 2], [1, 2, 3], q=["a", "b", "a"])
    store_dataframes_as_dataset(store=store_url, dataset_uuid="u", dfs=[both], partition_on=["p", "q"])
    update(store_url, delete_scope=[{"p": 1, "q": "a"}, {"p": 2, "q": "z"}])
    assert rows(store_url) == [2, 3]


@pytest.mark.parametrize(
    "scope, exception, part",
    [
        ([{"nope": 1}], ValueError, "nope"),
        ([{"p": 1}, {"nope": 1, "p": 2}], ValueError, "nope"),
        ([{}], ValueError, "whole dataset"),
        ({"p": 1}, ValueError, "incompatible for normalisation"),
        ([{"p": [1, 2]}], TypeError, "one value"),
        ([{"p": "one"}], ValueError, "one"),
        (["p"], TypeError, "maps"),
        ([{"x": 10}], ValueError, "'x'.*no partition key"),
    ],
)
def test_bad_scopes_delete_nothing(url, scope, exception, part):
    """Defect D-12: kartothek takes a column that it does not know, and {}, for the whole dataset."""
    before = document(url)
    with pytest.raises(exception, match=part):
        update(url, [frame([5], [50])], delete_scope=scope)
    assert document(url) == before and rows(url) == [10, 11, 20, 21, 30]
    assert not any("p=5" in key for key in DatasetMetadata.storage_keys("u", url))


def test_other_columns_delete_rows_or_partitions_if_asked(url):
    update(url, delete_scope=[{"x": 10}], delete_mode="rows")
    assert rows(url) == [11, 20, 21, 30]
    update(url, delete_scope=[{"x": 20}], delete_mode="whole_partitions")
    assert rows(url) == [11, 21, 30]
    with pytest.raises(ValueError, match="delete_mode"):
        update(url, delete_scope=[{"x": 20}], delete_mode="some")


def test_metadata_is_merged(url):
    created = document(url)["metadata"]["creation_time"]
    assert update(url, metadata={"n": 2, "new": "x"}).metadata["n"] == 2
    metadata = update(url, [frame([9], [90])], metadata=lambda: {"late": True}).metadata
    assert (metadata["n"], metadata["new"], metadata["late"], metadata["keep"]) == (2, "x", True, [1, 2])
    assert metadata["creation_time"] == created


def test_metadata_merger(url):
    seen = []

    def merger(dicts):
        seen.extend(dicts)
        return {"n": dicts[0]["n"] + 1, "other": 1}

    metadata = update(url, metadata={"other": 2}, metadata_merger=merger).metadata
    assert (metadata["n"], metadata["other"], metadata["keep"]) == (2, 2, [1, 2])
    assert len(seen) == 1 and seen[0]["keep"] == [1, 2] and not any(key.startswith("ktk.") for key in seen[0])


@pytest.mark.parametrize(
    "arguments, exception, part",
    [
        ({"partition_on": ["x"]}, ValueError, r"Incompatible set of partition keys encountered. Input partitioning was `\['x'\]` while actual dataset was `\['p'\]`"),
        ({"secondary_indices": ["p2"]}, ValueError, r"Incorrect indices provided for dataset.\nExpected: \['x'\]\nBut got: \['p2'\]"),
        ({"default_metadata_version": 3}, NotImplementedError, "Minimal supported metadata version is 4"),
        ({"df_list": [frame([1], ["text"])]}, ValueError, "Schemas for table 'table' of dataset 'u' are not compatible!\n\nSchema violation"),
        ({"df_list": [frame([None], [1])]}, ValueError, "null values"),
        ({"df_list": [{"other": frame([1], [1])}]}, ValueError, "'other'"),
        ({"sort_partitions_by": ["zz"]}, KeyError, "zz"),
    ],
)
def test_bad_updates_change_nothing(url, arguments, exception, part):
    before = document(url), DatasetMetadata.storage_keys("u", url)
    arguments = dict({"df_list": [frame([5], [50])]}, **arguments)
    with pytest.raises(exception, match=part):
        update_dataset_from_dataframes(store=url, dataset_uuid="u", **arguments)
    assert (document(url), DatasetMetadata.storage_keys("u", url)) == before


def test_rows_are_sorted_if_asked(store_url):
    data = pd.DataFrame({"c": pd.Categorical(["b", "a", None, "b"], categories=["b", "a"]), "x": [2, 3, 1, 1]})
    update(store_url, [data], sort_partitions_by=["c", "x"])
    assert read_table(dataset_uuid="u", store=store_url).x.tolist() == [3, 1, 2, 1]
    assert data.x.tolist() == [2, 3, 1, 1] and list(data.c.cat.categories) == ["b", "a"]


def test_indices_are_built(url):
    before = document(url)
    dataset = build_dataset_indices(url, "u", ["p", "x"])
    assert sorted(dataset.indices) == ["p", "x"]
    after = document(url)
    assert after["metadata"]["n"] == 1 and after["metadata"]["keep"] == [1, 2]
    assert after["partitions"] == before["partitions"] and after["indices"]["x"] != before["indices"]["x"]
    with pytest.raises(RuntimeError, match=r"Column `zz` could not be found in the partition `p=1/\w+` with tables `\['table'\]`. Please check"):
        build_dataset_indices(url, "u", ["zz"])
    assert document(url) == after
    with pytest.raises(KeyError):
        build_dataset_indices(url, "nowhere", ["x"])


def test_index_on_a_column_that_is_not_there(store_url):
    for call in (store_dataframes_as_dataset, update_dataset_from_dataframes):
        with pytest.raises(RuntimeError, match=r"Column `zz` could not be found in the partition `first` with tables `\['table'\]`. Please check"):
            call(store=store_url, dataset_uuid="u", secondary_indices=["zz"], **{
                "dfs" if call is store_dataframes_as_dataset else "df_list": [{"label": "first", "data": {"table": frame([1], [1])}}]
            })
    assert DatasetMetadata.storage_keys("u", store_url) == []


def test_a_column_of_nothing_but_nulls_gets_no_index(store_url):
    """Defect D-42: kartothek fails, on store and on every update."""
    store_dataframes_as_dataset(store=store_url, dataset_uuid="u", dfs=[frame([1], [None])], secondary_indices=["x"])
    update(store_url, [frame([1], [None])])
    assert len(read_table(dataset_uuid="u", store=store_url, predicates=[[("p", "==", 1)]])) == 2


def test_msgpack_documents_stay_so(store_url):
    store_dataframes_as_dataset(store=store_url, dataset_uuid="u", dfs=[frame([1], [1])], metadata_storage_format="MSGPACK", metadata={"k": 1})
    update(store_url, [frame([2], [2])], metadata={"k": 2})
    assert list(ensure_store(store_url).keys("u.")) == ["u.by-dataset-metadata.msgpack.zstd"]
    assert rows(store_url) == [1, 2] and DatasetMetadata.load_from_store("u", store_url).metadata["k"] == 2


class Factory:
    def __init__(self, url):
        self.dataset_uuid, self.store = "u", url


def test_a_factory_names_the_dataset(url):
    update_dataset_from_dataframes([frame([8], [80])], factory=Factory(url))
    assert rows(url, [[("p", "==", 8)]]) == [80]
    assert list(build_dataset_indices(None, None, ["p"], factory=Factory(url)).indices) == ["x", "p"]
    with pytest.raises(ValueError, match="Need to supply either a `factory` or `dataset_uuid` and `store`"):
        update_dataset_from_dataframes([frame([8], [80])], store=url)


# ---- iterators


def test_iterators(store_url):
    written = []

    def frames():
        for i in range(3):
            written.append(i)
            yield frame([i, i + 1], [10 * i, 10 * i + 1])

    dataset = store_dataframes_as_dataset__iter(frames(), store_url, "u", partition_on=["p"], secondary_indices=["x"])
    assert written == [0, 1, 2] and len(dataset.partitions) == 6 and list(dataset.indices) == ["x"]
    update_dataset_from_dataframes__iter((frame([i], [100 + i]) for i in (7, 8)), store_url, "u", delete_scope=[{"p": 0}])
    assert rows(store_url) == [1, 10, 11, 20, 21, 107, 108]
    reading = read_dataset_as_dataframes__iterator(dataset_uuid="u", store=store_url)
    first = next(reading)
    assert list(first) == ["table"] and first["table"].x.tolist() == [1]
    update(store_url, delete_scope=[{"p": 8}])
    assert len(list(reading)) == 6
    assert list(read_dataset_as_dataframes__iterator("u", store_url, predicates=[[("x", "==", 5000)]])) == []


def test_an_iterator_fails_at_the_first_frame(store_url):
    reading = read_dataset_as_dataframes__iterator(dataset_uuid="u", store=store_url)
    with pytest.raises(KeyError, match="Dataset does not exist"):
        next(reading)


def test_a_generator_that_fails_leaves_nothing(store_url):
    """Defect D-19: kartothek leaves what it has written by then."""
    def frames():
        yield frame([1], [1])
        raise OSError("the source is gone")

    with pytest.raises(OSError, match="the source is gone"):
        store_dataframes_as_dataset__iter(frames(), store_url, "u")
    assert DatasetMetadata.storage_keys("u", store_url) == []


def test_a_state_is_pickled_whole(url):
    dataset = DatasetMetadata.load_from_store("u", url)
    assert pickle.loads(pickle.dumps(dataset)) == dataset and len(dataset.partitions) == 4


# ---- written here, committed there


def test_partitions_are_committed_by_another(url):
    before = document(url)
    written = write_single_partition(store=url, dataset_uuid="u", data=[frame([1, 7], [70, 71]), frame([7], [72])])
    assert len(written) == 3 and [part.label.split("/")[0] for part in written] == ["p=1", "p=7", "p=7"]
    assert all(part.files["table"] == "u/table/" + part.label + ".parquet" for part in written)
    with pytest.raises(AttributeError, match="Accessing `label` attribute is not allowed while nested"):
        written.label
    assert document(url) == before and rows(url) == [10, 11, 20, 21, 30]
    other = write_single_partition(store=url, dataset_uuid="u", data=frame([8], [80]))
    assert other.label.startswith("p=8/") and other.partition_keys == ["p"]
    dataset = commit_dataset(
        store=url, dataset_uuid="u", new_partitions=[pickle.loads(pickle.dumps(written)), other], delete_scope=[{"p": 2}], metadata={"m": 1}
    )
    assert rows(url) == [10, 11, 30, 70, 71, 72, 80]
    assert rows(url, [[("x", "in", [71, 80, 20])]]) == [71, 80]
    assert dataset.metadata["m"] == 1 and dataset.metadata["n"] == 1


@pytest.mark.parametrize(
    "arguments, exception, part",
    [
        ({"data": None}, TypeError, "The parameter `data` is not optional"),
        ({"dataset_uuid": "v"}, KeyError, "Dataset does not exist. Tried v.by-dataset-metadata.json"),
        ({"data": frame([1], ["text"])}, ValueError, "Schema violation"),
        ({"secondary_indices": ["q"]}, ValueError, "Incorrect indices provided for dataset"),
        ({"partition_on": ["x"]}, ValueError, "Incompatible set of partition keys"),
    ],
)
def test_what_cannot_be_written(url, arguments, exception, part):
    before = DatasetMetadata.storage_keys("u", url)
    with pytest.raises(exception, match=part):
        write_single_partition(**dict({"store": url, "dataset_uuid": "u", "data": frame([5], [50])}, **arguments))
    assert DatasetMetadata.storage_keys("u", url) == before


def test_what_cannot_be_committed(url):
    before = document(url)
    with pytest.raises(ValueError, match="Need to provide either new data, new metadata or a delete scope. None of it was provided."):
        commit_dataset(store=url, dataset_uuid="u", new_partitions=[])
    with pytest.raises(ValueError, match="Cannot store empty datasets, partition_list must not be empty if in store mode."):
        commit_dataset(store=url, dataset_uuid="v", metadata={"a": 1})
    written = write_single_partition(store=url, dataset_uuid="u", data=frame([5], [50]))
    store_dataframes_as_dataset(store=url, dataset_uuid="other", dfs=[frame([5], [50])], partition_on=["p"])
    with pytest.raises(ValueError, match="'u', not 'other'"):
        commit_dataset(store=url, dataset_uuid="other", new_partitions=written)
    with pytest.raises(ValueError, match="Incorrect indices provided for dataset"):
        commit_dataset(store=url, dataset_uuid="other", new_partitions=[None], secondary_indices=["x"])
    assert document(url) == before


def test_a_header_comes_before_the_data(store_url):
    arguments = {"store": store_url, "dataset_uuid": "u", "table_meta": {"table": frame([1], [1])}, "partition_on": "p", "metadata": {"k": 1}}
    dataset = create_empty_dataset_header(**arguments)
    assert dataset.partitions == {} and dataset.partition_keys == ["p"] and dataset.metadata["k"] == 1
    assert list(read_table(dataset_uuid="u", store=store_url).columns) == ["p", "x"]
    with pytest.raises(DatasetExists):
        create_empty_dataset_header(**arguments)
    with pytest.raises(ValueError, match="Input must be a pyarrow schema, or a pandas dataframe"):
        create_empty_dataset_header(**dict(arguments, table_meta={"table": 1}, overwrite=True))
    written = write_single_partition(store=store_url, dataset_uuid="u", data=frame([1, 2], [10, 20]))
    assert read_dataset_as_dataframes(dataset_uuid="u", store=store_url) == []
    commit_dataset(store=store_url, dataset_uuid="u", new_partitions=written)
    assert rows(store_url) == [10, 20]


def test_a_header_of_a_pyarrow_schema(store_url):
    pa = pytest.importorskip("pyarrow")
    schema = pa.schema([("p", pa.int8()), ("x", pa.int32())])
    create_empty_dataset_header(store_url, "u", {"table": schema}, metadata_storage_format="msgpack")
    update(store_url, [frame([1], [10])])
    assert rows(store_url) == [10]


# ---- exceptions


def test_conflicts_are_told_apart(url):
    """Two set the same key."""
    late = _core.Update.begin(_core.Store.open(url), "u", mode="update", metadata=json.dumps({"n": 5}))
    update(url, metadata={"n": 6})
    with pytest.raises(CommitConflict) as caught:
        late.commit()
    assert isinstance(caught.value, RuntimeError) and isinstance(caught.value, CommitError)
    assert caught.value.status == "conflict" and len(caught.value.commit_id) == 32
    assert DatasetMetadata.commit_status("u", url, caught.value.commit_id) == "absent"
    newest = json.loads(document(url)["metadata"]["ktk.commit"])["id"]
    assert DatasetMetadata.commit_status("u", url, newest) == "committed"


def test_an_update_in_between_is_joined(url):
    """Defect D-01: kartothek drops one of the two in silence."""
    def frames():
        yield frame([1], [100])
        update(url, [frame([1], [101])])

    update_dataset_from_dataframes__iter(frames(), url, "u")
    assert rows(url, [[("p", "==", 1)]]) == [10, 11, 100, 101]
    assert rows(url, [[("x", "in", [100, 101])]]) == [100, 101]


def test_existing_dataset(url):
    with pytest.raises(DatasetExists) as caught:
        store_dataframes_as_dataset(store=url, dataset_uuid="u", dfs=[frame([1], [1])])
    assert isinstance(caught.value, RuntimeError) and caught.value.status == "exists"

    def frames():
        yield frame([1], [1])
        store_dataframes_as_dataset(store=url, dataset_uuid="v", dfs=[frame([2], [2])])

    with pytest.raises(DatasetExists) as caught:
        store_dataframes_as_dataset__iter(frames(), url, "v")
    assert caught.value.args == ("Dataset `%s` already exists and overwrite is not permitted!", "v")
    assert len(caught.value.commit_id) == 32


@pytest.mark.parametrize("kind", [DatasetExists, CommitConflict, StaleWriter, UnknownOutcome])
def test_exceptions_travel_between_processes(kind):
    error = kind("what")
    error.commit_id = "0" * 32
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind and again.args == ("what",) and again.commit_id == "0" * 32 and again.status == kind.status
    assert issubclass(kind, CommitError) and issubclass(CommitError, RuntimeError)


class Silent:
    """A store whose put of the document fails, after it was done or before."""

    def __init__(self, base, is_done):
        self.base, self.is_done = base, is_done

    def __getattr__(self, name):
        return getattr(self.base, name)

    def put(self, key, data):
        if not key.endswith(".by-dataset-metadata.json"):
            return self.base.put(key, data)
        if self.is_done:
            self.base.put(key, data)
            self.base = None  # nothing can be asked any more
        raise OSError("no answer")

    def iter_prefixes(self, delimiter, prefix=""):
        return self.base.iter_prefixes(delimiter, prefix)


def test_an_unknown_outcome_is_told_apart(store_url):
    from kartothek.core.store import KeyValueStore

    with pytest.raises(UnknownOutcome) as caught:
        store_dataframes_as_dataset(store=Silent(KeyValueStore(store_url), True), dataset_uuid="u", dfs=[frame([1], [1])])
    assert caught.value.status == "unknown outcome"
    assert DatasetMetadata.commit_status("u", store_url, caught.value.commit_id) == "committed"
    assert rows(store_url) == [1]


@pytest.mark.parametrize("library", ["pyarrow", "polars"])
def test_arrow_data_is_stored_and_added(store_url, library):
    module = pytest.importorskip(library)
    make = module.table if library == "pyarrow" else module.DataFrame
    if not hasattr(make({"p": [1]}), "__arrow_c_stream__"):
        pytest.skip("this {} hands out no Arrow streams".format(library))
    data = make({"p": [1, 1, 2], "x": [10, 20, 30]})
    store_dataframes_as_dataset(store=store_url, dataset_uuid="u", dfs=[data, {"table": data}], partition_on="p", secondary_indices="x")
    update_dataset_from_dataframes([data], store=store_url, dataset_uuid="u", delete_scope=[{"p": 1}])
    frame = read_table("u", store_url, predicates=[[("x", "in", [20, 30])]])
    assert sorted(zip(frame.p, frame.x)) == [(1, 20), (2, 30), (2, 30), (2, 30)]
    with pytest.raises(TypeError, match="sort_partitions_by sorts pandas frames"):
        update_dataset_from_dataframes([data], store=store_url, dataset_uuid="u", sort_partitions_by="x")
