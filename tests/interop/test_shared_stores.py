"""
Datasets in S3 and Azure Blob that the real plateau 4.6.2 and kartothek 5.3.0 share with us: each reads and updates what the other wrote.

They come to the servers that KTK_TEST_S3 and KTK_TEST_AZURE name through minimalkv and simplekv, with the packages of the providers. KTK_PLATEAU_STORES and
KTK_KARTOTHEK_STORES name the Pythons that have all of that.
"""
import json
import os
import pathlib
import subprocess
import uuid

import pandas as pd
import pytest
import test_far_stores

from kartothek.io.eager import read_table, store_dataframes_as_dataset, update_dataset_from_dataframes

#: Makes the store object, as a user of either would, then does one thing with a dataset and prints the rows that it has.
PROGRAM = """
import importlib, json, sys
import pandas as pd

asked = json.loads(sys.stdin.read())
there, name, uid = asked["there"], asked["package"], asked["uuid"]
if asked["kind"] == "azure":
    package = importlib.import_module("minimalkv" if name == "plateau" else "storefact")
    store = lambda: package.get_store("hazure", container=there["container"], connection_string=there["connection"], create_if_missing=False)
elif name == "plateau":
    store = lambda: importlib.import_module("minimalkv").get_store_from_url(there["url"])
else:
    from boto.s3.connection import OrdinaryCallingFormat, S3Connection
    from storefact._hstores import HBotoStore

    connection = S3Connection(there["user"], there["secret"], host=there["name"], port=there["port"], is_secure=False, calling_format=OrdinaryCallingFormat())
    store = lambda: HBotoStore(connection.get_bucket(there["bucket"]))
eager = importlib.import_module(name + ".io.eager")
frame = None if asked["rows"] is None else pd.DataFrame(asked["rows"], columns=["p", "x"])
if asked["what"] == "write":
    eager.store_dataframes_as_dataset(store=store, dataset_uuid=uid, dfs=[frame], partition_on=["p"], secondary_indices=["x"])
elif asked["what"] == "update":
    eager.update_dataset_from_dataframes([frame], store=store, dataset_uuid=uid, delete_scope=[{"p": 1}])
rows = eager.read_table(uid, store)
found = eager.read_table(uid, store, predicates=[[("x", "==", 12)]])
print(json.dumps({"rows": sorted(zip(rows.p.tolist(), rows.x.tolist())), "found": found.p.tolist()}))
"""

FIRST = [(1, 10), (1, 11), (2, 12)]
MORE = [(3, 13), (4, 14)]
AFTER = [(2, 12), *MORE]


class Original:
    def __init__(self, package, kind):
        variable = "KTK_{}_STORES".format(package.upper())
        self.python = os.environ.get(variable, "")
        if not pathlib.Path(self.python).is_file():
            pytest.skip("{} names no Python with {} and its stores".format(variable, package))
        self.package, self.kind = package, kind

    def do(self, what, uid, rows=None):
        there = test_far_stores.server(self.kind)
        if self.kind == "s3":
            name, _, port = there.host.partition(":")
            place = {"url": there.shared_url(), "user": there.user, "secret": there.secret, "name": name, "port": int(port), "bucket": there.bucket}
        else:
            connection = "DefaultEndpointsProtocol=http;AccountName={};AccountKey={};BlobEndpoint={}"
            place = {"container": there.container, "connection": connection.format(there.user, there.secret, there.endpoint)}
        asked = {"what": what, "uuid": uid, "rows": rows, "package": self.package, "kind": self.kind, "there": place}
        done = subprocess.run(
            [self.python, "-W", "ignore", "-c", PROGRAM],
            input=json.dumps(asked).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # Their own packages only: ours has the same name.
            env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        )
        assert done.returncode == 0, done.stderr.decode()
        told = json.loads(done.stdout.decode().strip().split("\n")[-1])
        assert told["found"] == [2]
        return [tuple(row) for row in told["rows"]]


@pytest.fixture(params=["plateau-s3", "plateau-azure", "kartothek-s3", "kartothek-azure"])
def original(request):
    return Original(*request.param.split("-"))


@pytest.fixture
def uid():
    return "shared-{}".format(uuid.uuid4().hex)


@pytest.fixture
def url(original):
    return test_far_stores.server(original.kind).url


def frame_of(rows):
    return pd.DataFrame(rows, columns=["p", "x"])


def rows_of(frame):
    return sorted(zip(frame.p.tolist(), frame.x.tolist()))


def test_they_read_and_update_what_we_wrote(original, url, uid):
    store_dataframes_as_dataset(store=url, dataset_uuid=uid, dfs=[frame_of(FIRST)], partition_on=["p"], secondary_indices=["x"])
    assert original.do("read", uid) == FIRST
    assert original.do("update", uid, MORE) == AFTER
    assert rows_of(read_table(uid, url)) == AFTER
    assert read_table(uid, url, predicates=[[("x", "==", 13)]]).p.tolist() == [3]


def test_we_read_and_update_what_they_wrote(original, url, uid):
    assert original.do("write", uid, FIRST) == FIRST
    assert rows_of(read_table(uid, url)) == FIRST
    assert read_table(uid, url, predicates=[[("x", "==", 11)]]).p.tolist() == [1]
    update_dataset_from_dataframes([frame_of(MORE)], store=url, dataset_uuid=uid, delete_scope=[{"p": 1}])
    assert original.do("read", uid) == AFTER == rows_of(read_table(uid, url))
