"""Runs ktk on golden stores and on files made here; prints TAP. Arguments: the program, the source root."""

import json
import os
import pty
import re
import resource
import shutil
import signal
import subprocess
import time
from pathlib import Path

from harness import GOLDEN, KTK, PEOPLE, SOURCE, Skipped, bad, environment, equal, golden, good, main, on_terminal, people, run, test, write_text

# ---- help, manual, completion, command line ----

VERBS = ["write", "append", "replace", "delete", "index", "read", "head", "count", "ls", "info", "schema", "partitions", "inspect", "log", "diff", "restore", "commit-status", "compact", "check", "copy", "drop", "gc", "completion", "help"]


@test
def helps_with_every_verb(_folder):
    text = good("--help").out
    for verb in VERBS:
        assert f"\n  {verb} " in text, verb
        usage = good(verb, "--help").out
        assert usage.startswith(f"Usage: ktk {verb}"), usage
        equal(good("help", verb).out, usage)
        assert "--store URL" in usage
    for line in text.splitlines():
        assert len(line) <= 80, line


@test
def says_its_version(_folder):
    assert re.fullmatch(r"ktk \d+\.\d+\.\d+\n", good("--version").out)


@test
def manual_page_is_up_to_date(_folder):
    equal((SOURCE / "docs" / "ktk.1").read_text(encoding="utf-8"), good("--man").out)


@test
def manual_page_is_well_formed(folder):
    if shutil.which("mandoc") is None:
        raise Skipped("mandoc is not installed")
    page = write_text(folder / "ktk.1", good("--man").out)
    done = subprocess.run(["mandoc", "-Tlint", "-Wstyle", str(page)], capture_output=True, text=True, check=False)
    equal(done.stdout + done.stderr, "")


@test
def completion_for_bash_completes(folder):
    store = people(folder)
    script = write_text(folder / "ktk.bash", good("completion", "bash").out)

    def complete(*words):
        line = " ".join(f"'{word}'" for word in words)
        program = f"source {script}; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _ktk; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        path = environment(PATH=f"{Path(KTK).parent}:{os.environ['PATH']}", KTK_STORE=str(store))
        done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, env=path, cwd=folder, check=True)
        return done.stdout.split()

    equal(complete("ktk", "he"), ["head", "help"])
    equal(complete("ktk", "head", "pe"), ["people", "people.csv"])
    equal(complete("ktk", "head", "people", "--wh"), ["--where"])
    equal(complete("ktk", "read", "people", "--format", "c"), ["csv"])
    equal(complete("ktk", "--store", str(store), "info", "peop"), ["people", "people.csv"])


@test
def completion_for_zsh_parses(folder):
    script = write_text(folder / "_ktk", good("completion", "zsh").out)
    assert script.read_text().startswith("#compdef ktk\n")
    if shutil.which("zsh") is None:
        raise Skipped("zsh is not installed")
    subprocess.run(["zsh", "-n", str(script)], check=True)


@test
def refuses_wrong_command_lines(folder):
    bad(2, "no verb is given")
    bad(2, "unknown verb 'hed', did you mean 'head'?", "hed")
    bad(2, "unknown verb 'frobnicate', see ktk --help", "frobnicate")
    bad(2, "unknown option '--colums' of 'read', did you mean '--columns'?", "read", "--colums", "a", "x")
    bad(2, "unknown option '--sotre', did you mean '--store'?", "--sotre", "x")
    bad(2, "unknown option '-x' of 'ls'", "ls", "-x")
    bad(2, "option '--limit' needs a value: N", "head", "x", "--limit")
    bad(2, "option '--limit': '-1' is no whole number", "head", "x", "--limit=-1")
    bad(2, "option '--limit': '1e3' is no whole number", "head", "x", "-n1e3")
    bad(2, "option '--json' takes no value", "ls", "--json=yes")
    bad(2, "'--format': 'cvs' is none of table, csv, json, parquet; did you mean 'csv'?", "head", "--format", "cvs", "x")
    bad(2, "option '--delimiter': ';;' is not one character", "head", "-d", ";;", "x")
    bad(2, "'head' needs DATASET", "head")
    bad(2, "'head' takes no 'b'", "head", "a", "b")
    bad(2, "no store is named", "ls")
    bad(2, 'unknown storage type "ftp"', "ls", store="ftp://x")
    bad(2, "no completion for 'fish'", "completion", "fish")
    bad(2, "unknown verb 'me'", "help", "me")
    bad(2, "predicate, column 5: expected a value", "head", "x", "--where", "a ==", store=folder)
    bad(2, "\n  ä >= and b\n       ^\n", "head", "x", "--where", "ä >= and b", store=folder)
    bad(2, "give --input-format", "write", "x", "data.bin", store=folder)
    bad(2, "is not COLUMN=TYPE", "write", "x", "-", "--type", "a", store=folder)


@test
def takes_operands_behind_two_dashes(_folder):
    bad(3, "'-people'", "head", "--", "-people", store=golden("tutorial"))


@test
def finds_the_store_in_the_environment(folder):
    store = people(folder)
    done = subprocess.run([KTK, "ls", "--names"], capture_output=True, text=True, env=environment(KTK_STORE=str(store)), check=False)
    equal(done.stdout, "people\n")
    equal(good("ls", "--names", store="store", cwd=folder).out, "people\n")
    strange = folder / "Ä %20#?"
    good("write", "d", folder / "people.csv", store=strange)
    assert (strange / "d.by-dataset-metadata.json").exists()


# ---- looking at golden stores ----


@test
def lists_datasets(_folder):
    equal(
        good("ls", store=golden("tutorial")).out,
        "dataset              partitions  partitioned by  created (UTC)\n"
        "my_dataset                    2                  2021-12-10 15:01:00\n"
        "partitioned_dataset           8  date            2021-12-10 11:13:57\n"
        "2 datasets\n",
    )
    equal(good("ls", "--names", store=golden("tutorial")).out, "my_dataset\npartitioned_dataset\n")
    listed = good("ls", "--json", store=golden("tutorial")).json()
    equal([entry["dataset"] for entry in listed], ["my_dataset", "partitioned_dataset"])
    equal(listed[1]["partition_keys"], ["date"])
    equal(listed[1]["partitions"], 8)


@test
def lists_a_dataset_that_cannot_be_opened(folder):
    store = people(folder)
    write_text(store / "broken.by-dataset-metadata.json", "{")
    result = good("ls", store=store)
    assert re.search(r"^broken  .*broken", result.out, re.M), result.out
    assert "2 datasets" in result.out
    assert "problem" in good("ls", "--json", store=store).json()[0]


@test
def lists_files(_folder):
    listed = good("ls", "partitioned_dataset", "--json", store=golden("tutorial")).json()
    equal(len(listed), 10)
    for file in listed:
        equal(file["size"], (GOLDEN / "tutorial" / file["key"]).stat().st_size)
    text = good("ls", "partitioned_dataset", store=golden("tutorial")).out
    assert text.splitlines()[-1].startswith("10 files, "), text


@test
def prints_a_table(_folder):
    equal(
        good("head", "partitioned_dataset", "-n", "3", store=golden("tutorial")).out,
        "date                 bool               floats  ints  label  reporter\n"
        "2020-01-01 00:00:00  true                  0.0     0  ABC    Johnny\n"
        "2020-01-01 00:00:00  true  0.08333333333333333   100  XYZ    Johnny\n"
        "2020-01-01 00:00:00  true  0.16666666666666666   200  BBQ    Johnny\n"
        "3 rows, 6 columns\n",
    )
    assert good("head", "partitioned_dataset", store=golden("tutorial")).out.endswith("\n10 rows, 6 columns\n")


@test
def reads_in_every_format(folder):
    store = golden("partitions")
    rows = [json.loads(line) for line in good("read", "part_int64", "--json", store=store).out.splitlines()]
    csv = good("read", "part_int64", "--format", "csv", store=store).out.splitlines()
    equal(csv[0].split(","), list(rows[0]))
    equal(len(csv) - 1, len(rows))
    out = folder / "rows.parquet"
    good("read", "part_int64", "-o", out, store=store)
    equal(good("write", "again", out, "--json", store=folder / "s").json()["rows"], len(rows))
    again = good("read", "again", "--json", store=folder / "s").out.splitlines()
    equal([json.loads(line) for line in again], rows)
    piped = subprocess.run(
        [KTK, "--store", store, "read", "part_int64", "--format", "parquet"], capture_output=True, env=environment(), check=True
    ).stdout
    equal(piped, out.read_bytes())
    for suffix in ("csv", "json", "tsv"):
        good("read", "part_int64", "-o", folder / f"rows.{suffix}", store=store)
    equal((folder / "rows.csv").read_text().splitlines(), csv)
    equal((folder / "rows.tsv").read_text().splitlines(), [line.replace(",", "\t") for line in csv])
    equal([json.loads(line) for line in (folder / "rows.json").read_text().splitlines()], rows)
    equal(sorted(os.listdir(folder)), ["rows.csv", "rows.json", "rows.parquet", "rows.tsv", "s"])


@test
def chooses_rows_and_columns(folder):
    store = people(folder)

    def names(*arguments):
        return good("read", "people", "--columns", "name", "--format", "csv", *arguments, store=store).out.split()[1:]

    equal(names(), ["Ann", "Bob", "Çelik"])
    equal(names("--where", "age > 10"), ["Ann"])
    equal(names("--where", "age == null"), ["Bob"])
    equal(names("--where", "age is null or name starts with Çel"), ["Bob", "Çelik"])
    equal(names("--where", "age != 7 and member == true"), ["Ann"])
    equal(names("--where", "name in (Ann, Çelik) or age == null"), ["Ann", "Bob", "Çelik"])
    equal(names("--where", "born >= 1990-01-01 and name not in ('Ann')"), ["Çelik"])
    equal(names("--limit", "2"), ["Ann", "Bob"])
    equal(names("--limit", "0"), [])
    equal(good("read", "people", "-c", "member,name", "-n1", "--format", "csv", store=store).out, "member,name\ntrue,Ann\n")
    bad(3, "has no columns 'a', 'b'", "head", "people", "--columns", "b,name,a", store=store)
    bad(3, "there is no column 'nope'", "head", "people", "--where", "nope == 1", store=store)
    bad(1, "column 'age' is int64: expected a whole number, not the value 'old'", "head", "people", "-w", "age == old", store=store)
    bad(1, "column 'name' is asked for twice", "head", "people", "--columns", "name,name", store=store)


@test
def shows_null_and_numbers(folder):
    store = people(folder)
    equal(
        good("head", "people", store=store).out,
        " age  born        member  name\n"
        "  31  1990-05-01  true    Ann\n"
        "null  1985-12-31  false   Bob\n"
        "   7  2014-02-28  true    Çelik\n"
        "3 rows, 4 columns\n",
    )
    equal(good("read", "people", "--format", "csv", "--null", "-", "-c", "age", store=store).out, "age\n31\n-\n7\n")
    equal(
        good("head", "people", "--json", "-n", "2", store=store).out.splitlines()[1],
        '{"age": null, "born": "1985-12-31", "member": false, "name": "Bob"}',
    )


@test
def cuts_long_tables_and_says_so(folder):
    store = folder / "store"
    good("write", "long", "-", store=store, stdin="n\n" + "".join(f"{i}\n" for i in range(1500)))
    lines = good("read", "long", store=store).out.splitlines()
    equal(len(lines), 1002)
    equal(lines[-1], "the first 1,000 rows, 1 column; all with --limit N or --format csv")
    equal(good("read", "long", "--limit", "1200", store=store).out.splitlines()[-1], "1,200 rows, 1 column")
    equal(len(good("read", "long", "--format", "csv", store=store).out.splitlines()), 1501)
    equal(good("head", "long", store=store).out.splitlines()[-1], "10 rows, 1 column")


@test
def describes_a_dataset(folder):
    store = people(folder, "--partition-on", "member", "--metadata", '{"owner": "me", "tags": [1, 2]}')
    facts = good("info", "people", "--json", "--rows", store=store).json()
    equal(facts["dataset"], "people")
    equal(facts["partitions"], 2)
    equal(facts["partition_keys"], ["member"])
    equal(facts["tables"][0]["table"], "table")
    equal(facts["tables"][0]["rows"], 3)
    equal(facts["metadata"]["owner"], "me")
    equal(json.loads(facts["metadata"]["ktk.commit"]), facts["commit"])
    equal(facts["commit"]["op"], "create")
    equal(facts["files"], 6)
    equal(facts["size"], sum(path.stat().st_size for path in store.rglob("*") if path.is_file()))
    text = good("info", "people", store=store).out
    assert re.search(r"^partitioned by +member$", text, re.M), text
    assert re.search(r"^table +table: 2 files, [\d.]+ kB$", text, re.M), text
    equal(re.findall(r"^metadata +(.*)$", text, re.M), ['owner: "me"', "tags: [1, 2]"])
    nested = good("info", "meta_nested", "--json", store=golden("storage")).json()
    assert len(nested["metadata"]) > 2
    good("info", "meta_nan", "--json", store=golden("storage")).json()


@test
def describes_columns(folder):
    store = people(folder, "--partition-on", "member")
    equal(
        good("schema", "people", store=store).out,
        "column  type         role\n"
        "member  bool         partition key\n"
        "age     int64\n"
        "born    date32[day]\n"
        "name    string\n"
        "4 columns\n",
    )
    equal(good("schema", "people", "--json", store=store).json()[0], {"column": "member", "type": "bool", "partition_key": True, "indexed": False})


@test
def lists_partitions(folder):
    store = people(folder, "--partition-on", "member")
    parts = good("partitions", "people", "--json", "--rows", store=store).json()
    equal([part["keys"] for part in parts], [{"member": "True"}, {"member": "False"}])
    equal([part["rows"] for part in parts], [2, 1])
    for part in parts:
        equal(part["size"], (store / part["file"]).stat().st_size)
    equal(len(good("partitions", "people", "--where", "member == false", "--json", store=store).json()), 1)
    text = good("partitions", "people", "--rows", "--limit", "1", store=store).out
    assert text.splitlines()[-1].startswith("1 partition of 2, 2 rows, "), text
    assert "U K" in good("partitions", "part_multi", store=golden("partitions")).out


@test
def looks_into_files(folder):
    store = people(folder)
    part = good("partitions", "people", "--json", store=store).json()[0]["file"]
    seen = good("inspect", store / part, "--json").json()
    equal(seen["rows"], 3)
    columns = {column["column"]: column for column in seen["row_groups"][0]["columns"]}
    equal(columns["age"]["nulls"], 1)
    equal((columns["name"]["minimum"], columns["name"]["maximum"]), ("Ann", "Çelik"))
    equal(columns["born"]["logical_type"], "DATE")
    text = good("inspect", store / part).out
    assert re.search(r"^row groups +1$", text, re.M) and "row group 0: 3 rows" in text, text
    equal(good("inspect", "people", "--json", store=store).json()[0]["rows"], 3)
    assert "1 file, 3 rows" in good("inspect", "people", store=store).out
    equal(good("inspect", "people", "-p", "0", "--json", store=store).json()["file"], part)
    bad(3, "there is no number 1", "inspect", "people", "-p", "1", store=store)
    bad(3, "cannot open", "inspect", folder / "nothing.parquet")
    bad(2, "no store is named", "inspect", "people")


@test
def looks_into_pages(_folder):
    """Null counts and bounds of the pages are those that parquet-testing gives of this file."""
    path = SOURCE.parent / "shared" / "golden" / "parquet-testing" / "data" / "int32_with_null_pages.parquet"
    if not path.exists():
        raise Skipped(f"there is no file {path}")
    seen = good("inspect", path, "--pages", "--json").json()
    column = seen["row_groups"][0]["columns"][0]
    pages = column["pages"]
    equal([page["nulls"] for page in pages], [8, 55, 100, 52, 16, 12, 5, 7, 8, 12])
    equal((pages[6]["minimum"], pages[7]["maximum"]), ("-2136906554", "2145722375"))
    equal((pages[2]["minimum"], pages[2]["maximum"]), (None, None))
    equal({(page["kind"], page["encoding"], page["rows"], page["checksum"]) for page in pages}, {("DATA_PAGE", "PLAIN", 100, "right")})
    equal(sum(page["header_size"] + page["compressed_size"] for page in pages), column["compressed_size"])
    equal(pages[1]["offset"], pages[0]["offset"] + pages[0]["header_size"] + pages[0]["compressed_size"])
    assert column["column_index_size"] > 0 and column["offset_index_size"] > 0 and not column["bloom_filter"]
    bloom = good("inspect", path.with_name("data_index_bloom_encoding_stats.parquet")).out
    assert "column, offset, bloom" in bloom, bloom
    equal(seen["size"], path.stat().st_size)
    equal(seen["metadata"], [{"key": "writer.model.name", "value": "example"}])
    text = good("inspect", path, "--pages").out
    assert "row group 0, column int32_field" in text and "column, offset" in text, text
    assert "\npage " not in good("inspect", path).out


@test
def shows_the_tree_of_the_schema(_folder):
    path = SOURCE / "tests/data/golden/parquet/arrow-compat/0.17.1.parquet"
    text = good("inspect", path).out
    assert re.search(r"^schema +repetition +type .*\n^schema\n^  array_float32 +OPTIONAL +group LIST\n^    list +REPEATED +group\n^      item +OPTIONAL +FLOAT\n", re.sub(" +$", "", text, flags=re.M), re.M), text
    nodes = good("inspect", path, "--json").json()["schema"]
    equal(nodes[0]["children"], 27)
    leaf = {"name": "item", "repetition": "OPTIONAL", "physical_type": "FLOAT", "logical_type": None, "field_id": None, "children": 0}
    equal(nodes[3], leaf)


@test
def reads_bare_files(folder):
    """A Parquet file is read without a store, as the dataset that it belongs to is."""
    store = people(folder)
    part = store / good("partitions", "people", "--json", store=store).json()[0]["file"]
    equal(good("read", part, "--format", "csv").out, PEOPLE)
    equal(good("head", part, "-n", "1", "--columns", "age,name", "--json").json(), {"age": 31, "name": "Ann"})
    assert good("head", part).out.endswith("3 rows, 4 columns\n")
    equal(good("read", part, "--where", "age > 7 or born == 1985-12-31", "--columns", "name", "--format", "csv").out, "name\nAnn\nBob\n")
    equal(good("head", part, "-n", "1", "--where", "age != null and age < 31", "--json").json()["name"], "Çelik")
    bad(3, "'nope'", "read", part, "--where", "nope == 1")
    bad(1, "'x'", "read", part, "--where", "age == x")
    bad(2, "operator", "read", part, "--where", "age")
    copy = folder / "copy.parquet"
    good("read", part, "-o", copy, "--columns", "name")
    equal(good("read", copy, "--format", "csv").out, "name\nAnn\nBob\nÇelik\n")
    equal([column["column"] for column in good("schema", part, "--json").json()], ["name", "age", "born", "member"])
    assert good("schema", "./copy.parquet", cwd=folder).out.endswith("1 column\n")
    for verb in ("read", "head", "schema", "inspect"):
        bad(3, "cannot open", verb, folder / "nothing.parquet")
        bad(5, "no Parquet file", verb, write_text(folder / "text.parquet", "some text, long enough"))
    bad(2, "'" + str(part) + "' is a file", "read", part, "--table", "table")
    bad(3, "'nope'", "read", part, "--columns", "nope")


@test
def asks_which_table(_folder):
    store = golden("tables")
    bad(1, "several tables", "head", "tables_three", store=store)
    assert good("head", "tables_three", "--table", "core", store=store).out
    bad(3, "'nope'", "head", "tables_three", "--table", "nope", store=store)
    bad(1, "several tables", "inspect", "tables_three", store=store)


# ---- writing ----


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


# ---- history ----


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


# ---- bad input ----


@test
def fails_clearly_on_what_is_missing(folder):
    store = people(folder)
    bad(3, "'nothing'", "head", "nothing", store=store)
    bad(3, "'nothing'", "info", "nothing", store=store)
    bad(3, "'nothing'", "schema", "nothing", store=store)
    bad(3, "'nothing'", "partitions", "nothing", store=store)
    bad(3, "'nothing'", "inspect", "nothing", store=store)
    bad(3, "'nothing'", "ls", "nothing", store=store)
    bad(3, "nowhere", "ls", store=folder / "nowhere")
    assert not (folder / "nowhere").exists()
    bad(3, "cannot read 'no.csv': No such file", "write", "new", "no.csv", store=folder / "fresh")
    assert not (folder / "fresh").exists()
    bad(1, "Is a directory", "write", "new", folder, "--input-format", "csv", store=store)


@test
def fails_clearly_on_names(folder):
    store = people(folder)
    path = folder / "people.csv"
    outside = set(os.listdir(folder))
    bad(1, "a b", "write", "a b", path, store=store)
    bad(1, "../evil", "write", "../evil", path, store=store)
    bad(1, "../../etc", "info", "../../etc", store=store)
    bad(1, "indices", "write", "new", path, "--table", "indices", store=store)
    bad(1, "../t", "write", "new", path, "--table", "../t", store=store)
    equal(set(os.listdir(folder)), outside)
    equal(good("ls", "--names", store=store).out, "people\n")


@test
def fails_clearly_on_data_that_does_not_fit(folder):
    store = people(folder)
    path = folder / "people.csv"
    other = write_text(folder / "other.csv", "name,age\nAnn,old\n")
    bad(1, "nope", "write", "new", path, "--partition-on", "nope", store=store)
    bad(1, "age", "write", "new", path, "--partition-on", "age", store=store)
    bad(1, "column", "write", "new", path, other, store=store)
    bad(1, "'name'", "write", "new", path, "--type", "name=int64", store=store)
    bad(1, "'numeral'", "write", "new", path, "--type", "age=numeral", store=store)
    bad(2, "metadata", "write", "new", path, "--metadata", "{oops", store=store)
    bad(1, "metadata", "write", "new", path, "--metadata", '{"oops"}', store=store)
    bad(5, "line 3", "write", "new", "-", store=store, stdin='a,b\n1,2\n3,"x\n')
    bad(5, "line 3", "write", "new", "-", store=store, stdin="a,b\n1,2\n3\n")
    equal(good("ls", "--names", store=store).out, "people\n")
    # Nothing of the failed writes is left behind.
    equal([path.name for path in store.iterdir() if path.name.startswith("new")], [])


@test
def fails_clearly_on_damaged_files(folder):
    store = people(folder)
    part = store / good("partitions", "people", "--json", store=store).json()[0]["file"]
    whole = part.read_bytes()
    for size in (0, 3, 20, len(whole) // 2, len(whole) - 1):
        part.write_bytes(whole[:size])
        bad(5, part.name, "head", "people", store=store)
        bad(5, part.name, "inspect", part)
        bad(5, part.name, "write", "new", part, store=store)
    part.write_bytes(whole[:4] + bytes(len(whole) - 12) + whole[-8:])
    bad(5, part.name, "head", "people", store=store)
    part.unlink()
    bad(3, part.name, "head", "people", store=store)
    document = store / "people.by-dataset-metadata.json"
    for text in ("", "{", "[]", '{"dataset_metadata_version": 4}', "\xff"):
        document.write_bytes(text.encode("latin-1"))
        bad(5, "people", "head", "people", store=store)
    document.write_text('{"a": ' * 10000)
    bad(1, "nested deeper than 64", "head", "people", store=store)
    document.write_text('{"dataset_metadata_version": 3, "dataset_uuid": "people"}')
    bad(1, "version", "head", "people", store=store)


@test
def fails_clearly_without_rights(folder):
    store = people(folder)
    url = f"hfs://{store}#wrap:readonly"
    bad(1, "read-only", "write", "new", folder / "people.csv", store=url)
    if os.geteuid() == 0:
        raise Skipped("root may read everything")
    (store / "people.by-dataset-metadata.json").chmod(0)
    bad(1, "ermission denied", "head", "people", store=store)


@test
def fails_clearly_on_a_full_disk(folder):
    store = folder / "store"
    path = write_text(folder / "big.csv", "a,b\n" + "".join(f"{i},{i * 7919 % 100003}x\n" for i in range(20000)))

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50000, 50000))

    bad(1, "File too large", "write", "big", path, store=store, preexec_fn=limit)
    equal([p for p in store.rglob("*") if p.is_file()], [])
    with open("/dev/full", "wb") as full:
        for arguments in (["--help"], ["ls"], ["completion", "bash"]):
            done = subprocess.run(
                [KTK, "--store", golden("tutorial"), *arguments], stdout=full, stderr=subprocess.PIPE, env=environment(), check=False
            )
            equal((done.returncode, done.stderr), (1, b"ktk: cannot write standard output: No space left on device\n"))
    bad(3, "cannot write", "read", "my_dataset", "-o", folder / "no" / "x.csv", store=golden("tutorial"))


@test
def leaves_no_half_written_output(folder):
    store = golden_copy_with_damage(folder)
    out = write_text(folder / "rows.csv", "old\n")
    result = run("read", "part_date", "-o", out, store=store)
    equal(result.code, 5)
    equal(out.read_text(), "old\n")
    equal(sorted(os.listdir(folder)), ["rows.csv", "store"])


def golden_copy_with_damage(folder):
    """A store whose second partition is no Parquet file."""
    store = folder / "store"
    store.mkdir()
    shutil.copytree(GOLDEN / "partitions" / "part_date", store / "part_date")
    shutil.copy(GOLDEN / "partitions" / "part_date.by-dataset-metadata.json", store)
    part = good("partitions", "part_date", "--json", store=store).json()[1]["file"]
    (store / part).write_bytes(b"PAR1 no PAR1")
    return store


# ---- the surroundings ----


@test
def ends_quietly_when_nobody_reads(folder):
    store = folder / "store"
    good("write", "long", "-", store=store, stdin="n\n" + "".join(f"{i}\n" for i in range(200000)))
    process = subprocess.Popen(
        [KTK, "--store", str(store), "read", "long", "--format", "csv"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    )
    process.stdout.readline()
    process.stdout.close()
    equal((process.stderr.read(), process.wait(timeout=60)), (b"", 0))
    process.stderr.close()


@test
def reports_a_closed_output(_folder):
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" "$@" >&-', KTK, "--store", golden("tutorial"), "ls"], stderr=subprocess.PIPE, env=environment(), check=False
    )
    equal((done.returncode, done.stderr), (1, b"ktk: cannot write standard output: Bad file descriptor\n"))


@test
def stops_when_interrupted(folder):
    store = folder / "store"
    process = subprocess.Popen(
        [KTK, "--store", str(store), "write", "x", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    )
    process.stdin.write(b"a\n1\n")
    process.stdin.flush()
    for _ in range(200):  # it is reading once the store is there
        if store.exists():
            break
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    equal((process.returncode, out, err), (130, b"", b"ktk: interrupted, nothing was written\n"))
    equal([path for path in store.rglob("*") if path.is_file()], [])


@test
def fits_the_terminal(_folder):
    plain = on_terminal(80, "head", "types_scalars", store=golden("types"), NO_COLOR="1")
    lines = plain.splitlines()
    assert all(len(line) <= 80 for line in lines), plain
    assert "…" in lines[0] and lines[0].startswith("bool "), plain
    assert re.search(r"5 rows, 17 columns \(\d+ not shown", lines[-1]), plain
    assert "\033" not in plain
    wide = on_terminal(1000, "head", "types_scalars", store=golden("types"), NO_COLOR="1")
    assert "…" not in wide.splitlines()[0] and wide.splitlines()[-1] == "5 rows, 17 columns", wide
    narrow = on_terminal(12, "ls", store=golden("tutorial"), NO_COLOR="1")
    assert all(len(line) <= 12 for line in narrow.splitlines()[:-1]), narrow


@test
def looks_at_partitions_in_csv(folder):
    store = golden("serialisers")
    equal([part["rows"] for part in good("partitions", "csv_partitioned", "--rows", "--json", store=store).json()], [2, 1])
    assert "1 file, 107 B, 3 rows" in good("info", "csv_gz", "--rows", store=store).out
    equal(good("read", "csv_partitioned", "--where", "i == 3", "--format", "csv", "--columns", "P,i", store=store).out, "P,i\n2,3\n")
    seen = good("inspect", "csv_gz", "--json", store=store).json()[0]
    equal((seen["rows"], seen["codec"], seen["row_groups"], seen["compressed_size"]), (3, "CSV", None, None))
    bad(1, "is CSV; its rows can be read", "inspect", "csv_gz", "-p", "0", store=store)


@test
def shows_null_dim_on_a_terminal(folder):
    store = people(folder)
    text = on_terminal(80, "head", "people", store=store)
    assert "\033[2mnull\033[0m" in text and "\033[1m" in text, repr(text)
    assert "\033" not in good("head", "people", store=store).out


@test
def refuses_parquet_on_a_terminal(folder):
    store = people(folder)
    main, terminal = pty.openpty()
    done = subprocess.run(
        [KTK, "--store", str(store), "read", "people", "--format", "parquet"], stdout=terminal, stderr=subprocess.PIPE, env=environment(), check=False
    )
    os.close(terminal)
    os.close(main)
    equal((done.returncode, done.stderr), (2, b"ktk: Parquet is not for terminals: name a file with --output\n"))


main()
