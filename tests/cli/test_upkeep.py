"""Runs what keeps datasets up with ktk; prints TAP. Arguments: the program, the source root."""

import json
import os
import shutil
import time

from harness import GOLDEN, SOURCE, bad, equal, golden, good, main, test


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


main()
