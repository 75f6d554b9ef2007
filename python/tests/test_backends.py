"""What kartothek's own back-ends are made of works for those of others: parts that are written, committed, indexed, and joined."""
import pandas as pd
import pytest
from test_stores import DictStore

from kartothek.core.dataset import DatasetMetadata
from kartothek.core.factory import DatasetFactory
from kartothek.core.index import ExplicitSecondaryIndex, PartitionIndex
from kartothek.io.eager import read_dataset_as_metapartitions, read_table, store_dataframes_as_dataset
from kartothek.io_components.index import update_indices_from_partitions
from kartothek.io_components.merge import align_datasets
from kartothek.io_components.metapartition import MetaPartition, MetaPartitionIterator, parse_input_to_metapartition
from kartothek.io_components.read import dispatch_metapartitions
from kartothek.io_components.update import update_dataset_from_partitions
from kartothek.io_components.write import persist_common_metadata, persist_indices, store_dataset_from_partitions, write_partition

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

FRAME = pd.DataFrame({"p": [1, 2, 1], "x": ["c", "b", "a"], "y": [3, 2, 1]})


def written(store, frame=FRAME, indices=("x",), table=None):
    return write_partition(frame, list(indices), ["y"], "u", ["p"], store, None, 4, table)


def rows(store, **kwargs):
    frame = read_table("u", store, **kwargs)
    return sorted(zip(frame.p, frame.x, frame.y))


def test_parts_are_seen_when_they_are_committed(store_url):
    part = written(store_url)
    assert not DatasetMetadata.exists("u", store_url)
    assert sorted(one.label.split("/")[0] for one in part) == ["p=1", "p=2"]
    assert MetaPartition.merge_indices([part])["x"].observed_values().tolist() == ["a", "c", "b"]
    dataset = store_dataset_from_partitions([part], store_url, "u", dataset_metadata={"who": "me"})
    assert rows(store_url) == [(1, "a", 1), (1, "c", 3), (2, "b", 2)]
    assert dataset.partition_keys == ["p"] and dataset.metadata["who"] == "me"
    assert rows(store_url, predicates=[[("x", "==", "c")]]) == [(1, "c", 3)]
    assert sorted(dataset.load_index("x", store_url).indices["x"].index_dct) == ["a", "b", "c"]


def test_rows_of_parts_are_sorted(store_url):
    store_dataset_from_partitions([written(store_url)], store_url, "u")
    assert sorted(frame.data["table"].y.tolist() for frame in read_dataset_as_metapartitions("u", store_url)) == [[1, 3], [2]]


def test_a_dataset_is_replaced_or_added_to(store_url):
    first = store_dataset_from_partitions([written(store_url)], store_url, "u", {"a": 1})
    more = pd.DataFrame({"p": [3], "x": ["d"], "y": [4]})
    second = store_dataset_from_partitions([written(store_url, more)], store_url, "u", {"b": 2}, update_dataset=first)
    assert len(rows(store_url)) == 4 and (second.metadata["a"], second.metadata["b"]) == (1, 2)
    third = update_dataset_from_partitions([written(store_url, more)], store_url, "u", DatasetFactory("u", store_url), [{"p": 1}], {}, None)
    assert rows(store_url) == [(2, "b", 2), (3, "d", 4), (3, "d", 4)]
    assert sorted(third.load_index("x", store_url).indices["x"].index_dct) == ["b", "d"]
    store_dataset_from_partitions([written(store_url, more)], store_url, "u")
    assert rows(store_url) == [(3, "d", 4)]


def test_metadata_of_parts_is_merged(store_url):
    part = written(store_url)
    part.dataset_metadata = {"n": 1}
    seen = []

    def merger(dicts):
        seen.extend(dicts)
        return {"merged": len(dicts)}

    dataset = update_dataset_from_partitions([part], store_url, "u", None, None, {"given": True}, merger)
    assert seen[-1] == {"n": 1} and dataset.metadata["merged"] == 2 and dataset.metadata["given"] is True


def test_what_cannot_be_committed(store_url):
    with pytest.raises(ValueError, match="Cannot store empty datasets"):
        store_dataset_from_partitions([], store_url, "u")
    with pytest.raises(NotImplementedError, match="delete_scope"):
        store_dataset_from_partitions([written(store_url)], store_url, "u", remove_partitions=["p=1/x"])
    part = written(store_url, table="other")
    assert {table for one in part for table in one.files} == {"other"}
    with pytest.raises(ValueError, match="The labels .* are duplicated"):
        store_dataset_from_partitions([part, part], store_url, "u")


def test_indices_are_built_by_those_of_parts(store_url):
    dataset = store_dataset_from_partitions([written(store_url, indices=())], store_url, "u")
    assert not dataset.indices
    loaded = read_dataset_as_metapartitions("u", store_url)
    factory = DatasetFactory("u", store_url)
    assert update_indices_from_partitions([part.build_indices(["x"]) for part in loaded[:1]], factory) is factory
    assert sorted(factory.load_all_indices().indices["x"].index_dct) == ["a", "b", "c"]


def test_files_of_indices_and_schemas(store_url):
    pytest.importorskip("pyarrow")
    from kartothek.core.common_metadata import read_schema_metadata
    from kartothek.core.utils import ensure_store

    store = ensure_store(store_url)
    keys = persist_indices(store, "u", {"x": ExplicitSecondaryIndex("x", {"a": ["l"]}), "d": {"b": ["m"]}, "p": PartitionIndex("p", {1: ["l"]}, "int64")})
    assert list(keys) == ["x", "d"] and all(key in store for key in keys.values())
    assert ExplicitSecondaryIndex("d", index_storage_key=keys["d"]).load(store).index_dct == {"b": ["m"]}
    parts = [parse_input_to_metapartition(FRAME), parse_input_to_metapartition(FRAME.assign(y=None))]
    agreed = persist_common_metadata(parts, None, store, "u")
    assert read_schema_metadata("u", store) == agreed["table"] and str(agreed["table"].field("y").type) == "int64"
    with pytest.raises(ValueError, match="^Schemas for table 'table' of dataset 'u' are not compatible!"):
        persist_common_metadata([parts[0], parse_input_to_metapartition(FRAME.assign(y=0.5))], None, store, "u")


# ---- joining

LEFT = pd.DataFrame({"k": [1, 2], "a": [10, 20]})
RIGHT = pd.DataFrame({"k": [2, 1], "b": ["two", "one"]})


def two_datasets(store):
    labelled = {"left": [("c", LEFT), ("d", LEFT + 1)], "right": [("c", RIGHT), ("d_1", RIGHT), ("d_2", RIGHT)]}
    for uuid, parts in labelled.items():
        store_dataframes_as_dataset(store, uuid, [{"label": label, "data": {uuid: frame}} for label, frame in parts])


def labels(store, match_how):
    return [[part.label for part in parts] for parts in align_datasets("left", "right", store, match_how)]


def test_partitions_are_aligned(store_url):
    two_datasets(store_url)
    # The labels of the left dataset are no shorter to begin with, so that each partition of the right one looks for those of the left.
    with pytest.raises(RuntimeError, match="No matching partition for .* in dataset .* found"):
        labels(store_url, "prefix")
    assert sorted(labels(store_url, lambda left, right: right.startswith(left))) == [["c", "c"], ["d", "d_1", "d_2"]]
    assert labels(store_url, "left") == [["c", "c", "d_1", "d_2"], ["d", "c", "d_1", "d_2"]]
    assert labels(store_url, "right") == [["d_1", "c", "d"], ["d_2", "c", "d"], ["c", "c", "d"]]
    with pytest.raises(RuntimeError, match="No matching partition"):
        labels(store_url, "exact")


def test_datasets_are_joined_by_tasks(store_url):
    dask = pytest.importorskip("dask")
    from kartothek.io.dask.delayed import merge_datasets_as_delayed

    two_datasets(store_url)
    task = {"left": "left", "right": "right", "output_label": "both", "merge_kwargs": {"on": "k", "how": "left"}}
    tasks = merge_datasets_as_delayed(
        "left", "right", store_url, [task], match_how=lambda left, right: right.startswith(left), label_merger=max, metadata_merger=len
    )
    merged = {part.label: part for part in dask.compute(tasks, scheduler="sync")[0]}
    assert {label: list(part.data) for label, part in merged.items()} == {"c": ["both"], "d_2": ["both"]}
    pd.testing.assert_frame_equal(merged["c"].data["both"], pd.merge(LEFT, RIGHT, on="k", how="left"))
    twice = pd.concat([RIGHT, RIGHT]).reset_index(drop=True)
    pd.testing.assert_frame_equal(merged["d_2"].data["both"], pd.merge(LEFT + 1, twice, on="k", how="left"))
    assert merged["c"].dataset_metadata == 2 and merged["c"].files == {}


def test_tables_are_merged():
    part = MetaPartition("l", files={"a": "u/a/l.parquet"}, data={"a": LEFT, "b": RIGHT, "c": LEFT})
    merged = part.merge_dataframes("a", "b", "d", lambda left, right, plus: left.assign(z=right.k + plus), {"plus": 5})
    assert list(merged.data) == ["c", "d"] and merged.data["d"].z.tolist() == [7, 6] and merged.files == {}
    nested = part.add_metapartition(part.copy(label="m"), schema_validation=False)
    assert [list(one.data) for one in nested.merge_dataframes("a", "b", "d")] == [["c", "d"]] * 2
    with pytest.raises(KeyError):
        part.merge_dataframes("a", "z", "d")


def test_tables_with_the_same_columns_become_one():
    part = MetaPartition("l", data={"core_0": LEFT, "other": RIGHT, "core_1": LEFT[["a", "k"]] + 1})
    whole = part.concat_dataframes()
    assert list(whole.data) == ["core", "other"] and whole.data["core"].values.tolist() == [[1, 10], [2, 20], [2, 11], [3, 21]]
    assert list(MetaPartition("l", data={"a": LEFT, "b": LEFT}).concat_dataframes().data) == ["a_b"]
    alone = MetaPartition("l", data={"a": LEFT, "b": RIGHT})
    assert alone.concat_dataframes().data.keys() == alone.data.keys()


def test_partitions_become_one():
    parts = [MetaPartition("long", data={"a": LEFT, "b": RIGHT}, dataset_metadata={"m": 1}), MetaPartition("l", data={"a": LEFT})]
    merged = MetaPartition.merge_metapartitions(parts)
    assert (merged.label, sorted(merged.data), merged.dataset_metadata) == ("l", ["a_0", "a_1", "b"], {"m": 1})
    assert MetaPartition.merge_metapartitions(parts, label_merger="+".join).label == "long+l"
    with pytest.raises(TypeError, match="same logical partition"):
        MetaPartition.merge_metapartitions([parts[0], parts[1].copy(logical_conjunction=[("a", "==", 1)])])
    categories = [MetaPartition(label, data={"a": pd.DataFrame({"x": pd.Categorical([label])})}) for label in "ab"]
    assert MetaPartition.concat_metapartitions(categories).data["a"].x.dtype == pd.CategoricalDtype(["a", "b"])


def test_iterator():
    nested = MetaPartition("a").add_metapartition(MetaPartition("b"))
    iterator = MetaPartitionIterator(nested)
    assert [iterator.next().label] + [part.label for part in iterator] == ["a", "b"]
    assert list(MetaPartitionIterator(MetaPartition(None))) == []


# ---- what is read


class CountingStore(DictStore):
    def __init__(self):
        super().__init__()
        self.read = []

    def get(self, key):
        self.read.append(key)
        return super().get(key)


def load_each(uuid, store):
    return [part.load_dataframes(store) for part in dispatch_metapartitions(uuid, store)]


@pytest.mark.parametrize("read", [read_dataset_as_metapartitions, load_each])
def test_the_schema_is_read_once(read):
    store = CountingStore()
    store_dataframes_as_dataset(store, "u", [FRAME], partition_on=["p", "x"])
    del store.read[:]
    assert sum(len(part.data["table"]) for part in read("u", store)) == 3
    assert store.read.count("u/table/_common_metadata") == 1


def test_sizes_count_what_is_held(store_url):
    sizeof = pytest.importorskip("dask.sizeof").sizeof
    frame = pd.DataFrame({"n": range(100000)})
    part = MetaPartition("l", data={"table": frame})
    assert sizeof(part) > sizeof(frame) and sizeof(part.remove_dataframes()) < 1000
    indexed = part.build_indices(["n"])
    assert sizeof(indexed) > sizeof(part) + sizeof(indexed.indices["n"].index_dct)
    store_dataframes_as_dataset(store_url, "u", [frame], secondary_indices=["n"])
    factory = DatasetFactory("u", store_url)
    before = sizeof(factory)
    assert sizeof(factory.load_all_indices()) > before + sizeof(factory.indices["n"].index_dct)
    assert sizeof(factory.dataset_metadata) < sizeof(factory)
