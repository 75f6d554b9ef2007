"""What ktk shows of golden stores and of files; prints TAP. Arguments: the program, the source root."""

import json
import os
import re
import subprocess

from harness import GOLDEN, KTK, PEOPLE, SOURCE, Skipped, bad, environment, equal, golden, good, main, people, test, write_text


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


main()
