"""`kartothek.api` and `kartothek.core` have the names of the original, and need nothing that is not used."""
import importlib
import subprocess
import sys

import pytest

CORE = {
    "DatasetFactory", "DatasetMetadata", "DatasetMetadataBase", "ExplicitSecondaryIndex", "IndexBase", "PartitionIndex", "SchemaWrapper", "StoreFactory", "StoreInput",
    "empty_dataframe_from_schema", "ensure_store", "lazy_store", "make_meta", "normalize_column_order", "normalize_type", "validate_compatible",
}  # fmt: skip
BACK_ENDS = {
    "build_dataset_indices", "build_dataset_indices__bag", "collect_dataset_metadata", "commit_dataset", "copy_dataset", "create_empty_dataset_header",
    "delete_dataset", "delete_dataset__delayed", "garbage_collect_dataset", "garbage_collect_dataset__delayed", "hash_dataset", "read_dataset_as_dataframe_bag",
    "read_dataset_as_dataframes", "read_dataset_as_dataframes__iterator", "read_dataset_as_ddf", "read_dataset_as_delayed", "read_table", "store_bag_as_dataset",
    "store_dataframes_as_dataset", "store_dataframes_as_dataset__iter", "store_dataset_from_ddf", "store_delayed_as_dataset", "update_dataset_from_dataframes",
    "update_dataset_from_dataframes__iter", "update_dataset_from_ddf", "update_dataset_from_delayed", "write_single_partition",
}  # fmt: skip
SERIALIZATION = {
    "ConjunctionType", "CsvSerializer", "DataFrameSerializer", "LiteralType", "LiteralValue", "ParquetSerializer", "PredicatesType", "check_predicates",
    "columns_in_predicates", "default_serializer", "filter_array_like", "filter_df", "filter_df_from_predicates", "filter_predicates_by_column",
}  # fmt: skip

#: stands for an environment without some packages
WITHOUT = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {absent!r}:
            raise ModuleNotFoundError("No module named " + repr(name), name=name)
sys.meta_path.insert(0, Absent())
"""


def public(module):
    found = vars(importlib.import_module(module)).items()
    return {name for name, value in found if name[0] != "_" and type(value).__name__ not in ("module", "LazyModule")}


@pytest.mark.parametrize(
    "module, names",
    [
        ("kartothek.api.dataset", CORE | BACK_ENDS),
        ("kartothek.api.serialization", SERIALIZATION),
        ("kartothek.compat.plateau.api.dataset", (CORE | BACK_ENDS) - {"copy_dataset"}),
        ("kartothek.compat.plateau.api.serialization", SERIALIZATION),
    ],
)
def test_names(module, names):
    assert public(module) == names


def test_names_of_core():
    core = importlib.import_module("kartothek.core")
    assert set(core.__all__) == CORE
    assert core.DatasetMetadata is importlib.import_module("kartothek.core.dataset").DatasetMetadata
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        core.nothing


def run(program, *arguments):
    done = subprocess.run([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.stdout.decode(), done.stderr.decode().strip().split("\n")[-1]


def test_datasets_need_nothing_to_be_imported():
    program = WITHOUT.format(absent=("numpy", "pandas", "pyarrow", "dask")) + "import kartothek.api.dataset\nprint(1)"
    assert run(program) == ("1\n", "")


def test_dask_is_asked_for_by_what_needs_it(store_url):
    program = WITHOUT.format(absent=("dask",)) + (
        "from kartothek.api.dataset import *\nimport pandas as pd\n"
        "store_dataframes_as_dataset(sys.argv[1], 'd', [pd.DataFrame({'a': [1]})])\nprint(len(read_table('d', sys.argv[1])))\n"
        "read_dataset_as_ddf('d', sys.argv[1], 'table')"
    )
    assert run(program, store_url) == (
        "1\n",
        "ImportError: dask is needed for this and is not installed; install it with: pip install 'kartothek[dask]'",
    )
