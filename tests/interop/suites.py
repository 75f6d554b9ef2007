"""
The originals' own test suites, which lie in their installed packages, run against ours.

A suite is a module of test functions that want a back-end's functions as fixtures. Nothing of it is copied: it is imported from the original's folder, and
what it imports is ours. Fixtures here belong to both originals; `import *` brings them to the test modules.
"""
import importlib
import os
import pathlib
import pickle
import re
import sys
import types
from functools import partial
from unittest import mock

import dask
import dask.bag
import dask.dataframe
import pandas as pd
import pytest

from kartothek.core.testing import TIME_TO_FREEZE, cm_frozen_time, get_dataframe_alltypes, get_dataframe_not_nested

#: what runs a suite. For readers, also what a test gets: partitions as the functions give them, or frames of one row.
BACKENDS = {
    "read": [
        ("eager", "dataframe"), ("eager", "table"), ("iter", "dataframe"), ("dask.bag", "dataframe"), ("dask.delayed", "dataframe"),
        ("dask.dataframe", "table"),
    ],
    "write": ["eager", "iter", "dask.bag", "dask.delayed"],
    "update": ["eager", "iter", "dask.delayed", "dask.dataframe"],
    "delete": ["eager", "dask.delayed"],
    "gc": ["eager", "dask.delayed"],
    "index": ["eager", "dask.bag"],
    "merge": ["dask.delayed"],
}  # fmt: skip

#: tests of readers that skip themselves unless they get partitions
OF_PARTITIONS = re.compile("test_read_dataset_as_dataframes_(predicate|concat|dispatch)|test_read_dispatch_by")


def folder_of(package, environment):
    """The original's suites; a skip of the whole test module where it is absent."""
    root = pathlib.Path(os.environ.get("KTK_ORIGINALS", "/nonexistent")) / environment
    found = sorted(root.glob("lib/python3*/site-packages/{}/io/testing/read.py".format(package)))
    if not found:
        pytest.skip("{} is not set up: {} has no test suites".format(package, root), allow_module_level=True)
    return found[0].parent


def load(package, environment):
    """Each suite as a class of its tests, by name; and what else the suites define, their fixtures among it."""
    folder = folder_of(package, environment)
    testing = types.ModuleType("suites_of_" + package)
    testing.__path__ = [str(folder)]
    pytest.register_assert_rewrite(testing.__name__)
    sys.modules[testing.__name__] = testing
    namespace = {}
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        for name in (name for name in BACKENDS if (folder / (name + ".py")).exists()):
            found = vars(importlib.import_module("{}.{}".format(testing.__name__, name)))
            tests = {key: staticmethod(value) for key, value in found.items() if key.startswith("test_")}
            namespace["Test" + name.capitalize()] = type("Test" + name.capitalize(), (), dict(tests, SUITE=name))
            namespace.update({key: value for key, value in found.items() if not key.startswith(("_", "test_"))})
    finally:
        sys.dont_write_bytecode = writes
    return namespace


def parametrize(metafunc, left_out):
    """Run a test with each back-end of its suite but for those that it cannot be run with: ``left_out`` has lists of them by the names of tests."""
    if metafunc.cls is None:
        return
    test = metafunc.function.__name__
    cases = [case for case in BACKENDS[metafunc.cls.SUITE] if not {case, case[0]} & set(left_out.get(test, ()))]
    if metafunc.cls.SUITE != "read":
        metafunc.parametrize("backend_identifier", cases)
    else:
        cases = [case for case in cases if case[1] == "dataframe" or not OF_PARTITIONS.match(test)]
        metafunc.parametrize("backend_identifier,output_type", cases)


def check_differences(namespace):
    """Each entry of DIFFERENCES is of a test that there is."""
    tests = {name for suite in BACKENDS for name in vars(namespace.get("Test" + suite.capitalize(), object))}
    for pattern in namespace["DIFFERENCES"]:
        assert any(re.match(pattern.split(r"\[")[0] + "$", test) for test in tests), pattern


@pytest.fixture(autouse=True)
def difference(request):
    """What is listed fails, or that is an error."""
    for pattern, reason in request.module.DIFFERENCES.items():
        if re.fullmatch(pattern + r"(\[.*)?", request.node.name):
            request.node.add_marker(pytest.mark.xfail(strict=True, reason=reason))


def again(obj):
    """What another process gets."""
    return pickle.loads(pickle.dumps(obj, pickle.HIGHEST_PROTOCOL))


def rows_of(frame):
    """A frame as frames of one row, whose categories are those of that row."""
    rows = [frame.iloc[[i]].reset_index(drop=True) for i in range(len(frame))]
    for row in rows:
        for name in row.columns[row.dtypes == "category"]:
            row[name] = row[name].cat.remove_unused_categories()
    return rows or [frame]


def stores_of(get_store, folder, shows_all=False):
    """A factory of a store, whose keys are those that the originals know."""
    return partial(_store_of, get_store, "hfs://{}".format(folder), shows_all)


def _store_of(get_store, url, shows_all):
    store = get_store(url)
    if not shows_all:
        store.keys = partial(_known_keys, get_store(url))
    return store


def _known_keys(store, prefix=""):
    return [key for key in store.keys(prefix) if "/_ktk/" not in key]


# ---- fixtures that do not depend on the original ----


@pytest.fixture
def mocker():
    """Suites name it and do not use it."""


@pytest.fixture(scope="session")
def metadata_version():
    return 4


@pytest.fixture(autouse=True)
def threads():
    """Tasks of Dask run in this process."""
    with dask.config.set(scheduler="threads"):
        yield


@pytest.fixture
def mock_uuid():
    with mock.patch("kartothek.core.uuid._uuid_hook_str", return_value="auto_dataset_uuid"):
        yield


@pytest.fixture
def store(store_factory):
    return store_factory()


@pytest.fixture(scope="session")
def store_session_factory(get_store, tmp_path_factory):
    return stores_of(get_store, tmp_path_factory.mktemp("store"))


@pytest.fixture
def store_factory(get_store, request, tmp_path):
    return stores_of(get_store, tmp_path / "store", shows_all=request.cls.SUITE == "delete")


@pytest.fixture
def store_factory2(get_store, tmp_path):
    return stores_of(get_store, tmp_path / "store2", shows_all=True)


@pytest.fixture
def frozen_time():
    with cm_frozen_time(TIME_TO_FREEZE):
        yield


@pytest.fixture
def frozen_time_em(frozen_time):
    """The tasks of Dask run in threads, for which the clock stands still, too."""


@pytest.fixture
def df_all_types():
    return get_dataframe_alltypes()


@pytest.fixture
def df_not_nested():
    return get_dataframe_not_nested()


# ---- back-ends ----


@pytest.fixture
def backend(request, backend_identifier):
    """The module of a back-end."""
    return importlib.import_module("{}.io.{}".format(request.module.PACKAGE, backend_identifier))


@pytest.fixture
def bound_load_dataframes(backend, backend_identifier, output_type):
    def _read_table(*args, dispatch_by=None, **kwargs):
        return rows_of(backend.read_table(*args, **of_table(kwargs)))

    def _read_as_ddf(*args, **kwargs):
        kwargs = of_table(kwargs)
        found = again(backend.read_dataset_as_ddf(*args, **kwargs))
        categoricals = kwargs.get("categoricals") or ()
        for column in categoricals[kwargs.get("table", "table")] if isinstance(categoricals, dict) else categoricals:
            assert list(found._meta[column].cat.categories) == ["__UNKNOWN_CATEGORIES__"]
        return rows_of(found.compute())

    def read(*args, **kwargs):
        if backend_identifier == "iter":
            return list(backend.read_dataset_as_dataframes__iterator(*args, **kwargs))
        if backend_identifier == "dask.bag":
            return again(backend.read_dataset_as_dataframe_bag(*args, **kwargs)).compute()
        return list(dask.compute(*again(backend.read_dataset_as_delayed(*args, **kwargs))))

    if output_type == "table":
        return _read_table if backend_identifier == "eager" else _read_as_ddf
    # The suite tells by type and name which argument it can give.
    return backend.read_dataset_as_dataframes if backend_identifier == "eager" else partial(read)


def of_table(arguments):
    """The suite names the one table in `tables`."""
    return {"table" if name == "tables" else name: value for name, value in arguments.items()}


@pytest.fixture
def bound_store_dataframes(backend, backend_identifier):
    def write(dfs, *args, **kwargs):
        if backend_identifier == "eager":
            return backend.store_dataframes_as_dataset(*args, dfs=dfs, **dict({"dataset_uuid": None}, **kwargs))
        if backend_identifier == "iter":
            return backend.store_dataframes_as_dataset__iter((frame for frame in dfs), *args, **kwargs)
        if backend_identifier == "dask.bag":
            return again(backend.store_bag_as_dataset(dask.bag.from_sequence(dfs), *args, **kwargs)).compute()
        return again(backend.store_delayed_as_dataset(dfs, *args, **kwargs)).compute()

    return write


@pytest.fixture
def bound_update_dataset(backend, backend_identifier):
    """Scopes delete as in the originals, where they select partitions."""

    def _update_dataset(partitions, *args, table=None, table_name="table", **kwargs):
        partitions = [partitions] if isinstance(partitions, pd.DataFrame) else partitions
        given = [first_table(part, table_name) for part in partitions if isinstance(part, pd.DataFrame) or part]
        # Dask would make texts of all objects.
        with dask.config.set({"dataframe.convert-string": False}):
            ddf = dask.dataframe.from_delayed([dask.delayed(frame) for _, frame in given]) if given else None
        table = given[0][0] if given else table_name
        return again(backend.update_dataset_from_ddf(ddf, *args, table=table, delete_mode="whole_partitions", **kwargs)).compute()

    def update(partitions, *args, **kwargs):
        kwargs["delete_mode"] = "whole_partitions"
        if backend_identifier == "eager":
            return backend.update_dataset_from_dataframes(partitions, *args, **kwargs)
        partitions = [partitions] if isinstance(partitions, pd.DataFrame) else partitions
        if backend_identifier == "iter":
            return backend.update_dataset_from_dataframes__iter((part for part in partitions), *args, **kwargs)
        return again(backend.update_dataset_from_delayed(partitions, *args, **kwargs)).compute()

    return _update_dataset if backend_identifier == "dask.dataframe" else update


def first_table(part, name):
    """The name and the frame of the first table of an element; a frame alone is of the table that is named."""
    part = part[0] if isinstance(part, list) else part
    return (name, part) if isinstance(part, pd.DataFrame) else next(iter(dict(part.get("data", part)).items()))


@pytest.fixture
def bound_delete_dataset(backend, backend_identifier):
    if backend_identifier == "eager":
        return backend.delete_dataset
    return lambda *args: again(backend.delete_dataset__delayed(*args)).compute()


@pytest.fixture
def garbage_collect_callable(backend, backend_identifier):
    """The suite's garbage is fresh: ours waits for it to grow old, unless it is told not to."""
    if backend_identifier == "eager":
        return partial(backend.garbage_collect_dataset, grace=0)
    return lambda *args: dask.compute(again(backend.garbage_collect_dataset__delayed(*args, grace=0)))


@pytest.fixture
def bound_build_dataset_indices(backend, backend_identifier):
    if backend_identifier == "eager":
        return backend.build_dataset_indices
    return lambda *args, **kwargs: again(backend.build_dataset_indices__bag(*args, **kwargs)).compute()
