"""Long calls tell how far they are, and end with what is raised meanwhile."""
import asyncio
import io
import sys
import threading
import types

import numpy as np
import pandas as pd
import pytest

import kartothek
from kartothek.core.dataset import DatasetMetadata
from kartothek.io.eager import (
    build_dataset_indices,
    copy_dataset,
    garbage_collect_dataset,
    read_dataset_as_dataframes,
    read_dataset_as_metapartitions,
    read_table,
    store_dataframes_as_dataset,
)
from kartothek.io.iter import read_dataset_as_dataframes__iterator

FILES = 40


class Heard(list):
    def __call__(self, done, total, what):
        self.append((done, total, what))

    def of(self, what):
        return [(done, total) for done, total, told in self if told == what]


@pytest.fixture
def url(tmp_path):
    return "hfs://{}".format(tmp_path / "store")


def frame(files=FILES):
    return pd.DataFrame({"p": np.arange(files * 2) % files, "x": np.arange(files * 2)})


def stored(url, **settings):
    store_dataframes_as_dataset(store=url, dataset_uuid="d", dfs=[frame()], partition_on=["p"], **settings)
    return url


def test_all_of_an_activity_is_told_in_the_end(url):
    stored(url)
    heard = Heard()
    with kartothek.progress(heard):
        read_table("d", url)
        copy_dataset("d", url, "e", url)
        kartothek.open(url, "d").check(deep=True)
        build_dataset_indices(url, "d", ["x"])
        kartothek.open(url, "d").verify_indices("x")
        kartothek.open(url, "d").compact(sort_by="x")
    for what in ("files read", "files checked", "files read for an index", "files compared with an index"):
        assert heard.of(what)[-1] == (FILES, FILES), what
    assert heard.of("files written")[0] == (1, None)
    copied = heard.of("files copied")[-1]
    assert copied[0] == copied[1] >= FILES
    for what in {told for _, _, told in heard}:
        done = [count for count, _ in heard.of(what)]
        assert done == sorted(done)


def test_garbage_collection(url, tmp_path):
    stored(url)
    for i in range(FILES):
        (tmp_path / "store" / "d" / "table" / "orphan{}.parquet".format(i)).write_bytes(b"x")
    heard = Heard()
    with kartothek.progress(heard):
        garbage_collect_dataset("d", url, grace=0)
    assert heard.of("files removed")[-1] == (FILES, FILES)


def test_iteration_counts_partitions_and_hides_what_is_within(url):
    stored(url)
    wanted = [(done, FILES, "partitions read") for done in range(1, FILES + 1)]
    heard = Heard()
    with kartothek.progress(heard):
        for done, _ in enumerate(read_dataset_as_dataframes__iterator("d", url), 1):
            assert heard == wanted[:done]
    heard.clear()
    with kartothek.progress(heard):
        read_dataset_as_dataframes("d", url)
        read_dataset_as_metapartitions("d", url)
    assert heard[:FILES] == wanted
    assert [done for done, _, _ in heard[FILES:]] == list(range(1, FILES + 1))


def test_what_the_reporter_raises_ends_a_store_and_nothing_is_left(url, tmp_path):
    class Enough(Exception):
        pass

    def report(done, total, what):
        assert (total, what) == (None, "files written")
        raise Enough(done)

    with pytest.raises(Enough):
        with kartothek.progress(report):
            store_dataframes_as_dataset(store=url, dataset_uuid="d", dfs=[frame(3000)], partition_on=["p"])
    with pytest.raises(KeyError):
        DatasetMetadata.load_from_store("d", url)
    assert not [path for path in (tmp_path / "store").rglob("*") if path.is_file()]


def test_what_the_reporter_raises_ends_a_read(url):
    stored(url)

    def report(done, total, what):
        raise ZeroDivisionError

    with kartothek.progress(report):
        for call in (
            lambda: read_table("d", url),
            lambda: list(read_dataset_as_dataframes__iterator("d", url)),
            lambda: copy_dataset("d", url, "e", url),
            lambda: kartothek.open(url, "d").check(deep=True),
        ):
            with pytest.raises(ZeroDivisionError):
                call()
    assert len(read_table("d", url)) == FILES * 2
    with pytest.raises(KeyError):
        DatasetMetadata.load_from_store("e", url)


def test_nested_the_innermost_is_told(url):
    stored(url)
    outer, inner = Heard(), Heard()
    with kartothek.progress(outer):
        with kartothek.progress(inner):
            read_table("d", url)
        assert inner and not outer
        inner.clear()
        read_table("d", url)
        assert outer and not inner
    outer.clear()
    read_table("d", url)
    assert not outer


def test_a_context_can_be_used_again(url):
    stored(url)
    heard = Heard()
    context = kartothek.progress(heard)
    with context:
        with context:
            read_table("d", url)
        first = len(heard)
        read_table("d", url)
    assert 0 < first < len(heard)


def test_each_thread_and_task_has_its_own(url):
    stored(url)
    heard = [Heard() for _ in range(8)]
    barrier = threading.Barrier(len(heard) + 1)
    quiet = []

    def read(mine):
        with kartothek.progress(mine):
            barrier.wait()
            read_table("d", url)

    def read_quietly():
        barrier.wait()
        quiet.append(len(read_table("d", url)))

    threads = [threading.Thread(target=read, args=(mine,)) for mine in heard] + [threading.Thread(target=read_quietly)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert quiet == [FILES * 2]
    for mine in heard:
        assert mine[-1] == (FILES, FILES, "files read")
        assert [done for done, _, _ in mine] == sorted(done for done, _, _ in mine)

    async def task(mine):
        with kartothek.progress(mine):
            await asyncio.sleep(0)
            read_table("d", url)
            await asyncio.sleep(0)

    async def tasks(all_of_them):
        await asyncio.gather(*map(task, all_of_them))

    alone = [Heard(), Heard()]
    asyncio.run(tasks(alone))
    assert [mine[-1] for mine in alone] == [(FILES, FILES, "files read")] * 2


# ---- what is shown ----


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Bars(types.ModuleType):
    """tqdm.auto, as far as it is used."""

    def __init__(self):
        super().__init__("tqdm.auto")
        self.made = []
        outer = self

        class tqdm:
            def __init__(self, total, desc, unit):
                self.total, self.desc, self.n, self.closed = total, desc, 0, False
                outer.made.append(self)

            def update(self, n):
                assert not self.closed and n >= 0
                self.n += n

            def close(self):
                self.closed = True

        self.tqdm = tqdm


@pytest.fixture
def bars(monkeypatch):
    bars = Bars()
    monkeypatch.setitem(sys.modules, "tqdm", types.ModuleType("tqdm"))
    monkeypatch.setitem(sys.modules, "tqdm.auto", bars)
    return bars


def test_a_bar_for_each_activity_on_a_terminal(url, bars, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with kartothek.progress():
        stored(url)
        read_table("d", url)
        read_table("d", url)
        next(read_dataset_as_dataframes__iterator("d", url))
    read = [bar for bar in bars.made if bar.desc == "files read"]
    assert [(bar.n, bar.total) for bar in read] == [(FILES, FILES)] * 2
    assert [(bar.n, bar.total) for bar in bars.made if bar.desc == "partitions read"] == [(1, FILES)]
    assert all(bar.closed for bar in bars.made)


def test_nothing_where_there_is_no_terminal(url, bars, monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with kartothek.progress():
        stored(url)
        read_table("d", url)
    assert not bars.made and not sys.stderr.getvalue()
    monkeypatch.setattr(sys, "stderr", None)
    with kartothek.progress():
        read_table("d", url)


def test_a_bar_in_a_notebook(url, bars, monkeypatch):
    stored(url)
    kernel = types.ModuleType("IPython")
    kernel.get_ipython = lambda: types.SimpleNamespace(config={"IPKernelApp": {}})
    monkeypatch.setitem(sys.modules, "IPython", kernel)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with kartothek.progress():
        read_table("d", url)
    assert [bar.desc for bar in bars.made] == ["files read"]


def test_a_line_without_tqdm(url, monkeypatch):
    stored(url)
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    monkeypatch.setattr(sys, "stderr", Terminal())
    with kartothek.progress():
        read_table("d", url)
    text = sys.stderr.getvalue()
    assert text.endswith("\rfiles read: 40 of 40\n") and text.count("\n") == 1


def test_tqdm_itself(url, monkeypatch):
    pytest.importorskip("tqdm", reason="tqdm is not installed")
    stored(url)
    monkeypatch.setattr(sys, "stderr", Terminal())
    with kartothek.progress():
        read_table("d", url)
    assert "files read: 100%" in sys.stderr.getvalue()
