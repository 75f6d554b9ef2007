"""kartothek.check_store: what a store allows, and how it is shown. tests/servers does the same with ``ktk store check`` on services."""
import json
import os
import subprocess

import pytest

import kartothek
from kartothek.core.utils import ensure_store


class OwnStore(dict):
    """A store in Python, which may refuse."""

    def __init__(self, refused=()):
        super().__init__()
        self.refused = refused

    def _ask(self, what):
        if what in self.refused:
            raise PermissionError("not " + what)

    def put(self, key, data):
        self._ask("put")
        self[key] = data
        return key

    def get(self, key):
        self._ask("get")
        return self[key]

    def open(self, key):
        import io

        return io.BytesIO(self.get(key))

    def delete(self, key):
        self._ask("delete")
        self.pop(key, None)

    def iter_keys(self, prefix=""):
        self._ask("list")
        return iter([key for key in sorted(self) if key.startswith(prefix)])

    keys = iter_keys

    def iter_prefixes(self, delimiter, prefix=""):
        return iter([])


def test_a_folder(tmp_path, store_url):
    for given in (store_url, ensure_store(store_url), lambda: ensure_store(store_url)):
        facts = kartothek.check_store(given)
        assert facts.safe and facts.problems == {} and facts.conditions == "swap" and str(tmp_path) in facts.store
        assert (facts.provider, facts.region, facts.credentials, facts.clock_ahead_ms) == (None, None, None, 0)
        assert not [path for path in tmp_path.rglob("*") if path.is_file()]
        text = repr(facts)
        assert text.startswith("datasets can be kept safely in ") and "\n  commit      yes\n" in text and text.endswith("\n  conditions  swap")
        assert "<th>list</th><td>yes</td>" in facts._repr_html_()


def test_a_store_that_refuses():
    store = OwnStore({"put"})
    facts = kartothek.check_store(lambda: store)
    assert not facts.safe and "write" in facts.problems and "list" not in facts.problems
    assert "not put" in facts.problems["write"]
    assert "cannot be kept safely" in repr(facts) and "  write       no: " in repr(facts)
    allowed = OwnStore()
    assert kartothek.check_store(lambda: allowed).problems == {} and not allowed


def test_no_such_store(tmp_path):
    with pytest.raises(KeyError):
        kartothek.check_store("hfs://{}?create_if_missing=false".format(tmp_path / "none"))
    with pytest.raises(TypeError):
        kartothek.check_store(3)


@pytest.mark.skipif("KTK" not in os.environ, reason="KTK names no program to compare with")
def test_the_program_says_the_same(store_url):
    told = json.loads(subprocess.check_output([os.environ["KTK"], "store", "check", store_url, "--json"]).decode())
    facts = kartothek.check_store(store_url)
    for name in ("store", "provider", "region", "credentials", "clock_ahead_ms", "conditions", "safe"):
        assert told[name] == getattr(facts, name), name
    assert {name for name in ("list", "read", "write", "delete", "commit") if not told[name]} == set(facts.problems)
