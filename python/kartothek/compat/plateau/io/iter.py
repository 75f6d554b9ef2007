"""One frame at a time: generators in and out, with one partition in memory."""
from kartothek.compat.plateau._adapt import adapted
from kartothek.io import iter as _ours

__all__ = ("read_dataset_as_dataframes__iterator", "store_dataframes_as_dataset__iter", "update_dataset_from_dataframes__iter")

read_dataset_as_dataframes__iterator = adapted(_ours.read_dataset_as_dataframes__iterator, __name__)
read_dataset_as_metapartitions__iterator = adapted(_ours.read_dataset_as_metapartitions__iterator, __name__)
store_dataframes_as_dataset__iter = adapted(_ours.store_dataframes_as_dataset__iter, __name__, table_name="last")
update_dataset_from_dataframes__iter = adapted(_ours.update_dataset_from_dataframes__iter, __name__, table_name="last")
