"""The real originals, in environments made by ../shared/golden/setup_originals.sh; skipped loudly where they are absent."""
import json
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SHARED = ROOT.parent / "shared" / "golden"
GOLDEN = ROOT / "tests" / "data" / "golden"
sys.path.insert(0, str(ROOT / "python" / "tests"))

#: runs check_with_originals.main() once per argument list in one process, since importing an original takes seconds
DRIVER = """
import contextlib, io, json, sys
sys.path.insert(0, {folder!r})
import check_with_originals
results = []
for argv in json.loads(sys.stdin.read()):
    sys.argv = ["check"] + argv
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = check_with_originals.main()
    results.append([code, json.loads(out.getvalue())])
print(json.dumps(results))
"""


class Original:
    def __init__(self, name):
        self.name = name
        self.python = pathlib.Path(os.environ.get("KTK_ORIGINALS", "/nonexistent")) / name / "bin" / "python"

    def check(self, argument_lists):
        """[(exit code, document)] of check_with_originals.py for each list of arguments."""
        return self.run(DRIVER.format(folder=str(SHARED)), argument_lists)

    def run(self, program, argument):
        """What a program prints as JSON in its last line. It gets the argument as JSON on its standard input."""
        done = subprocess.run(
            [str(self.python), "-c", program],
            input=json.dumps(argument).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # Their own packages only: ours has the same name.
            env=dict({k: v for k, v in os.environ.items() if k != "PYTHONPATH"}, PYTHONHASHSEED="0"),
        )
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout.decode().strip().split("\n")[-1])


def original(name, what):
    found = Original(name)
    if not found.python.exists():
        pytest.skip("{} is not set up: {}".format(what, "KTK_ORIGINALS is unset" if "KTK_ORIGINALS" not in os.environ else "its Python is missing"))
    return found


@pytest.fixture(scope="session")
def kartothek_5_3():
    return original("k53", "kartothek 5.3.0 (needs Python 3.8)")


@pytest.fixture(scope="session")
def plateau_4_6():
    return original("p46", "plateau 4.6.2 (needs Python 3.11)")
