"""Reading and writing through :mod:`dask.dataframe`."""
from kartothek.compat.plateau._adapt import adapted
from kartothek.io.dask import dataframe as _ours

__all__ = ("collect_dataset_metadata", "hash_dataset", "read_dataset_as_ddf", "store_dataset_from_ddf", "update_dataset_from_ddf")

collect_dataset_metadata = adapted(_ours.collect_dataset_metadata, __name__, without=("table_name",), as_is=True)
hash_dataset = adapted(_ours.hash_dataset, __name__, as_is=True)
read_dataset_as_ddf = adapted(_ours.read_dataset_as_ddf, __name__, as_is=True)
store_dataset_from_ddf = adapted(_ours.store_dataset_from_ddf, __name__, without=("delete_scope",))
update_dataset_from_ddf = adapted(_ours.update_dataset_from_ddf, __name__)
