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


def main():
    program = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        try:
            dataset(program, folder)
        except AssertionError as error:
            print("# {}".format(error))
            print("not ok 1 - dataset\n1..1")
            return 1
    print("ok 1 - dataset\n1..1")
    return 0


if __name__ == "__main__":
    sys.exit(main())
