"""kartothek.open and kartothek.create: Arrow data in and out, of every library that is there."""
import datetime
import threading

import pandas as pd
import pytest

import kartothek
from kartothek.exceptions import DatasetExists
from kartothek.io.eager import read_table, store_dataframes_as_dataset

FRAME = pd.DataFrame({"p": [1, 1, 2], "x": [10, 20, 30], "s": ["a", None, "c"]})


@pytest.fixture
def dataset(store_url):
    with kartothek.create(store_url, "u", partition_on="p", indices=["x"], metadata={"k": 1}) as update:
        update.add(FRAME)
    return kartothek.open(store_url, "u")


def rows(frame):
    return sorted(map(tuple, frame[["p", "x"]].itertuples(index=False)))


def test_a_dataset_tells_what_it_is(dataset):
    assert dataset.uuid == "u" and dataset.tables == ["table"] and dataset.partition_keys == ["p"]
    assert dataset.indices == ["x"] and dataset.metadata["k"] == 1 and len(dataset) == 2
    assert dataset.schema() == {"p": "int64", "s": "string", "x": "int64"}
    assert dataset.commit["op"] == "create" and dataset.commit["seq"] == 1
    text = repr(dataset)
    assert "Dataset 'u'" in text and "partitions  2 by p" in text and "x: int64" in text and "1 (create)" in text
    assert "<td>2 by p</td>" in dataset._repr_html_()


def test_rows_are_queried_by_text_and_by_predicates(dataset):
    assert rows(dataset.query().to_pandas()) == rows(FRAME)
    assert dataset.query("x > 10 and p == 1").to_pandas().x.tolist() == [20]
    assert dataset.query([[("x", ">", 10), ("p", "==", 1)]], columns=["x"]).to_pandas().x.tolist() == [20]
    assert list(dataset.query(columns=["x", "p"]).to_pandas().columns) == ["x", "p"]
    assert dataset.query("s is null").count() == 1 and dataset.query().count() == 3
    assert repr(dataset.query("x > 10", ["x"])) == "<Query of 'u': table='table', where='x > 10', columns=['x']>"


def test_a_mistake_in_a_query_is_told_at_once(dataset):
    with pytest.raises(ValueError, match="expected a value after"):
        dataset.query("x >> 10")
    with pytest.raises((KeyError, ValueError), match="'y'"):
        dataset.query("y == 1")
    with pytest.raises((KeyError, ValueError), match="'y'"):
        dataset.query(columns=["y"])


def test_arrow_goes_out_to_other_libraries(dataset):
    pa = pytest.importorskip("pyarrow", minversion="14")
    query = dataset.query("p == 1", ["x", "s"])
    assert pa.table(query).to_pydict() == {"x": [10, 20], "s": ["a", None]}
    assert query.to_arrow().num_rows == 2


def test_polars_goes_in_and_out(dataset):
    pl = pytest.importorskip("polars")
    assert dataset.query("p == 1", ["x"]).to_polars()["x"].to_list() == [10, 20]
    with dataset.update() as update:
        update.add(pl.DataFrame({"p": [3], "x": [40], "s": ["d"]}))
    assert rows(dataset.refresh().query().to_pandas()) == rows(FRAME) + [(3, 40)]


def test_duckdb_goes_in(dataset):
    duckdb = pytest.importorskip("duckdb")
    relation = duckdb.sql("select 3::bigint p, 40::bigint x, 'd' s")
    if not hasattr(relation, "__arrow_c_stream__"):
        pytest.skip("this DuckDB does not hand out Arrow streams")
    with dataset.update() as update:
        update.add(relation)
    assert dataset.refresh().query("p == 3").to_pandas().x.tolist() == [40]


def test_batches_and_tables_of_pyarrow_go_in(dataset):
    pa = pytest.importorskip("pyarrow", minversion="14")
    batch = pa.record_batch([pa.array([3]), pa.array([40]), pa.array(["d"])], names=["p", "x", "s"])

    class OnlyArray:
        def __arrow_c_array__(self, requested_schema=None):
            return batch.__arrow_c_array__(requested_schema)

    with dataset.update() as update:
        update.add(batch).add(pa.table({"p": [4], "x": [50], "s": ["e"]})).add(OnlyArray())
    assert rows(dataset.refresh().query().to_pandas()) == rows(FRAME) + [(3, 40), (3, 40), (4, 50)]
    with pytest.raises(TypeError, match="holds no Arrow data"):
        kartothek._core.parquet_write(object(), None)


def test_a_change_is_one_commit(dataset):
    with dataset.update() as update:
        update.delete("p == 1")
        update.add(FRAME[FRAME.p == 1])
        update.set_metadata({"l": 2})
        update.drop_index("x")
        update.build_index("s")
    now = dataset.refresh()
    assert rows(now.query().to_pandas()) == rows(FRAME)
    assert now.indices == ["s"] and now.metadata["k"] == 1 and now.metadata["l"] == 2
    assert [entry["operation"] for entry in now.history()] == ["replace", "create"]
    assert dataset.indices == ["x"], "the snapshot stays what it was"


def test_an_exception_takes_everything_back(dataset, store_url):
    with pytest.raises(ZeroDivisionError):
        with dataset.update() as update:
            update.add(FRAME)
            1 / 0
    assert dataset.refresh().commit == dataset.commit
    with pytest.raises(DatasetExists):
        kartothek.create(store_url, "u")
    with kartothek.create(store_url, "u", overwrite=True) as update:
        update.add(FRAME[:1])
    assert len(kartothek.open(store_url, "u")) == 1


@pytest.mark.parametrize("scope", ["x == 20", [[("x", "==", 20)]], [{"x": 20}]])
def test_rows_are_deleted(dataset, scope):
    with pytest.raises(ValueError, match="x"):
        dataset.update().delete(scope)
    with dataset.update(delete_mode="rows") as update:
        update.delete(scope)
    assert rows(dataset.refresh().query().to_pandas()) == [(1, 10), (2, 30)]
    with pytest.raises(ValueError, match="which rows"):
        dataset.update().delete(None)


def test_history_is_opened_and_restored(dataset, store_url):
    with dataset.update() as update:
        update.delete("p == 1")
    assert len(kartothek.open(store_url, "u", version=1)) == 2
    assert len(kartothek.open(store_url, "u", at=datetime.datetime.now(datetime.timezone.utc))) == 1
    assert rows(dataset.restore(1).query().to_pandas()) == rows(FRAME)
    with pytest.raises(KeyError):
        kartothek.open(store_url, "v")


def test_what_is_broken_is_found(dataset, store_url):
    assert dataset.check() == [] == dataset.check(deep=True)
    store = kartothek.core.utils.ensure_store(store_url)
    key = next(key for key in store.keys("u/table/p=1/"))
    store.delete(key)
    (finding,) = dataset.check()
    assert finding["severity"] == "error" and finding["what"] == "missing-file" and finding["key"] == key


@pytest.fixture
def small_files(store_url):
    """Three files of each value of ``p``, an index, and what is in it."""
    frame = pd.DataFrame({"p": [1, 1, 2], "x": [30, 10, 20], "s": ["b", None, "c"]})
    store_dataframes_as_dataset(store=store_url, dataset_uuid="u", dfs=[frame] * 3, partition_on="p", secondary_indices="x")
    return kartothek.open(store_url, "u")


def test_small_files_are_put_together(small_files):
    before = rows(small_files.query().to_pandas())
    told = small_files.compact(dry_run=True)
    assert (told["partitions_before"], told["partitions_after"], told["rows"], told["commit"]) == (6, 2, 0, None)
    assert len(small_files.refresh()) == 6 and small_files.refresh().commit == small_files.commit
    done = small_files.compact(where="p == 1", sort_by=["x"])
    after = small_files.refresh()
    assert (done["partitions_before"], done["partitions_after"], done["rows"]) == (3, 1, 6) and done["bytes_before"] > 0
    assert done["commit"] == after.commit["id"] and after.commit["op"] == "compact" and len(after) == 4
    assert after.query("p == 1").to_pandas().x.tolist() == [10] * 3 + [30] * 3
    assert rows(after.query().to_pandas()) == before == rows(small_files.query().to_pandas())
    assert after.indices == ["x"] and all(index["right"] for index in after.verify_indices()) and after.check(deep=True) == []
    assert after.compact([[("p", "==", 1)]])["commit"] is None
    assert after.compact(target_bytes=1)["partitions_before"] == 0


def test_compaction_tells_what_cannot_be_done(small_files):
    before = small_files.commit
    for wrong, error in (
        ({"where": "x == 1"}, ValueError),
        ({"where": "p >> 1"}, ValueError),
        ({"sort_by": "nope"}, KeyError),
        ({"compression": "nope"}, ValueError),
        ({"target_bytes": 0}, ValueError),
    ):
        with pytest.raises(error):
            small_files.compact(**wrong)
    assert small_files.refresh().commit == before


def test_an_index_that_says_something_else_is_found(small_files, store_url):
    (index,) = small_files.verify_indices("x")
    assert index == {"column": "x", "right": True, "problem": None, "unknown_partitions": 0, "stale_labels": 0, "differences": []}
    with pytest.raises(KeyError, match="no index on 's'"):
        small_files.verify_indices(["x", "s"])
    # The index of a dataset that has other values in the same partitions.
    store = kartothek.core.utils.ensure_store(store_url)
    other = pd.DataFrame({"p": [1, 1, 1], "x": [30, 11, 12]})
    (label, *_) = [label for label in small_files._snapshot.labels() if label.startswith("p=1/")]
    name = label.split("/")[1]
    store_dataframes_as_dataset(store=store_url, dataset_uuid="o", dfs=[{"label": name, "data": [("table", other)]}], partition_on="p", secondary_indices="x")
    keys = [kartothek.open(store_url, uuid)._snapshot.indices["x"] for uuid in ("u", "o")]
    store.put(keys[0], store.get(keys[1]))
    (index,) = small_files.verify_indices()
    assert not index["right"] and index["problem"] is None and index["unknown_partitions"] == 5
    assert {"label": label, "missing_values": 1, "excess_values": 2} in index["differences"] and len(index["differences"]) == 6
    store.delete(keys[0])
    (index,) = small_files.verify_indices()
    assert not index["right"] and keys[0] in index["problem"]
    with small_files.update() as update:
        update.build_index("x")
    assert small_files.refresh().verify_indices()[0]["right"]


def test_several_tables_want_a_choice(store_url):
    import json

    store_dataframes_as_dataset(store=store_url, dataset_uuid="u", dfs=[FRAME])
    assert kartothek.open(store_url, "u").query(table="table").count() == 3
    store = kartothek.core.utils.ensure_store(store_url)
    document = json.loads(store.get("u.by-dataset-metadata.json"))
    for part in document["partitions"].values():
        part["files"]["other"] = part["files"]["table"].replace("/table/", "/other/")
        store.put(part["files"]["other"], store.get(part["files"]["table"]))
    store.put("u/other/_common_metadata", store.get("u/table/_common_metadata"))
    store.put("u.by-dataset-metadata.json", json.dumps(document).encode())
    with pytest.raises(ValueError, match="several tables, choose one of: .*other"):
        kartothek.open(store_url, "u").query()
    assert kartothek.open(store_url, "u").query(table="other").count() == 3
    with kartothek.open(store_url, "u").update() as update:
        with pytest.raises(ValueError, match="several tables, give a dict of: .*other"):
            update.add(FRAME)
        update.add({"table": FRAME, "other": FRAME[:1]})
    assert kartothek.open(store_url, "u").query(table="other").count() == 4


def test_threads_share_a_dataset(dataset):
    found = []
    threads = [threading.Thread(target=lambda: found.append(rows(dataset.query("p >= 1").to_pandas()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [rows(FRAME)] * 8


def test_the_other_interface_sees_the_same(dataset, store_url):
    assert rows(read_table("u", store_url)) == rows(FRAME)
