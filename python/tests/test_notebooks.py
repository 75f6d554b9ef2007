"""The notebooks of the documentation run from top to bottom, and give what stands in them."""
import re
import sys

import pytest
from conftest import ROOT

sys.path.append(str(ROOT / "scripts"))

import notebooks  # noqa: E402

FOLDER = ROOT / "docs" / "notebooks"


@pytest.fixture(scope="module")
def read():
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    return lambda path: nbformat.read(str(path), as_version=4)


def test_there_are_the_five():
    assert [path.stem for path in notebooks.NOTEBOOKS] == ["dask", "getting-started", "indices", "migrating", "updates"]


@pytest.mark.parametrize("path", notebooks.NOTEBOOKS, ids=lambda path: path.stem)
def test_runs_and_gives_what_stands_in_it(path, read):
    pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    kept = notebooks.outputs(read(path))
    assert sum(map(len, kept)) >= 5
    for number, (now, then) in enumerate(zip(notebooks.outputs(notebooks.run(path)), kept)):
        assert now == then, "cell {}; `make notebooks` keeps what it gives now".format(number)


@pytest.mark.parametrize("path", notebooks.NOTEBOOKS, ids=lambda path: path.stem)
def test_reads_well(path, read):
    """No warnings, no errors, and links that lead somewhere."""
    notebook = read(path)
    texts = [text for cell in notebooks.outputs(notebook) for text in cell]
    assert not [text for text in texts if text.startswith(("stderr", "error"))]
    words = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert words.startswith("# ")
    for link in re.findall(r"\]\(([^)#]+)", words):
        assert (FOLDER / link).exists(), link


def test_what_is_different_each_time_does_not_count():
    one = "/tmp/tmp1eo10f0n/x 01a2251bc0e17aec9626bc132868ee58 2026-11-29T02:21:40.511302 kartothek 0.1.0"
    assert notebooks.stable(one) == "<folder>/x <id> <time> kartothek <version>"
    assert notebooks.stable("36 rows of 2026-11-29") == "36 rows of 2026-11-29"
