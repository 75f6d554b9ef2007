"""
What planning a read of a dataset makes, as JSON in the last line. Runs in the environment of the original and in ours: the answers have to be equal.
Reads {"store": URL, "uuid": name} on standard input.
"""
import json
import sys

from kartothek.core.factory import DatasetFactory
from kartothek.core.utils import lazy_store
from kartothek.io_components.read import dispatch_metapartitions, dispatch_metapartitions_from_factory

REQUEST = json.loads(sys.stdin.read())
STORE = lazy_store(REQUEST["store"])


def shown(part):
    if isinstance(part, list):
        return [shown(each) for each in part]
    indices = {column: index.loaded for column, index in part.indices.items()}
    schemas = {table: [[field.name, str(field.type)] for field in schema] for table, schema in part.table_meta.items()}
    rows = {table: sorted(map(repr, frame[sorted(frame)].values.tolist())) for table, frame in part.load_dataframes(STORE).data.items()}
    return [part.label, part.files, part.dataset_metadata, indices, schemas, part.partition_keys, part.logical_conjunction, part.metadata_version, rows]


def plan(**arguments):
    try:
        parts = [shown(part) for part in dispatch_metapartitions_from_factory(DatasetFactory(REQUEST["uuid"], STORE), **arguments)]
        return sorted(parts, key=str)
    except Exception as error:
        return "raises " + type(error).__name__


def starts(label):
    return label.startswith("k=3")


ARGUMENTS = [
    {},
    {"dispatch_metadata": True},
    {"predicates": [[("k", "==", 2)]]},
    {"predicates": [[("s", "==", "y"), ("r", ">", 100.0)]]},
    {"predicates": [[("k", ">", 1), ("k", "<", 3)], [("k", "in", [1]), ("s", "==", "y")]]},
    {"predicates": []},
    {"dispatch_by": ["k"]},
    {"dispatch_by": ["s"], "predicates": [[("k", "==", 1)]]},
    {"dispatch_by": []},
    {"dispatch_by": ["zz"]},
    {"concat_partitions_on_primary_index": True},
    {"concat_partitions_on_primary_index": True, "dispatch_by": ["k"]},
    {"label_filter": starts},
]

facts = {repr(sorted(arguments)) + str(i): plan(**arguments) for i, arguments in enumerate(ARGUMENTS)}
facts["by name"] = [shown(part) for part in dispatch_metapartitions(REQUEST["uuid"], STORE)]
try:
    facts["no dataset"] = list(dispatch_metapartitions("nothing", STORE))
except KeyError as error:
    facts["no dataset"] = error.args[0]
print(json.dumps(facts, default=dict))
