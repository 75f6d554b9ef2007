"""A short program must not wait for packages that it does not need."""
import subprocess
import sys

import pandas as pd

from kartothek.io.eager import store_dataframes_as_dataset

PROGRAM = """
import sys
from kartothek.core.dataset import DatasetMetadata
import kartothek.io.eager
import kartothek.parquet
dataset = DatasetMetadata.load_from_store("d", sys.argv[1])
print(len(dataset.partitions), *sorted({"numpy", "pandas", "pyarrow", "dask"} & set(sys.modules)))
"""


def test_opening_a_dataset_imports_neither_numpy_nor_pandas(tmp_path):
    url = "hfs://{}".format(tmp_path)
    store_dataframes_as_dataset(store=url, dataset_uuid="d", dfs=[pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [2]})])
    done = subprocess.run([sys.executable, "-c", PROGRAM, url], stdout=subprocess.PIPE, check=True)
    assert done.stdout.decode().split() == ["2"]
