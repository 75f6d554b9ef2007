"""Planning a read makes a MetaPartition for each partition that is left, and none for the others."""
import pickle

import pandas as pd
import pytest

from kartothek.core.dataset import DatasetMetadata
from kartothek.core.factory import DatasetFactory
from kartothek.io.eager import read_table, store_dataframes_as_dataset, update_dataset_from_dataframes
from kartothek.io_components import read
from kartothek.io_components.read import dispatch_metapartitions, dispatch_metapartitions_from_factory

FRAME = pd.DataFrame({"k": [1, 1, 2, 3], "s": ["x", "y", "x", "z"], "v": [10, 20, 30, 40]})


@pytest.fixture
def factory(store_url):
    store_dataframes_as_dataset(
        store=store_url, dataset_uuid="u", dfs=[FRAME], partition_on=["k"], secondary_indices=["s"], metadata={"note": 1}
    )
    return DatasetFactory("u", store_url)


def values(part, store_url):
    return sorted(part.load_dataframes(store_url).data["table"]["v"])


def test_partitions_that_may_match(factory, store_url):
    parts = list(dispatch_metapartitions_from_factory(factory, predicates=[[("k", "<", 3), ("s", "==", "x"), ("v", ">", 1000)]]))
    assert [values(part, store_url) for part in parts] == [[10, 20], [30]]
    assert [(part.partition_keys, part.metadata_version, part.dataset_metadata, part.indices) for part in parts] == 2 * [(["k"], 4, {}, {})]
    for part, label in zip(parts, factory.partitions):
        assert part.label == label and part.files == factory.partitions[label].files
    assert pickle.loads(pickle.dumps(parts[0])) == parts[0]


def test_groups_hold_what_their_rows_have_in_common(factory, store_url):
    groups = list(dispatch_metapartitions_from_factory(factory, dispatch_by=["s"]))
    assert [group[0].logical_conjunction for group in groups] == [[("s", "==", value)] for value in ("x", "y", "z")]
    assert [[values(part, store_url) for part in group] for group in groups] == [[[10], [30]], [[20]], [[40]]]
    assert [len(group) for group in dispatch_metapartitions_from_factory(factory, dispatch_by=[])] == [3]
    by_key = dispatch_metapartitions_from_factory(factory, concat_partitions_on_primary_index=True)
    assert [[part.logical_conjunction for part in group] for group in by_key] == [[[("k", "==", k)]] for k in (1, 2, 3)]


def test_metadata_goes_along_if_asked(factory, store_url):
    for part in dispatch_metapartitions("u", store_url, dispatch_metadata=True):
        assert part.dataset_metadata["note"] == 1
        assert {column: (index.loaded, index.index_storage_key) for column, index in part.indices.items()} == {
            "s": (False, factory.indices["s"].index_storage_key)
        }


def test_labels_are_filtered(factory, store_url):
    parts = dispatch_metapartitions_from_factory(factory, label_filter=lambda label: label.startswith("k=3/"))
    assert [values(part, store_url) for part in parts] == [[40]]


def test_a_plan_is_of_the_state_that_the_factory_read(factory, store_url):
    assert len(factory.partitions) == 3
    update_dataset_from_dataframes([FRAME], store=store_url, dataset_uuid="u")
    assert len(list(dispatch_metapartitions_from_factory(factory))) == 3
    assert len(read_table(factory=factory)) == 4
    assert len(list(dispatch_metapartitions("u", store_url))) == 6
    factory.invalidate()
    assert len(read_table(factory=factory)) == 8


def test_objects_are_made_for_what_is_left_alone(factory, store_url, monkeypatch):
    """The document is that of many partitions, whose files a plan never opens."""
    many = {"k={}/p".format(k): {"files": {"table": "u/table/k={}/p.parquet".format(k)}} for k in range(5000)}
    factory._cache_metadata = DatasetMetadata.load_from_dict(dict(factory.to_dict(), partitions=many, indices={}), store_url)
    made = []

    def make(label, **other):
        made.append(label)
        return label

    monkeypatch.setattr(read, "MetaPartition", make)
    assert list(dispatch_metapartitions_from_factory(factory, predicates=[[("k", "in", [4711, 12])]])) == ["k=12/p", "k=4711/p"] == made
    assert factory.partitions._made is None


def test_tells_what_cannot_be_planned(factory, store_url):
    with pytest.raises(RuntimeError, match="Dispatch columns must be indexed"):
        list(dispatch_metapartitions_from_factory(factory, dispatch_by=["v"]))
    with pytest.raises(ValueError, match="Both `dispatch_by` and"):
        list(dispatch_metapartitions_from_factory(factory, dispatch_by=["k"], concat_partitions_on_primary_index=True))
    with pytest.raises(KeyError, match="Dataset does not exist"):
        list(dispatch_metapartitions("nothing", store_url))
