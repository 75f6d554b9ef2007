#!/usr/bin/env python3
"""The example programs do what they say; prints TAP."""
import pathlib
import subprocess
import sys
import tempfile


def run(command, folder):
    done = subprocess.run([str(part) for part in command], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def dataset(program, folder):
    """A CSV file goes in, comes back partition by partition, and lies there in files by key."""
    pathlib.Path(folder, "in.csv").write_text("day,shop,sold\nmon,A,3\ntue,B,5\nmon,C,4\n")
    result = run([program, "hfs://{}/lake".format(folder), "in.csv", "day"], folder)
    assert result == (0, "day,shop,sold\nmon,A,3\nmon,C,4\ntue,B,5\n", ""), result
    files = sorted(path.parent.name for path in pathlib.Path(folder, "lake").rglob("*.parquet"))
    assert files == ["day=mon", "day=tue"], files
    code, _, error = run([program, "hfs://{}/lake".format(folder), "in.csv", "nope"], folder)
    assert code == 1 and "nope" in error, error


def parquet(read, write, folder):
    """What one writes the other reads, whole and by column."""
    assert run([write, "prices.parquet"], folder) == (0, "", "")
    told = "4 rows in 1 row groups\n"
    result = run([read, "prices.parquet"], folder)
    assert result == (0, "id,price\n1,9.5\n2,\n3,3.25\n4,12.0\n", told), result
    result = run([read, "prices.parquet", "price", "id"], folder)
    assert result == (0, "price,id\n9.5,1\n,2\n3.25,3\n12.0,4\n", told), result
    code, out, error = run([read, "prices.parquet", "nope"], folder)
    assert (code, out) == (1, "") and "nope" in error, error
    code, _, error = run([write, "no/folder/prices.parquet"], folder)
    assert code == 1 and "no/folder" in error, error


def main():
    programs = {path.name: path.resolve() for path in map(pathlib.Path, sys.argv[1:])}
    tests = [(dataset, ["dataset"]), (parquet, ["parquet_read", "parquet_write"])]
    failed = False
    for number, (test, names) in enumerate(tests, 1):
        with tempfile.TemporaryDirectory() as folder:
            try:
                test(*[programs[name] for name in names], folder)
                print("ok {} - {}".format(number, test.__name__))
            except AssertionError as error:
                print("# {}\nnot ok {} - {}".format(error, number, test.__name__))
                failed = True
    print("1..{}".format(len(tests)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
