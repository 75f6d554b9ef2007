"""Reading and writing through :mod:`dask.bag`."""
from kartothek.compat.plateau._adapt import adapted
from kartothek.io.dask import bag as _ours

__all__ = ("build_dataset_indices__bag", "read_dataset_as_dataframe_bag", "store_bag_as_dataset")

build_dataset_indices__bag = adapted(_ours.build_dataset_indices__bag, __name__)
read_dataset_as_dataframe_bag = adapted(_ours.read_dataset_as_dataframe_bag, __name__)
read_dataset_as_metapartitions_bag = adapted(_ours.read_dataset_as_metapartitions_bag, __name__)
store_bag_as_dataset = adapted(_ours.store_bag_as_dataset, __name__, table_name="last")
