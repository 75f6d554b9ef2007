"""Changes datasets with ktk; prints TAP. Arguments: the program, the source root."""

import json
import os
import re
import subprocess

from harness import KTK, bad, environment, equal, golden, good, main, test, write_text

SALES = "day,shop,sold\nmon,A,3\nmon,B,5\ntue,A,4\n"


def sales(folder, *more):
    """A store with the dataset `sales` by day, and the file it is from."""
    path = write_text(folder / "sales.csv", SALES)
    store = folder / "store"
    good("write", "sales", path, "-p", "day", *more, store=store)
    return store, path


def rows(store):
    """The rows of `sales`, in order of their texts."""
    return sorted(good("read", "sales", "-f", "csv", "-c", "day,shop,sold", store=store).out.splitlines()[1:])


@test
def appends(folder):
    store, _ = sales(folder)
    more = write_text(folder / "more.csv", "day,shop,sold\nwed,C,7\nmon,A,1\n")
    text = good("append", "sales", more, "--metadata", "owner=me, \"myself\"", "--metadata", '{"n": [1, 2]}', store=store).out
    assert re.fullmatch(r"appended to 'sales': 2 rows in 2 partitions, commit [0-9a-f]{32}\n", text), text
    equal(rows(store), ["mon,A,1", "mon,A,3", "mon,B,5", "tue,A,4", "wed,C,7"])
    metadata = json.loads((store / "sales.by-dataset-metadata.json").read_text())["metadata"]
    equal((metadata["owner"], metadata["n"]), ('me, "myself"', [1, 2]))
    told = good("append", "sales", "-", "--json", store=store, stdin="day,shop,sold\nthu,A,1\n").json()
    equal((told["dataset"], told["rows"], told["partitions"], told["attempts"]), ("sales", 1, 1, 1))
    equal(good("info", "sales", "--json", store=store).json()["partitions"], 5)


@test
def tells_what_became_of_a_commit(folder):
    store, path = sales(folder)
    first = good("append", "sales", path, "--json", store=store).json()["commit"]
    good("append", "sales", path, store=store)
    equal(good("commit-status", "sales", first, store=store).out, "commit {} is part of 'sales'\n".format(first))
    equal(good("commit-status", "sales", first, "--json", store=store).json(), {"dataset": "sales", "commit": first, "state": "committed"})
    absent = subprocess.run([KTK, "--store", "hfs://{}".format(store), "commit-status", "sales", "0" * 32], stdout=subprocess.PIPE)
    equal((absent.returncode, absent.stdout.decode()), (3, "commit {} did not lead to 'sales'\n".format("0" * 32)))
    bad(2, "32 hexadecimal", "commit-status", "sales", "abc", store=store)
    bad(3, "'none'", "commit-status", "none", first, store=store)


@test
def writes_with_indices(folder):
    def places(text):
        return [part["keys"]["day"] for part in good("partitions", "sales", "-w", text, "--json", store=store).json()]

    store, path = sales(folder)
    equal(places("shop == B"), ["mon", "tue"])
    good("write", "sales", path, "-p", "day", "--overwrite", "--index", "shop,sold", store=store)
    equal((places("shop == B"), places("sold == 4"), places("sold == 9")), (["mon"], ["tue"], []))
    good("append", "sales", "-", store=store, stdin="day,shop,sold\nwed,B,9\n")
    equal((places("shop == B"), places("sold == 9")), (["mon", "wed"], ["wed"]))
    bad(3, "'nope'", "write", "more", path, "--index", "nope", store=store)
    bad(1, "partition", "write", "more", path, "--index", "partition", store=store)


@test
def overwrites_what_others_did_if_forced(folder):
    store, path = sales(folder)
    count = 100000
    for more, wanted in (([], "fail"), (["--on-conflict", "fail"], "fail"), (["--on-conflict", "force"], "force")):
        command = [KTK, "--store", str(store), "write", "sales", "-", "--overwrite", *more]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
        process.stdin.write(b"day,shop,sold\n" + b"sun,Z,1\n" * count)  # more than a pipe holds: it has begun when that is read
        process.stdin.flush()
        good("append", "sales", path, store=store)
        before = int(good("count", "sales", store=store).out)
        _, err = process.communicate(timeout=60)
        equal((process.returncode, wanted == "fail"), (4, True) if wanted == "fail" else (0, False))
        assert wanted == "force" or b"'sales'" in err, err
        equal(int(good("count", "sales", store=store).out), before if wanted == "fail" else count)


@test
def sets_metadata_alone(folder):
    store, _ = sales(folder)
    text = good("append", "sales", "--metadata", "owner=me", store=store).out
    assert re.fullmatch(r"set metadata of 'sales', commit [0-9a-f]{32}\n", text), text
    good("append", "sales", "--metadata", "{ }", "--metadata", "more=", store=store)
    metadata = json.loads((store / "sales.by-dataset-metadata.json").read_text())["metadata"]
    equal((metadata["owner"], metadata["more"]), ("me", ""))
    equal(len(rows(store)), 3)
    bad(2, "nothing to append", "append", "sales", store=store)
    bad(2, "neither a JSON object nor KEY=TEXT", "append", "sales", "--metadata", "=me", store=store)
    bad(2, "neither a JSON object nor KEY=TEXT", "append", "sales", "--metadata", "[1]", store=store)


@test
def deletes_partitions(folder):
    store, _ = sales(folder)
    text = good("delete", "sales", "--where", "day == mon", store=store).out
    assert re.fullmatch(r"deleted from 'sales': 1 partition, commit [0-9a-f]{32}\n", text), text
    equal(rows(store), ["tue,A,4"])
    told = good("delete", "sales", "--all", "--json", store=store).json()
    equal((told["removed_partitions"], told["rewritten_partitions"], told["rows"]), (1, 0, 0))
    equal(rows(store), [])
    assert "0 partitions" in good("delete", "sales", "--all", store=store).out


@test
def deletes_rows_as_told(folder):
    store, path = sales(folder)
    bad(1, "'shop'", "delete", "sales", "-w", "shop == A", store=store)
    equal(len(rows(store)), 3)
    text = good("delete", "sales", "-w", "shop == A", "--delete-mode", "rows", store=store).out
    assert text.startswith("deleted from 'sales': 1 partition and some rows of 1 more, commit "), text
    equal(rows(store), ["mon,B,5"])
    good("write", "sales", path, "-p", "day", "--overwrite", store=store)
    text = good("delete", "sales", "-w", "shop == B", "--delete-mode", "partitions", store=store).out
    assert text.startswith("deleted from 'sales': 1 partition, commit "), text
    equal(rows(store), ["tue,A,4"])


@test
def tells_what_would_go(folder):
    store, path = sales(folder)
    before = {file: file.read_bytes() for file in store.rglob("*") if file.is_file()}
    parts = good("partitions", "sales", "--json", store=store).json()
    (monday,) = [part for part in parts if part["keys"]["day"] == "mon"]
    lines = good("delete", "sales", "-w", "day == mon", "--dry-run", store=store).out.splitlines()
    equal(lines[0], monday["label"])
    assert re.fullmatch(r"would go from 'sales': 1 partition, 2 rows, \S+ kB", lines[1]) and len(lines) == 2, lines
    told = good("replace", "sales", "-w", "day == mon", path, "--dry-run", "--json", store=store).json()
    equal(
        told,
        {
            "dataset": "sales",
            "labels": [monday["label"]],
            "removed_partitions": 1,
            "rewritten_partitions": 0,
            "removed_rows": 2,
            "removed_bytes": monday["size"],
        },
    )
    told = good("delete", "sales", "-w", "sold == 3", "--delete-mode", "rows", "--dry-run", "--json", store=store).json()
    equal((told["removed_partitions"], told["rewritten_partitions"], told["removed_rows"]), (0, 1, 1))
    lines = good("delete", "sales", "-w", "day == sun", "--dry-run", store=store).out.splitlines()
    equal(lines, ["would go from 'sales': 0 partitions, 0 rows, 0 B"])
    equal({file: file.read_bytes() for file in store.rglob("*") if file.is_file()}, before)


@test
def replaces(folder):
    store, _ = sales(folder)
    other = write_text(folder / "other.csv", "day,shop,sold\nmon,Z,9\n")
    text = good("replace", "sales", "-w", "day == mon", other, store=store).out
    assert re.fullmatch(r"replaced in 'sales': 1 partition by 1 row in 1 partition, commit [0-9a-f]{32}\n", text), text
    equal(rows(store), ["mon,Z,9", "tue,A,4"])
    told = good("replace", "sales", "--all", other, "--json", store=store).json()
    equal((told["rows"], told["partitions"], told["removed_partitions"], told["rewritten_partitions"]), (1, 1, 2, 0))
    equal(rows(store), ["mon,Z,9"])


def meet(folder, other):
    """Replace Monday while somebody else does `other`: exit code, message, the rows then."""
    folder.mkdir()
    store, _ = sales(folder)
    pipe = folder / "pipe.csv"
    os.mkfifo(pipe)
    process = subprocess.Popen(
        [KTK, "--store", str(store), "replace", "sales", "-w", "day == mon", str(pipe)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    with open(pipe, "w", encoding="utf-8") as file:  # opens once the update has begun and reads
        good(*other, store=store, stdin="day,shop,sold\nmon,C,6\n")
        file.write("day,shop,sold\nmon,Z,9\n")
    _, err = process.communicate(timeout=60)
    return process.returncode, err.decode(), rows(store)


@test
def meets_others(folder):
    code, err, found = meet(folder / "same", ("append", "sales", "-"))
    equal((code, found), (4, ["mon,A,3", "mon,B,5", "mon,C,6", "tue,A,4"]))
    assert re.fullmatch(r"ktk: [^\n]*'sales'[^\n]*\n", err), err
    # What does not touch the scope is no conflict.
    equal(meet(folder / "apart", ("delete", "sales", "-w", "day == tue")), (0, "", ["mon,Z,9"]))


@test
def counts(folder):
    store, _ = sales(folder)
    equal(good("count", "sales", store=store).out, "3\n")
    equal(good("count", "sales", "-w", "shop == A", store=store).out, "2\n")
    equal(good("count", "sales", "-w", "day == sun", "--json", store=store).json(), {"dataset": "sales", "rows": 0})
    out = folder / "all.parquet"
    good("read", "sales", "-o", out, store=store)
    equal(good("count", out).out, "3\n")
    equal(good("count", out, "-w", "sold > 3", "--json").json(), {"file": str(out), "rows": 2})
    bad(2, "--table is for datasets", "count", out, "--table", "t")
    bad(3, "'nope'", "count", "sales", "-w", "nope == 1", store=store)
    bad(3, "'none'", "count", "none", store=store)
    bad(2, "predicate", "count", "sales", "-w", "day ==", store=store)


@test
def refuses_updates_that_are_wrong(folder):
    store, path = sales(folder)
    before = (store / "sales.by-dataset-metadata.json").read_bytes()
    bad(2, "nothing says what goes", "delete", "sales", store=store)
    bad(2, "just one", "delete", "sales", "--all", "-w", "day == mon", store=store)
    bad(2, "nothing says what goes", "replace", "sales", path, store=store)
    bad(2, "FILE", "replace", "sales", "--all", store=store)
    bad(2, "none of exact, rows, partitions", "delete", "sales", "--all", "--delete-mode", "row", store=store)
    bad(2, "none of fail, keep, reevaluate", "delete", "sales", "--all", "--on-conflict", "wait", store=store)
    bad(2, "none of fail, force", "write", "sales", path, "--overwrite", "--on-conflict", "keep", store=store)
    bad(2, "--on-conflict is for --overwrite", "write", "sales", path, "--on-conflict", "force", store=store)
    bad(3, "'none'", "append", "none", path, store=store)
    bad(3, "'none'", "delete", "none", "--all", store=store)
    bad(3, "'none'", "replace", "none", "--all", path, store=store)
    bad(3, "'nope'", "delete", "sales", "-w", "nope == 1", store=store)
    bad(3, "cannot read", "append", "sales", folder / "no.csv", store=store)
    other = write_text(folder / "other.csv", "day,shop,sold\nmon,A,many\n")
    bad(1, "sold", "append", "sales", other, store=store)
    bad(1, "sold", "replace", "sales", "--all", other, store=store)
    bad(1, "read-only", "delete", "my_dataset", "--all", store=golden("tutorial"))
    bad(3, "nowhere", "append", "sales", path, store=folder / "nowhere")
    equal((store / "sales.by-dataset-metadata.json").read_bytes(), before)


@test
def keeps_the_keys_of_a_file_that_lies_elsewhere(folder):
    """Old documents name files in any place. The rows that stay of one go where their path says the same."""
    store = folder / "store"
    path = write_text(folder / "d.csv", "p,v\na,1\na,2\nb,3\n")
    document = store / "d.by-dataset-metadata.json"
    for place in ("x/t/p=a/f.parquet", "some-other/table/p=a/f.parquet"):
        good("write", "d", path, "-p", "p", "--overwrite", store=store)
        old = next(part["file"] for part in good("partitions", "d", "--json", store=store).json() if "p=a" in part["label"])
        (store / place).parent.mkdir(parents=True)
        (store / old).rename(store / place)
        document.write_text(document.read_text().replace(old, place))
        good("delete", "d", "--where", "v == 2", "--delete-mode", "rows", store=store)
        equal(good("read", "d", "--where", "p == a", "--format", "csv", store=store).out, "p,v\na,1\n")


main()
