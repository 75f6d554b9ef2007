"""Shared by the tests of the Python package, which run against the installed package, not the source folder."""
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
GOLDEN = ROOT / "tests" / "data" / "golden"


@pytest.fixture
def store_url(tmp_path):
    return "hfs://{}".format(tmp_path)


def pytest_terminal_summary(terminalreporter):
    """Print which golden datasets this version refuses, and why; that it does so is tested."""
    from test_golden import EXPECTATIONS, unsupported_reason

    for expectation in EXPECTATIONS:
        reason = unsupported_reason(expectation.values[1])
        if reason is not None:
            terminalreporter.write_line("expected unsupported: {}: {}".format(expectation.id, reason))
