"""Whatever stands for a store: URLs, factories, storefact and minimalkv objects, and any object with their methods."""
import functools
import io
import pickle

import pandas as pd
import pytest

from kartothek.core.store import KeyValueStore
from kartothek.core.utils import core_store, ensure_store, lazy_store
from kartothek.io.eager import delete_dataset, read_table, store_dataframes_as_dataset

FRAME = pd.DataFrame({"p": [1, 1, 2], "x": ["a", "b", "c"]})


class DictStore:
    """The least that kartothek asks of a store; counts what is called."""

    def __init__(self):
        self.values = {}
        self.calls = []

    def get(self, key):
        self.calls.append("get")
        return self.values[key]

    def put(self, key, data):
        self.calls.append("put")
        self.values[key] = bytes(data)
        return key

    def delete(self, key):
        self.values.pop(key, None)

    def open(self, key):
        self.calls.append("open")
        return io.BytesIO(self.values[key])

    def iter_keys(self, prefix=""):
        return (key for key in list(self.values) if key.startswith(prefix))

    def iter_prefixes(self, delimiter, prefix=""):
        raise NotImplementedError


def check(store):
    store_dataframes_as_dataset(store=store, dataset_uuid="u", dfs=[FRAME], partition_on=["p"])
    result = read_table(dataset_uuid="u", store=store)
    assert result.p.tolist() == [1, 1, 2] and result.x.tolist() == ["a", "b", "c"]
    assert read_table(dataset_uuid="u", store=store, predicates=[[("p", "==", 2)]]).x.tolist() == ["c"]
    delete_dataset(dataset_uuid="u", store=store)


def test_url(store_url):
    check(store_url)


def test_factory_of_our_store(store_url):
    check(functools.partial(KeyValueStore, store_url))


def test_object_with_the_methods_is_called_back():
    store = DictStore()
    check(store)
    assert store.values == {} and "put" in store.calls


def test_memory_store_object():
    check(KeyValueStore("hmemory://"))


def test_storefact(tmp_path):
    storefact = pytest.importorskip("storefact")
    folder = functools.partial(storefact.get_store_from_url, "hfs://{}".format(tmp_path))
    assert "fs" in repr(core_store(folder)) and str(tmp_path) in repr(core_store(folder))
    check(folder)
    check(folder())
    check(storefact.get_store_from_url("hmemory://"))


def test_minimalkv(tmp_path):
    minimalkv = pytest.importorskip("minimalkv")
    store = minimalkv.get_store_from_url("hfs://{}".format(tmp_path))
    assert str(tmp_path) in repr(core_store(store))
    check(store)


def test_errors_of_a_store_object_come_through():
    class Broken(DictStore):
        def put(self, key, data):
            raise OSError("no room left")

    with pytest.raises(OSError, match="no room left"):
        store_dataframes_as_dataset(store=Broken(), dataset_uuid="u", dfs=[FRAME])


@pytest.mark.parametrize("store", [None, 1, object()])
def test_no_store(store):
    with pytest.raises(TypeError, match="Provided incompatible store type"):
        ensure_store(store)


def test_store_that_does_not_pickle():
    class Unpicklable(DictStore):
        def __reduce__(self):
            raise RuntimeError("no")

    with pytest.raises(TypeError, match="KeyValueStore not serializable"):
        lazy_store(Unpicklable())
    assert ensure_store(Unpicklable()) is not None


def test_our_store_speaks_simplekv(store_url):
    store = KeyValueStore(store_url)
    assert store.put("a/b", b"1") == "a/b"
    store.put("a/c", b"22")
    store.put("d", b"")
    assert store.get("a/c") == b"22" and store.open("a/b").read() == b"1"
    assert store.keys() == ["a/b", "a/c", "d"] and list(store.iter_keys("a")) == ["a/b", "a/c"]
    assert list(store.iter_prefixes("/")) == ["a/", "d"]
    assert "d" in store and "a" not in store
    store.delete("d")
    store.delete("d")
    with pytest.raises(KeyError):
        store.get("d")
    assert pickle.loads(pickle.dumps(store)).get("a/b") == b"1"
    with pytest.raises(ValueError):
        store.put("../x", b"")


def test_unknown_url():
    with pytest.raises(ValueError, match='[Uu]nknown storage type "nope"'):
        ensure_store("nope://x")


def test_cache(tmp_path):
    """Files of data are read from the cache, whatever the store has by now; documents are not."""
    url = "hfs://{}?cache={}&cache_bytes=100m".format(tmp_path / "data", tmp_path / "cache")
    frame = pd.DataFrame({"x": [1, 2, 3]})
    store_dataframes_as_dataset(store=url, dataset_uuid="d", dfs=[frame])
    assert read_table("d", url)["x"].tolist() == [1, 2, 3]
    (data,) = (tmp_path / "data" / "d" / "table").glob("*.parquet")
    data.write_bytes(b"0" * data.stat().st_size)
    assert read_table("d", url)["x"].tolist() == [1, 2, 3]
    (tmp_path / "data" / "d.by-dataset-metadata.json").unlink()
    with pytest.raises(KeyError):
        read_table("d", url)
