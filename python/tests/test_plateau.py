"""plateau's face of the package: the signatures are those recorded from plateau 4.6.2, and what goes through it is kartothek's."""
import importlib
import inspect
import json
import pathlib
import pickle
import subprocess
import sys

import pandas as pd
import pytest

from record_signatures import members, parameters
from test_signatures import DATA, INSIDE, agree, is_below

from kartothek.compat.plateau.io import eager
from kartothek.compat.plateau.io.iter import read_dataset_as_dataframes__iterator
from kartothek.io.eager import store_dataframes_as_dataset

ROOT = "kartothek.compat.plateau."
RECORDED = json.loads((DATA / "signatures-plateau-4.6.2.json").read_text())

#: modules that are not there, with cubes and their helpers
WITHOUT = tuple(module for module in INSIDE if module != "core.docs") + (
    "io_components.index",
    "io_components.update",
    "io_components.write",
    "utils.converters",
    "utils.pandas",
)

#: names that are left out, and why
LEFT_OUT = {
    "core.utils.verify_metadata_version": "takes whatever it hands on, as kartothek's does",
    "io.dask.dataframe.ReadPlateauPartition": "the inside of read_dataset_as_ddf",
    "io_components.metapartition.MetaPartitionIterator": "MetaPartition iterates by itself",
}

#: methods and parameters likewise
PARAMETERS_LEFT_OUT = {"coerce_temporal_nanoseconds=True"}  # times are of the unit that they are stored in

NAMES = [
    (module, name)
    for module, names in RECORDED.items()
    if not is_below(module, WITHOUT)
    for name in names
    if module + "." + name not in LEFT_OUT
]


def found(module, name):
    return getattr(importlib.import_module(ROOT + module), name)


def wanted(theirs):
    return [parameter for parameter in theirs if parameter not in PARAMETERS_LEFT_OUT]


@pytest.mark.parametrize("module, name", NAMES, ids=[".".join(pair) for pair in NAMES])
def test_signature(module, name):
    theirs, ours = RECORDED[module][name], found(module, name)
    if isinstance(theirs, list):
        assert agree(parameters(ours), wanted(theirs)), parameters(ours)
        return
    assert inspect.isclass(ours)
    mine = members(ours)
    assert not set(theirs) - set(mine)
    for method, known in theirs.items():
        assert mine[method] == known if "property" in (mine[method], known) else agree(mine[method], wanted(known)), method


def test_modules_are_the_same_objects():
    import kartothek.compat.plateau.core.index
    import kartothek.compat.plateau.serialization._parquet
    import kartothek.core.index
    import kartothek.serialization._parquet

    assert kartothek.compat.plateau.core.index is kartothek.core.index
    assert kartothek.compat.plateau.serialization._parquet is kartothek.serialization._parquet


def test_datasets_are_those_of_kartothek(store_url):
    store_dataframes_as_dataset(store_url, "d", [{"any": pd.DataFrame({"a": [1, 2], "b": [3.0, 4.0]})}], secondary_indices=["a"])
    assert eager.read_table("d", store_url, ["b"], predicates=[[("a", "==", 2)]])["b"].tolist() == [4.0]
    (frame,) = eager.read_dataset_as_dataframes("d", store_url, columns=["a"])
    assert frame["a"].tolist() == [1, 2]
    dataset = eager.update_dataset_from_dataframes([pd.DataFrame({"a": [5], "b": [6.0]})], store_url, "d", table_name="any")
    assert (dataset.table_name, dataset.tables, len(dataset.partitions)) == ("any", ["any"], 2)


def test_datasets_of_several_tables_are_refused(store_url):
    frame = pd.DataFrame({"a": [1]})
    store_dataframes_as_dataset(store_url, "d", [{"one": frame, "two": frame}])
    for read in (eager.read_table, eager.read_dataset_as_dataframes):
        with pytest.raises(RuntimeError, match="one.*two"):
            read("d", store_url)


def test_arguments_are_looked_at_when_the_first_frame_is_asked_for(store_url):
    frames = read_dataset_as_dataframes__iterator("missing", store_url)
    with pytest.raises(KeyError, match="Dataset does not exist"):
        next(frames)
    with pytest.raises(TypeError, match="tables"):
        next(read_dataset_as_dataframes__iterator("missing", store_url, tables=["table"]))


def test_what_is_written_elsewhere_is_pickled(store_url):
    eager.store_dataframes_as_dataset(store_url, "d", [pd.DataFrame({"a": [1]})])
    written = pickle.loads(pickle.dumps(eager.write_single_partition(store_url, "d", pd.DataFrame({"a": [2]}))))
    assert written.table_name == "table" and written.file.startswith("d/table/") and written.data is None
    dataset = pickle.loads(pickle.dumps(eager.commit_dataset(store_url, "d", [written])))
    assert len(dataset.partitions) == 2 and dataset.table_name == "table"
    assert pickle.loads(pickle.dumps(eager.read_table))("d", store_url)["a"].tolist() == [1, 2]


PROGRAM = """
import plateau, sys
from plateau.core.dataset import DatasetMetadata
import plateau.io.eager
import kartothek.compat.plateau.core.dataset, kartothek.compat.plateau.io.eager, kartothek.serialization
import plateau.serialization
assert plateau.io.eager is kartothek.compat.plateau.io.eager
assert DatasetMetadata is kartothek.compat.plateau.core.dataset.DatasetMetadata
assert plateau.serialization is kartothek.serialization
assert plateau.__version__ == kartothek.__version__
try:
    import plateau.nothing
except ModuleNotFoundError:
    print(plateau.__name__)
"""


def test_the_name_plateau():
    folder = pathlib.Path(__file__).resolve().parent.parent / "plateau"
    done = subprocess.run([sys.executable, "-c", "import sys; sys.path.insert(0, sys.argv[1])" + PROGRAM, str(folder)], stdout=subprocess.PIPE)
    assert done.stdout.decode().split() == ["kartothek.compat.plateau"]
