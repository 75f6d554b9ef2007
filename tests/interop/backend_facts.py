"""
What parts of back-ends make of frames: written, committed, joined; as JSON in the last line. Runs in the environment of the original and in ours: the
answers have to be equal. Reads {"store": URL, ...} on standard input; makes a store of its own.
"""
import json
import re
import sys
import tempfile

import dask
import pandas as pd

from kartothek.core.dataset import DatasetMetadata
from kartothek.core.factory import DatasetFactory
from kartothek.core.utils import ensure_store, lazy_store
from kartothek.io.dask.delayed import merge_datasets_as_delayed
from kartothek.io.eager import commit_dataset, read_dataset_as_metapartitions, read_table, store_dataframes_as_dataset
from kartothek.io_components.index import update_indices_from_partitions
from kartothek.io_components.merge import align_datasets
from kartothek.io_components.metapartition import MetaPartition, MetaPartitionIterator, parse_input_to_metapartition
from kartothek.io_components.update import update_dataset_from_partitions
from kartothek.io_components.utils import align_categories, normalize_arg, normalize_args, sort_values_categorical
from kartothek.io_components.write import persist_common_metadata, persist_indices, store_dataset_from_partitions, write_partition
from kartothek.serialization import CsvSerializer, ParquetSerializer

json.loads(sys.stdin.read())
STORE = lazy_store("hfs://" + tempfile.mkdtemp())
FRAME = pd.DataFrame({"p": [1, 2, 1, 2], "x": ["c", "b", "a", None], "y": [4, 3, 2, 1]})
LEFT = pd.DataFrame({"k": [1, 2], "a": [10, 20]})
RIGHT = pd.DataFrame({"k": [2, 1, 1], "b": ["two", "one", "one more"]})


def rows(frame):
    return [sorted(frame)] + sorted(map(repr, frame[sorted(frame)].astype(object).where(frame[sorted(frame)].notnull(), None).values.tolist()))


def shown(parts):
    """Names of files are random where no label is given."""
    return sorted([part.label.split("/")[:-1], sorted(part.files), sorted(part.indices), rows(read(part))] for nested in parts for part in nested)


def read(part):
    return next(iter(part.load_dataframes(STORE).data.values()))


def state(dataset):
    loaded = dataset.load_all_indices(ensure_store(STORE))
    # The original may have one on the partition key, too, which becomes a text (D-08).
    found = {column: index.index_dct for column, index in sorted(loaded.indices.items()) if column != "p"}
    indices = {column: sorted((repr(value), len(labels)) for value, labels in values.items()) for column, values in found.items()}
    metadata = {key: value for key, value in dataset.metadata.items() if key != "creation_time" and not key.startswith("ktk.")}
    return [dataset.partition_keys, len(dataset.partitions), metadata, indices, rows(read_table(dataset.uuid, STORE))]


def raised(function, *args, **kwargs):
    try:
        return repr(function(*args, **kwargs))
    except Exception as error:
        return "{}: {}".format(type(error).__name__, re.split("<|Partition", str(error))[0][:60])


def write(frame=FRAME, uuid="u", indices=("x",), partition_on=("p",), sort=None, table=None):
    return write_partition(frame, list(indices), sort, uuid, list(partition_on), STORE, None, 4, table)


facts = {}
facts["a part"] = shown([write()])
facts["a part of rows in order"] = [frame.y.tolist() for frame in map(read, write(sort=["y"], partition_on=()))]
facts["a part of another table"] = [sorted(part.files) for part in write(table="other", partition_on=(), indices=())]
facts["a missing column"] = raised(write, indices=["zz"], partition_on=()).split("partition")[0]
facts["a missing key"] = raised(write, partition_on=["zz"])
facts["nothing yet"] = DatasetMetadata.exists("u", ensure_store(STORE))

dataset = store_dataset_from_partitions([write()], STORE, "u", dataset_metadata={"a": 1})
facts["committed"] = state(dataset)
facts["metadata by a function"] = state(store_dataset_from_partitions([write(uuid="v")], STORE, "v", dataset_metadata=lambda: {"f": 1}))
facts["merger"] = state(store_dataset_from_partitions([write(uuid="w")], STORE, "w", {"b": 2}, lambda dicts: {"number": len(dicts)}))
facts["nothing to commit"] = raised(store_dataset_from_partitions, [], STORE, "n")
part = write(uuid="w")
facts["twice"] = raised(store_dataset_from_partitions, [part, part], STORE, "w").split(" ")[:2]
more = pd.DataFrame({"p": [3], "x": ["d"], "y": [5]})
factory = DatasetFactory("u", STORE)
facts["updated"] = state(update_dataset_from_partitions([write(more)], STORE, "u", factory, [{"p": 1}], {"c": 3}, None))
facts["deleted"] = state(update_dataset_from_partitions([], STORE, "u", DatasetFactory("u", STORE), [{"p": 3}], None, None))
facts["made"] = state(update_dataset_from_partitions([write(more, "new")], STORE, "new", None, [], {}, None))
facts["nothing committed"] = [raised(commit_dataset, STORE, "none", **arguments) for arguments in ({"metadata": {"a": 1}}, {"delete_scope": [{"p": 1}]})]
facts["committed anew"] = state(commit_dataset(STORE, "anew", [write(more, "anew")], metadata={"d": 4}, partition_on=["p"]))

store_dataframes_as_dataset(STORE, "i", [FRAME, more], partition_on=["p"])
loaded = read_dataset_as_metapartitions("i", STORE)
update_indices_from_partitions([part.build_indices(["x", "y"]) for part in loaded], DatasetFactory("i", STORE).load_all_indices())
facts["indexed"] = state(DatasetFactory("i", STORE).dataset_metadata)

parts = [parse_input_to_metapartition({"label": name, "data": {"table": FRAME}}).build_indices(["x"]) for name in "ab"]
keys = persist_indices(STORE, "u", MetaPartition.merge_indices(parts))
facts["index files"] = [[column, key.split("/")[:3], key in ensure_store(STORE)] for column, key in keys.items()]
agreed = persist_common_metadata(parts, None, ensure_store(STORE), "c")
facts["schemas"] = {table: [[field.name, str(field.type)] for field in schema] for table, schema in agreed.items()}
other = parse_input_to_metapartition(FRAME.assign(y="text"))
facts["other schemas"] = raised(persist_common_metadata, [parts[0], other], None, ensure_store(STORE), "c")
facts["other tables"] = raised(persist_common_metadata, [parse_input_to_metapartition({"o": FRAME})], dataset, ensure_store(STORE), "u")


@normalize_args
def taken(data, partition_on=None, store=None, dispatch_by=None, other=None):
    return [data, partition_on, store if store is None else callable(store), dispatch_by, other]


LISTS = ("partition_on", "delete_scope", "secondary_indices", "sort_partitions_by", "bucket_by", "dispatch_by", "other")
facts["arguments"] = [[raised(normalize_arg, name, value) for value in (None, "a", b"a", 1, ["a"], ("a", "b"), {"a"}, {"a": 1})] for name in LISTS]
facts["arguments of a function"] = [taken(1), taken(1, "p"), taken("d", store=STORE, dispatch_by="x", other="o"), taken(data=1, partition_on=("p", "q"))]
facts["arguments that are wrong"] = [raised(taken), raised(taken, 1, partition_on={"p"})]
facts["name of a function"] = taken.__name__
kinds = [pd.Series(["b", "a", None]), pd.Series(["c", "b"], dtype="category"), pd.Series(["z"], dtype="category")]
for count in (1, 2, 3):
    frames = align_categories([values.to_frame("x") for values in kinds[:count]], ["x"])
    facts["categories of {}".format(count)] = [[str(value) for value in frame.x.cat.categories] + rows(frame) for frame in frames]
facts["in order"] = sort_values_categorical(pd.DataFrame({"x": kinds[1], "y": [1, 2]}), "x").y.tolist()


def labelled(uuid, frames):
    store_dataframes_as_dataset(STORE, uuid, [{"label": label, "data": [(uuid, frame)]} for label, frame in frames.items()])


labelled("left", {"c": LEFT, "d": LEFT + 1})
labelled("right", {"c_1": RIGHT, "d_1": RIGHT, "d_2": RIGHT})
labelled("same", {"c": RIGHT, "d": RIGHT})
labelled("less", {"c": RIGHT})
HOW = ["exact", "prefix", "left", "right", "all", lambda left, right: right.startswith(left), lambda left, right: left == "c"]


def aligned(left, right, how):
    return sorted([part.label for part in parts] for parts in align_datasets(left, right, STORE, match_how=how))


for left, right in [("left", "right"), ("right", "left"), ("left", "same"), ("left", "less"), ("less", "left")]:
    for number, how in enumerate(HOW):
        facts["align {} {} {}".format(left, right, number)] = raised(aligned, left, right, how)

BOTH = {"left": "left", "output_label": "both", "merge_kwargs": {"on": "k", "how": "left"}}


def joined(right, how, tasks, **mergers):
    parts = dask.compute(merge_datasets_as_delayed("left", right, STORE, tasks, match_how=how, **mergers), scheduler="sync")[0]
    return sorted([part.label, part.files, {table: rows(frame) for table, frame in part.data.items()}, part.dataset_metadata != {}] for part in parts)


facts["join"] = joined("same", "exact", [dict(BOTH, right="same")])
facts["join by prefix"] = joined("right", "prefix", [dict(BOTH, right="right")])
facts["join of all"] = joined("right", "left", [dict(BOTH, right="right")], label_merger="+".join)
facts["join by hand"] = joined("same", "exact", [{"left": "left", "right": "same", "output_label": "o", "merge_func": lambda left, right: left}])
facts["no join"] = joined("same", "exact", [])

whole = MetaPartition("l", data={"core": FRAME}, metadata_version=4, logical_conjunction=[("y", ">", 2)])
facts["stored, and read with its condition"] = [rows(read(part)) for part in (whole.store_dataframes(ensure_store(STORE), "cond"),)][0][1:]
some = [MetaPartition(name, data={"t": pd.DataFrame({"x": values})}, metadata_version=4) for name, values in (("a", [1]), ("b", ["s"]), ("c", [2]))]
facts["joined rows"] = [raised(MetaPartition.concat_metapartitions, some)[:10], rows(MetaPartition.concat_metapartitions(some[::2]).data["t"])]
tables = MetaPartition("l", data={"core_1": LEFT, "more": RIGHT, "core_2": LEFT + 1, "last": LEFT[["a"]], "l": LEFT[["a"]]}).concat_dataframes()
facts["same columns"] = {table: rows(frame) for table, frame in tables.data.items()}
parts = [MetaPartition("longer", data={"a": LEFT, "b": RIGHT}, dataset_metadata={"m": 1}), MetaPartition("m", data={"a": LEFT})]
merged = MetaPartition.merge_metapartitions(parts)
facts["merged"] = [merged.label, sorted(merged.data), merged.dataset_metadata, merged.metadata_version]
facts["merged by"] = MetaPartition.merge_metapartitions(parts, max, lambda dicts: {"n": len(dicts)}).dataset_metadata
facts["other rows"] = raised(MetaPartition.merge_metapartitions, [parts[0], parts[1].copy(logical_conjunction=[("a", "==", 1)])])
facts["unknown table"] = raised(parts[0].merge_dataframes, "a", "z", "o")
facts["iterator"] = [one.label for one in MetaPartitionIterator(parts[0].add_metapartition(parts[1], schema_validation=False))]

store = ensure_store(STORE)
for name, serializer in (("csv", CsvSerializer(compress=False)), ("gz", CsvSerializer()), ("parquet", ParquetSerializer())):
    key = serializer.store(store, "file", LEFT)
    for number, arguments in enumerate([{}, {"columns": ["a"]}, {"predicates": [[("k", ">", 1)]]}, {"filter_query": "k == 1"}, {"columns": []}]):
        frame = serializer.restore_dataframe(store, key, **arguments)
        facts["{} {}".format(name, number)] = [rows(frame), len(frame), list(map(str, frame.dtypes))]
print(json.dumps(facts))
