"""Bad input of every kind: ktk says what is wrong, in 256 MiB, and changes nothing; prints TAP. Arguments: the program, the source root."""
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import time

from harness import KTK, SOURCE, Skipped, bad, equal, environment, golden, good, main, run, test, write_text

sys.path.insert(0, str(SOURCE / "tests" / "support"))
import bad_input  # noqa: E402

MEMORY = 256 << 20
IS_SANITIZED = b"__asan_init" in open(KTK, "rb").read()  # it maps terabytes


def base(folder):
    store = folder / "store"
    people = write_text(folder / "people.csv", bad_input.PEOPLE)
    good("write", "people", people, "--partition-on", "member", "--index", "name", store=store)
    good("write", "other", people, store=store)
    return store


def sparing():
    if not IS_SANITIZED:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def refused(text, *arguments, store, before=None):
    """It fails with one line that holds the text, and the store is as it was."""
    before = bad_input.fingerprint(store) if before is None else before
    result = run(*arguments, store=store, preexec_fn=sparing)
    assert result.code in (1, 2, 3, 5), f"{arguments}: exit {result.code}: {result.out}{result.err}"
    assert result.err.startswith("ktk: ") and text in result.err, f"{arguments}: {text!r} is not in {result.err!r}"
    assert "out of memory" not in result.err, f"{arguments}: {result.err!r}"
    equal(bad_input.fingerprint(store), before)


@test
def bad_reads_are_refused(folder):
    clean = base(folder)
    for name, plant, dataset, where, _, told in bad_input.READS:
        store = folder / "planted" / "store"
        shutil.copytree(clean, store)
        plant(store)
        before = bad_input.fingerprint(store)
        if where is not None:
            refused(told, "read", dataset, "--where", where, store=store, before=before)
            refused(told, "delete", dataset, "--where", where, store=store, before=before)
        elif dataset not in ("people", ".."):  # the latter is a path
            refused(told, "read", dataset, store=store, before=before)
        shutil.rmtree(folder / "planted")


@test
def bad_updates_are_refused(folder):
    store = base(folder)
    people = folder / "people.csv"
    for told, arguments in [
        ("expected a column", ["delete", "people", "--where", ""]),
        ("expected a column", ["delete", "people", "--where", " \n"]),
        ("where", ["delete", "people"]),
        ("'nope'", ["append", "nope", people]),
        ("'a b'", ["write", "a b", people]),
        ("'../x'", ["write", "../x", people]),
        ("'\u00fc'", ["write", "\u00fc", people]),
        ("xxx", ["write", "x" * 300, people]),
        ("nope", ["write", "q", people, "--partition-on", "nope"]),
        ("named twice", ["write", "q", people, "--partition-on", "member,member"]),
        ("No data left", ["write", "q", people, "--partition-on", "name,age,born,member"]),
        ("'nope'", ["write", "q", people, "--index", "nope"]),
        ("reserved", ["write", "q", people, "--table", "indices"]),
        ("reserved", ["write", "q", people, "--table", "_ktk"]),
        ("'../x'", ["write", "q", people, "--table", "../x"]),
        ("--metadata", ["write", "q", people, "--metadata", "a"]),
        ("'nope'", ["index", "build", "people", "nope"]),
        ("'age'", ["append", "people", write_text(folder / "texts.csv", bad_input.PEOPLE.replace("31", "x"))]),
        ("'age'", ["append", "people", write_text(folder / "huge.csv", bad_input.PEOPLE.replace("31", "9" * 30))]),
        ("'member'", ["append", "people", write_text(folder / "null.csv", bad_input.PEOPLE.replace("true\n", "\n"))]),
        ("twice", ["append", "people", write_text(folder / "twice.csv", "a,a\n1,2\n")]),
        ("", ["append", "people", write_text(folder / "none.csv", "")]),
        ("", ["restore", "people", "99999999999999999999"]),
        ("--limit", ["read", "people", "--limit", "99999999999999999999"]),
        ("--grace", ["gc", "people", "--grace", "99999999999d"]),
    ]:
        refused(told, *arguments, store=store)


@test
def names_in_different_normal_forms_are_different_columns(folder):
    store = folder / "store"
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    text = f"{composed},{decomposed},p\n1,2,{composed}\n3,4,{decomposed}\n"
    good("write", "names", write_text(folder / "names.csv", text), "--partition-on", "p", store=store)
    equal(good("read", "names", "--where", f"p == '{composed}'", "--columns", f"{composed},{decomposed}", "--format", "csv", store=store).out, f"{composed},{decomposed}\n1,2\n")
    equal(good("read", "names", "--where", f"{decomposed} == 4", "--columns", composed, "--format", "csv", store=store).out, f"{composed}\n3\n")


@test
def an_index_of_unknown_labels_loses_no_row(folder):
    store = base(folder)
    bad_input.plant_index_with_unknown_labels(store)
    equal(good("count", "bad", "--where", "name == Ann", store=store).out, "1\n")
    assert "index-label" in run("check", "bad", store=store).out


@test
def a_dataset_that_names_files_of_another_removes_none_of_them(folder):
    store = base(folder)
    rows = good("read", "other", "--format", "csv", store=store).out
    key = str(next((store / "other" / "table").glob("*.parquet")).relative_to(store))
    (store / "bad.by-dataset-metadata.json").write_text(bad_input.document("bad", partitions={"a": {"files": {"table": key}}}))
    good("gc", "bad", "--yes", "--grace", "0", "--short-grace", store=store)
    good("drop", "bad", "--yes", store=store)
    equal(good("read", "other", "--format", "csv", store=store).out, rows)


@test
def what_is_no_store_is_refused(folder):
    path = write_text(folder / "file", "text")
    bad(2, "is not a folder", "ls", store=path)
    bad(2, "is not a folder", "write", "q", write_text(folder / "p.csv", bad_input.PEOPLE), store=path)
    bad(3, "absent", "ls", store=folder / "absent")
    equal(path.read_text(), "text")


@test
def a_folder_that_must_not_be_written_is_refused(folder):
    if os.geteuid() == 0:
        raise Skipped("root may write everywhere")
    store = base(folder)
    for path in [store, *store.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    refused("ermission denied", "append", "people", folder / "people.csv", store=store)
    for path in [store, *store.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)


@test
def a_full_disk_changes_nothing(folder):
    mount = "mount -t tmpfs -o size=1m none {} && ".format(folder / "small")
    (folder / "small").mkdir()
    if subprocess.run(["unshare", "-rm", "sh", "-c", mount + "true"], stderr=subprocess.DEVNULL).returncode != 0:
        raise Skipped("file systems cannot be mounted here")
    write_text(folder / "people.csv", bad_input.PEOPLE)
    write_text(folder / "big.csv", "v\n" + "".join("%d\n" % (i * 2654435761 % 2**62) for i in range(200000)))
    script = mount + """
        cd {folder} && export KTK_STORE={folder}/small/store && {ktk} write people people.csv >/dev/null || exit 9
        find small -type f -exec sha256sum {{}} + | sort > before
        {ktk} write big big.csv; echo $? > codes
        dd if=/dev/zero of=small/fill bs=1k 2>/dev/null; {ktk} append people people.csv; echo $? >> codes; rm small/fill
        find small -type f -exec sha256sum {{}} + | sort > after
        {ktk} append people people.csv >/dev/null && {ktk} count people""".format(folder=folder, ktk=KTK)
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True, env=environment())
    equal((done.returncode, done.stdout, (folder / "codes").read_text()), (0, "6\n", "1\n1\n"))
    equal([("No space left" in line) for line in done.stderr.splitlines()], [True, True])
    equal((folder / "after").read_text(), (folder / "before").read_text())


@test
def an_interrupt_in_the_middle_changes_nothing(folder):
    store = base(folder)
    before = bad_input.fingerprint(store)
    command = [KTK, "--store", str(store), "append", "other", "--input-format", "csv", "-"]
    for waiting in (0.3, 1):
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
        process.stdin.write(bad_input.PEOPLE.encode())
        process.stdin.flush()
        time.sleep(waiting)  # it reads, and there is no end
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        if process.returncode == -signal.SIGINT and waiting < 1:
            continue  # it had not begun to listen
        equal((process.returncode, out), (130, b""))
        equal(err, b"ktk: interrupted, nothing was written\n")
    equal(bad_input.fingerprint(store), before)


@test
def writes_into_what_is_no_file(folder):
    """As /dev/null is none, which a new file must not replace."""
    pipe, link, target = folder / "pipe", folder / "link", write_text(folder / "target", "old\n")
    wanted = good("read", "my_dataset", "--format", "csv", store=golden("tutorial")).out
    os.mkfifo(pipe)
    link.symlink_to(target)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as reader:
        good("read", "my_dataset", "--format", "csv", "-o", pipe, store=golden("tutorial"))
        equal(reader.communicate()[0].decode(), wanted)
    good("read", "my_dataset", "--format", "csv", "-o", link, store=golden("tutorial"))
    equal((stat.S_ISFIFO(pipe.stat().st_mode), link.is_symlink(), target.read_text()), (True, True, wanted))
    equal(sorted(os.listdir(folder)), ["link", "pipe", "target"])


main()
