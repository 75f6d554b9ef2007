"""A short program must not wait for packages that it does not need, nor fail without them."""
import re
import subprocess
import sys
from importlib import metadata

import pandas as pd
import pytest

from kartothek._frames import to_arrow
from kartothek.io.eager import store_dataframes_as_dataset
from kartothek.parquet import write

OPENS = """
import sys
from kartothek.core.dataset import DatasetMetadata
import kartothek.io.eager
import kartothek.parquet
dataset = DatasetMetadata.load_from_store("d", sys.argv[1])
print(len(dataset.partitions), *sorted({"numpy", "pandas", "pyarrow", "dask"} & set(sys.modules)))
"""

# Stands for an environment without them: the import fails as it does there, with the name in the error.
WITHOUT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {absent!r}:
            raise ModuleNotFoundError("No module named " + repr(name), name=name)
sys.meta_path.insert(0, Absent())
import kartothek, kartothek.parquet
"""

ARROW_ALONE = """
data = kartothek.parquet.read(sys.argv[2])
with kartothek.create(sys.argv[1], "copy", indices=["a"]) as update:
    update.add(data)
query = kartothek.open(sys.argv[1], "copy").query("a > 1")
kartothek.parquet.write(query, sys.argv[2] + ".new")
print(query.count(), kartothek.parquet.read(sys.argv[2] + ".new").num_rows)
"""

NEEDS = """
from kartothek.io.eager import read_table
{call}
"""


def run(program, *arguments):
    done = subprocess.run([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.stdout.decode(), done.stderr.decode()


@pytest.fixture
def url(store_url):
    store_dataframes_as_dataset(store=store_url, dataset_uuid="d", dfs=[pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [2]})])
    return store_url


def test_the_import_needs_nothing_else():
    program = "import sys; before = set(sys.modules); import kartothek.io.eager; print(*sorted(set(sys.modules) - before))"
    names, errors = run(program)
    assert errors == "" and "kartothek.core.dataset" in names.split()
    assert [name for name in names.split() if name.split(".")[0] != "kartothek"] == []


def test_opening_a_dataset_imports_neither_numpy_nor_pandas(url):
    assert run(OPENS, url) == ("2\n", "")


def test_arrow_data_needs_no_other_library(url, tmp_path):
    path = str(tmp_path / "f.parquet")
    write(to_arrow.frame_stream(pd.DataFrame({"a": [1, 2, 3]})), path)
    assert run(WITHOUT.format(absent=("numpy", "pandas", "pyarrow", "dask")) + ARROW_ALONE, url, path) == ("2 2\n", "")


@pytest.mark.parametrize(
    "call, library",
    [
        ("read_table('d', sys.argv[1])", "pandas"),
        ("kartothek.open(sys.argv[1], 'd').query().to_pandas()", "pandas"),
        ("from kartothek.io.dask.delayed import read_dataset_as_delayed; read_dataset_as_delayed('d', sys.argv[1])", "dask"),
        ("from kartothek.io.dask.dataframe import read_dataset_as_ddf; read_dataset_as_ddf('d', sys.argv[1], 'table')", "dask"),
        ("from kartothek.io.dask.bag import read_dataset_as_dataframe_bag; read_dataset_as_dataframe_bag('d', sys.argv[1])", "dask"),
    ],
)
def test_what_is_missing_is_told(url, call, library):
    out, error = run(WITHOUT.format(absent=(library,)) + NEEDS.format(call=call), url)
    last = error.strip().split("\n")[-1]
    assert out == "" and last == "ImportError: {0} is needed for this and is not installed; install it with: pip install 'kartothek[{0}]'".format(library)


CALLS = """
import importlib, inspect
for module in {modules!r}:
    found = importlib.import_module(module)
    for name in [*found.__all__, *{further!r}]:
        function = getattr(found, name, None)
        if function is None or name == "store_bag_as_dataset":
            continue
        given = dict({given}, left_dataset_uuid="d", right_dataset_uuid="d", store=sys.argv[1])
        given["dataset_uuid"] = "new" if name.startswith("store_") else "d"
        given["columns"] = ["a"] if name.startswith("build_") else None
        try:
            function(**{{name: value for name, value in given.items() if name in inspect.signature(function).parameters}})
        except ImportError as error:
            print(name, "|", error)
"""


def told(url, library, program):
    """The names of the calls of a program that say how to get the library."""
    out, errors = run(WITHOUT.format(absent=(library,)) + program, url)
    text = "{0} is needed for this and is not installed; install it with: pip install 'kartothek[{0}]'".format(library)
    lines = [line.partition(" | ") for line in out.splitlines()]
    assert {line[2] for line in lines} == {text}, errors
    return sorted(line[0] for line in lines)


def test_each_function_for_dask_needs_it(url):
    """But for the one that takes a bag, which is not there without."""
    modules = ["kartothek.io.dask." + name for name in ("bag", "dataframe", "delayed")]
    further = ["merge_datasets_as_delayed", "read_dataset_as_delayed_metapartitions", "read_table_as_delayed", "read_dataset_as_metapartitions_bag"]
    given = "{'table': 'table', 'delayed_tasks': [], 'ddf': None, 'merge_tasks': []}"
    names = told(url, "dask", CALLS.format(modules=modules, further=further, given=given))
    assert len(set(names)) == 2 + 5 + 5 + len(further)


READS = """
import kartothek.io.dask.dataframe, kartothek.io.dask.bag, kartothek.io.dask.delayed
from kartothek.core.dataset import DatasetMetadata
from kartothek.io import eager, iter
from kartothek.io_components.read import dispatch_metapartitions
calls = {
    "read_table": lambda: eager.read_table("d", sys.argv[1]),
    "read_dataset_as_dataframes": lambda: eager.read_dataset_as_dataframes("d", sys.argv[1]),
    "read_dataset_as_metapartitions": lambda: eager.read_dataset_as_metapartitions("d", sys.argv[1]),
    "read_dataset_as_dataframes__iterator": lambda: next(iter.read_dataset_as_dataframes__iterator("d", sys.argv[1])),
    "load_dataframes": lambda: [part.load_dataframes(sys.argv[1]) for part in dispatch_metapartitions("d", sys.argv[1])],
    "get_indices_as_dataframe": lambda: DatasetMetadata.load_from_store("d", sys.argv[1]).get_indices_as_dataframe(),
    "store_dataframes_as_dataset": lambda: eager.store_dataframes_as_dataset(sys.argv[1], "e", [None]),
    "read_dataset_as_ddf": lambda: kartothek.io.dask.dataframe.read_dataset_as_ddf("d", sys.argv[1], "table"),
}
for name, call in calls.items():
    try:
        call()
    except ImportError as error:
        print(name, "|", error)
"""


def test_each_function_for_frames_needs_pandas(url):
    """The modules are there without, those for Dask, too."""
    assert len(told(url, "pandas", READS)) == READS.count("lambda")


def test_only_numpy_is_required():
    required = [text for text in metadata.requires("kartothek") if "extra ==" not in text]
    assert [re.match("[a-z]+", text).group() for text in required] == ["numpy"]
    extras = metadata.metadata("kartothek").get_all("Provides-Extra")
    assert {"pandas", "pyarrow", "dask"} <= set(extras)


def test_the_package_is_small():
    """Five megabytes is what a wheel may have; what is in it is more than that."""
    # Headers are elsewhere where the package is in a folder of its own.
    files = [file.locate() for file in metadata.files("kartothek") if "__pycache__" not in str(file)]
    assert 100000 < sum(file.stat().st_size for file in files if file.is_file()) < 5 << 20
