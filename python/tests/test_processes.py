"""Datasets and factories that several threads or processes share."""
import concurrent.futures
import functools
import json
import multiprocessing
import pickle

import pandas as pd
import pytest

import kartothek
from kartothek.core.factory import DatasetFactory
from kartothek.core.index import ExplicitSecondaryIndex, PartitionIndex
from kartothek.core.store import KeyValueStore
from kartothek.io.eager import (
    delete_dataset,
    read_dataset_as_metapartitions,
    read_table,
    store_dataframes_as_dataset,
    update_dataset_from_dataframes,
)

PARTITIONS = 8
ROWS = 100
METHODS = [method for method in ("fork", "spawn") if method in multiprocessing.get_all_start_methods()]


def frame_of(p):
    return pd.DataFrame({"p": [p] * ROWS, "i": range(p * ROWS, (p + 1) * ROWS), "s": ["{} of {}".format(i, p) for i in range(ROWS)]})


@pytest.fixture
def url(store_url):
    frames = [frame_of(p) for p in range(PARTITIONS)]
    store_dataframes_as_dataset(store=store_url, dataset_uuid="d", dfs=frames, partition_on=["p"], secondary_indices=["i"])
    return store_url


def sum_of_query(dataset, p):
    return int(dataset.query([[("p", "==", p)]], columns=["i"]).to_pandas()["i"].sum())


def sum_of_table(factory, p):
    return int(read_table(factory=factory, columns=["i"], predicates=[[("p", "==", p)]])["i"].sum())


def labels_of_index(factory, p):
    return len(factory.load_index("i").indices["i"].eval_operator("==", p * ROWS))


def sum_of(p):
    """By Gauss."""
    return sum(range(p * ROWS, (p + 1) * ROWS))


@pytest.mark.parametrize("loaded", [False, True])
def test_eight_threads_on_one_factory(url, loaded):
    factory = DatasetFactory("d", url)
    if loaded:
        assert len(factory.partitions) == PARTITIONS
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        numbers = [n % PARTITIONS for n in range(80)]
        sums = [pool.submit(sum_of_table, factory, p) for p in numbers]
        labels = [pool.submit(labels_of_index, factory, p) for p in numbers]
        assert [future.result() for future in sums] == [sum_of(p) for p in numbers]
        assert [future.result() for future in labels] == [1] * len(numbers)


def test_eight_threads_on_one_dataset(url):
    dataset = kartothek.open(url, "d")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        numbers = [n % PARTITIONS for n in range(80)]
        assert list(pool.map(lambda p: sum_of_query(dataset, p), numbers)) == [sum_of(p) for p in numbers]
        assert set(pool.map(lambda _: str(dataset.schema()), range(80))) == {"{'p': 'int64', 'i': 'int64', 's': 'string'}"}


def test_eight_threads_on_one_query(url):
    query = kartothek.open(url, "d").query("i < 150")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: len(query.to_pandas()), range(40))) == {150}


def test_eight_threads_write(store_url):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        def store(n):
            return store_dataframes_as_dataset(store=store_url, dataset_uuid="d{}".format(n), dfs=[frame_of(n)]).uuid

        assert sorted(pool.map(store, range(16))) == sorted("d{}".format(n) for n in range(16))
    assert [int(read_table("d{}".format(n), store_url)["i"].sum()) for n in range(16)] == [sum_of(n) for n in range(16)]


@pytest.mark.parametrize("method", METHODS)
def test_processes_with_what_is_open(url, method):
    """What the parent opened, and read with, is used in children; arguments come there pickled."""
    dataset, factory = kartothek.open(url, "d"), DatasetFactory("d", url)
    assert sum_of_query(dataset, 0) == sum_of_table(factory, 0) == sum_of(0)
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.starmap(sum_of_query, [(dataset, p) for p in range(4)]) == [sum_of(p) for p in range(4)]
        assert pool.starmap(sum_of_table, [(factory, p) for p in range(4)]) == [sum_of(p) for p in range(4)]
    assert sum_of_query(dataset, 5) == sum_of(5)


def _inherited(dataset, factory, connection):
    connection.send((sum_of_query(dataset, 1), sum_of_table(factory, 2), labels_of_index(factory, 3)))
    connection.close()


@pytest.mark.skipif("fork" not in METHODS, reason="this system has no fork")
def test_a_forked_child_uses_what_it_inherits(url):
    """Nothing is pickled: the child has the parent's memory and none of its threads."""
    dataset, factory = kartothek.open(url, "d"), DatasetFactory("d", url)
    assert sum_of_query(dataset, 0) == sum_of_table(factory, 0) == sum_of(0)
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_inherited, args=(dataset, factory, theirs))
    child.start()
    assert ours.poll(60) and ours.recv() == (sum_of(1), sum_of(2), 1)
    child.join(60)
    assert child.exitcode == 0
    assert sum_of_query(dataset, 6) == sum_of(6)


def roundtrip(value):
    return [pickle.loads(pickle.dumps(value, protocol)) for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)]


def test_an_open_dataset_is_pickled_with_its_state(url):
    dataset = kartothek.open(url, "d")
    query = dataset.query([[("i", "<", 150)]], columns=["s", "i"])
    texts = pickle.dumps((dataset, query))
    update_dataset_from_dataframes([], store=url, dataset_uuid="d", delete_scope=[{"p": 0}])
    again, asked = pickle.loads(texts)
    assert again.commit == dataset.commit != dataset.refresh().commit
    assert len(again) == PARTITIONS and len(again.refresh()) == PARTITIONS - 1
    assert repr(again) == repr(dataset) and repr(asked) == repr(query)
    assert asked.count() == 150 and list(asked.to_pandas()) == ["s", "i"]


def test_queries_as_text_pickle(url):
    for query in roundtrip(kartothek.open(url, "d").query("i >= 790 and s != '95 of 7'")):
        assert sorted(query.to_pandas()["i"]) == [790, 791, 792, 793, 794, 796, 797, 798, 799]


def test_datasets_without_commits_pickle_as_their_document(url):
    """As a program leaves them that names no commits."""
    store = KeyValueStore(url)
    key = "d.by-dataset-metadata.json"
    document = json.loads(store.get(key).decode())
    del document["metadata"]["ktk.commit"]
    store.put(key, json.dumps(document).encode())
    dataset = kartothek.open(url, "d")
    assert dataset.commit == {}
    text = pickle.dumps(dataset)
    delete_dataset("d", url)
    with pytest.raises(KeyError):
        kartothek.open(url, "d")
    assert len(pickle.loads(text)) == PARTITIONS


@pytest.mark.parametrize("given", [lambda url: url, KeyValueStore, lambda url: functools.partial(KeyValueStore, url)])
def test_datasets_pickle_with_their_store(url, given):
    assert [sum_of_query(dataset, 3) for dataset in roundtrip(kartothek.open(given(url), "d"))] == [sum_of(3)] * (pickle.HIGHEST_PROTOCOL - 1)


def test_a_store_that_does_not_pickle(url):
    with pytest.raises(Exception, match="pickle|local"):
        pickle.dumps(kartothek.open(lambda: KeyValueStore(url), "d"))


def test_metapartitions_and_indices_pickle(url):
    factory = DatasetFactory("d", url)
    factory = factory.load_all_indices()
    explicit, partition = factory.indices["i"], factory.indices["p"]
    assert isinstance(explicit, ExplicitSecondaryIndex) and isinstance(partition, PartitionIndex)
    assert all(again == explicit and again.index_dct == explicit.index_dct for again in roundtrip(explicit))
    assert all(again == partition and again.index_dct == partition.index_dct for again in roundtrip(partition))
    part = read_dataset_as_metapartitions("d", url)[0]
    for again in roundtrip(part):
        assert again == part
    assert all(again.get("d.by-dataset-metadata.json") == KeyValueStore(url).get("d.by-dataset-metadata.json") for again in roundtrip(KeyValueStore(url)))
    assert all(len(again.partitions) == PARTITIONS for again in roundtrip(factory))
