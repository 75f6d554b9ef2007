"""ktk says what is wrong, and changes nothing; prints TAP. Arguments: the program, the source root."""

import os
import resource
import shutil
import signal
import subprocess

from harness import GOLDEN, KTK, Skipped, bad, environment, equal, golden, good, main, people, run, test, write_text


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


main()
