"""Whether the datasets of a cube go together."""
from kartothek._lazy import LazyModule
from kartothek.core.cube.constants import KTK_CUBE_METADATA_VERSION
from kartothek.core.index import ExplicitSecondaryIndex, PartitionIndex
from kartothek.core.naming import SINGLE_TABLE

adapters = LazyModule("kartothek.utils.ktk_adapters")

__all__ = ("check_datasets", "get_cube_payload", "get_payload_subset")


def get_payload_subset(columns, cube):
    """Those of some columns that are neither dimensions nor partition columns of the cube, as a set."""
    return set(columns) - set(cube.dimension_columns) - set(cube.partition_columns)


def get_cube_payload(datasets, cube):
    """All columns of the datasets, ``{id: dataset}``, that are neither dimensions nor partition columns of the cube, as a set."""
    return get_payload_subset((column for dataset in datasets.values() for column in adapters.get_dataset_columns(dataset)), cube)


def check_datasets(datasets, cube):
    """
    Check that datasets make up a cube.

    There is the seed; each dataset has the one table ``table``; columns that are neither dimensions nor partition columns are in one dataset alone, and
    those that several have are of one type; the seed has all dimensions and is split by the partition columns, others have a dimension, and no partition
    column that they are not split by; indices are where the cube says. Further indices do no harm.

    Parameters
    ----------
    datasets: dict
        ``{id: kartothek.core.dataset.DatasetMetadata}``
    cube: kartothek.core.cube.cube.Cube

    Returns
    -------
    dict
        The datasets with the indices on their partition keys loaded.

    Raises
    ------
    ValueError
        Says what is wrong, and where.
    """
    if cube.seed_dataset not in datasets:
        raise ValueError('Seed data ("{}") is missing.'.format(cube.seed_dataset))
    _check_equal(datasets, "metadata version", str(KTK_CUBE_METADATA_VERSION), lambda dataset: str(dataset.metadata_version))
    datasets = {dataset_id: dataset.load_partition_indices() for dataset_id, dataset in datasets.items()}
    _check_equal(datasets, "table", SINGLE_TABLE, lambda dataset: ", ".join(sorted(dataset.tables)))
    columns = {dataset_id: adapters.get_dataset_columns(datasets[dataset_id]) for dataset_id in sorted(datasets)}
    _check_payload(columns, cube)
    _check_types(datasets)
    for dataset_id, present in columns.items():
        _check_partition_columns(dataset_id, present, datasets[dataset_id].partition_keys, cube)
    for dataset_id, present in columns.items():
        _check_dimension_columns(dataset_id, present, cube)
    for dataset_id, present in columns.items():
        _check_indices(dataset_id, present, datasets[dataset_id], cube)
    return datasets


def _listed(names):
    return ", ".join(sorted(names))


def _check_equal(datasets, what, expected, fact):
    wrong = ["{} ({})".format(dataset_id, fact(dataset)) for dataset_id, dataset in sorted(datasets.items()) if fact(dataset) != expected]
    if wrong:
        raise ValueError("Invalid datasets because {} is wrong. Expected {}: {}".format(what, expected, ", ".join(wrong)))


def _check_payload(columns, cube):
    places = {}
    for dataset_id, present in columns.items():
        for column in get_payload_subset(present, cube):
            places.setdefault(column, []).append(dataset_id)
    shared = [" - {}: {}".format(column, _listed(ids)) for column, ids in sorted(places.items()) if len(ids) > 1]
    if shared:
        raise ValueError("Found columns present in multiple datasets:{}".format("\n".join(shared)))


def _check_types(datasets):
    """Columns that hold nulls alone go with any type, and so do texts with wider offsets."""
    first = {}
    for dataset_id, dataset in datasets.items():
        for column, dtype in dataset._columns(SINGLE_TABLE).items():
            dtype = dtype.replace("large_", "")
            known = first.setdefault(column, (dtype, dataset_id)) if dtype != "null" else None
            if known is not None and known[0] != dtype:
                raise ValueError(
                    'Found incompatible entries for column "{}"\n{} in dataset "{}"\n{} in dataset "{}"'.format(column, *known, dtype, dataset_id)
                )


def _check_partition_columns(dataset_id, present, partition_keys, cube):
    missing = set(cube.partition_columns) - set(partition_keys)
    if missing and dataset_id == cube.seed_dataset:
        raise ValueError('Seed dataset "{}" has missing partition columns: {}'.format(dataset_id, _listed(missing)))
    unspecified = present & missing
    if unspecified:
        raise ValueError("Unspecified but provided partition columns in {}: {}".format(dataset_id, _listed(unspecified)))


def _check_dimension_columns(dataset_id, present, cube):
    missing = set(cube.dimension_columns) - present
    if dataset_id == cube.seed_dataset:
        if missing:
            raise ValueError('Seed dataset "{}" has missing dimension columns: {}'.format(dataset_id, _listed(missing)))
    elif len(missing) == len(cube.dimension_columns):
        text = 'Dataset "{}" must have at least 1 of the following dimension columns: {}'
        raise ValueError(text.format(dataset_id, ", ".join(cube.dimension_columns)))


def _check_indices(dataset_id, present, dataset, cube):
    # Partition keys need no index to be loaded: those of an empty dataset have none, and they may have an explicit one beside.
    if dataset_id == cube.seed_dataset:
        for column in sorted(set(cube.dimension_columns) - cube.suppress_index_on):
            _check_index(dataset_id, dataset.indices, column, (ExplicitSecondaryIndex,))
    for column in sorted((cube.index_columns & present) - set(dataset.partition_keys)):
        _check_index(dataset_id, dataset.indices, column, (ExplicitSecondaryIndex, PartitionIndex))


def _check_index(dataset_id, indices, column, kinds):
    names = " or ".join(kind.__name__ for kind in kinds)
    if column not in indices:
        raise ValueError('{} "{}" is missing in dataset "{}".'.format(names, column, dataset_id))
    if not isinstance(indices[column], kinds):
        text = '"{}" in dataset "{}" is of type {} but should be {}.'
        raise ValueError(text.format(column, dataset_id, type(indices[column]).__name__, names))
