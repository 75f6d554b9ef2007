"""Reading through :mod:`dask.delayed`: the partitions are chosen at call time, the files are read by the tasks."""
import functools

from kartothek.core.naming import SINGLE_TABLE
from kartothek.core.utils import lazy_store
from kartothek.io_components.read import Selection, read_work_item, work_items
from kartothek.io_components.utils import columns_of_table, normalize_arg

__all__ = ["read_table_as_delayed"]


def read_table_as_delayed(
    dataset_uuid=None,
    store=None,
    table=SINGLE_TABLE,
    columns=None,
    concat_partitions_on_primary_index=False,
    predicate_pushdown_to_io=True,
    categoricals=None,
    label_filter=None,
    dates_as_object=False,
    predicates=None,
    factory=None,
    dispatch_by=None,
):
    """
    A list of :class:`dask.delayed.Delayed`, one per partition, each a frame in the order of the file.

    All tasks read the snapshot that was newest at call time, whatever is committed meanwhile. With ``dispatch_by`` there is one task per value of
    these partition keys.
    """
    from dask import delayed

    if dispatch_by is not None:
        dispatch_by = normalize_arg("dispatch_by", dispatch_by)
    if concat_partitions_on_primary_index and dispatch_by is not None:
        raise ValueError("Both `dispatch_by` and `concat_partitions_on_primary_index` are provided.")
    columns = columns_of_table(columns, table, "columns")
    store = lazy_store(factory.store if factory is not None else store) if factory is not None or store is not None else None
    selection = Selection(
        dataset_uuid if factory is None else factory.dataset_uuid, store, None, predicates, label_filter, dispatch_by
    )
    if concat_partitions_on_primary_index:
        selection.dispatch_by = selection.dataset.partition_keys
    read = functools.partial(
        read_work_item,
        store=store,
        table=table,
        columns=columns,
        categoricals=columns_of_table(categoricals, table, "categoricals"),
        dates_as_object=dates_as_object,
        predicates=predicates,
    )
    return [delayed(read)(item) for item in work_items(selection, table, columns)]
