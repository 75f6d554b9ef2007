"""Writes golden_datasets.tsv, golden_partitions.tsv and golden_columns.tsv out of the expectations in ../golden/expected: what a
snapshot of each golden dataset with a JSON document holds. Plain Python, no packages.

Lists are joined by commas; "-" stands for "not to be compared". Types are those of `_common_metadata` with naive microseconds
read as nanoseconds (dataset.md 3.2); the pandas strings of plateau's datasets are left out, because its reader changes them.
"""
import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "..", "golden")


def documents():
    for writer in ["k53", "p46", "mixed"]:
        folder = os.path.join(GOLDEN, "expected", writer)
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name), encoding="utf-8") as file:
                document = json.load(file)
            if not name.startswith("_") and "storage_format" in document:
                yield writer, document


def write(name, rows):
    with open(os.path.join(HERE, name), "w", encoding="utf-8") as file:
        for row in rows:
            assert not any("\t" in cell or "\n" in cell for cell in row), row
            file.write("\t".join(row) + "\n")


def column_rows(writer, document, head):
    for table, columns in sorted(document["schemas"].items()):
        for position, column in enumerate(columns):
            stored = column["stored_type"].replace(" ('map')", "")
            stored = "timestamp[ns]" if stored == "timestamp[us]" else stored
            strings = ["-", "-"]
            if writer == "k53":
                assert stored == column["type"], column
                strings = [str(column["pandas_type"]), str(column["numpy_type"])]
            yield head + [table, str(position), column["name"], stored] + strings


def main():
    datasets, partitions, columns = [], [], []
    for writer, document in documents():
        if document["storage_format"] != "json":
            continue
        head = [document["store"], document["dataset_uuid"]]
        datasets.append(
            head
            + [
                "explicit" if document["explicit_partitions"] else "implicit",
                ",".join(document["partition_keys"]),
                ",".join(sorted(document["tables"])),
                str(len(document["partitions"])),
            ]
        )
        for position, partition in enumerate(document["partitions"]):
            for table, key in sorted(partition["files"].items()):
                partitions.append(head + [str(position), partition["label"], table, key])
        columns.extend(column_rows(writer, document, head))
    write("golden_datasets.tsv", datasets)
    write("golden_partitions.tsv", partitions)
    write("golden_columns.tsv", columns)


if __name__ == "__main__":
    main()
