"""The 2019 kartothek tutorial, its code unchanged but for two lines it lacked (marked), with the results printed."""
import pandas as pd

df = pd.DataFrame(
    {
        "date": [pd.Timestamp(2020, 1, 1 + d // 5) for d in range(20)],
        "ints": range(0, 2000, 100),
        "floats": [f / 12 for f in range(20)],
        "bool": [True] * 15 + [False] * 5,
        "label": pd.Categorical(["ABC", "XYZ", "BBQ", "ACDC"] * 5),
        "reporter": "Johnny",
    }
)

df2 =  pd.DataFrame(
    {
        "date": [pd.Timestamp(2020, 1, 1 + d // 5) for d in range(20)],
        "ints": range(0, 2000, 100),
        "floats": [f % 12 + f / 12 for f in range(20)],
        "bool": [True] * 15 + [False] * 5,
        "label": pd.Categorical(["CBA", "XYZ", "BBQ", "DCAC"] * 5),
        "reporter": "Bobby",
    }
)
df1 = df  # the tutorial goes on with df1

from functools import partial
from tempfile import TemporaryDirectory
from storefact import get_store_from_url

dataset_dir = TemporaryDirectory()

store_factory = partial(get_store_from_url, f"hfs://{dataset_dir.name}")

from kartothek.io.eager import store_dataframes_as_dataset

store_dataframes_as_dataset(
    dfs=[df1, df2], store=store_factory, dataset_uuid="my_dataset"
)

store_dataframes_as_dataset(
    dfs=[df1, df2],
    store=store_factory,
    dataset_uuid="partitioned_dataset",
    partition_on=["date"],
)

from kartothek.io.eager import read_table

print(read_table(store=store_factory, dataset_uuid="my_dataset", table="table"))

from kartothek.io.dask.delayed import read_table_as_delayed  # the tutorial lacks this import

# This returns a list of `dask.delayed` objects, where each object represents a kartothek partition
dfd = read_table_as_delayed(
    store=store_factory, dataset_uuid="my_dataset", table="table"
)
print(dfd[0].compute())
