"""Ctrl-C ends long calls, and other threads of Python go on while the library works."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pandas as pd
import pytest

import kartothek
from kartothek._frames import to_arrow
from kartothek.core.dataset import DatasetMetadata
from kartothek.io.eager import (
    build_dataset_indices,
    commit_dataset,
    copy_dataset,
    garbage_collect_dataset,
    read_table,
    store_dataframes_as_dataset,
    update_dataset_from_dataframes,
)

# ---- a real signal, in a process of its own ----

#: A thread sends Ctrl-C as soon as ``reached`` says that the call is in the middle of its work. The library must have let go of the GIL for that.
HEAD = """
    import os, pathlib, signal, sys, threading, time
    import numpy as np, pandas as pd
    import kartothek
    from kartothek.io.eager import *
    from kartothek.io.iter import *

    # Where the tests run in the background the signal is ignored, and Python leaves that so.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    folder = pathlib.Path(sys.argv[1])
    url = "hfs://{}".format(folder)

    def files():
        return sum(len(names) for _, _, names in os.walk(folder))

    def interrupt_when(reached):
        def wait():
            while not reached():
                time.sleep(0.001)
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=wait, daemon=True).start()
"""


def interrupted(script, folder):
    """Run a script; it must print nothing but "interrupted"."""
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(path for path in sys.path if path))
    code = textwrap.dedent(HEAD) + textwrap.dedent(script)
    done = subprocess.run([sys.executable, "-c", code, str(folder)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=300)
    assert (done.returncode, done.stdout.decode()) == (0, "interrupted\n"), done.stderr.decode()


def files(folder):
    return [path for path in pathlib.Path(folder).rglob("*") if path.is_file()]


def test_a_store_leaves_nothing(tmp_path):
    script = """
        df = pd.DataFrame({"p": np.arange(20000), "x": 1})
        interrupt_when(lambda: files() > 100)
        try:
            store_dataframes_as_dataset(store=url, dataset_uuid="d", dfs=[df], partition_on=["p"])
        except KeyboardInterrupt:
            print("interrupted")
    """
    interrupted(script, tmp_path)
    assert not files(tmp_path)


def test_an_update_leaves_what_was(tmp_path):
    url = "hfs://{}".format(tmp_path)
    df = pd.DataFrame({"p": [-1, -2], "x": [3, 4]})
    store_dataframes_as_dataset(store=url, dataset_uuid="d", dfs=[df], partition_on=["p"], secondary_indices=["x"])
    before = sorted(files(tmp_path))
    script = """
        df = pd.DataFrame({"p": np.arange(20000), "x": 1})
        interrupt_when(lambda: files() > 200)
        with kartothek.open(url, "d").update() as update:
            try:
                update.add(df)
            except KeyboardInterrupt:
                print("interrupted")
                raise SystemExit
    """
    interrupted(script, tmp_path)
    assert sorted(files(tmp_path)) == before
    assert read_table("d", url).to_dict("list") == {"p": [-2, -1], "x": [4, 3]} or len(read_table("d", url)) == 2


def many_files(folder, count=300, rows=100_000):
    """A dataset whose files are copies of one; the values of ``s`` are in no order, and "m" is within them and none of them."""
    url = "hfs://{}".format(folder)
    texts = np.array(["a{}".format(i) for i in range(1000)] + ["z{}".format(i) for i in range(1000)], dtype=object)
    df = pd.DataFrame({"s": texts[np.random.RandomState(1).randint(0, len(texts), rows)], "x": np.arange(rows)})
    store_dataframes_as_dataset(store=url, dataset_uuid="d", dfs=[{"label": "l", "data": [("table", df)]}])
    for i in range(count):
        os.link(str(pathlib.Path(folder) / "d" / "table" / "l.parquet"), str(pathlib.Path(folder) / "d" / "table" / "l{}.parquet".format(i)))
    commit_dataset(url, "d", [{"label": "l{}".format(i), "data": [("table", None)]} for i in range(count)])
    assert len(DatasetMetadata.load_from_store("d", url).partitions) == count + 1
    return url


READS = {
    "read": 'read_table("d", url, predicates=[[("x", "<", 0)], [("s", "==", "m")]])',
    "iterate": 'for _ in read_dataset_as_dataframes__iterator("d", url): pass',
    "check": 'kartothek.open(url, "d").check(deep=True)',
    "index": 'build_dataset_indices(url, "d", ["s"])',
    "copy": 'copy_dataset("d", url, "e", url)',
    "compact": 'kartothek.open(url, "d").compact(target_bytes=4 << 20)',
    "verify": 'kartothek.open(url, "indexed").verify_indices()',
}


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    folder = tmp_path_factory.mktemp("large")
    url = many_files(folder)
    indexed = copy_dataset("d", url, "indexed", url)
    assert indexed
    build_dataset_indices(url, "indexed", ["s"])
    return folder


@pytest.mark.parametrize("name", sorted(READS))
def test_what_reads_many_files_can_be_interrupted(large, name):
    """Files that are half read can not be seen from outside: who is told of progress says how far the call is."""
    script = """
        far = []
        interrupt_when(lambda: len(far) > 0)

        def report(done, total, what):
            assert total is None or done < total, "the call was not interrupted"
            far.append(done)

        try:
            with kartothek.progress(report):
                {}
        except KeyboardInterrupt:
            print("interrupted")
    """
    interrupted(script.format(READS[name]), large)
    assert not kartothek.open("hfs://{}".format(large), "d").indices
    with pytest.raises(KeyError):
        kartothek.open("hfs://{}".format(large), "e")


def test_exceptions_of_other_handlers_come_out_too(large):
    script = """
        class Timeout(Exception):
            pass

        def give_up(number, frame):
            raise Timeout

        signal.signal(signal.SIGALRM, give_up)
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        try:
            for _ in range(1000):
                kartothek.open(url, "d").check(deep=True)
        except Timeout:
            print("interrupted")
    """
    interrupted(script, large)


class DictStore(dict):
    """A store in Python; ``before`` is called at each write."""

    def __init__(self, before):
        super().__init__()
        self.before = before

    def put(self, key, data):
        self.before(key)
        self[key] = data
        return key

    def get(self, key):
        return self[key]

    def delete(self, key):
        self.pop(key, None)

    def iter_keys(self, prefix=""):
        return iter([key for key in self if key.startswith(prefix)])

    keys = iter_keys

    def iter_prefixes(self, delimiter, prefix=""):
        return iter([])

    def open(self, key):
        import io

        return io.BytesIO(self[key])


@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="signals come to the main thread")
def test_in_a_method_of_a_store_in_python():
    def before(key):
        if key.endswith(".parquet"):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(10)

    store = DictStore(before)
    # Where the tests run in the background the signal is ignored.
    found = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            store_dataframes_as_dataset(store=lambda: store, dataset_uuid="d", dfs=[pd.DataFrame({"x": [1]})])
    finally:
        signal.signal(signal.SIGINT, found)
    assert not store


def test_an_exception_that_is_no_error_comes_out_of_a_store():
    def before(key):
        raise SystemExit(3)

    store = DictStore(before)
    with pytest.raises(SystemExit) as caught:
        store_dataframes_as_dataset(store=lambda: store, dataset_uuid="d", dfs=[pd.DataFrame({"x": [1]})])
    assert caught.value.code == 3


# ---- the GIL ----


class Counter:
    """
    Counts turns of another thread of Python while this one is in a function of the extension.

    Python takes the GIL from nobody meanwhile: what is counted ran because the function let go of it, however busy the machine is.
    """

    def __enter__(self):
        self.turns = 0
        self._stop = False
        self._interval = sys.getswitchinterval()
        sys.setswitchinterval(1000)
        self._thread = threading.Thread(target=self._count)
        self._thread.start()
        return self

    def _count(self):
        while not self._stop:
            self.turns += 1
            time.sleep(0.0002)

    def during(self, call, function):
        """The number of turns in all calls of ``function``, which is called like that in the extension."""
        counted, starts = [], []

        def profile(frame, event, argument):
            if event.startswith("c_") and argument.__qualname__ == function:
                if event == "c_call":
                    starts.append(self.turns)
                else:
                    counted.append(self.turns - starts.pop())

        sys.setprofile(profile)
        try:
            call()
        finally:
            sys.setprofile(None)
        assert counted, "{} is not called".format(function)
        return sum(counted)

    def goes_on_during(self, call, function):
        """On a busy machine the other thread may come too late for one call, or for some."""
        return any(self.during(call, function) > 0 for _ in range(100))

    def __exit__(self, *_):
        self._stop = True
        self._thread.join()
        sys.setswitchinterval(self._interval)


def test_turns_are_what_tells():
    with Counter() as counter:
        assert not any(counter.during(lambda: sorted(range(200_000), reverse=True), "sorted") for _ in range(20))
        assert counter.goes_on_during(lambda: time.sleep(0.01), "sleep")


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """100,000 partitions, of which just the names are there, and an index of as many values."""
    folder = tmp_path_factory.mktemp("wide")
    url = "hfs://{}".format(folder)
    store_dataframes_as_dataset(store=url, dataset_uuid="d", dfs=[pd.DataFrame({"x": np.arange(300_000), "s": "text"})], secondary_indices=["x"])
    store_dataframes_as_dataset(store=url, dataset_uuid="few", dfs=[pd.DataFrame({"p": [1], "x": [1]})], partition_on=["p"])
    document = json.loads((folder / "few.by-dataset-metadata.json").read_text())
    document["dataset_uuid"] = "many"
    document["partitions"] = {"p={}/l".format(i): {"files": {"table": "few/table/p={}/l.parquet".format(i)}} for i in range(100_000)}
    (folder / "many.by-dataset-metadata.json").write_text(json.dumps(document))
    return url


def long_calls(url, folder):
    """``{name: (call, the function of the extension that does the work)}``"""
    df = pd.DataFrame({"x": np.random.RandomState(1).rand(2_000_000), "y": np.arange(2_000_000) % 7919})
    pieces = pd.DataFrame({"p": np.arange(400), "x": 1})
    own = "hfs://{}".format(folder)
    scope = [{"p": i} for i in range(200)]
    many = ("m", own)
    return {
        "store": (lambda: store_dataframes_as_dataset(store=own, dataset_uuid="s", dfs=[df], overwrite=True), "Update.add_tables"),
        "store many": (lambda: store_dataframes_as_dataset(store=own, dataset_uuid="m", dfs=[pieces], partition_on=["p"], overwrite=True), "Update.commit"),
        "read": (lambda: read_table("s", own), "Dataset.read"),
        "read many": (lambda: read_table(*many), "Dataset.read"),
        "open": (lambda: kartothek.open(url, "many"), "Dataset.open"),
        "index": (lambda: kartothek._core.Dataset.open(kartothek._core.Store.open(url), "d").index_stream("x").read(), "Stream.read"),
        "check": (lambda: kartothek.open(own, "m").check(deep=True), "check"),
        "verify": (lambda: kartothek.open(url, "d").verify_indices(), "index_verify"),
        "compact": (lambda: kartothek.open(own, "m").compact(dry_run=True), "compact"),
        "update": (lambda: update_dataset_from_dataframes([pieces], store=own, dataset_uuid="m", delete_scope=scope), "Update.commit"),
        "collect": (lambda: garbage_collect_dataset(*many, grace=0), "gc"),
    }


def test_other_threads_go_on_meanwhile(wide, tmp_path):
    with Counter() as counter:
        for name, (call, function) in long_calls(wide, tmp_path).items():
            assert counter.goes_on_during(call, function), name


# ---- an update is one thread's at a time ----


def test_an_update_in_a_call_refuses_another():
    inside, on = threading.Event(), threading.Event()

    def before(key):
        if key.endswith(".parquet"):
            inside.set()
            on.wait(60)

    store = DictStore(before)
    update = kartothek._core.Update.begin(kartothek._core.Store.wrap(store, "here"), "d")
    frame = pd.DataFrame({"x": [1]})
    thread = threading.Thread(target=update.add_tables, args=([("table", to_arrow.frame_stream(frame))],))
    thread.start()
    assert inside.wait(60)
    for call in (update.close, update.commit, update.add_nothing, lambda: update.base, lambda: update.set_metadata("{}")):
        with pytest.raises(RuntimeError, match="in the middle of another call"):
            call()
    on.set()
    thread.join()
    update.commit()
    update.close()
    assert "d.by-dataset-metadata.json" in store
