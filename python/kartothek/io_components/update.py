"""Changing a dataset by partitions that are written already."""
from kartothek.io_components.write import commit_list


def update_dataset_from_partitions(partition_list, store_factory, dataset_uuid, ds_factory, delete_scope, metadata, metadata_merger):
    """
    Commit what :func:`kartothek.io_components.write.write_partition` has written, and delete what ``delete_scope`` says (see
    :func:`kartothek.io.eager.update_dataset_from_dataframes`), in one step; the dataset is made if there is none. Returns the committed state.

    ``ds_factory`` only tells that there is a dataset; its newest state is changed.
    """
    mode = "update" if ds_factory else "create_or_update"
    return commit_list(
        partition_list, store_factory, dataset_uuid, mode, delete_scope=delete_scope, metadata=metadata, metadata_merger=metadata_merger
    )


__all__ = ["update_dataset_from_partitions"]
