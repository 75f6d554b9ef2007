"""
What `kartothek.core` does with a dataset, as JSON in the last line. Runs in the environment of the original and in ours: the answers have to be equal.
Reads {"store": URL, "uuid": name} of a dataset that has partition keys and indices on standard input.
"""
import datetime
import json
import pickle
import sys
import tempfile

import pandas as pd
import pyarrow as pa

from kartothek.core.common_metadata import SchemaWrapper, empty_dataframe_from_schema, make_meta, validate_compatible, validate_shared_columns
from kartothek.core.cube.conditions import C
from kartothek.core.dataset import DatasetMetadata, DatasetMetadataBuilder, create_partition_key
from kartothek.core.factory import DatasetFactory
from kartothek.core.index import ExplicitSecondaryIndex, IndexBase, PartitionIndex, merge_indices, remove_partitions_from_indices
from kartothek.core.partition import Partition
from kartothek.core.urlencode import decode_key, quote, quote_indices, unquote_indices
from kartothek.core.utils import ensure_store, lazy_store
from kartothek.io.eager import read_dataset_as_dataframes, read_table, store_dataframes_as_dataset
from kartothek.io_components.metapartition import MetaPartition
from kartothek.serialization import CsvSerializer, DataFrameSerializer, ParquetSerializer

FACTS = {}


def plain(value):
    """As JSON; sets and what has no order are sorted."""
    if isinstance(value, dict):
        return [[plain(key), plain(item)] for key, item in value.items()]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item) for item in value), key=str)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return "bytes " + value.hex()
    if isinstance(value, pd.DataFrame):
        frame = value.rename_axis("partition")[sorted(value.columns)].reset_index()
        return [list(frame.columns), sorted(([plain(cell) for cell in row] for row in frame.itertuples(index=False)), key=str)]
    if isinstance(value, pd.Series):
        return sorted(([plain(key), plain(item)] for key, item in value.items()), key=str)
    if hasattr(value, "dtype") and hasattr(value, "tolist") and getattr(value, "ndim", 0) == 1:
        return [plain(item) for item in value]
    if hasattr(value, "item"):
        value = pd.Timestamp(value) if value.dtype.kind == "M" else value.item()
    if isinstance(value, (datetime.date, pd.Timestamp)):
        return type(value).__name__ + " " + value.isoformat()
    return value if value is None or isinstance(value, (bool, int, float, str)) else repr(value)


def fact(name, call):
    """What a call returns, or the type of what it raises."""
    try:
        FACTS[name] = plain(call())
    except Exception as error:
        FACTS[name] = "raises " + next(base.__name__ for base in type(error).__mro__ if base.__module__ == "builtins")


def index_of(values, **kwargs):
    return ExplicitSecondaryIndex("c", {value: ["p%d" % i, "q"] for i, value in enumerate(values)}, **kwargs)


SAMPLES = {
    "int": [1, 2, 3],
    "text": ["b", "a", "ä"],
    "bytes": [b"x", b"\xff"],
    "real": [0.5, -1.0],
    "bool": [True, False],
    "date": [datetime.date(2020, 1, 1), datetime.date(2019, 5, 5)],
    "time": [pd.Timestamp("2020-01-01 12:00"), pd.Timestamp("2021-01-01")],
}


def facts_of_indices():
    for name, values in SAMPLES.items():
        index = index_of(values)
        fact("index " + name, lambda: index.index_dct)
        fact("index dtype " + name, lambda: str(index.dtype))
        fact("index observed " + name, lambda: index.observed_values())
        fact("index observed ns " + name, lambda: index.observed_values(date_as_object=False))
        fact("index query " + name, lambda: [index.query(value) for value in values])
        for op in ("==", "!=", "<", "<=", ">", ">="):
            fact("index {} {}".format(name, op), lambda: index.eval_operator(op, values[0]))
        fact("index in " + name, lambda: index.eval_operator("in", values[:1]))
        fact("index flat " + name, lambda: index.as_flat_series(date_as_object=True))
        fact("index flat by label " + name, lambda: index.as_flat_series(partitions_as_index=True, date_as_object=True))
        fact("index flat compact " + name, lambda: index.as_flat_series(compact=True, date_as_object=True))
        fact("index flat predicates " + name, lambda: index.as_flat_series(predicates=[[("c", "==", values[0]), ("z", ">", 1)]], date_as_object=True))
        store = ensure_store(REQUEST["store"])
        index = index.copy(index_storage_key="{}/indices/c/{}.by-dataset-index.parquet".format("written", name))
        fact("index stored " + name, lambda: ExplicitSecondaryIndex("c", index_storage_key=index.store(store, "written")).load(store).index_dct)
    one, other = index_of([1, 2]), ExplicitSecondaryIndex("c", {2: ["z"], 7: ["q"]}, index_storage_key="k")
    fact("update", lambda: {value: set(labels) for value, labels in one.update(other).index_dct.items()})
    fact("update key", lambda: other.update(one).index_storage_key)
    fact("update type", lambda: one.update(index_of(["a"])))
    fact("update column", lambda: one.update(ExplicitSecondaryIndex("d", {1: ["a"]})))
    fact("remove partitions", lambda: index_of([1, 2]).remove_partitions(["p0", "q"]).index_dct)
    fact("remove values", lambda: index_of([1, 2]).remove_values([1, "2", 9]).index_dct)
    fact("merge", lambda: {c: sorted(i.index_dct) for c, i in merge_indices([{"c": index_of([1])}, {"c": index_of([1, 5]), "d": other.copy(column="d")}]).items()})
    fact("remove from several", lambda: {c: i.index_dct for c, i in remove_partitions_from_indices({"c": index_of([1, 2])}, ["p0", "q"]).items()})
    fact("equal", lambda: [index_of([1]) == index_of([1]), index_of([1]) == other, index_of([1]) == index_of([1.0])])
    fact("no source", lambda: ExplicitSecondaryIndex("c"))
    fact("no type", lambda: ExplicitSecondaryIndex("c", {}))
    fact("name clash", lambda: ExplicitSecondaryIndex("partition", {1: ["a"]}))
    fact("partition index without type", lambda: PartitionIndex("c", {1: ["a"]}))
    fact("collision", lambda: ExplicitSecondaryIndex("c", {1: ["a"], "1": ["b"]}, dtype=pa.int64()).index_dct)
    for dtype in (pa.string(), pa.binary(), pa.int64(), pa.float64(), pa.date32(), pa.timestamp("ns")):
        for value in ("1", b"1", "2020-01-02", datetime.date(2020, 1, 2), datetime.datetime(2020, 1, 2, 3), "x"):
            if not (str(dtype) in ("date32[day]", "timestamp[ns]") and value in ("1", b"1")):
                fact("normalize {} {!r}".format(dtype, value), lambda: IndexBase.normalize_value(dtype, value))
    fact("nested", lambda: index_of([1], dtype=pa.list_(pa.int64())))
    fact("narrow", lambda: str(index_of([1], dtype=pa.int8()).dtype))
    fact("pickle", lambda: pickle.loads(pickle.dumps(index_of([1, 2]))) == index_of([1, 2]))


def facts_of_datasets():
    store = lazy_store(REQUEST["store"])
    dataset = DatasetMetadata.load_from_store(REQUEST["uuid"], store())
    loaded = dataset.load_all_indices(store())
    fact("repr", lambda: repr(dataset))
    fact("tables", lambda: [dataset.tables, dataset.partition_keys, dataset.index_columns, sorted(dataset.secondary_indices)])
    fact("document", lambda: dataset.to_dict())
    fact("json", lambda: dataset.to_json())
    fact("loaded", lambda: [dataset.primary_indices_loaded, loaded.primary_indices_loaded, sorted(loaded.indices)])
    fact("partition index", lambda: {key: loaded.indices[key].index_dct for key in dataset.partition_keys})
    fact("secondary index", lambda: {key: {v: set(l) for v, l in index.index_dct.items()} for key, index in loaded.secondary_indices.items()})
    fact("load key", lambda: sorted(dataset.load_index(dataset.partition_keys[0], store()).indices))
    fact("load unknown", lambda: dataset.load_index("zz", store()))
    for query in ({}, {"k": 1}, {"k": "1"}, {"s": "x"}, {"s": "x", "k": 2}, {"zz": 1}, {"s": "none"}):
        fact("query {}".format(query), lambda: set(loaded.query(**query)))
    frame = loaded.get_indices_as_dataframe
    for columns in (None, [], ["k"], ["s", "k"], ["zz"]):
        fact("frame {}".format(columns), lambda: frame(columns))
        fact("shape of frame {}".format(columns), lambda: [list(frame(columns).columns), frame(columns).index.name])
    for predicates in ([[("k", ">", 1)]], [[("k", "==", 1)], [("k", "<", 3)]], [[("zz", "==", 1)]], [[("s", "==", "x"), ("k", "!=", 2)]]):
        fact("frame where {}".format(predicates), lambda: frame(["k"], predicates=predicates))
        fact("order of frame where {}".format(predicates), lambda: list(frame(["s", "k"], predicates=predicates).columns))
    fact("schema", lambda: [[field.name, str(field.type)] for field in dataset.schema])
    fact("from dict", lambda: DatasetMetadata.from_dict(dict(dataset.to_dict(), table_meta=dataset.table_meta)) == dataset)
    fact("from buffer", lambda: DatasetMetadata.from_buffer(dataset.to_json()).to_dict())
    fact("from msgpack", lambda: DatasetMetadata.from_buffer(dataset.to_msgpack(), format="msgpack").to_dict())
    fact("no name", lambda: DatasetMetadata.from_dict({"dataset_metadata_version": 4}))
    fact("old", lambda: DatasetMetadata.from_dict({"dataset_metadata_version": 3, "dataset_uuid": "u"}))
    fact("bad name", lambda: DatasetMetadata("u u"))
    fact("exists", lambda: [DatasetMetadata.exists(REQUEST["uuid"], store()), DatasetMetadata.exists("zz", store())])
    fact("keys", lambda: DatasetMetadata.storage_keys(REQUEST["uuid"], store()))
    fact("renamed", lambda: DatasetMetadataBuilder.from_dataset(dataset).modify_uuid("other").to_dict())
    builder = DatasetMetadataBuilder("u", partition_keys=["a"])
    builder.add_partition("p", Partition("p", {"t": "u/t/p.parquet"}))
    builder.add_metadata("creation_time", "then")
    fact("external", lambda: [builder.add_external_index("c"), builder.add_external_index("d", "file")])
    fact("embedded", lambda: builder.add_embedded_index("e", ExplicitSecondaryIndex("e", {"v": ["p"]})) and None)
    fact("embedded on another", lambda: builder.add_embedded_index("f", ExplicitSecondaryIndex("e", {1: ["p"]})))
    fact("built", lambda: [builder.to_dict(), builder.to_json(), builder.to_msgpack()[0], repr(builder.to_dataset())])
    fact("built without keys", lambda: list(DatasetMetadataBuilder("u").to_dict()))
    fact("partition", lambda: [Partition("l").to_dict(), Partition("l") == Partition("l", {}), Partition.from_dict("l", {"files": {"t": "k"}}).files])
    dicts = DatasetMetadata("u", partitions={"l": {"files": {"t": "u/t/l.parquet"}}})
    made = DatasetMetadata.from_dict({"dataset_metadata_version": 4, "dataset_uuid": "u", "partitions": {"l": {}}, "metadata": {"creation_time": "then"}})
    fact("partitions of dicts", lambda: [dicts.partitions, dicts == dicts.copy(), dicts == made, made == made.copy()])
    fact("document of dicts", lambda: dicts.to_dict())
    fact("partition without files", lambda: made.to_dict())
    fact("partition of text", lambda: Partition.from_dict("l", "x"))
    factory = DatasetFactory(REQUEST["uuid"], store)
    fact("factory", lambda: [repr(factory), factory.partition_keys, repr(factory), factory == dataset, factory.load_index("s") is factory])
    fact("factory pickled", lambda: repr(pickle.loads(pickle.dumps(factory))))


def facts_of_zones():
    """An index on times with a zone, which are in the file as UTC."""
    moments = pd.to_datetime(["2020-01-01", "2020-07-01"]).tz_localize("Europe/Berlin")
    store_dataframes_as_dataset(REQUEST["store"], "zoned", [pd.DataFrame({"t": moments, "i": [1, 2]})], secondary_indices=["t"], overwrite=True)
    store = ensure_store(REQUEST["store"])
    index = DatasetMetadata.load_from_store("zoned", store).load_all_indices(store).indices["t"]
    fact("zoned type", lambda: [pa.types.is_timestamp(index.dtype), index.dtype.tz])
    fact("zoned values", lambda: sorted(plain(value) for value in index.index_dct))
    for as_object in (True, False):
        fact("zoned observed {}".format(as_object), lambda: [index.observed_values(as_object).dtype.name, sorted(map(str, index.observed_values(as_object)))])
    fact("zoned query", lambda: [len(index.query(value)) for value in (moments[0], moments[0].tz_convert("UTC"), "2020-06-30T22:00", "2020-06-30")])


def facts_of_nullable_numbers():
    """A column is of a nullable dtype if one of its files is, whichever comes first; values above 2**53 stay as they are."""
    big = 2**53 + 1
    frames = {
        "one": [pd.array([big, None], dtype="Int64")],
        "without nulls": [pd.array([1, 2], dtype="Int64")],
        "narrow": [pd.array([1, None], dtype="Int8")],
        "unsigned": [pd.array([1, None], dtype="UInt16"), pd.array([2, 3], dtype="UInt16")],
        "nullable first": [pd.array([big, None], dtype="Int64"), [5, 6]],
        "nullable last": [[5, 6], pd.array([None, big], dtype="Int64")],
        "real": [pd.array([1.5, None], dtype="Float64"), pd.array([2.5, 3.5], dtype="Float64")],
        "bool": [pd.array([True, None], dtype="boolean")],
        "numbers": [[1, 2], [3, 4]],
    }
    for name, columns in frames.items():
        dfs = [pd.DataFrame({"x": column, "p": [0, 1]}) for column in columns]
        for keys in ([], ["p"]):
            store_dataframes_as_dataset(REQUEST["store"], "nullable", dfs, partition_on=keys, overwrite=True)
            whole = read_table("nullable", REQUEST["store"], table="table").sort_values("p", kind="stable")
            fact("nullable {} {}".format(name, keys), lambda: [str(whole["x"].dtype), sorted(map(str, whole["x"]))])
            parts = [part["table"]["x"] for part in read_dataset_as_dataframes("nullable", REQUEST["store"])]
            fact("nullable parts {} {}".format(name, keys), lambda: sorted([str(part.dtype), list(map(str, part))] for part in parts))


def facts_of_names():
    for value in (1, 1.5, True, None, b"\x00\xff", "a bü~_.-", datetime.date(2020, 1, 1)):
        fact("quote {!r}".format(value), lambda: quote(value))
    for key in ("u/t/a=1/b=x%20y/f.parquet", "u/t/f.csv", "u/t", "u/t/a=1=2/x/b=/f", "u/t/a%3D=1/f", ""):
        fact("key " + key, lambda: decode_key(key))
    fact("pairs", lambda: [quote_indices([("a b", 1), ("c", "x=y")]), unquote_indices(["a%20b=1", "c=x%3Dy", "d"])])
    fact("partition key", lambda: create_partition_key("u", "t", [("a", 1), ("b c", "x")], "f"))


def facts_of_schemas():
    frame = pd.DataFrame(
        {
            "z": pd.array([1, 2]).astype("int8"),
            "y": pd.Series([0.5, 1.5], dtype="float32"),
            "c": pd.Categorical(["a", "b"]),
            "d": [datetime.date(2020, 1, 1)] * 2,
            "t": pd.to_datetime(["2020-01-01"] * 2).astype("datetime64[ns]"),
            "n": [None, None],
            "b": [True, False],
            "x": ["a", "b"],
            "l": [[1], [2]],
        }
    )
    meta = make_meta(frame, origin="one", partition_keys=["x"])
    fact("meta", lambda: [[field.name, str(field.type)] for field in meta])
    fact("meta order", lambda: make_meta(frame, "o", ["t", "b"]).names)
    fact("origin", lambda: [meta.origin, meta.with_origin({"a", "b"}).origin, len(meta)])
    fact("meta of meta", lambda: make_meta(meta, "o") is meta)
    fact("meta of else", lambda: make_meta(3, "o"))
    fact("meta equal", lambda: [meta == make_meta(frame, "o", ["x"]), meta == make_meta(frame, "o"), meta.equals(meta.remove_metadata()), hash(meta) == hash(meta)])
    fact("meta pickled", lambda: [pickle.loads(pickle.dumps(meta)) == meta, pickle.loads(pickle.dumps(meta)).origin])
    fact("meta changed", lambda: [meta.remove(0).names, meta.set(0, pa.field("q", pa.string())).names, type(meta.remove(0)) is SchemaWrapper])
    fact("index", lambda: make_meta(pd.DataFrame({"a": [1]}, index=pd.Index([5], name="i")), "o").names)
    fact("two indices", lambda: make_meta(pd.DataFrame({"a": [1]}, index=pd.MultiIndex.from_tuples([(1, 2)])), "o"))
    fact("empty", lambda: [[str(dtype) for dtype in empty_dataframe_from_schema(meta, columns=["z", "y", "t", "b", "d"]).dtypes], len(empty_dataframe_from_schema(meta))])
    fact("empty unknown", lambda: empty_dataframe_from_schema(meta, columns=["zz"]))
    first = make_meta(pd.DataFrame({"x": [1], "y": ["a"]}), "A")
    real = make_meta(pd.DataFrame({"x": [1.0], "y": ["a"]}), "B")
    null = make_meta(pd.DataFrame({"x": [1], "y": [None]}), "C")
    less = make_meta(pd.DataFrame({"x": [1]}), "N")
    fact("agree", lambda: [validate_compatible([null, first]).origin, str(validate_compatible([null, first]).field("y").type), validate_compatible([])])
    for name, schemas in (("type", [first, real]), ("column", [first, less]), ("pandas", [first, first.remove_metadata()])):
        fact("disagree " + name, lambda: validate_compatible(schemas))
    fact("ignore pandas", lambda: len(validate_compatible([first, first.remove_metadata()], ignore_pandas=True)))
    fact("shared", lambda: [validate_shared_columns([first, less]), validate_shared_columns([first, null])])
    fact("shared type", lambda: validate_shared_columns([first, real]))


def indexed(frame):
    """A frame with its index, both without dtypes."""
    return [frame.index.name, [plain(value) for value in frame.index], {str(name): frame[name].tolist() for name in frame}]


def facts_of_files(url):
    store = ensure_store(url)
    frame = pd.DataFrame({"n": [3, 1], "s": ["x", "y"]})
    for name, index in (("ints", pd.Index([5, 3])), ("texts", pd.Index(["u", "v"], name="i")), ("range", pd.RangeIndex(4, 8, 2))):
        key = ParquetSerializer().store(store, name, frame.set_index(index))
        for columns in (None, ["s"], ["s", "n"]):
            fact("index {} {}".format(name, columns), lambda: indexed(DataFrameSerializer.restore_dataframe(store, key, columns=columns)))
    key = ParquetSerializer().store(store, "names", frame.set_axis([b"\xc3\xa4", ("a", 1)], axis=1))
    fact("names", lambda: list(DataFrameSerializer.restore_dataframe(store, key).columns))
    for serializer in (ParquetSerializer(), CsvSerializer(), CsvSerializer(compress=False)):
        key = serializer.store(store, "none", frame.iloc[:0])
        fact("no rows {!r}".format(serializer), lambda: repr(DataFrameSerializer.restore_dataframe(store, key, columns=["n"]).index))
    sets = {"sets": [{1}, None, {2}], "lists": [[{"a"}], [], None], "dicts": [{"k": {1}}, None, {"k": {2}}]}
    for name, values in sets.items():
        fact("stored " + name, lambda: store_dataframes_as_dataset(url, name, [pd.DataFrame({"v": values}, dtype=object)]).uuid)
        fact("read " + name, lambda: list(read_table(name, url, table="table")["v"]))
    store_dataframes_as_dataset(url, "typed", [frame])
    for column, value in (("n", "a"), ("n", 1.5), ("n", b"a"), ("n", datetime.date(2020, 1, 1)), ("n", True), ("s", 1), ("s", 1.5)):
        for operator, operand in (("==", value), ("in", [value]), ("<", value)):
            predicates = [[(column, operator, operand)]]
            fact("typed {} {} {!r}".format(column, operator, value), lambda: read_table("typed", url, table="table", predicates=predicates))


def facts_of_parts(url):
    frame = pd.DataFrame({"p": [1, 2], "x": [5, 6]})
    elements = [{"label": label, "data": [("table", frame)]} for label in "bacaba"]
    for keys in ([], ["p"]):
        try:
            store_dataframes_as_dataset(url, "repeated", elements, partition_on=keys)
        except ValueError as error:
            FACTS["repeated {}".format(keys)] = str(error)
    store_dataframes_as_dataset(url, "by_hand", elements[:1], partition_on=["p"])
    part = MetaPartition("p=2/b", files={"table": "by_hand/table/p=2/b.parquet"})
    for columns in (None, ["x"]):
        chosen = None if columns is None else {"table": columns}
        fact("by hand {}".format(columns), lambda: indexed(part.load_dataframes(ensure_store(url), columns=chosen).data["table"]))
    bare = MetaPartition("l", data={"table": frame}).store_dataframes(ensure_store(url), "nobody").copy(data={})
    fact("bare", lambda: [list(bare.table_meta), indexed(bare.load_dataframes(ensure_store(url)).data["table"])])
    fact("copied", lambda: sorted(DatasetMetadata(uuid="u", metadata={"a": 1}).copy(metadata={"b": 2}).metadata))
    condition = C("x") == 42
    for name in ("column", "value", "OP"):
        fact("frozen " + name, lambda: setattr(condition, name, "y"))


REQUEST = json.loads(sys.stdin.read())
facts_of_indices()
facts_of_datasets()
facts_of_zones()
facts_of_nullable_numbers()
facts_of_names()
facts_of_schemas()
with tempfile.TemporaryDirectory() as folder:
    facts_of_files("hfs://" + folder)
    facts_of_parts("hfs://" + folder)
print(json.dumps(FACTS))
