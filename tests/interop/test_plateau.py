"""A program of plateau gives the same with the real plateau 4.6.2 and with kartothek.compat.plateau, but for what is named here."""
import json
import os
import subprocess
import sys

import pytest
from conftest import ROOT

PROGRAM = ROOT / "tests" / "interop" / "plateau_program.py"


def outcome(python, root, folder):
    environ = os.environ if root != "plateau" else {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([str(python), str(PROGRAM), root, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(environ))
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout.decode())


#: steps whose exception is another one, and why
OTHER_EXCEPTIONS = {"another_table": "ValueError with kartothek's text where plateau has a RuntimeError"}


def by_its_name(value):
    """Datasets that plateau's writers return say that their table is called 'table', whatever its name is; ours say its name."""
    if isinstance(value, list):
        return [by_its_name(part) for part in value]
    if not isinstance(value, dict):
        return value
    value = {name: by_its_name(part) for name, part in value.items()}
    if value.get("tables") and "text" in value:
        (name,) = value["tables"]
        value["text"] = value["text"].replace("table_name={},".format(value["table_name"]), "table_name={},".format(name))
        value["table_name"] = name
    return value


def test_a_program_of_plateau(plateau_4_6, tmp_path):
    for name in ("pyarrow", "dask.dataframe"):
        pytest.importorskip(name)
    folders = [tmp_path / "theirs", tmp_path / "ours"]
    for folder in folders:
        folder.mkdir()
    theirs = outcome(plateau_4_6.python, "plateau", folders[0])
    ours = outcome(sys.executable, "kartothek.compat.plateau", folders[1])
    assert list(ours) == list(theirs) and len(ours) > 30
    assert sum("result" in result for result in theirs.values()) > 25
    for name, result in theirs.items():
        if name in OTHER_EXCEPTIONS:
            assert "error" in ours[name] and "error" in result and ours[name] != result, name
        else:
            assert ours[name] == by_its_name(result), name
