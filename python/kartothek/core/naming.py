"""Constants of the file format, under the names that kartothek gives them."""
DEFAULT_METADATA_VERSION = 4
MIN_METADATA_VERSION = 4
MAX_METADATA_VERSION = 4

DEFAULT_METADATA_STORAGE_FORMAT = "json"
METADATA_FORMAT_JSON = ".json"
METADATA_FORMAT_MSGPACK = ".msgpack.zstd"
METADATA_BASE_SUFFIX = ".by-dataset-metadata"
PARQUET_FILE_SUFFIX = ".parquet"
EXTERNAL_INDEX_SUFFIX = ".by-dataset-index.parquet"
TABLE_METADATA_FILE = "_common_metadata"

METADATA_VERSION_KEY = "dataset_metadata_version"
UUID_KEY = "dataset_uuid"

SINGLE_TABLE = "table"


def metadata_key_from_uuid(uuid, format="json"):
    """Storage key of a dataset's metadata document."""
    suffixes = {"json": METADATA_FORMAT_JSON, "msgpack": METADATA_FORMAT_MSGPACK}
    if format not in suffixes:
        raise ValueError("Unknown metadata storage format encountered: {}".format(format))
    return uuid + METADATA_BASE_SUFFIX + suffixes[format]


def get_partition_file_prefix(dataset_uuid, partition_label, table, metadata_version=DEFAULT_METADATA_VERSION):
    """Storage key of a partition's file for a table, without the suffix of its format."""
    return "{}/{}/{}".format(dataset_uuid, table, partition_label)
