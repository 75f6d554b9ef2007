"""Cubes found in a store."""
import logging

from kartothek.api.consistency import check_datasets
from kartothek.core import naming
from kartothek.core.cube import constants
from kartothek.core.cube.cube import Cube
from kartothek.core.dataset import DatasetMetadata
from kartothek.core.utils import ensure_store
from kartothek.utils.converters import converter_str_set_optional

__all__ = ("discover_cube", "discover_datasets", "discover_datasets_unchecked", "discover_ktk_cube_dataset_ids")

_LOGGER = logging.getLogger(__name__)

_SUFFIXES = tuple(naming.METADATA_BASE_SUFFIX + suffix for suffix in (naming.METADATA_FORMAT_JSON, naming.METADATA_FORMAT_MSGPACK))

#: the only timestamp column that very old cubes may have
_TIMESTAMP = "KLEE_TS"


def discover_ktk_cube_dataset_ids(uuid_prefix, store):
    """
    The ids of the datasets that a cube of that name has, readable or not, as a set.

    Parameters
    ----------
    uuid_prefix: str
    store: callable, str or store
    """
    prefix = uuid_prefix + constants.KTK_CUBE_UUID_SEPERATOR
    names = ensure_store(store).iter_prefixes(delimiter="/", prefix=prefix)
    return {name[len(prefix) : -len(suffix)] for name in names for suffix in _SUFFIXES if name.endswith(suffix)}


def discover_datasets_unchecked(uuid_prefix, store, filter_ktk_cube_dataset_ids=None):
    """
    The datasets that a cube of that name has, whether or not they go together.

    One whose document or schema is missing is left out, with a warning in the log.

    Parameters
    ----------
    uuid_prefix: str
    store: callable, str or store
    filter_ktk_cube_dataset_ids: str or iterable of str, optional
        The ids of those that are wanted; what is not there is passed over.

    Returns
    -------
    dict
        ``{id: kartothek.core.dataset.DatasetMetadata}``, ascending, without indices loaded.
    """
    store = ensure_store(store)
    wanted = converter_str_set_optional(filter_ktk_cube_dataset_ids)
    found = discover_ktk_cube_dataset_ids(uuid_prefix, store)
    datasets = {}
    for dataset_id in sorted(found if wanted is None else found & wanted):
        name = uuid_prefix + constants.KTK_CUBE_UUID_SEPERATOR + dataset_id
        try:
            datasets[dataset_id] = _load(name, store)
        except KeyError as error:
            _LOGGER.warning('Ignore dataset "%s" due to KeyError: %s', name, error)
    return datasets


def _load(uuid, store):
    """KeyError if something of it is missing, which would otherwise show when it is asked for."""
    dataset = DatasetMetadata.load_from_store(uuid, store)
    for table in dataset.tables:
        dataset._columns(table)
    return dataset


def discover_datasets(cube, store, filter_ktk_cube_dataset_ids=None):
    """
    The datasets of a cube.

    Parameters
    ----------
    cube: kartothek.core.cube.cube.Cube
    store: callable, str or store
    filter_ktk_cube_dataset_ids: str or iterable of str, optional
        The ids of those that are wanted.

    Returns
    -------
    dict
        ``{id: kartothek.core.dataset.DatasetMetadata}``, ascending, without indices loaded.

    Raises
    ------
    ValueError
        If one that is wanted is not there, or they do not go together (:func:`kartothek.api.consistency.check_datasets`).
    """
    wanted = converter_str_set_optional(filter_ktk_cube_dataset_ids)
    datasets = discover_datasets_unchecked(cube.uuid_prefix, store, wanted)
    missing = (wanted or set()) - set(datasets)
    if missing:
        raise ValueError("Could not find the following requested datasets: {}".format(", ".join(sorted(missing))))
    check_datasets(datasets, cube)
    return datasets


def discover_cube(uuid_prefix, store, filter_ktk_cube_dataset_ids=None):
    """
    What a cube is made of, from what its seed says, and its datasets.

    Parameters
    ----------
    uuid_prefix: str
        The name of the cube.
    store: callable, str or store
    filter_ktk_cube_dataset_ids: str or iterable of str, optional
        The ids of the datasets that are wanted; the seed has to be one of them.

    Returns
    -------
    kartothek.core.cube.cube.Cube
        Its index columns are all columns with an explicit index that are neither dimensions nor partition columns.
    dict
        ``{id: kartothek.core.dataset.DatasetMetadata}``, ascending, with the indices on partition keys loaded.

    Raises
    ------
    ValueError
        If there is not one seed, if it does not say what the cube is made of, or if the datasets do not go together.
    NotImplementedError
        For a very old cube with a timestamp column of its own.
    """
    datasets = discover_datasets_unchecked(uuid_prefix, store, filter_ktk_cube_dataset_ids)
    seed_id = _seed(uuid_prefix, datasets)
    seed = datasets[seed_id]
    dimension_columns = _marker(seed, constants.KTK_CUBE_METADATA_DIMENSION_COLUMNS)
    if dimension_columns is None:
        text = 'Could not recover dimension columns from seed dataset ("{}") of cube "{}".'
        raise ValueError(text.format(seed_id, uuid_prefix))
    partition_columns = _marker(seed, constants.KTK_CUBE_METADATA_PARTITION_COLUMNS)
    timestamp = seed.metadata.get("klee_timestamp_column")
    if partition_columns is None:
        partition_columns, timestamp = _old_partition_columns(seed_id, seed.partition_keys)
    if timestamp not in (None, _TIMESTAMP):
        text = "Can only read old cubes if the timestamp column is '{}', but '{}' was detected."
        raise NotImplementedError(text.format(_TIMESTAMP, timestamp))
    indexed = {column for dataset in datasets.values() for column in dataset.indices}
    cube = Cube(
        dimension_columns=dimension_columns,
        partition_columns=partition_columns,
        uuid_prefix=uuid_prefix,
        seed_dataset=seed_id,
        index_columns=indexed - {*dimension_columns, *partition_columns, timestamp},
        suppress_index_on=seed.metadata.get(constants.KTK_CUBE_METADATA_SUPPRESS_INDEX_ON),
    )
    return cube, check_datasets(datasets, cube)


def _marker(dataset, key):
    """What the metadata of a dataset says of its cube, under the name that very old cubes have for it if need be; None: nothing."""
    return dataset.metadata.get(key, dataset.metadata.get(key.replace("ktk_cube_", "klee_")))


def _seed(uuid_prefix, datasets):
    seeds = [dataset_id for dataset_id, dataset in datasets.items() if _marker(dataset, constants.KTK_CUBE_METADATA_KEY_IS_SEED)]
    if not seeds:
        raise ValueError('Could not find seed dataset for cube "{}".'.format(uuid_prefix))
    if len(seeds) > 1:
        raise ValueError('Found multiple possible seed datasets for cube "{}": {}'.format(uuid_prefix, ", ".join(seeds)))
    return seeds[0]


def _old_partition_columns(seed_id, partition_keys):
    """``(partition columns, timestamp column)`` of a cube that does not say them: the timestamp was the last partition key."""
    if not partition_keys:
        raise ValueError('Seed dataset ("{}") has no partition keys.'.format(seed_id))
    if len(partition_keys) == 1:
        text = 'Seed dataset ("{}") has only a single partition key ({}) but should have at least 2.'
        raise ValueError(text.format(seed_id, partition_keys[0]))
    return partition_keys[:-1], partition_keys[-1]
