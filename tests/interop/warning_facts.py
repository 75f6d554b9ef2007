"""What calls with one deprecated parameter warn of, as JSON; runs with kartothek 5.3 and with ours."""
import importlib
import inspect
import json
import re
import sys
import warnings

warnings.simplefilter("ignore")
import pandas as pd

from kartothek.core.dataset import DatasetMetadata, DatasetMetadataBuilder
from kartothek.core.factory import DatasetFactory
from kartothek.core.partition import Partition
from kartothek.io.eager import store_dataframes_as_dataset
from kartothek.io_components.metapartition import MetaPartition
from kartothek.io_components.utils import combine_metadata
from kartothek.serialization import ParquetSerializer

#: how its texts begin; other libraries warn, too
OF_KARTOTHEK = re.compile("(The (`|behavior |default |logic |type )|Passing a single|Trying to read a dataset|[a-z_]+ is deprecated as of 5.3 )")
STORE = json.loads(sys.stdin.read())
FRAME = pd.DataFrame({"a": [1, 2], "x": ["b", "c"]})
NAMED = {"dataset_uuid": "u", "store": STORE}
VALUES = {
    None: None,
    "categoricals": {"table": ["x"]},
    "central_partition_metadata": True,
    "concat_partitions_on_primary_index": False,
    "data": {"table": FRAME},
    "dataset_metadata": {"a": 1},
    "delete_scope": [],
    "df_serializer": ParquetSerializer(),
    "dispatch_metadata": True,
    "expected_secondary_indices": [],
    "files": {"table": "u/table/l.parquet"},
    "keep_indices": True,
    "keep_table_meta": True,
    "label_filter": lambda label: True,
    "load_dataset_metadata": True,
    "load_dynamic_metadata": True,
    "load_partition_indices": True,
    "metadata": {"a": 1},
    "metadata_merger": combine_metadata,
    "metadata_storage_format": "json",
    "output_dataset_uuid": "u",
    "overwrite": False,
    "store": STORE,
    "store_metadata": False,
    "table": "table",
    "table_meta": {"table": FRAME},
    "table_name": "table",
    "tables": ["table"],
}


def part(label="l"):
    return MetaPartition(label, data={"table": FRAME, "more": FRAME})


def ddf():
    import dask.dataframe

    return dask.dataframe.from_pandas(FRAME, npartitions=1)


#: what is called with which arguments besides the deprecated one
READERS = [
    "io.dask.bag.read_dataset_as_dataframe_bag", "io.dask.bag.read_dataset_as_metapartitions_bag", "io.dask.dataframe.read_dataset_as_ddf",
    "io.dask.delayed.read_dataset_as_delayed", "io.dask.delayed.read_dataset_as_delayed_metapartitions", "io.dask.delayed.read_table_as_delayed",
    "io.eager.read_dataset_as_dataframes", "io.eager.read_dataset_as_metapartitions", "io.eager.read_table",
    "io.iter.read_dataset_as_dataframes__iterator", "io.iter.read_dataset_as_metapartitions__iterator", "io_components.read.dispatch_metapartitions",
]  # fmt: skip
CALLS = dict.fromkeys(READERS, lambda: (NAMED, None))
CALLS.update(
    {
        "core.dataset.DatasetMetadataBuilder.__init__": lambda: ({"uuid": "u"}, DatasetMetadataBuilder),
        "core.dataset.DatasetMetadataBase.load_all_indices": lambda: ({"store": STORE}, DatasetMetadata.load_from_store("u", STORE).load_all_indices),
        "core.dataset.DatasetMetadataBase.load_partition_indices": lambda: ({}, DatasetMetadata.load_from_store("u", STORE).load_partition_indices),
        "core.factory.DatasetFactory.__init__": lambda: ({"dataset_uuid": "u", "store_factory": STORE}, DatasetFactory),
        "core.factory.DatasetFactory.load_all_indices": lambda: ({"store": STORE}, DatasetFactory("u", STORE).load_all_indices),
        "io.dask.dataframe.collect_dataset_metadata": lambda: (NAMED, None),
        "io.dask.dataframe.store_dataset_from_ddf": lambda: ({"ddf": ddf(), "store": STORE, "dataset_uuid": "ddf", "table": "table"}, None),
        "io.dask.delayed.merge_datasets_as_delayed": lambda: (
            {"left_dataset_uuid": "u", "right_dataset_uuid": "u", "store": STORE, "merge_tasks": []},
            None,
        ),
        "io.eager.commit_dataset": lambda: (dict(NAMED, new_partitions=[], metadata={"b": 1}), None),
        "io.eager.create_empty_dataset_header": lambda: ({"store": STORE, "dataset_uuid": "header", "overwrite": True}, None),
        "io.eager.store_dataframes_as_dataset": lambda: ({"store": STORE, "dataset_uuid": "stored", "dfs": [FRAME], "overwrite": True}, None),
        "io.eager.update_dataset_from_dataframes": lambda: (dict(NAMED, df_list=[FRAME]), None),
        "io.eager.write_single_partition": lambda: (dict(NAMED, data=FRAME), None),
        "io.iter.update_dataset_from_dataframes__iter": lambda: (dict(NAMED, df_generator=[FRAME]), None),
        "io_components.merge.align_datasets": lambda: ({"left_dataset_uuid": "u", "right_dataset_uuid": "u", "store": STORE}, None),
        "io_components.metapartition.MetaPartition.__init__": lambda: ({"label": "l"}, MetaPartition),
        "io_components.metapartition.MetaPartition.add_metapartition": lambda: ({"metapartition": part("m")}, part().add_metapartition),
        "io_components.metapartition.MetaPartition.apply": lambda: ({"func": lambda frame: frame}, part().apply),
        "io_components.metapartition.MetaPartition.from_partition": lambda: ({"partition": Partition("l", {})}, MetaPartition.from_partition),
        "io_components.metapartition.MetaPartition.load_dataframes": lambda: ({"store": STORE}, part().load_dataframes),
        "io_components.metapartition.MetaPartition.merge_dataframes": lambda: (
            {"left": "table", "right": "more", "output_label": "o"},
            part().merge_dataframes,
        ),
        "io_components.metapartition.MetaPartition.store_dataframes": lambda: ({"store": STORE, "dataset_uuid": "parts"}, part().store_dataframes),
        "io_components.metapartition.parse_input_to_metapartition": lambda: ({"obj": FRAME}, None),
        "io_components.read.dispatch_metapartitions_from_factory": lambda: ({"dataset_factory": DatasetFactory("u", STORE)}, None),
        "io_components.utils.check_single_table_dataset": lambda: ({"dataset": DatasetFactory("u", STORE)}, None),
        "utils.ktk_adapters.get_dataset_schema": lambda: ({"dataset": DatasetFactory("u", STORE)}, None),
        "io_components.utils.validate_partition_keys": lambda: (
            dict(NAMED, ds_factory=None, default_metadata_version=4, partition_on=[]),
            None,
        ),
    }
)


def warned(function, arguments):
    """[[category, text], …], each once."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        result = function(**arguments)
        if inspect.isgenerator(result):
            list(result)
    kinds = [(FutureWarning, "FutureWarning"), (DeprecationWarning, "DeprecationWarning")]
    named = ((next((name for kind, name in kinds if issubclass(warning.category, kind)), None), str(warning.message)) for warning in found)
    return sorted({pair for pair in named if pair[0] is not None and OF_KARTOTHEK.match(pair[1])})


def facts(table):
    """``{"function parameter": warnings}`` for each parameter (null: the function itself) of ``{function: [parameter, …]}``."""
    store_dataframes_as_dataset(store=STORE, dataset_uuid="u", dfs=[FRAME], overwrite=True)
    store_dataframes_as_dataset(store=STORE, dataset_uuid="two", dfs=[{"table": FRAME, "more": FRAME}], overwrite=True)
    result = {}
    for path, names in sorted(table.items()):
        for name in names:
            arguments, function = CALLS[path]()
            if function is None:
                module, _, attribute = path.rpartition(".")
                function = getattr(importlib.import_module("kartothek." + module), attribute)
            given = {} if name is None else {name: VALUES[name]}
            result["{} {}".format(path, name)] = warned(function, dict(arguments, **given))
    for path in READERS + ["io.dask.dataframe.collect_dataset_metadata"]:
        module, _, attribute = path.rpartition(".")
        result["{} of two tables".format(path)] = warned(getattr(importlib.import_module("kartothek." + module), attribute), dict(NAMED, dataset_uuid="two"))
    result["a single frame"] = warned(store_dataframes_as_dataset, {"store": STORE, "dataset_uuid": "one", "dfs": FRAME, "overwrite": True})
    return result
