"""What the tests of ktk share: running it, comparing, TAP. Arguments of the tests: the program, the source root."""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
import traceback
from pathlib import Path

KTK = os.path.abspath(sys.argv[1])
SOURCE = Path(sys.argv[2]).resolve()
GOLDEN = SOURCE / "tests" / "data" / "golden" / "stores" / "k53"

TESTS = []

class Skipped(Exception):
    """The reason a test could not run."""


def test(function):
    TESTS.append(function)
    return function


def environment(**extra):
    clean = {key: value for key, value in os.environ.items() if key not in ("KTK_STORE", "NO_COLOR", "COLUMNS")}
    clean.update(LC_ALL="C.UTF-8", **extra)
    return clean


class Result:
    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout
        self.err = done.stderr

    def json(self):
        return json.loads(self.out)


def run(*arguments, store=None, stdin=b"", cwd=None, **options):
    """Run ktk; its output as text."""
    command = [KTK] + (["--store", str(store)] if store is not None else []) + [str(a) for a in arguments]
    stdin = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(command, input=stdin, capture_output=True, cwd=cwd, env=environment(), timeout=120, **options)
    done.stdout = done.stdout.decode()
    done.stderr = done.stderr.decode()
    return Result(done)


def good(*arguments, **options):
    """Run ktk; it must succeed in silence."""
    result = run(*arguments, **options)
    assert result.code == 0, f"{arguments}: exit {result.code}: {result.err}"
    assert result.err == "", f"{arguments}: {result.err}"
    return result


def bad(code, text, *arguments, **options):
    """Run ktk; it must fail with that code, with one line, and the place of a mistake in a predicate, that hold the text, and
    print nothing else."""
    result = run(*arguments, **options)
    assert result.code == code, f"{arguments}: exit {result.code}, wanted {code}: {result.err}{result.out}"
    assert re.fullmatch(r"ktk: [^\n]+\n(  [^\n]+\n *\^\n)?", result.err), f"{arguments}: {result.err!r}"
    assert text in result.err, f"{arguments}: {text!r} is not in {result.err!r}"
    assert result.out == "", f"{arguments}: {result.out!r}"
    return result


def golden(name):
    return f"hfs://{GOLDEN / name}#wrap:readonly"


def write_text(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def equal(found, wanted):
    assert found == wanted, f"\nfound:\n{found}\nwanted:\n{wanted}"


PEOPLE = "name,age,born,member\nAnn,31,1990-05-01,true\nBob,,1985-12-31,false\nÇelik,7,2014-02-28,true\n"


def people(folder, *more):
    """A store with the dataset `people`."""
    store = folder / "store"
    good("write", "people", write_text(folder / "people.csv", PEOPLE), *more, store=store)
    return store


def on_terminal(width, *arguments, store, **extra):
    """What ktk prints on a terminal of that width."""
    main, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    process = subprocess.Popen(
        [KTK, "--store", str(store), *arguments], stdin=terminal, stdout=terminal, stderr=terminal, env=environment(TERM="xterm", **extra)
    )
    os.close(terminal)
    text = b""
    while True:
        try:
            piece = os.read(main, 65536)
        except OSError:
            break
        if not piece:
            break
        text += piece
    os.close(main)
    equal(process.wait(timeout=60), 0)
    return text.decode().replace("\r\n", "\n")


def main():
    print(f"1..{len(TESTS)}")
    for number, function in enumerate(TESTS, 1):
        name = function.__name__.replace("_", " ")
        with tempfile.TemporaryDirectory(prefix="ktk-cli-") as folder:
            try:
                function(Path(folder))
                print(f"ok {number} - {name}")
            except Skipped as reason:
                print(f"ok {number} - {name} # SKIP {reason}")
            except Exception:
                for line in traceback.format_exc().splitlines():
                    print(f"# {line}")
                print(f"not ok {number} - {name}")
        sys.stdout.flush()

