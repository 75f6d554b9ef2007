"""ktk's help, manual, completion and command line, and what is around it; prints TAP. Arguments: the program, the source root."""

import os
import pty
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from harness import KTK, SOURCE, Skipped, bad, environment, equal, golden, good, main, on_terminal, people, test, write_text


# ---- help, manual, completion, command line ----

VERBS = [
    "write", "append", "replace", "delete", "index", "read", "head", "count", "ls", "info", "schema", "partitions",
    "inspect", "log", "diff", "restore", "commit-status", "compact", "check", "copy", "drop", "gc", "completion", "help",
]  # fmt: skip


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
