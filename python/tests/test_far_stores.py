"""
S3 and Azure from Python: every way of naming a store leads to the library's own where the settings allow it, and to the object itself else.

Runs against the servers that KTK_TEST_S3 and KTK_TEST_AZURE name, with the keys that the environment holds for them.
"""
import functools
import importlib
import multiprocessing
import os
import pickle
import uuid
from urllib.parse import parse_qs, quote, urlsplit

import pandas as pd
import pytest

import kartothek
from kartothek.core.store import KeyValueStore
from kartothek.core.utils import core_store, ensure_store, lazy_store
from kartothek.io.eager import delete_dataset, read_table, store_dataframes_as_dataset

FRAME = pd.DataFrame({"p": [1, 1, 2], "x": ["a", "b", "c"]})


class S3:
    def __init__(self, url):
        self.url = url
        self.bucket = urlsplit(url).netloc
        self.endpoint = parse_qs(urlsplit(url).query)["endpoint"][0]
        self.host = urlsplit(self.endpoint).netloc
        self.user, self.secret = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]

    def shared_url(self, scheme="hs3", query="force_bucket_suffix=false&is_secure=false&create_if_missing=false"):
        """As minimalkv reads it."""
        who = "{}:{}".format(quote(self.user, safe=""), quote(self.secret, safe=""))
        return "{}://{}@{}/{}?{}".format(scheme, who, self.host, self.bucket, query)

    def minimalkv(self):
        pytest.importorskip("s3fs")
        return importlib.import_module("minimalkv").get_store_from_url(self.shared_url())

    def boto3(self):
        stores = pytest.importorskip("minimalkv._hstores")
        boto3 = pytest.importorskip("boto3")
        return stores.HBoto3Store(boto3.resource("s3", endpoint_url=self.endpoint, region_name="us-east-1").Bucket(self.bucket))

    def boto(self):
        pytest.importorskip("boto.vendored.six.moves")
        params = {"host": self.host, "bucket": self.bucket, "access_key": self.user, "secret_key": self.secret}
        return pytest.importorskip("minimalkv").get_store("hs3", force_bucket_suffix=False, **params)

    def spellings(self):
        yield "url", lambda: self.url
        yield "storefact-factory-of-our-url", lambda: functools.partial(pytest.importorskip("storefact").get_store_from_url, self.url)
        yield "hs3-url", self.shared_url
        yield "boto-url", lambda: self.shared_url("boto")
        yield "factory-of-ours", lambda: functools.partial(KeyValueStore, self.url)
        yield "minimalkv-factory", lambda: functools.partial(pytest.importorskip("minimalkv").get_store_from_url, self.shared_url())
        query = "force_bucket_suffix=false&create_if_missing=false"
        yield "storefact-factory", lambda: functools.partial(pytest.importorskip("storefact").get_store_from_url, self.shared_url(query=query))
        yield "minimalkv", self.minimalkv
        yield "boto3", self.boto3
        yield "boto", self.boto


class Azure:
    def __init__(self, url):
        self.url = url
        self.container = os.environ["AZURE_CONTAINER"]
        self.endpoint = os.environ["AZURE_ENDPOINT"]
        self.user, self.secret = os.environ["AZURE_STORAGE_ACCOUNT"], os.environ["AZURE_STORAGE_KEY"]

    def shared_url(self, endpoint="blob_endpoint"):
        """As storefact reads it."""
        query = "{}={}&default_endpoints_protocol=http&create_if_missing=false".format(endpoint, quote(self.endpoint, safe=""))
        return "hazure://{}:{}@{}?{}".format(self.user, quote(self.secret, safe=""), self.container, query)

    def of(self, package):
        pytest.importorskip("azure.storage.blob")
        connection = "DefaultEndpointsProtocol=http;AccountName={};AccountKey={};BlobEndpoint={}".format(self.user, self.secret, self.endpoint)
        params = {"connection_string": connection, "container": self.container, "account_name": "", "account_key": ""}
        return pytest.importorskip(package).get_store("hazure", create_if_missing=True, **params)

    def storefact(self):
        pytest.importorskip("azure.storage.blob")
        return pytest.importorskip("storefact").get_store_from_url(self.shared_url())

    def spellings(self):
        yield "url", lambda: self.url
        yield "storefact-factory-of-our-url", lambda: functools.partial(pytest.importorskip("storefact").get_store_from_url, self.url)
        yield "hazure-url", self.shared_url
        yield "factory-of-ours", lambda: functools.partial(KeyValueStore, self.url)
        yield "storefact-factory", lambda: functools.partial(pytest.importorskip("storefact").get_store_from_url, self.shared_url())
        yield "storefact-from-url", self.storefact
        yield "storefact", lambda: self.of("storefact")
        yield "minimalkv", lambda: self.of("minimalkv")


SERVERS = {"s3": (S3, "KTK_TEST_S3"), "azure": (Azure, "KTK_TEST_AZURE")}
#: Without a server there is one skip for each test, not one for each of its cases.
THERE = [kind for kind, (_, variable) in SERVERS.items() if os.environ.get(variable)]
METHODS = [method for method in ("fork", "spawn") if method in multiprocessing.get_all_start_methods()]


def server(kind):
    make, variable = SERVERS[kind]
    url = os.environ.get(variable)
    if not url:
        pytest.skip("{} names no server".format(variable))
    return make(url)


@pytest.fixture(params=THERE)
def far(request):
    return server(request.param)


def cases():
    """Names alone: what a spelling needs may be absent."""
    for kind in THERE:
        for name, _ in object.__new__(SERVERS[kind][0]).spellings():
            yield pytest.param(kind, name, id="{}-{}".format(kind, name))


def spelled(kind, name):
    return dict(server(kind).spellings())[name]()


def check(store, uid):
    store_dataframes_as_dataset(store=store, dataset_uuid=uid, dfs=[FRAME], partition_on=["p"])
    result = read_table(dataset_uuid=uid, store=store)
    assert result.p.tolist() == [1, 1, 2] and result.x.tolist() == ["a", "b", "c"]
    assert read_table(dataset_uuid=uid, store=store, predicates=[[("p", "==", 2)]]).x.tolist() == ["c"]


@pytest.fixture
def uid():
    return "u-{}".format(uuid.uuid4().hex)


@pytest.mark.parametrize("kind, name", list(cases()))
def test_every_spelling_is_the_same_place(kind, name, uid):
    there, store = server(kind), spelled(kind, name)
    shown = [repr(core_store(store)), repr(lazy_store(store))] if isinstance(store, str) else [repr(core_store(store))]
    assert shown[0] == repr(core_store(there.url))
    assert not any(there.secret in text or quote(there.secret, safe="") in text for text in shown)
    check(store, uid)
    assert read_table(dataset_uuid=uid, store=there.url).x.tolist() == ["a", "b", "c"]
    delete_dataset(dataset_uuid=uid, store=store)
    assert core_store(there.url).keys(uid) == []


def objects(there):
    store = dict(there.spellings())["minimalkv"]()
    decorators = pytest.importorskip("minimalkv.decorator")
    return store, decorators


def test_wrappers(far, uid):
    store, decorators = objects(far)
    check(decorators.PrefixDecorator(uid + "-", store), "d")
    assert [key for key in core_store(far.url).keys(uid) if key.endswith("-metadata.json")] == [uid + "-d.by-dataset-metadata.json"]
    below = repr(core_store(far.url))[:-1]
    assert repr(core_store(decorators.PrefixDecorator("a/", store))) == below + " (below 'a/')>"
    assert repr(core_store(functools.partial(decorators.ReadOnlyDecorator, store))) == below + " (read-only)>"
    check(decorators.URLEncodeKeysDecorator(store), uid)
    assert any(uid + "%2Ftable%2Fp%3D2" in key for key in store.iter_keys(uid))
    with pytest.raises(OSError, match="read-only"):
        core_store(functools.partial(decorators.ReadOnlyDecorator, store)).put("a", b"")


def test_caches_and_classes_of_the_user_are_called_back(far, uid):
    store, _ = objects(far)
    minimalkv = pytest.importorskip("minimalkv")
    cached = pytest.importorskip("minimalkv.cache").CacheDecorator(minimalkv.get_store("hmemory"), store)
    check(cached, uid)
    assert cached.cache.keys() and "CacheDecorator" in repr(core_store(cached))
    puts = []

    class Counting(type(store)):
        def put(self, key, data):
            puts.append(key)
            return super().put(key, data)

    store.__class__ = Counting
    store_dataframes_as_dataset(store=store, dataset_uuid=uid, dfs=[FRAME], overwrite=True)
    assert puts and "Counting" in repr(core_store(store))
    assert read_table(dataset_uuid=uid, store=far.url).x.tolist() == ["a", "b", "c"]


def test_no_secret_is_told(far):
    wrong = far.shared_url().replace(quote(far.secret, safe=""), quote("a/wrong+secret12", safe=""))
    for fails in (lambda: read_table(dataset_uuid="d", store=wrong), lambda: ensure_store(wrong).put("k", b"")):
        with pytest.raises(Exception) as caught:
            fails()
        told = "{0!r} {0}".format(caught.value)
        assert "wrong+secret" not in told and quote("a/wrong+secret12", safe="") not in told
    assert "wrong" not in repr(lazy_store(wrong)) + repr(KeyValueStore(wrong))
    assert b"connection" not in pickle.dumps(KeyValueStore(far.url))


def sum_of(dataset, connection=None):
    total = int(dataset.query("p >= 0", columns=["p"]).to_pandas()["p"].sum())
    if connection is None:
        return total
    connection.send(total)
    connection.close()


@pytest.mark.parametrize("method", METHODS)
def test_processes_after_use(far, uid, method):
    """A child has connections of its own, and the parent's still work."""
    store = KeyValueStore(far.url)
    check(store, uid)
    dataset = kartothek.open(store, uid)
    assert sum_of(dataset) == 4
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(sum_of, [dataset] * 8) == [4] * 8
    assert sum_of(dataset) == 4


@pytest.mark.skipif("fork" not in METHODS, reason="this system has no fork")
def test_forked_children_use_what_they_inherit(far, uid):
    store = KeyValueStore(far.url)
    check(store, uid)
    dataset = kartothek.open(store, uid)
    context = multiprocessing.get_context("fork")
    running = []
    for _ in range(4):
        ours, theirs = context.Pipe(duplex=False)
        running.append((context.Process(target=sum_of, args=(dataset, theirs)), ours))
        running[-1][0].start()
        assert sum_of(dataset) == 4
    for child, ours in running:
        assert ours.poll(60) and ours.recv() == 4
        child.join(60)
        assert child.exitcode == 0


def test_workers_of_dask(far, uid):
    distributed = pytest.importorskip("distributed")
    delayed = pytest.importorskip("dask").delayed
    from kartothek.io.dask.delayed import read_dataset_as_delayed, update_dataset_from_delayed

    frames = [pd.DataFrame({"p": [n] * 10, "x": range(10)}) for n in range(8)]
    with distributed.LocalCluster(n_workers=4, threads_per_worker=1, dashboard_address=None) as cluster, distributed.Client(cluster) as client:
        client.compute(update_dataset_from_delayed([delayed(frame) for frame in frames], store=far.url, dataset_uuid=uid, partition_on=["p"])).result()
        parts = client.gather(client.compute(read_dataset_as_delayed(dataset_uuid=uid, store=far.url)))
    assert sorted(int(part["table"]["p"].iloc[0]) for part in parts) == list(range(8))
    assert sum(len(part["table"]) for part in parts) == 80
