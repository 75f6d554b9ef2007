"""Runs what keeps datasets up with ktk; prints TAP. Arguments: the program, the source root."""

import json
import os
import re
import shutil
import time

from harness import GOLDEN, PEOPLE, SOURCE, bad, equal, golden, good, main, people, run, test, write_text


def with_garbage(folder):
    """A store in which four files of the dataset upd_garbage are named by nothing."""
    store = folder / "garbage"
    shutil.copytree(GOLDEN / "updates", store)
    return store, json.loads((SOURCE / "tests/data/golden/expected/k53/upd_garbage.json").read_text())


@test
def collects_garbage_in_two_runs(folder):
    store, expected = with_garbage(folder)
    files = {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}
    plan = good("gc", "upd_garbage", "--json", store=store).json()
    equal([file["file"] for file in plan["files"]], expected["garbage"])
    equal({file["state"] for file in plan["files"]}, {"waiting"})
    assert "nothing was changed, --yes does it" in good("gc", "upd_garbage", store=store).out
    equal({path: path.read_bytes() for path in store.rglob("*") if path.is_file()}, files)
    equal(good("gc", "upd_garbage", "--yes", "--json", store=store).json()["waiting"]["files"], 4)
    for path in store.rglob("*"):  # four days pass; the note is younger than what it notes
        os.utime(path, (time.time() - (4 if "gc" in path.parts else 5) * 86400,) * 2)
    equal(good("gc", "upd_garbage", "--json", store=store).json()["due"]["files"], 4)
    removed = good("gc", "upd_garbage", "--yes", store=store).out
    assert removed.endswith("\n4 files removed, 44 B; 0 waiting, 0 B\n"), removed
    kept = {str(path.relative_to(store)) for path in store.rglob("*") if path.is_file() and "_ktk" not in path.parts}
    equal(kept & set(expected["keys"]), set(expected["keys"]) - set(expected["garbage"]))
    equal(len(kept), len(files) - 4)
    equal(good("gc", "upd_garbage", store=store).out, "0 files to remove, 0 B; 0 waiting, 0 B; nothing was changed\n")


@test
def collects_at_once_where_that_is_asked_for_twice(folder):
    store, expected = with_garbage(folder)
    bad(1, "grace", "gc", "upd_garbage", "--grace", "59m", store=store)
    done = good("gc", "upd_garbage", "--grace", "0", "--history", "0", "--short-grace", "--yes", "--json", store=store).json()
    equal(done["removed"]["files"], len(expected["garbage"]))
    bad(2, "--grace '3x' is no time", "gc", "upd_garbage", "--grace", "3x", store=store)
    bad(3, "'nope'", "gc", "nope", store=store)


@test
def checks_datasets(folder):
    equal(good("check", "upd_append", store=golden("updates")).out, "0 errors, 0 warnings in 8 files and 1 index, of which the data were not read\n")
    sound = good("check", "upd_append", "--deep", "--json", store=golden("updates")).json()
    equal((sound["errors"], sound["warnings"], sound["partitions"], sound["findings"]), (0, 0, 8, []))
    assert sound["rows"] > 0
    store = folder / "broken"
    shutil.copytree(GOLDEN / "updates", store)
    lost = next(store.glob("upd_append/table/P=2/*.parquet"))
    lost.unlink()
    result = run("check", "upd_append", "--json", store=store)
    equal((result.code, result.err), (5, ""))
    key = str(lost.relative_to(store))
    equal([(f["severity"], f["what"], f["key"]) for f in result.json()["findings"]], [("error", "missing-file", key)])
    table = run("check", "upd_append", store=store)
    equal(table.code, 5)
    assert key in table.out and table.out.splitlines()[-1].startswith("1 error, 0 warnings"), table.out
    bad(3, "'nope'", "check", "nope", store=store)


@test
def copies_and_drops_datasets(folder):
    store = folder / "store"
    other = folder / "other"
    shutil.copytree(GOLDEN / "updates", store)
    rows = good("read", "upd_append", "--format", "csv", store=store).out
    assert good("copy", "upd_append", "second", store=store).out.startswith("copied 'upd_append' to 'second': 8 partitions, ")
    equal(good("copy", "second", "--to", other, "--json", store=store).json()["files"], 9)
    equal(good("read", "second", "--format", "csv", store=store).out, rows)
    equal(good("read", "second", "--format", "csv", store=other).out, rows)
    equal(good("check", "second", "--deep", "--json", store=other).json()["findings"], [])
    bad(4, "'second' already exists", "copy", "upd_append", "second", store=store)
    bad(2, "another name", "copy", "upd_append", store=store)
    bad(3, "'nope'", "copy", "nope", "x", store=store)
    before = {path: path.read_bytes() for path in store.rglob("*") if path.is_file()}
    plan = good("drop", "second", store=store).out
    assert re.fullmatch(r"would remove 'second': 13 files, [^;]+; nothing was changed, --yes does it\n", plan), plan
    equal(good("drop", "second", "--dry-run", "--json", store=store).json()["removed"], False)
    equal({path: path.read_bytes() for path in store.rglob("*") if path.is_file()}, before)
    bad(2, "--dry-run", "drop", "second", "--yes", "--dry-run", store=store)
    assert good("drop", "second", "--yes", store=store).out.startswith("removed 'second': 13 files, ")
    left = {path for path in store.rglob("*") if path.is_file()}
    equal(left, {path for path in before if not path.relative_to(store).parts[0].startswith("second")})
    bad(3, "'second'", "drop", "second", "--yes", store=store)
    # What a drop that was killed has left.
    rest = store / "second" / "table" / "p=1" / "left.parquet"
    rest.parent.mkdir(parents=True)
    rest.write_bytes(b"x")
    bad(3, "'second'", "gc", "second", store=store)
    equal(good("gc", "second", "--dropped", "--json", store=store).json()["waiting"], {"files": 1, "size": 1})
    good("gc", "second", "--dropped", "--grace", "0", "--short-grace", "--yes", store=store)
    equal({path for path in store.rglob("*") if path.is_file()}, left)
    bad(3, "'second'", "gc", "second", "--dropped", store=store)


@test
def hashes_rows_whatever_their_order(folder):
    store = people(folder)
    # What pandas' hash_pandas_object() sums up to, worked out once.
    text = write_text(folder / "two.csv", "a,b\n1,x\n2,y\n")
    good("write", "two", text, store=store)
    equal(good("hash", "two", "--columns", "a", store=store).out, "{}\n".format(11358988112447789330 + 826468140851422801))
    whole = good("hash", "people", store=store).out
    equal(good("hash", "people", "--json", store=store).json(), {"dataset": "people", "rows": 3, "hash": whole.strip()})
    head, *rows = PEOPLE.splitlines()
    good("write", "turned", write_text(folder / "turned.csv", "\n".join([head, *reversed(rows)]) + "\n"), "--partition-on", "member", store=store)
    equal(good("hash", "turned", "--columns", "name,member", store=store).out, good("hash", "people", "--columns", "name,member", store=store).out)
    assert good("hash", "people", "--where", "name == Ann", store=store).out != whole
    bad(3, "'nope'", "hash", "people", "--columns", "nope", store=store)
    bad(3, "'nope'", "hash", "nope", store=store)


@test
def shows_statistics_of_partitions(folder):
    store = golden("updates")
    found = good("stats", "upd_append", "--json", store=store).json()
    equal((found["partitions"], found["row_groups"], found["rows"], len(found["each_partition"])), (8, 8, 8, 8))
    equal(sum(one["compressed_size"] for one in found["each_partition"]), found["compressed_size"])
    assert found["compressed_size"] != found["uncompressed_size"]  # D-27: they are told apart
    groups = good("stats", "upd_append", "--row-groups", "--where", "P == 2", "--json", store=store).json()["each_row_group"]
    equal([(one["partition"][:4], one["row_group"], one["rows"]) for one in groups], [("P=2/", 0, 1)] * 2)
    assert good("stats", "upd_append", store=store).out.splitlines()[-1].startswith("8 rows in 8 row groups of 8 partitions, ")
    bad(3, "'nope'", "stats", "upd_append", "--table", "nope", store=store)


@test
def checks_stores(folder):
    store = folder / "store"
    store.mkdir()
    said = good("store", "check", store).out.splitlines()
    equal(said[0].split()[0], "store")
    equal([line.split() for line in said[1:-1]], [[right, "yes"] for right in ("list", "read", "write", "delete", "commit")] + [["conditions", "swap"]])
    equal(said[-1], "datasets can be kept here safely")
    equal([path for path in store.rglob("*") if path.is_file()], [])
    facts = good("store", "check", "--json", store="hmemory://").json()
    equal((facts["store"], facts["conditions"], facts["safe"], facts["problems"]), ("hmemory://", "swap", True, []))
    equal([facts[name] for name in ("provider", "region", "credentials", "clock_ahead_ms")], [None, None, None, 0])
    result = run("store", "check", "hfs://{}#wrap:readonly".format(store), "--json")
    equal((result.code, result.err), (5, ""))
    facts = result.json()
    equal([facts[name] for name in ("list", "read", "write", "delete", "commit", "safe")], [True, True, False, False, False, False])
    equal((facts["conditions"], len(facts["problems"])), ("unknown", 3))
    bad(3, "nope", "store", "check", folder / "nope")
    bad(2, "'break'", "store", "break", store)


main()
