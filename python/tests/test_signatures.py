"""Our functions take what those of kartothek 5.3.0 take: names, order and defaults, as data/ has them recorded from the original."""
import importlib
import inspect
import json
import pathlib

import pytest

from record_signatures import members, parameters

DATA = pathlib.Path(__file__).parent / "data"
RECORDED = json.loads((DATA / "signatures-kartothek-5.3.0.json").read_text())

#: modules that are the inside of the original, which programs do not call
INSIDE = (
    "core.docs",
    "io.dask.compression",
    "io_components.delete",
    "io_components.gc",
    "io_components.index",
    "io_components.merge",
    "io_components.update",
    "io_components.write",
    "utils.migration_helpers",
)

#: modules of cubes, which this version does not have
CUBES = (
    "api.consistency",
    "api.discover",
    "core.cube",
    "io.dask.bag_cube",
    "io.dask.common_cube",
    "io.dask.dataframe_cube",
    "io.eager_cube",
    "utils.converters",
    "utils.ktk_adapters",
    "utils.pandas",
    "utils.predicate_converter",
)

#: what else is missing; a name that is there must go from this list
MISSING = set(
    """
    @@@
    """.split()
)


def is_below(module, tops):
    return any((module + ".").startswith(top + ".") for top in tops)


NAMES = [(module, name) for module, names in RECORDED.items() if not is_below(module, INSIDE + CUBES) for name in names]


def agree(ours, theirs):
    """Ours start with theirs; what we take beyond has defaults."""
    return ours[: len(theirs)] == theirs and all("=" in extra or extra == "*" for extra in ours[len(theirs) :])


@pytest.mark.parametrize("module, name", NAMES, ids=[".".join(pair) for pair in NAMES])
def test_signature(module, name):
    theirs = RECORDED[module][name]
    if module + "." + name in MISSING:
        with pytest.raises((ImportError, AttributeError)):
            getattr(importlib.import_module("kartothek." + module), name)
        pytest.skip("not there yet")
    try:
        ours = getattr(importlib.import_module("kartothek." + module), name)
    except ImportError as error:
        if error.name is None or not error.name.startswith("kartothek"):
            pytest.skip("{} is not installed".format(error.name))
        raise
    if isinstance(theirs, list):
        assert agree(parameters(ours), theirs)
        return
    assert inspect.isclass(ours)
    found = members(ours)
    assert not set(theirs) - set(found)
    different = {method: (found[method], theirs[method]) for method in theirs if not _same(found[method], theirs[method])}
    assert not different


def _same(ours, theirs):
    return ours == theirs if "property" in (ours, theirs) else agree(ours, theirs)
