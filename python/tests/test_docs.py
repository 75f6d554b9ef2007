"""The code blocks of README.md do what they say."""
import os
import re
import subprocess
import sys

import pytest
from conftest import ROOT

README = (ROOT / "README.md").read_text()


def blocks(language):
    return [block for block in re.findall(r"```{}\n(.*?)```".format(language), README, re.S) if "make check" not in block]


@pytest.mark.parametrize("number", range(len(blocks("python"))))
def test_python(number, tmp_path):
    code = blocks("python")[number].replace("/tmp/", "{}/".format(tmp_path))
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout


@pytest.mark.parametrize("number", range(len(blocks("sh"))))
def test_shell(number, tmp_path):
    ktk = os.environ.get("KTK")
    if ktk is None or not os.path.exists(ktk):
        pytest.skip("KTK does not name the built program")
    code = "set -eu\n" + blocks("sh")[number].replace("/tmp/", "{}/".format(tmp_path))
    environ = dict(os.environ, PATH=os.path.dirname(ktk) + ":" + os.environ["PATH"])
    done = subprocess.run(["sh", "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout
