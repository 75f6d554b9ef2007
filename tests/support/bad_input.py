"""
What nobody should feed a dataset with, for ktk and for Python alike.

A base store holds the dataset `people` (columns age, born, member, name; by member, with an index of name) and `other` (the same,
not partitioned, no index). A case plants what is bad, names a dataset and a predicate, and says what must be told; the store must
be the same, byte for byte, before and after.
"""
import hashlib
import json
import os

PEOPLE = "name,age,born,member\nAnn,31,1990-05-01,true\nBob,5,1985-12-31,false\nC,7,2014-02-28,true\n"

MILLION = 1000000


def document(name, **members):
    whole = {"dataset_metadata_version": 4, "dataset_uuid": name, "metadata": {}, "partition_keys": [], "partitions": {}, "indices": {}}
    return json.dumps(dict(whole, **members))


def _write(folder, name, text):
    (folder / (name + ".by-dataset-metadata.json")).write_text(text)
    table = folder / name / "table"
    table.mkdir(parents=True)
    (table / "_common_metadata").write_bytes((folder / "other" / "table" / "_common_metadata").read_bytes())


def _file(key):
    """A dataset `bad` of one partition in that file."""
    return lambda folder: _write(folder, "bad", document("bad", partitions={"a": {"files": {"table": key}}}))


def _deep(folder):
    _write(folder, "bad", document("bad").replace('"metadata": {}', '"metadata": ' + '{"a": ' * 300 + "1" + "}" * 300))


def _million(folder):
    names = ("bad/table/{:07d}.parquet".format(i) for i in range(MILLION))
    text = ", ".join('"{:07d}": {{"files": {{"table": "{}"}}}}'.format(i, name) for i, name in enumerate(names))
    _write(folder, "bad", document("bad").replace('"partitions": {}', '"partitions": {' + text + "}"))


def _cut(folder):
    _write(folder, "bad", document("bad")[:-5])


def _linked(folder):
    """The file is a link to one beside the store."""
    outside = folder.parent / "outside.parquet"
    outside.write_bytes(next((folder / "other" / "table").glob("*.parquet")).read_bytes())
    _file("bad/table/a.parquet")(folder)
    (folder / "bad" / "table" / "a.parquet").symlink_to(outside)


def _nothing(folder):
    pass


#: name, what is planted, dataset, predicate as ktk reads it, the same in Python, what is told
READS = [
    ("a text for a number", _nothing, "people", "age == abc", [[("age", "==", "abc")]], "age"),
    ("a text for a date", _nothing, "people", "born == yesterday", [[("born", "==", "yesterday")]], "born"),
    ("a day that is none", _nothing, "people", "born >= 2020-02-30", None, "2020-02-30"),
    ("a number for a text", _nothing, "people", None, [[("name", "==", 1)]], "name"),
    ("a column that is not there", _nothing, "people", "nope == 1", [[("nope", "==", 1)]], "nope"),
    ("an operator that is none", _nothing, "people", "age =! 1", [[("age", "=!", 1)]], ""),
    ("a dataset that is not there", _nothing, "nope", None, None, "nope"),
    ("a name that leads elsewhere", _nothing, "..", None, None, ".."),
    ("a file outside of the store", _file("../outside.parquet"), "bad", None, None, "../outside.parquet"),
    ("a file of the system", _file("/etc/passwd"), "bad", None, None, "/etc/passwd"),
    ("a file that is not there", _file("bad/table/gone.parquet"), "bad", None, None, "bad/table/gone.parquet"),
    ("a file that is no Parquet", _file("bad/table/_common_metadata/x"), "bad", None, None, "bad/table/_common_metadata"),
    ("a link out of the store", _linked, "bad", None, None, "bad/table/a.parquet"),
    ("JSON of 300 levels", _deep, "bad", None, None, "bad.by-dataset-metadata.json"),
    ("JSON that is cut short", _cut, "bad", None, None, "bad.by-dataset-metadata.json"),
    ("a million partitions that are not there", _million, "bad", None, None, "bad/table/0000000.parquet"),
]


def plant_index_with_unknown_labels(folder):
    """The index of `people`, in a dataset that has none of its partitions; its only file holds all rows."""
    people = json.loads((folder / "people.by-dataset-metadata.json").read_text())
    key = next((folder / "other" / "table").glob("*.parquet")).relative_to(folder)
    partitions = {"a": {"files": {"table": str(key)}}}
    _write(folder, "bad", document("bad", partitions=partitions, indices=people["indices"]))


def fingerprint(folder):
    """Names and content of all files, and what links point to."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[str(path)] = os.readlink(str(path))
        elif path.is_file():
            found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found
