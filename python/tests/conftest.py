"""Shared by the tests of the Python package, which run against the installed package, not the source folder."""
import os
import pathlib
import uuid

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
GOLDEN = ROOT / "tests" / "data" / "golden"


@pytest.fixture
def store_url(tmp_path):
    """An empty store: a folder, or a new place at the one that KTK_TEST_STORE names, such as s3://bucket?endpoint=URL."""
    far, _, query = os.environ.get("KTK_TEST_STORE", "").partition("?")
    return "{}/{}?{}".format(far, uuid.uuid4().hex[:12], query) if far else "hfs://{}".format(tmp_path)


def pytest_terminal_summary(terminalreporter):
    """Print which golden datasets this version refuses, and why; that it does so is tested."""
    from test_golden import EXPECTATIONS, unsupported_reason

    for expectation in EXPECTATIONS:
        reason = unsupported_reason(expectation.values[1])
        if reason is not None:
            terminalreporter.write_line("expected unsupported: {}: {}".format(expectation.id, reason))
