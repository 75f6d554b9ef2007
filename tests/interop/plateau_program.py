"""
What programs of plateau do, run by the real one and by ours: prints ``{step: what it gives}`` as JSON.

    python plateau_program.py ROOT FOLDER    # ROOT: "plateau" or "kartothek.compat.plateau"
"""
import datetime
import functools
import importlib
import json
import re
import sys
import warnings

import dask
import dask.bag
import dask.dataframe as dd
import numpy as np
import pandas as pd

ROOT, FOLDER = sys.argv[1:]
STORE = "hfs://" + FOLDER
TABLE = "sales"


def module(name):
    return importlib.import_module(ROOT + "." + name)


eager, iterate = module("io.eager"), module("io.iter")
delayed, bag, ddf = module("io.dask.delayed"), module("io.dask.bag"), module("io.dask.dataframe")
DatasetFactory, make_meta = module("core.factory").DatasetFactory, module("core.common_metadata").make_meta
metapartition = module("io_components.metapartition")


def rows(number, count=4):
    day = datetime.date(2026, 11, 1 + number)
    return pd.DataFrame(
        {
            "shop": ["north", "south"] * (count // 2),
            "number": np.arange(count) + 10 * number,
            "price": np.arange(count) / 4 - number,
            "day": [day] * count,
            "open": (pd.Timestamp(day) + pd.to_timedelta(np.arange(count), "h")).astype("datetime64[ns]"),
            "sold": [True, False] * (count // 2),
        }
    )


def plain(value):
    """What a step gives, as JSON knows it. Which dtype texts have is a matter of the version of pandas, as are units of times."""
    if isinstance(value, pd.DataFrame):
        kinds = {name: "text" if str(dtype) in ("str", "string", "object") else str(dtype).split("[")[0] for name, dtype in value.dtypes.items()}
        values = value.assign(**{name: value[name].astype(object) for name in value.columns})
        return {"kinds": kinds, "index": plain(list(value.index)), "rows": plain(values.values.tolist())}
    if isinstance(value, pd.Series):
        return plain(value.tolist())
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(plain(list(value)))
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, metapartition.MetaPartition):
        names = ("table_name", "data", "partition_keys", "logical_conjunction", "metadata_version", "is_sentinel")
        parts = list(value) if len(value) > 1 else [value]
        return [dict({name: plain(getattr(part, name)) for name in names}, file=shown(part.file), label=shown(part.label)) for part in parts]
    if hasattr(value, "partition_keys"):
        return described(value)
    if isinstance(value, (datetime.date, pd.Timestamp)):
        return value.isoformat()
    return value.item() if hasattr(value, "item") else value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def described(dataset):
    metadata = {key: value for key, value in dataset.metadata.items() if key != "creation_time" and not key.startswith("ktk.")}
    return {
        "table_name": dataset.table_name,
        "tables": dataset.tables,
        "partitions": len(dataset.partitions),
        "partition_keys": dataset.partition_keys,
        "indices": sorted(dataset.indices),
        "metadata": metadata,
        "text": repr(dataset),
    }


def shown(text):
    """With the parts that are new every time as x."""
    return text and re.sub("[0-9a-f]{32}", "x", text)


def in_order(frames):
    return sorted((plain(frame) for frame in frames), key=json.dumps)


STEPS = []


def step(function):
    STEPS.append(function)
    return function


where = {"store": STORE, "dataset_uuid": "d"}


@step
def store():
    return eager.store_dataframes_as_dataset(
        STORE, "d", [rows(0), rows(1)], {"who": "me"}, ["shop"], None, False, ["number"], "json", 4, TABLE
    )  # fmt: skip


@step
def one_frame_is_no_list():
    return eager.store_dataframes_as_dataset(store=STORE, dataset_uuid="e", dfs=rows(0))


@step
def dicts_are_no_frames():
    return eager.update_dataset_from_dataframes([{"table": rows(0)}], table_name=TABLE, **where)


@step
def table():
    return eager.read_table(**where).sort_values("number").reset_index(drop=True)


@step
def columns_of_the_table():
    return eager.read_table("d", STORE, ["price", "number"], True, None, True, [[("number", ">=", 11), ("shop", "==", "north")]])


@step
def unknown_columns():
    return eager.read_table(columns=["nothing"], **where)


@step
def dates_as_times():
    return eager.read_table(dates_as_object=False, columns=["day", "number"], **where).sort_values("number").reset_index(drop=True)


@step
def frames():
    return in_order(eager.read_dataset_as_dataframes(**where))


@step
def frames_of_columns():
    return in_order(eager.read_dataset_as_dataframes(columns=["shop", "price"], categoricals=["shop"], **where))


@step
def frames_by_groups():
    return [frame.sort_values("number").reset_index(drop=True) for frame in eager.read_dataset_as_dataframes(dispatch_by=["shop"], **where)]


@step
def frames_one_by_one():
    return in_order(iterate.read_dataset_as_dataframes__iterator(factory=DatasetFactory("d", STORE)))


@step
def nothing_is_read_before_it_is_asked_for():
    frames = iterate.read_dataset_as_dataframes__iterator(dataset_uuid="missing", store=STORE)
    return list(frames)


@step
def partitions():
    return in_order(eager.read_dataset_as_metapartitions(columns=["number"], predicates=[[("number", ">", 10)]], **where))


@step
def update():
    return eager.update_dataset_from_dataframes([rows(2)], STORE, "d", [{"shop": "north"}], {"more": 1}, table_name=TABLE)


@step
def update_one_by_one():
    frames = (rows(number) for number in (3, 4))
    return iterate.update_dataset_from_dataframes__iter(frames, table_name=TABLE, sort_partitions_by="price", **where)


@step
def the_factory():
    factory = DatasetFactory("d", STORE).load_all_indices()
    found = factory.get_indices_as_dataframe(["number", "shop"], predicates=[[("number", ">=", 30)]])
    return [factory.table_name, factory.tables, sorted(factory.index_columns), in_order(found.values.tolist())]


@step
def the_schema():
    dataset = module("core.dataset").DatasetMetadata.load_from_store("d", STORE)
    return [[field.name, str(field.type).replace("large_", "")] for field in dataset.schema]


@step
def of_what_is_written_elsewhere():
    eager.create_empty_dataset_header(STORE, "h", make_meta(rows(0), origin="1", partition_keys=["shop"]), ["shop"], table_name=TABLE)
    written = eager.write_single_partition(STORE, "h", rows(5), partition_on="shop", table_name=TABLE)
    return [written, eager.commit_dataset(STORE, "h", written, None, {"done": True}, partition_on=["shop"])]


@step
def another_table():
    return eager.write_single_partition(STORE, "h", rows(5), partition_on="shop", table_name="other")


@step
def partitions_are_split_and_indexed():
    part = metapartition.MetaPartition("p", data=rows(0), table_name=TABLE)
    split = part.partition_on(["shop"]).build_indices(["number"])
    merged = metapartition.MetaPartition.merge_indices([split])
    values = {column: {str(value): labels for value, labels in index.index_dct.items()} for column, index in merged.items()}
    return [repr(part), repr(split), split, values, part.apply(lambda frame: frame.head(1)), part.to_dict()["table_name"]]


@step
def partitions_are_stored_and_loaded():
    part = metapartition.parse_input_to_metapartition(rows(0), TABLE).store_dataframes(module("core.utils").ensure_store(STORE), "p")
    again = part.load_dataframes(module("core.utils").ensure_store(STORE), columns=["day", "number"])
    return [part, again, again.get_parquet_metadata(module("core.utils").ensure_store(STORE))["number_rows_total"]]


@step
def planned():
    found = list(module("io_components.read").dispatch_metapartitions("d", functools.partial(module("core.utils").ensure_store, STORE)))
    return in_order([part.table_name, part.label.split("/")[0], part.partition_keys] for part in found)


@step
def store_delayed():
    tasks = [dask.delayed(rows)(number) for number in range(2)]
    return delayed.store_delayed_as_dataset(tasks, STORE, "later", partition_on=["shop"], table_name=TABLE).compute()


@step
def update_delayed():
    return delayed.update_dataset_from_delayed([dask.delayed(rows)(2)], STORE, "later", [{"shop": "south"}], table_name=TABLE).compute()


@step
def frames_delayed():
    return in_order(dask.compute(*delayed.read_dataset_as_delayed("later", STORE, columns=["number", "day"])))


@step
def partitions_delayed():
    return in_order(dask.compute(*delayed.read_dataset_as_delayed_metapartitions("later", STORE, columns=["number", "day"])))


@step
def store_bag():
    return bag.store_bag_as_dataset(dask.bag.from_sequence([rows(0), rows(1)]), STORE, "bag", table_name=TABLE).compute()


@step
def index_bag():
    bag.build_dataset_indices__bag(STORE, "bag", ["number"]).compute()
    return sorted(DatasetFactory("bag", STORE).indices)


@step
def frames_of_a_bag():
    return in_order(bag.read_dataset_as_dataframe_bag("bag", STORE, columns=["sold", "open"]).compute())


@step
def store_ddf():
    return ddf.store_dataset_from_ddf(dd.from_pandas(rows(0)[["number", "price"]], npartitions=2), STORE, "ddf", table=TABLE).compute()


@step
def frame_of_a_ddf():
    return ddf.read_dataset_as_ddf("ddf", STORE, columns=["number"]).compute().reset_index(drop=True)


@step
def footers():
    return ddf.collect_dataset_metadata(STORE, "ddf").compute()[["number_rows_total", "row_group_id"]].reset_index(drop=True)


@step
def delete():
    delayed.delete_dataset__delayed("later", STORE).compute()
    return eager.delete_dataset("d", STORE)


@step
def it_is_gone():
    return eager.read_table(**where)


def run():
    for function in STEPS:
        try:
            result = {"result": plain(function())}
        except Exception as error:
            result = {"error": type(error).__name__, "text": str(error).replace("pandas.core.frame.", "pandas.")}
        yield function.__name__, result


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    with dask.config.set(scheduler="synchronous"):
        print(json.dumps(dict(run())))
