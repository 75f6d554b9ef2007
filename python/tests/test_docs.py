"""The code blocks of the documentation do what they say."""
import os
import re
import subprocess
import sys

import pytest
from conftest import ROOT


def blocks(page, language):
    found = re.findall(r"```{}\n(.*?)```".format(language), (ROOT / page).read_text(), re.S)
    return [block for block in found if "make check" not in block]


def run(command, tmp_path, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=str(tmp_path), **options)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout
    return done.stdout.decode()


@pytest.mark.parametrize("page", ["README.md", "python/README.md"])
def test_python(page, tmp_path):
    code = "\n".join(blocks(page, "python")).replace("/tmp/", "{}/".format(tmp_path))
    out = run([sys.executable, "-c", code], tmp_path)
    assert "partitions  2 by day" in out


def test_the_guide_lists_every_known_difference():
    """The numbers are those of the list of defects, and those that tests name, each of which has to have one."""
    rows = "\n".join(line for line in (ROOT / "docs" / "python.md").read_text().split("\n") if line.startswith("|") or "(D-30)" in line)
    told = set(re.findall(r"\b(?:D-|Q)\d+", rows))
    differential = (ROOT / "tests" / "interop" / "test_differential.py").read_text()
    named = set(re.findall(r"\bD-\d\d", differential))
    named |= {"D-" + number for number in re.findall(r"def test_d(\d\d)_", (ROOT / "python" / "tests" / "test_defects.py").read_text())}
    assert len(named) >= 25
    assert not (named | {"D-{:02}".format(number) for number in range(1, 43)}) - told
    listed = re.search(r"^DEFECTS = \[(.*?)^\]", differential, re.S | re.M).group(1)
    for defect in re.findall(r"\w+", listed):
        assert re.search(r'def {}\(.*?\n    """\s*D-\d\d'.format(defect), differential), defect


def test_the_guide(tmp_path):
    pytest.importorskip("dask")
    code = "\n".join(blocks("docs/python.md", "python")).replace("/tmp/", "{}/".format(tmp_path))
    out = run([sys.executable, "-c", code], tmp_path)
    history = "['replace', 'index', 'replace', 'overwrite']"
    types = "int64 float64 datetime64[ns]\nint64 float64 object"
    for told in ("3 rows before the update", "1 rows; 2 sold", history, "all is well", "3 tasks, 4 rows", types):
        assert told in out


@pytest.mark.parametrize("number", range(len(blocks("README.md", "sh"))))
def test_shell(number, tmp_path):
    ktk = os.environ.get("KTK")
    if ktk is None or not os.path.exists(ktk):
        pytest.skip("KTK does not name the built program")
    code = "set -eu\n" + blocks("README.md", "sh")[number].replace("/tmp/", "{}/".format(tmp_path))
    run(["sh", "-c", code], tmp_path, env=dict(os.environ, PATH=os.path.dirname(ktk) + ":" + os.environ["PATH"]))
