"""Writing: frames into one update of the C library, committed in one step."""
import json

from kartothek import _core
from kartothek._lazy import LazyModule
from kartothek.core.naming import SINGLE_TABLE
from kartothek.core.utils import core_store, verify_metadata_version
from kartothek.serialization import default_serializer

pd = LazyModule("pandas")
to_arrow = LazyModule("kartothek._frames.to_arrow")


def raise_if_dataset_exists(dataset_uuid, store):
    if _core.dataset_exists(core_store(store), dataset_uuid):
        raise RuntimeError("Dataset `%s` already exists and overwrite is not permitted!", dataset_uuid)


def inputs_of(element):
    """
    The inputs of one element of ``dfs`` as a list of ``(label or None, table, frame)``; nothing for None and ``[]``.

    A frame, ``{table: frame}``, ``{"label": …, "data": {table: frame} or [(table, frame)]}``, or a list of these.
    """
    if element is None:
        return []
    if isinstance(element, pd.DataFrame):
        return [(None, SINGLE_TABLE, element)]
    if isinstance(element, list):
        return [item for part in element for item in inputs_of(part)]
    if isinstance(element, dict):
        label = element.get("label") if element.get("data") else None
        data = element["data"] if element.get("data") else element
        tables = list(data.items()) if isinstance(data, dict) else list(data)
        if element.get("indices") and element.get("data"):
            raise NotImplementedError("ready-made indices are not written yet")
        if len(tables) != 1:
            raise NotImplementedError("a partition with {} tables: several tables are not written yet".format(len(tables)))
        return [(label, tables[0][0], tables[0][1])]
    raise ValueError("Unexpected type during parsing encountered: ({}, {})".format(type(element), element))


def _check_settings(metadata_version, metadata_storage_format, partition_on, secondary_indices):
    verify_metadata_version(metadata_version)
    if str(metadata_storage_format).lower() not in ("json", "msgpack"):
        raise ValueError("Unknown metadata storage format encountered: {}".format(metadata_storage_format))
    overlap = set(partition_on) & set(secondary_indices)
    if overlap:
        raise RuntimeError("Cannot create secondary index on partition columns: {}".format(overlap))
    if secondary_indices:
        raise NotImplementedError("secondary indices are not written yet: {}".format(secondary_indices))
    if str(metadata_storage_format).lower() == "msgpack":
        raise NotImplementedError("msgpack documents are not written yet; use metadata_storage_format='json'")


def store_frames(
    store,
    dataset_uuid,
    elements,
    metadata=None,
    partition_on=(),
    df_serializer=None,
    overwrite=False,
    secondary_indices=(),
    metadata_storage_format="json",
    metadata_version=4,
):
    """Create or overwrite a dataset from an iterable of elements (see :func:`inputs_of`). Nothing is visible before the end."""
    _core.uuid_check(dataset_uuid)
    _check_settings(metadata_version, metadata_storage_format, partition_on, secondary_indices)
    serializer = df_serializer if df_serializer is not None else default_serializer()
    update = None
    try:
        for element in elements:
            inputs = inputs_of(element)
            if update is None:
                table = inputs[0][1] if inputs else SINGLE_TABLE
                update = _begin(store, dataset_uuid, overwrite, table, partition_on, serializer, metadata)
            if not inputs:
                update.add_nothing()
            for label, input_table, frame in inputs:
                if input_table != table:
                    raise NotImplementedError("tables {!r} and {!r}: several tables are not written yet".format(table, input_table))
                _add(update, frame, label, table, dataset_uuid)
        if update is None:
            raise ValueError("Cannot store empty datasets, partition_list must not be empty if in store mode.")
        return _commit(update, dataset_uuid, table)
    finally:
        if update is not None:
            update.close()


def _begin(store, dataset_uuid, overwrite, table, partition_on, serializer, metadata):
    try:
        return _core.Update.begin(
            core_store(store),
            dataset_uuid,
            overwrite=overwrite,
            table=table,
            partition_on=[str(column) for column in partition_on],
            compression=serializer.compression,
            metadata=None if metadata is None else json.dumps(metadata),
            row_group_rows=serializer.chunk_size or 0,
        )
    except RuntimeError as error:
        raise _in_kartotheks_words(error, dataset_uuid, table) from None


def _add(update, frame, label, table, dataset_uuid):
    try:
        update.add(to_arrow.frame_stream(frame), label)
    except ValueError as error:
        raise _in_kartotheks_words(error, dataset_uuid, table) from None


def _commit(update, dataset_uuid, table):
    try:
        return update.commit()
    except (RuntimeError, ValueError) as error:
        raise _in_kartotheks_words(error, dataset_uuid, table) from None


def _in_kartotheks_words(error, dataset_uuid, table):
    """The exception that kartothek raises for the same failure, where programs may look for its text."""
    status = getattr(error, "ktk_status", None)
    if status == "exists":
        return RuntimeError("Dataset `%s` already exists and overwrite is not permitted!", dataset_uuid)
    if status == "schema":
        text = "Schemas for table '{}' of dataset '{}' are not compatible!\n\nSchema violation\n\n{}"
        return ValueError(text.format(table, dataset_uuid, error))
    return error
