"""What ktk writes; prints TAP. Arguments: the program, the source root."""

import json
import re

from harness import PEOPLE, bad, equal, good, main, people, test, write_text


@test
def writes_and_tells(folder):
    store = folder / "store"
    path = write_text(folder / "people.csv", PEOPLE)
    text = good("write", "people", path, "-p", "member", store=store).out
    assert re.fullmatch(r"wrote 'people': 3 rows in 2 partitions, commit [0-9a-f]{32}\n", text), text
    told = good("write", "more", path, path, "--json", store=store).json()
    equal((told["dataset"], told["rows"], told["partitions"], told["attempts"]), ("more", 6, 2, 1))


@test
def reads_csv_as_told(folder):
    store = folder / "store"
    text = "zip;n;when\n01234;-;2020-01-31 12:30:00\n99999;5;-\n"
    good("write", "a", "-", "-d", ";", "--type", "zip=string", "--null", "-", store=store, stdin=text)
    equal(good("read", "a", "--format", "csv", store=store).out, "n,when,zip\n,2020-01-31 12:30:00,01234\n5,,99999\n")
    good("write", "b", write_text(folder / "b.tsv", "1\tx\n2\ty\n"), "--no-header", store=store)
    equal(good("read", "b", "--format", "csv", store=store).out, "column_0,column_1\n1,x\n2,y\n")


@test
def reads_json_lines(folder):
    store = folder / "store"
    rows = '{"day": "2020-01-01", "n": 1, "name": "a"}\n{"day": "2020-01-02", "n": 2.5}\n'
    path = write_text(folder / "rows.jsonl", rows)
    equal(good("write", "x", path, "--partition-on", "day", store=store).out.split(", ")[0], "wrote 'x': 2 rows in 2 partitions")
    again = good("read", "x", "--format", "json", store=store).out
    equal([json.loads(line) for line in again.splitlines()], [
        {"day": "2020-01-01", "n": 1.0, "name": "a"},
        {"day": "2020-01-02", "n": 2.5, "name": None},
    ])  # fmt: skip
    write_text(folder / "again", again)
    good("append", "x", folder / "again", "--input-format", "json", store=store)
    equal(good("count", "x", store=store).out, "4\n")
    bad(1, "rows.jsonl': line 1, column 'n': '1' is not bool", "write", "y", path, "--type", "n=bool", store=store)
    bad(5, "line 1", "write", "y", write_text(folder / "no.json", "{"), store=store)


@test
def writes_several_tables(folder):
    store = folder / "store"
    orders = write_text(folder / "orders.csv", "day,n\n1,5\n2,6\n")
    items = write_text(folder / "items.json", '{"day": 1, "item": "a"}\n{"day": 1, "item": "b"}\n')
    several = ["--table", "orders,items"]
    good("write", "shop", orders, items, *several, "--partition-on", "day", store=store)
    equal(good("count", "shop", "--table", "orders", store=store).out, "2\n")
    equal(good("count", "shop", "--table", "items", "--where", "day = 1", store=store).out, "2\n")
    good("append", "shop", orders, items, orders, items, *several, store=store)
    equal(good("count", "shop", "--table", "items", store=store).out, "6\n")
    good("compact", "shop", store=store)
    equal(len(good("ls", "shop", store=store).out) > 0, True)
    good("delete", "shop", "--where", "item = a", "--delete-mode", "rows", store=store)
    equal(good("count", "shop", "--table", "items", store=store).out, "3\n")
    equal(good("count", "shop", "--table", "orders", store=store).out, "6\n")
    good("check", "shop", "--deep", store=store)
    bad(2, "3 files are not one of each of the 2 tables", "append", "shop", orders, items, orders, *several, store=store)
    bad(1, "'orders', 'items'", "append", "shop", orders, store=store)
    for verb in ("read", "count", "head", "partitions"):
        bad(3, "column 'item'", verb, "shop", "--table", "orders", "--where", "day = 1 and item = a", store=store)
        bad(3, "table 'orders'", verb, "shop", "--table", "orders", "--where", "day = 1 and item = a", store=store)


@test
def notes_bloom_filters_and_order(folder):
    store = people(folder, "--bloom", "name,age", "--bloom", "born", "--sorted-by", "name", "-p", "member")
    for item in good("inspect", "people", "--json", store=store).json():
        (group,) = good("inspect", store / item["file"], "--json").json()["row_groups"]
        equal({column["column"]: column["bloom_filter"] for column in group["columns"]}, {"name": True, "age": True, "born": True})
        equal([column["column"] for column in group["sorted_by"]], ["name"])
    equal(good("read", "people", "-w", "name == Ann", "-c", "name,age", "-f", "csv", store=store).out.splitlines()[1:], ["Ann,31"])
    plain = people(folder / "plain") if (folder / "plain").mkdir() is None else None
    (item,) = good("inspect", "people", "--json", store=plain).json()
    (group,) = good("inspect", plain / item["file"], "--json").json()["row_groups"]
    equal([column["bloom_filter"] for column in group["columns"]], [False] * 4)
    equal(group["sorted_by"], [])
    path = folder / "people.csv"
    bad(1, "nobody", "write", "other", path, "--bloom", "nobody", store=store)
    bad(1, "BOOLEAN cannot have a bloom filter", "write", "other", path, "--bloom", "member", store=store)
    bad(3, "nobody", "write", "other", path, "--sorted-by", "nobody", store=store)


@test
def writes_with_every_compression(folder):
    store = folder / "store"
    path = write_text(folder / "people.csv", PEOPLE)
    for codec, name in (("snappy", "SNAPPY"), ("zstd", "ZSTD"), ("gzip", "GZIP"), ("none", "UNCOMPRESSED")):
        good("write", "d", path, "--overwrite", "--compression", codec, store=store)
        equal(good("inspect", "d", "--json", store=store).json()[0]["codec"], name)
        assert good("read", "d", "--format", "csv", store=store).out.count("\n") == 4


main()
