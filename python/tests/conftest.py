"""Shared by the tests of the Python package, which run against the installed package, not the source folder."""
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
GOLDEN = ROOT / "tests" / "data" / "golden"


@pytest.fixture
def store_url(tmp_path):
    return "hfs://{}".format(tmp_path)
