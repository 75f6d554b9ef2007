"""Joining the tables of two datasets, partition by partition."""
from kartothek._deprecated import deprecated
from kartothek.core.dataset import DatasetMetadata
from kartothek.core.utils import ensure_store
from kartothek.io_components.metapartition import MetaPartition


@deprecated
def align_datasets(left_dataset_uuid, right_dataset_uuid, store, match_how="exact"):
    """
    Lists of MetaPartitions without frames: a partition of one dataset, and those of the other one that go with it.

    RuntimeError for a partition with which none goes.

    Parameters
    ----------
    match_how: str or callable
        "exact": a partition of the left dataset goes with one of the right that has the same label; "prefix": of the dataset with the shorter labels,
        with those of the other one whose labels begin with its label, and that no longer label begins; "left" or "right": of that dataset, with all
        of the other one; a function of the left and the right label: with those for which it is true.
    """
    store = ensure_store(store)
    first, second = (DatasetMetadata.load_from_store(uuid, store) for uuid in (left_dataset_uuid, right_dataset_uuid))
    if not (callable(match_how) or match_how == "left" or (match_how == "prefix" and _has_shorter_labels(first, second))):
        first, second = second, first
    schemas = first._schemas(), second._schemas()
    free = dict.fromkeys(second.partitions)
    for label in sorted(first.partitions, key=len, reverse=True):
        found = _that_go_with(label, free, match_how)
        if not found:
            raise RuntimeError("No matching partition for {} in dataset {} found".format(first.partitions[label], first))
        if match_how in ("exact", "prefix"):
            for other in found:
                del free[other]
        yield [_part(first, label, schemas[0])] + [_part(second, other, schemas[1]) for other in found]


def _has_shorter_labels(first, second):
    return len(next(iter(first.partitions))) < len(next(iter(second.partitions)))


def _that_go_with(label, others, match_how):
    if callable(match_how):
        return [other for other in others if match_how(label, other)]
    if match_how == "exact":
        return [label] if label in others else []
    return [other for other in others if match_how != "prefix" or other.startswith(label)]


def _part(dataset, label, schemas):
    return MetaPartition.from_partition(
        dataset.partitions[label],
        metadata_version=dataset.metadata_version,
        table_meta=schemas,
        partition_keys=dataset.partition_keys,
    )


class Merging:
    """What makes one MetaPartition with its frame of each list of :func:`align_datasets`: plain data, sent to every worker."""

    def __init__(self, store, merge_tasks, label_merger=None, metadata_merger=None):
        self.store = store
        self.merge_tasks = merge_tasks
        self.label_merger = label_merger
        self.metadata_merger = metadata_merger

    def __call__(self, parts):
        loaded = [part.load_dataframes(self.store) for part in parts]
        merged = MetaPartition.merge_metapartitions(loaded, self.label_merger, self.metadata_merger).concat_dataframes()
        for task in self.merge_tasks:
            merged = merged.merge_dataframes(**task)
        return merged


__all__ = ["align_datasets"]
