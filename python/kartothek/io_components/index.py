"""Indices of a dataset, by partitions that bring some."""
from kartothek.io.eager import build_dataset_indices
from kartothek.io_components.metapartition import MetaPartition


def update_indices_from_partitions(partition_list, dataset_metadata_factory):
    """
    Build those indices of a dataset anew that the MetaPartitions have (:meth:`MetaPartition.build_indices`); the factory, with the new state.

    The values come from the files of the dataset, so that the index is whole whatever the list holds.
    """
    columns = list(MetaPartition.merge_indices(partition_list))
    if columns:
        build_dataset_indices(None, None, columns, factory=dataset_metadata_factory)
        dataset_metadata_factory.invalidate()
    return dataset_metadata_factory


__all__ = ["update_indices_from_partitions"]
