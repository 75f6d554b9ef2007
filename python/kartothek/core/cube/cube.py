"""What a cube is made of."""
import dataclasses
from typing import Any, FrozenSet, Iterable, Optional, Set, Tuple, Union

from kartothek import _core
from kartothek.core.cube.constants import KTK_CUBE_UUID_SEPERATOR
from kartothek.utils.converters import converter_str, converter_str_set, converter_str_tupleset

__all__ = ("Cube",)

_Text = Union[str, bytes]
_Texts = Union[_Text, Iterable[_Text]]


@dataclasses.dataclass(frozen=True, order=True, init=False)
class Cube:
    """
    Several datasets of one store that are read as one wide table. Equal are cubes of equal parts; nothing of one can be set.

    Texts may be given as UTF-8 bytes, and one text instead of several.

    Parameters
    ----------
    dimension_columns: tuple of str
        What tells one row (cell) of the table from another; the seed has an index on each, unless it is suppressed. No sets, the order counts.
    partition_columns: tuple of str
        The partition keys of the seed, and of the other datasets unless told otherwise. No sets.
    uuid_prefix: str
        The name of the cube. Datasets are called ``uuid_prefix++id``.
    seed_dataset: str
        The id of the dataset that says which cells there are.
    index_columns: set of str, optional
        Further columns that have an index in each dataset that has them.
    suppress_index_on: set of str, optional
        Dimensions without an index.

    Raises
    ------
    ValueError
        For no dimensions or partition columns, a column in several roles, and names that no dataset may have.
    TypeError
        For what is no text.
    """

    dimension_columns: Tuple[str, ...]
    partition_columns: Tuple[str, ...]
    uuid_prefix: str
    seed_dataset: str
    index_columns: FrozenSet[str]
    suppress_index_on: FrozenSet[str]

    def __init__(
        self,
        dimension_columns: _Texts,
        partition_columns: _Texts,
        uuid_prefix: _Text,
        seed_dataset: _Text = "seed",
        index_columns: Optional[_Texts] = None,
        suppress_index_on: Optional[_Texts] = None,
    ) -> None:
        parts = {
            "dimension_columns": converter_str_tupleset(dimension_columns),
            "partition_columns": converter_str_tupleset(partition_columns),
            "uuid_prefix": converter_str(uuid_prefix),
            "seed_dataset": converter_str(seed_dataset),
            "index_columns": converter_str_set(index_columns),
            "suppress_index_on": converter_str_set(suppress_index_on),
        }
        for name, part in parts.items():
            object.__setattr__(self, name, part)
        self._check_filled("dimension_columns")
        self._check_filled("partition_columns")
        self._check_apart("partition_columns", "dimension_columns")
        _check_name("uuid_prefix", self.uuid_prefix)
        _check_name("seed_dataset", self.seed_dataset)
        self._check_apart("index_columns", "dimension_columns")
        self._check_apart("index_columns", "partition_columns")
        further = set(self.suppress_index_on) - set(self.dimension_columns)
        if further:
            raise ValueError("suppress_index_on must be a subset of dimension_columns, but it has additional values: {}".format(_listed(further)))

    def _check_filled(self, name):
        if not getattr(self, name):
            raise ValueError("{} must not be empty".format(name))

    def _check_apart(self, name, other):
        shared = set(getattr(self, name)) & set(getattr(self, other))
        if shared:
            raise ValueError("{} cannot share columns with {}, but share the following: {}".format(name, other, _listed(shared)))

    def ktk_dataset_uuid(self, ktk_cube_dataset_id: _Text) -> str:
        """The name of a dataset of the cube, ``uuid_prefix++id``. ValueError if there can be none of that id."""
        name: str = converter_str(ktk_cube_dataset_id)
        _check_name("ktk_cube_dataset_id", name)
        return self.uuid_prefix + KTK_CUBE_UUID_SEPERATOR + name

    @property
    def ktk_index_columns(self) -> Set[str]:
        """A set of all columns by which partitions can be chosen."""
        return set(self.partition_columns) | self.index_columns | (set(self.dimension_columns) - self.suppress_index_on)

    def copy(self, **kwargs: Any) -> "Cube":
        """Another cube with some parts given anew, checked as the constructor does."""
        return dataclasses.replace(self, **kwargs)


def _listed(columns):
    return ", ".join(sorted(columns))


def _check_name(what, name):
    try:
        _core.uuid_check(name)
    except ValueError:
        raise ValueError('{} ("{}") is not compatible with kartothek'.format(what, name)) from None
    if KTK_CUBE_UUID_SEPERATOR in name:
        raise ValueError('{} ("{}") must not contain UUID separator {}'.format(what, name, KTK_CUBE_UUID_SEPERATOR))
