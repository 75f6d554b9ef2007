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
)

#: readers and writers of cubes, which this version does not have
CUBES = ("io.dask.bag_cube", "io.dask.common_cube", "io.dask.dataframe_cube", "io.eager_cube")

#: names that are left out, and why
LEFT_OUT = {
    "io_components.write.update_indices": "a commit writes the indices",
    "io_components.write.update_metadata": "a commit sets the metadata",
    "io_components.write.update_partitions": "a commit adds the partitions",
}


def is_below(module, tops):
    return any((module + ".").startswith(top + ".") for top in tops)


NAMES = [
    (module, name)
    for module, names in RECORDED.items()
    if not is_below(module, INSIDE + CUBES)
    for name in names
    if module + "." + name not in LEFT_OUT
]


def agree(ours, theirs):
    """Ours take what theirs take, in this order and with these defaults; what theirs demand may have a default, what we take beyond must."""
    fit = all(mine == other or mine.split("=")[0] == other for mine, other in zip(ours, theirs))
    return fit and len(ours) >= len(theirs) and all("=" in extra or extra.startswith("*") for extra in ours[len(theirs) :])


@pytest.mark.parametrize("module, name", NAMES, ids=[".".join(pair) for pair in NAMES])
def test_signature(module, name):
    theirs = RECORDED[module][name]
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
    wanted = set(theirs)
    assert not wanted - set(found)
    different = {method: (found[method], theirs[method]) for method in wanted if not _same(found[method], theirs[method])}
    assert not different


def _same(ours, theirs):
    # A DatasetFactory hands out the methods of its dataset.
    return ours == "property" if "property" in (ours, theirs) else agree(ours, theirs)


def test_what_is_left_out_is_not_there():
    for path in LEFT_OUT:
        module, _, name = path.rpartition(".")
        assert not hasattr(importlib.import_module("kartothek." + module), name)
