"""Cubes in stores: those of the original, and datasets of ours that make up one, or do not."""
import collections
import copy
import json
import logging
import pickle
import shutil

import pandas as pd
import pytest
from conftest import GOLDEN

from kartothek.api.consistency import check_datasets, get_cube_payload, get_payload_subset
from kartothek.api.discover import discover_cube, discover_datasets, discover_datasets_unchecked, discover_ktk_cube_dataset_ids
from kartothek.core.cube.cube import Cube
from kartothek.core.dataset import DatasetMetadata
from kartothek.core.utils import ensure_store
from kartothek.io.eager import build_dataset_indices, store_dataframes_as_dataset, update_dataset_from_dataframes
from kartothek.io_components.read import dispatch_metapartitions
from kartothek.utils.ktk_adapters import (
    get_dataset_columns,
    get_dataset_keys,
    get_dataset_schema,
    get_partition_dataframe,
    get_physical_partition_stats,
    metadata_factory_from_dataset,
)

EXPECTED = json.loads((GOLDEN / "expected" / "k53" / "_cube.json").read_text())
STORE = "hfs://{}".format(GOLDEN / "stores" / "k53" / "cube")
SEED = {"ktk_cube_is_seed": True, "ktk_cube_dimension_columns": ["x", "y"], "ktk_cube_partition_columns": ["p"]}


@pytest.mark.parametrize("name", sorted(EXPECTED["cubes"]))
def test_cubes_of_the_original(name):
    expected = dict(EXPECTED["cubes"][name])
    ids = expected.pop("datasets")
    cube, datasets = discover_cube(name, STORE)
    assert cube == Cube(uuid_prefix=name, **expected)
    assert list(datasets) == ids == sorted(discover_ktk_cube_dataset_ids(name, STORE))
    assert all(dataset.uuid == cube.ktk_dataset_uuid(key) for key, dataset in datasets.items())
    assert all(dataset.primary_indices_loaded for dataset in datasets.values() if dataset.partition_keys)
    assert list(discover_datasets(cube, STORE)) == ids
    some = discover_datasets(cube, STORE, [cube.seed_dataset])
    assert list(some) == [cube.seed_dataset] and not some[cube.seed_dataset].primary_indices_loaded


def test_statistics_of_the_original():
    _, datasets = discover_cube("geo", STORE)
    for name, expected in EXPECTED["stats"].items():
        parts = list(dispatch_metapartitions(datasets[name].uuid, STORE))
        # Those of the original count its physical partitions.
        assert get_physical_partition_stats(parts, STORE) == dict(expected, partitions=1)


def store(url, name, columns, keys=("p",), indices=(), metadata=None, **kwargs):
    frame = pd.DataFrame({column: [0, 1] for column in columns})
    metadata = {"ktk_cube_is_seed": False} if metadata is None else metadata
    arguments = {"partition_on": list(keys), "secondary_indices": list(indices), "metadata": metadata, **kwargs}
    return store_dataframes_as_dataset(store=url, dataset_uuid="cube++" + name, dfs=[frame], **arguments)


def store_seed(url, columns="xypv", indices="xy", metadata=SEED, **kwargs):
    return store(url, "seed", columns, indices=indices, metadata=metadata, **kwargs)


CUBE = Cube(["x", "y"], ["p"], "cube", index_columns=["i"])


def test_cube_of_ours(store_url):
    store_seed(store_url)
    store(store_url, "zone", "xpiw", "p", "i", metadata_storage_format="msgpack")
    store(store_url, "free", "yu", "")
    store_dataframes_as_dataset(store=store_url, dataset_uuid="cube_two++seed", dfs=[pd.DataFrame({"x": [1]})])
    cube, datasets = discover_cube("cube", store_url)
    assert (cube, list(datasets)) == (CUBE, ["free", "seed", "zone"])
    assert get_cube_payload(datasets, cube) == {"v", "i", "w", "u"}
    assert get_payload_subset("xpiw", cube) == {"i", "w"}
    assert list(discover_datasets_unchecked("cube", store_url, ["zone", "no"])) == ["zone"]
    assert discover_datasets_unchecked("cube", store_url, []) == {}
    with pytest.raises(ValueError, match="^Could not find the following requested datasets: a, no$"):
        discover_datasets(cube, store_url, ["no", "seed", "a"])


def test_emptied_datasets_make_up_a_cube(store_url):
    store_seed(store_url)
    store(store_url, "zone", "xpiw", "p", "i")
    for name in ("seed", "zone"):
        labels = [{"p": value} for value in (0, 1)]
        update_dataset_from_dataframes([], store=store_url, dataset_uuid="cube++" + name, delete_scope=labels)
    cube, datasets = discover_cube("cube", store_url)
    assert (cube, [len(dataset.partitions) for dataset in datasets.values()]) == (CUBE, [0, 0])
    assert list(get_partition_dataframe(datasets["seed"], cube).columns) == ["p"]
    for copied in (pickle.loads(pickle.dumps(datasets["zone"])), copy.copy(datasets["zone"]), datasets["zone"].copy(uuid="other")):
        assert get_dataset_columns(copied) == get_dataset_columns(pickle.loads(pickle.dumps(copied))) == set("xpiw")


@pytest.mark.parametrize(
    "seed, other, text",
    [
        ({"metadata": {}}, None, 'Could not find seed dataset for cube "cube".'),
        ({}, {"metadata": SEED}, 'Found multiple possible seed datasets for cube "cube": other, seed'),
        ({"metadata": {"ktk_cube_is_seed": True}}, None, 'Could not recover dimension columns from seed dataset ("seed") of cube "cube".'),
        ({}, {"columns": "xpv"}, "Found columns present in multiple datasets: - v: other, seed"),
        ({"keys": "v"}, None, 'Seed dataset "seed" has missing partition columns: p'),
        ({}, {"keys": "w"}, "Unspecified but provided partition columns in other: p"),
        ({}, {"columns": "pw"}, 'Dataset "other" must have at least 1 of the following dimension columns: x, y'),
        ({"columns": "xpv", "indices": "x"}, None, 'Seed dataset "seed" has missing dimension columns: y'),
        ({"indices": "x"}, None, 'ExplicitSecondaryIndex "y" is missing in dataset "seed".'),
        ({"keys": "px", "indices": "y"}, None, '"x" in dataset "seed" is of type PartitionIndex but should be ExplicitSecondaryIndex.'),
        ({"keys": "", "metadata": {"klee_is_seed": True, "klee_dimension_columns": ["x", "y"]}}, None, 'Seed dataset ("seed") has no partition keys.'),
        (
            {"metadata": {"klee_is_seed": True, "klee_dimension_columns": ["x", "y"]}},
            None,
            'Seed dataset ("seed") has only a single partition key (p) but should have at least 2.',
        ),
    ],
)
def test_what_is_no_cube(store_url, seed, other, text):
    store_seed(store_url, **seed)
    if other is not None:
        store(store_url, "other", **dict({"columns": "xpw"}, **other))
    with pytest.raises(ValueError) as caught:
        discover_cube("cube", store_url)
    assert str(caught.value) == text


def test_datasets_that_do_not_go_together(store_url):
    store(store_url, "other", "xpi")
    with pytest.raises(ValueError, match='^Seed data \\("seed"\\) is missing.$'):
        discover_datasets(CUBE, store_url)
    store_seed(store_url)
    with pytest.raises(ValueError, match='^ExplicitSecondaryIndex or PartitionIndex "i" is missing in dataset "other".$'):
        discover_datasets(CUBE, store_url)
    frame = pd.DataFrame({"x": [0.5], "p": [0], "w": [1]})
    store_dataframes_as_dataset(store=store_url, dataset_uuid="cube++real", dfs=[frame], partition_on=["p"])
    with pytest.raises(ValueError) as caught:
        discover_datasets(CUBE, store_url, ["real", "seed"])
    assert str(caught.value) == 'Found incompatible entries for column "x"\ndouble in dataset "real"\nint64 in dataset "seed"'
    dataset = DatasetMetadata.load_from_store("cube++seed", store_url)
    dataset.metadata_version = 3
    with pytest.raises(ValueError, match="^Invalid datasets because metadata version is wrong. Expected 4: seed \\(3\\)$"):
        check_datasets({"seed": dataset}, CUBE)


def test_tables(store_url):
    frame = pd.DataFrame({"x": [0], "y": [0], "p": [0]})
    for data, text in (({"foo": frame}, "foo"), ({"table": frame, "foo": frame}, "foo, table")):
        store_dataframes_as_dataset(store=store_url, dataset_uuid="cube++seed", dfs=[data], partition_on=["p"], metadata=SEED, overwrite=True)
        with pytest.raises(ValueError) as caught:
            discover_datasets(CUBE, store_url)
        assert str(caught.value) == "Invalid datasets because table is wrong. Expected table: seed ({})".format(text)


def test_old_cube(store_url):
    metadata = {"klee_is_seed": True, "klee_dimension_columns": ["x", "y"]}
    store_seed(store_url, ["x", "y", "p", "v", "KLEE_TS", "__hidden"], keys=["p", "KLEE_TS"], metadata=metadata)
    cube, datasets = discover_cube("cube", store_url)
    assert cube == CUBE.copy(index_columns=None)
    assert get_dataset_columns(datasets["seed"]) == set("xypv")
    assert list(get_partition_dataframe(datasets["seed"], cube).columns) == ["p"]
    store_seed(store_url, keys="pv", metadata=metadata, overwrite=True)
    with pytest.raises(NotImplementedError, match="^Can only read old cubes if the timestamp column is 'KLEE_TS', but 'v' was detected.$"):
        discover_cube("cube", store_url)


def test_a_partition_key_may_have_an_explicit_index_beside(store_url):
    """An old command line makes such indices, and the original takes the cube for broken from then on."""
    store_seed(store_url)
    build_dataset_indices(store_url, "cube++seed", ["p"])
    cube, datasets = discover_cube("cube", store_url)
    assert cube == CUBE.copy(index_columns=None)
    assert get_partition_dataframe(datasets["seed"], cube)["p"].tolist() == [0, 1]


def test_dataset_without_a_schema_is_left_out(store_url, tmp_path, caplog):
    store_seed(store_url)
    store(store_url, "gone", "xpw")
    (tmp_path / "cube++junk").mkdir()
    (tmp_path / "cube++junk.txt").write_text("")
    shutil.rmtree(str(tmp_path / "cube++gone"))
    with caplog.at_level(logging.WARNING):
        assert list(discover_datasets_unchecked("cube", store_url)) == ["seed"]
    assert [(record.name, record.getMessage()[:49]) for record in caplog.records] == [
        ("kartothek.api.discover", 'Ignore dataset "cube++gone" due to KeyError: "sch')
    ]


def test_each_thing_is_read_once(store_url):
    """Of a store in Python, too: one listing, and each value at most once."""
    store_seed(store_url)
    store(store_url, "zone", "xpw", metadata_storage_format="msgpack")

    class Counting:
        def __init__(self):
            self.store = ensure_store(store_url)
            self.calls = collections.Counter()

        def iter_prefixes(self, delimiter, prefix=""):
            self.calls["listings"] += 1
            return self.store.iter_prefixes(delimiter, prefix)

        def iter_keys(self, prefix=""):
            self.calls["keys"] += 1
            return self.store.iter_keys(prefix)

        def get(self, key):
            self.calls[key] += 1
            return self.store.get(key)

    counting = Counting()
    assert list(discover_datasets_unchecked("cube", counting)) == ["seed", "zone"]
    assert counting.calls["keys"] == 0 and max(counting.calls.values()) == 1


def test_keys_of_a_dataset(store_url):
    dataset = store_seed(store_url)
    keys = [key for key in ensure_store(store_url).keys() if "/_ktk/" not in key]
    for known in (dataset, dataset.load_partition_indices(), dataset.load_all_indices(store_url)):
        assert sorted(get_dataset_keys(known)) == keys
    packed = store(store_url, "zone", "xpw", metadata_storage_format="msgpack")
    assert "cube++zone.by-dataset-metadata.msgpack.zstd" in get_dataset_keys(packed)


@pytest.mark.parametrize("with_schema", [True, False])
def test_factory_of_a_dataset(store_url, with_schema):
    store_seed(store_url)
    dataset = DatasetMetadata.load_from_store("cube++seed", store_url, load_schema=with_schema)
    factory = metadata_factory_from_dataset(dataset, with_schema)
    assert factory.is_loaded and factory.dataset_metadata is dataset and factory.load_schema == with_schema
    for call in (lambda: factory.store.get("a"), lambda: factory.store.put("a", b""), lambda: factory.store.keys()):
        with pytest.raises(NotImplementedError):
            call()
    other = metadata_factory_from_dataset(dataset, store=store_url)
    other.store.put("a", b"b")
    assert other.store.get("a") == b"b"


def test_schema_of_a_dataset_is_deprecated(store_url):
    pytest.importorskip("pyarrow", reason="schemas are pyarrow objects")
    dataset = store_seed(store_url)
    with pytest.warns(DeprecationWarning, match="get_dataset_schema"):
        assert sorted(get_dataset_schema(dataset).names) == sorted("xypv")
