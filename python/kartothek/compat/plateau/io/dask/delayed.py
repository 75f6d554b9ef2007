"""Reading and writing through :mod:`dask.delayed`."""
from kartothek.compat.plateau._adapt import adapted
from kartothek.io.dask import delayed as _ours

__all__ = (
    "delete_dataset__delayed",
    "garbage_collect_dataset__delayed",
    "read_dataset_as_delayed",
    "store_delayed_as_dataset",
    "update_dataset_from_delayed",
)

delete_dataset__delayed = adapted(_ours.delete_dataset__delayed, __name__, as_is=True)
garbage_collect_dataset__delayed = adapted(_ours.garbage_collect_dataset__delayed, __name__, as_is=True)
# Its tasks give frames already.
read_dataset_as_delayed = adapted(_ours.read_table_as_delayed, __name__, without=("table",), as_is=True, name="read_dataset_as_delayed")
read_dataset_as_delayed_metapartitions = adapted(_ours.read_dataset_as_delayed_metapartitions, __name__)
store_delayed_as_dataset = adapted(_ours.store_delayed_as_dataset, __name__, table_name="secondary_indices")
update_dataset_from_delayed = adapted(_ours.update_dataset_from_delayed, __name__, table_name="last")
