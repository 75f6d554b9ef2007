"""Everything at once, in the calling thread."""
from kartothek.compat.plateau._adapt import adapted
from kartothek.io import eager as _ours

__all__ = (
    "build_dataset_indices",
    "commit_dataset",
    "create_empty_dataset_header",
    "delete_dataset",
    "garbage_collect_dataset",
    "read_dataset_as_dataframes",
    "read_table",
    "store_dataframes_as_dataset",
    "update_dataset_from_dataframes",
    "write_single_partition",
)

_WRITTEN_ELSEWHERE = ("metadata", "overwrite", "metadata_merger")

build_dataset_indices = adapted(_ours.build_dataset_indices, __name__)
commit_dataset = adapted(_ours.commit_dataset, __name__, without=("output_dataset_uuid", "df_serializer"))
create_empty_dataset_header = adapted(_ours.create_empty_dataset_header, __name__, table_name="last")
delete_dataset = adapted(_ours.delete_dataset, __name__)
garbage_collect_dataset = adapted(_ours.garbage_collect_dataset, __name__)
read_dataset_as_dataframes = adapted(_ours.read_dataset_as_dataframes, __name__)
read_dataset_as_metapartitions = adapted(_ours.read_dataset_as_metapartitions, __name__)
read_table = adapted(_ours.read_table, __name__, without=("table",))
store_dataframes_as_dataset = adapted(_ours.store_dataframes_as_dataset, __name__, table_name="last")
update_dataset_from_dataframes = adapted(_ours.update_dataset_from_dataframes, __name__, table_name="factory")
write_single_partition = adapted(_ours.write_single_partition, __name__, without=_WRITTEN_ELSEWHERE, table_name="last")
