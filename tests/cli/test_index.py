"""Indices with ktk; prints TAP. Arguments: the program, the source root."""

import re
import shutil
import signal
import subprocess

from harness import GOLDEN, KTK, Skipped, bad, environment, equal, golden, good, main, run, test, write_text

SALES = "day,shop,sold\nmon,A,3\nmon,B,5\nmon,B,\ntue,A,4\n"


def sales(folder, *more):
    """A store with the dataset `sales` by day."""
    store = folder / "store"
    good("write", "sales", write_text(folder / "sales.csv", SALES), "-p", "day", *more, store=store)
    return store


def indices(store, *more):
    return good("index", "list", "sales", *more, "--json", store=store).json()


@test
def lists_indices(folder):
    store = sales(folder, "--index", "shop,sold")
    shop, sold = indices(store)
    size = (store / shop["key"]).stat().st_size
    equal(
        shop,
        {
            "column": "shop",
            "type": "string",
            "key": shop["key"],
            "problem": None,
            "size": size,
            "values": 2,
            "labels": 2,
            "unknown_partitions": 0,
            "stale_labels": 0,
        },
    )
    equal((sold["type"], sold["values"], sold["labels"]), ("int64", 3, 2))
    lines = good("index", "list", "sales", "sold", store=store).out.splitlines()
    assert re.fullmatch(r"sold +int64 +3 +2 +\S+ k?B +all +sales/indices/sold/\S+", lines[1]), lines
    equal(lines[2], "1 index, 2 partitions")
    (store / shop["key"]).unlink()
    shop, _ = indices(store)
    assert "sales/indices/shop" in shop["problem"], shop
    bad(3, "no index on 'day'", "index", "list", "sales", "day", store=store)
    equal(good("index", "list", "my_dataset", "--json", store=golden("tutorial")).json(), [])


def listens(process):
    """Has the process a handler of interrupts? False once it is gone."""
    with open(f"/proc/{process.pid}/status", encoding="utf-8") as status:
        caught = re.search(r"^SigCgt:\s*([0-9a-f]+)", status.read(), re.M)
    return caught is not None and bool(int(caught[1], 16) & 1 << (signal.SIGINT - 1))


@test
def a_build_can_be_interrupted(folder):
    store = folder / "store"
    good("write", "many", write_text(folder / "many.csv", "p,x\n" + "".join(f"{i},{i}\n" for i in range(2000))), "-p", "p", store=store)
    before = sorted(store.rglob("*"))
    for _ in range(20):
        process = subprocess.Popen(
            [KTK, "--store", str(store), "index", "build", "many", "x"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
        )
        while process.poll() is None and not listens(process):
            pass
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        if process.returncode != 0:
            equal((process.returncode, out, err), (130, b"", b"ktk: interrupted, nothing was changed\n"))
            equal(sorted(store.rglob("*")), before)
            return
        good("index", "drop", "many", "x", store=store)
        before = sorted(store.rglob("*"))
    raise Skipped("the index was built each time before the interrupt came")


@test
def a_verification_can_be_interrupted(folder):
    store = folder / "store"
    rows = "p,x\n" + "".join(f"{i},{i}\n" for i in range(2000))
    good("write", "many", write_text(folder / "many.csv", rows), "-p", "p", "--index", "x", store=store)
    for _ in range(20):
        process = subprocess.Popen(
            [KTK, "--store", str(store), "index", "verify", "many"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
        )
        while process.poll() is None and not listens(process):
            pass
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        if process.returncode != 0:
            equal((process.returncode, out, err), (130, b"", b"ktk: interrupted\n"))
            return
    raise Skipped("the index was verified each time before the interrupt came")


@test
def builds_and_drops(folder):
    store = sales(folder)
    lines = good("index", "build", "sales", "shop", "sold", store=store).out.splitlines()
    assert re.fullmatch(r"index on 'shop': 2 values in 2 partitions, \S+ k?B", lines[0]), lines
    assert re.fullmatch(r"index on 'sold': 3 values in 2 partitions, \S+ k?B", lines[1]), lines
    assert re.fullmatch(r"built in \d+\.\d\d s, commit [0-9a-f]{32}", lines[2]) and len(lines) == 3, lines
    (told,) = good("index", "build", "sales", "shop", "--json", store=store).json()["indices"]
    equal((told["column"], told["values"]), ("shop", 2))
    text = good("index", "drop", "sales", "shop", store=store).out
    assert re.fullmatch(r"dropped from 'sales': the index on shop, commit [0-9a-f]{32}\n", text), text
    equal([index["column"] for index in indices(store)], ["sold"])
    equal(good("index", "drop", "sales", "sold", "--json", store=store).json()["dropped"], ["sold"])
    equal(indices(store), [])
    good("append", "sales", "-", store=store, stdin="day,shop,sold\nmon,B,5\n")
    bad(3, "'shop'", "index", "drop", "sales", "shop", store=store)
    bad(3, "'nope'", "index", "build", "sales", "nope", store=store)
    bad(2, "needs columns", "index", "build", "sales", store=store)
    bad(2, "needs columns", "index", "drop", "sales", store=store)
    bad(2, "no 'make'", "index", "make", "sales", store=store)
    bad(3, "'none'", "index", "build", "none", "shop", store=store)
    bad(3, "'none'", "index", "list", "none", store=store)
    bad(2, "DATASET", "index", "list", store=store)


def wrong(code, *arguments, store):
    """Run a check that finds something: its output."""
    result = run("index", "verify", *arguments, store=store)
    equal((result.code, result.err[:5]), (code, "ktk: "))
    return result


@test
def verifies(folder):
    store = sales(folder, "--index", "shop,sold")
    equal(good("index", "verify", "sales", store=store).out, "shop: right\nsold: right\n")
    old = indices(store)[0]["key"]
    before = (store / old).read_bytes()
    good("append", "sales", "-", store=store, stdin="day,shop,sold\nwed,B,9\nwed,C,9\n")
    equal(good("index", "verify", "sales", store=store).out, "shop: right\nsold: right\n")
    (store / indices(store)[0]["key"]).write_bytes(before)  # knows nothing of Wednesday
    (part,) = [part for part in good("partitions", "sales", "--json", store=store).json() if part["keys"]["day"] == "wed"]
    result = wrong(5, "sales", store=store)
    equal(result.out, f"shop: {part['label']}: 2 values missing, 0 too many\nshop: wrong, build it anew\nsold: right\n")
    equal(result.err, "ktk: 1 index of dataset 'sales' is wrong\n")
    equal(indices(store)[0]["unknown_partitions"], 1)
    good("index", "verify", "sales", "sold", store=store)
    told = wrong(5, "sales", "shop", "--json", store=store).json()
    equal(told[0]["right"], False)
    equal(told[0]["differences"], [{"label": part["label"], "missing_values": 2, "excess_values": 0}])
    good("index", "build", "sales", "shop", store=store)
    equal(good("index", "verify", "sales", store=store).out, "shop: right\nsold: right\n")
    (store / indices(store)[0]["key"]).write_bytes(b"PAR1")
    assert "wrong, build it anew" in wrong(5, "sales", store=store).out


@test
def verifies_what_kartothek_wrote(_folder):
    store = golden("indices")
    for name in good("ls", "--names", store=store).out.split():
        if name == "idx_nul":  # its texts were cut at their first NUL (D-38)
            assert "text: wrong" in wrong(5, name, store=store).out
        else:
            lines = good("index", "verify", name, store=store).out.splitlines()
            assert lines and all(line.endswith(": right") for line in lines), (name, lines)


@test
def finds_whole_texts_in_an_index_that_goes_on_from_a_cut_one(folder):
    """The index of kartothek has 'a' for a text of three bytes (D-38); ours, made of it, must not say that it is whole."""
    store = folder / "store"
    shutil.copytree(GOLDEN / "indices", store)
    path = write_text(folder / "more.csv", "bytes,text,v\n78,b,4\n")
    behind_a = ("count", "idx_nul", "--where", "text > 'a' and text < 'b'")
    equal(good(*behind_a, store=store).out, "1\n")
    for _ in range(2):
        good("append", "idx_nul", path, "--type", "bytes=binary", store=store)
        equal(good(*behind_a, store=store).out, "1\n")
    good("index", "build", "idx_nul", "text", store=store)
    equal(good(*behind_a, store=store).out, "1\n")


main()
