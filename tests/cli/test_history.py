"""Earlier versions of datasets and compaction with ktk; prints TAP. Arguments: the program, the source root."""

import json
import re

from harness import bad, equal, good, main, people, run, test, write_text


@test
def reads_earlier_versions(folder):
    store = folder / "store"
    csv = write_text(folder / "a.csv", "k,v\na,1\nb,2\n")
    more = write_text(folder / "b.csv", "k,v\nc,3\n")
    good("write", "d", csv, "--partition-on", "k", store=store)
    good("append", "d", more, store=store)
    good("delete", "d", "--where", "k == a", store=store)
    wanted = {1: ["a,1", "b,2"], 2: ["a,1", "b,2", "c,3"], 3: ["b,2", "c,3"]}
    log = good("log", "d", "--json", store=store).json()
    equal([(entry["version"], entry["operation"], entry["added"], entry["removed"], entry["partitions"]) for entry in log],
          [(3, "delete", 0, 1, 2), (2, "append", 1, 0, 3), (1, "create", 2, 0, 2)])
    equal([entry["current"] for entry in log], [True, False, False])
    equal([entry["parent"] for entry in log], [log[1]["id"], log[2]["id"], None])
    for entry in log:
        for name in (str(entry["version"]), entry["id"], entry["id"][:28]):
            rows = good("read", "d", "--version", name, "--format", "csv", store=store).out.split()
            equal(rows[1:], wanted[entry["version"]])
        equal(good("read", "d", "--at", entry["time"], "--format", "csv", store=store).out.split()[1:], wanted[entry["version"]])
    equal(len(good("log", "d", "-n", "1", "--json", store=store).json()), 1)
    equal(len(good("partitions", "d", "--version", "2", "--json", store=store).json()), 3)
    equal(good("info", "d", "--version", "1", "--json", store=store).json()["partitions"], 2)
    equal(good("count", "d", "--version", "2", store=store).out, "3\n")
    equal(good("head", "d", "-n", "1", "--version", "2", "--format", "csv", store=store).out, "k,v\na,1\n")
    assert re.search(r"^ +3  .*delete +\+0 +-1 +2  [0-9a-f]{32}$", good("log", "d", store=store).out, re.M)
    equal([column["column"] for column in good("schema", "d", "--at", log[2]["time"], "--json", store=store).json()], ["k", "v"])
    bad(3, "its newest is 3", "read", "d", "--version", "9", store=store)
    bad(3, "does not go back so far", "read", "d", "--at", "1999-12-31", store=store)
    bad(2, "'x' is no version", "read", "d", "--version", "x", store=store)
    bad(2, "'soon' is no time", "read", "d", "--at", "soon", store=store)
    for verb in ("read", "count", "partitions", "schema", "info"):
        bad(2, "'99999-01-01T00:00:00' is out of range", verb, "d", "--at", "99999-01-01", store=store)
    bad(2, "years 0001 to 9999", "diff", "d", "10000-01-01", store=store)
    bad(2, "exclude each other", "read", "d", "--at", "2020-01-01", "--version", "1", store=store)
    bad(2, "is a file", "schema", "some.parquet", "--version", "1", store=store)
    bad(3, "none", "log", "none", store=store)
    assert good("--version").out.startswith("ktk ")


@test
def compares_and_restores_versions(folder):
    store = folder / "store"
    csv = write_text(folder / "a.csv", "k,v\na,1\nb,2\n")
    other = write_text(folder / "b.csv", "k,w\nz,text\n")
    good("write", "d", csv, "--partition-on", "k", store=store)
    good("delete", "d", "--where", "k == a", store=store)
    good("write", "d", other, "--partition-on", "k", "--overwrite", store=store)
    diff = good("diff", "d", "1", "2", "--json", store=store).json()
    equal(([label.split("/")[0] for label in diff["removed"]], diff["added"], diff["schemas"]), (["k=a"], [], []))
    diff = good("diff", "d", "2", "--json", store=store).json()
    equal(([label.split("/")[0] for label in diff["removed"] + diff["added"]], diff["schemas"]), (["k=b", "k=z"], ["table"]))
    text = good("diff", "d", "1", "2", store=store).out
    assert re.fullmatch(r"- partition k=a/\w+\n0 partitions added, 1 removed\n", text), text
    equal(good("diff", "d", "1", "1", store=store).out, "no difference\n")
    equal(good("restore", "d", "1", "--dry-run", store=store).out, "would restore 'd' to version 1: 2 partitions added, 1 removed\n")
    equal(good("read", "d", "--format", "csv", store=store).out, "k,w\nz,text\n")
    told = good("restore", "d", "1", "--json", store=store).json()
    equal((told["added"], told["removed"], told["commit"]), (2, 1, good("log", "d", "--json", store=store).json()[0]["id"]))
    equal(good("read", "d", "--format", "csv", store=store).out, "k,v\na,1\nb,2\n")
    bad(2, "is its current state", "restore", "d", "4", store=store)
    file = good("partitions", "d", "--version", "3", "--json", store=store).json()[0]["file"]
    (store / file).unlink()
    bad(3, f"file '{file}' is gone", "restore", "d", "3", store=store)
    bad(3, f"file '{file}' of version 3 of dataset 'd' is gone", "read", "d", "--version", "3", store=store)


@test
def compacts_small_files(folder):
    for number in range(3):
        write_text(folder / f"{number}.csv", f"p,x\na,{9 - number}\nb,{number}\n")
    store = folder / "store"
    good("write", "d", *(folder / f"{number}.csv" for number in range(3)), "--partition-on", "p", store=store)
    before = good("read", "d", "--format", "csv", store=store).out
    assert good("compact", "d", "--dry-run", store=store).out.startswith("would compact 6 partitions ("), "dry run"
    equal(good("read", "d", "--format", "csv", store=store).out, before)
    done = good("compact", "d", "--where", "p == a", "--sort-by", "x", "--target-size", "1M", "--json", store=store).json()
    equal((done["partitions_before"], done["partitions_after"], done["rows"]), (3, 1, 3))
    equal(good("read", "d", "--format", "csv", "--where", "p == a", store=store).out, "p,x\na,7\na,8\na,9\n")
    equal(len(good("partitions", "d", "--json", store=store).json()), 4)
    assert re.match(r"compacted 3 partitions \(.* of 'd' into 1, commit [0-9a-f]{32}\n", good("compact", "d", store=store).out)
    equal(good("compact", "d", store=store).out, "nothing to compact in 'd'\n")
    equal(sorted(good("read", "d", "--format", "csv", store=store).out.splitlines()), sorted(before.splitlines()))
    for size in ("12Q", "", "0", "+1M", " 1M", "inf", "1MM", "5E18"):
        bad(2, f"'{size}' is no size", "compact", "d", f"--target-size={size}", store=store)
    bad(1, "'x' of dataset 'd' is no partition key", "compact", "d", "--where", "x == 1", store=store)
    bad(3, "'nothing'", "compact", "nothing", store=store)


@test
def finds_what_an_old_writer_wrote_over(folder):
    write_text(folder / "1.csv", "x\n1\n")
    store = folder / "store"
    good("write", "d", folder / "1.csv", store=store)
    document = store / "d.by-dataset-metadata.json"
    before = document.read_bytes()
    good("compact", "d", "--sort-by", "x", store=store)
    equal(good("doctor", "d", store=store).out, "0 findings\n")
    document.write_bytes(before)
    found = run("doctor", "d", store=store)
    equal(found.code, 5)
    assert "lost partition" in found.out and "none here" in found.out, found.out
    told = json.loads(run("doctor", "d", "--yes", "--json", store=store).out)
    equal((told["mended"], len(told["findings"]), told["commit"]), (0, 1, None))
    equal(good("read", "d", "--format", "csv", store=store).out, "x\n1\n")
    (store / json.loads(good("partitions", "d", "--json", store=store).out)[0]["file"]).unlink()
    mended = json.loads(run("doctor", "d", "--yes", "--json", store=store).out)
    equal((mended["mended"], [finding["ailment"] for finding in mended["findings"]]), (1, ["missing file", "lost partition"]))
    equal(good("partitions", "d", "--json", store=store).json(), [])
    bad(3, "'nothing'", "doctor", "nothing", store=store)


@test
def overwrites_only_when_told(folder):
    store = people(folder)
    path = write_text(folder / "other.csv", "x\n1\n")
    before = (store / "people.by-dataset-metadata.json").read_bytes()
    bad(4, "'people'", "write", "people", path, store=store)
    equal((store / "people.by-dataset-metadata.json").read_bytes(), before)
    good("write", "people", path, "--overwrite", "--table", "t", store=store)
    equal(good("read", "people", "--format", "csv", store=store).out, "x\n1\n")
    equal(good("info", "people", "--json", store=store).json()["tables"][0]["table"], "t")


main()
