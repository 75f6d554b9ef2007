"""
Conditions on columns of a cube.

``C("a") > 1`` is a condition, ``(C("a") > 1) & (C("b") == "x")`` a conjunction. All are values: equal if they say the same, hashable, and not to be
changed. There is neither an "or" nor a "not".
"""
import copy
import dataclasses
import re
from typing import Any, Tuple

from kartothek._lazy import LazyModule
from kartothek.utils.converters import converter_str, converter_tuple, get_str_to_python_converter

np = LazyModule("numpy")
pd = LazyModule("pandas")

__all__ = (
    "C",
    "Condition",
    "Conjunction",
    "EqualityCondition",
    "GreaterEqualCondition",
    "GreaterThanCondition",
    "InIntervalCondition",
    "InequalityCondition",
    "IsInCondition",
    "LessEqualCondition",
    "LessThanCondition",
    "SimpleCondition",
    "VirtualColumn",
)


@dataclasses.dataclass(frozen=True, eq=False)
class VirtualColumn:
    """
    Stands for a column of that name: compared with a value it gives a :class:`Condition`.

    ``==``, ``!=``, ``<``, ``<=``, ``>``, ``>=``, :meth:`isin` and :meth:`in_interval` are there. It has no hash.
    """

    name: str

    def __post_init__(self):
        object.__setattr__(self, "name", converter_str(self.name))

    def __eq__(self, other):
        return EqualityCondition(self.name, other)

    def __ne__(self, other):
        return InequalityCondition(self.name, other)

    def __lt__(self, other):
        return LessThanCondition(self.name, other)

    def __le__(self, other):
        return LessEqualCondition(self.name, other)

    def __gt__(self, other):
        return GreaterThanCondition(self.name, other)

    def __ge__(self, other):
        return GreaterEqualCondition(self.name, other)

    def isin(self, other):
        """The value is one of several."""
        return IsInCondition(self.name, other)

    def in_interval(self, start=None, stop=None):
        """The value is ``start`` or more, and less than ``stop``; None: no such bound."""
        return InIntervalCondition(self.name, start, stop)


C = VirtualColumn


def _check_value(column, value):
    """ValueError or TypeError unless a column can be compared with it."""
    missing = pd.isnull(value)
    if np.ndim(missing):
        raise ValueError('Cannot compare column "{}" with several values at once, use isin.'.format(column))
    if missing:
        raise ValueError('Cannot use NULL-value to compare w/ column "{}"'.format(column))
    if isinstance(value, VirtualColumn):
        raise TypeError("Cannot compare two columns.")
    if isinstance(value, (Condition, Conjunction)):
        raise TypeError("Cannot use nested conditions.")


@dataclasses.dataclass(frozen=True, order=True)
class Condition:
    """
    A condition on a column.

    Parameters
    ----------
    column: str
    """

    column: str

    def __post_init__(self):
        object.__setattr__(self, "column", converter_str(self.column))

    def __bool__(self):
        raise TypeError(
            "Cannot check if a condition is non-zero.\nHint: a condition is no truth value; write (A <= column) & (column < B) instead of "
            "`A <= column < B`, and & instead of `and`."
        )

    def __and__(self, other):
        return Conjunction.from_two(self, other)

    def filter_df(self, df):
        """The rows of a frame for which it holds. KeyError if the frame does not have the column."""
        return Conjunction([self]).filter_df(df)

    @staticmethod
    def from_string(s, all_types):
        """
        The condition of a text as people type it: ``a >= 5``, ``name == "x"``, ``(flag != no)``; operators are ``== = != < <= > >=``.

        Values cannot have ``)`` or ``=`` in them; :meth:`Conjunction.to_jsonarray` is for programs.

        Parameters
        ----------
        s: str
        all_types: dict
            ``{column: pyarrow.DataType or its name}`` of all columns.

        Raises
        ------
        ValueError
            For a text that is no condition, a column that is not there, or a value that is none of its type.
        """
        match = _TEXT.fullmatch(s)
        if match is None:
            raise ValueError('Cannot parse condition "{}"'.format(s))
        column = match.group("column")
        if all_types.get(column) is None:
            raise ValueError('Unknown column "{}" in condition "{}"'.format(column, s))
        value = get_str_to_python_converter(all_types[column])(match.group("value").strip())
        return _BY_OPERATOR[match.group("operator")](column, value)


#: what :meth:`Condition.from_string` takes
_TEXT = re.compile(r"\s*\(?\s*(?P<column>[^!<>=\s]+)\s*(?P<operator>==|=|<=|<|>=|>|!=)(?P<value>[^)=]+)\)?\s*")


@dataclasses.dataclass(frozen=True, order=True)
class SimpleCondition(Condition):
    """
    One literal of a predicate: ``column OP value``.

    Parameters
    ----------
    column: str
    value: object
        No null, no list of values.
    """

    value: Any

    active = True

    def __post_init__(self):
        super().__post_init__()
        _check_value(self.column, self.value)

    def __str__(self):
        return "{} {} {}".format(self.column, self.OP, self.value)

    @property
    def predicate_part(self):
        """``[(column, operator, value)]``"""
        return [(self.column, self.OP, self.value)]


@dataclasses.dataclass(frozen=True, eq=False)
class EqualityCondition(SimpleCondition):
    """The value is this one."""

    OP = "=="


@dataclasses.dataclass(frozen=True, eq=False)
class InequalityCondition(SimpleCondition):
    """The value is another one."""

    OP = "!="


@dataclasses.dataclass(frozen=True, eq=False)
class LessThanCondition(SimpleCondition):
    """The value is less."""

    OP = "<"


@dataclasses.dataclass(frozen=True, eq=False)
class LessEqualCondition(SimpleCondition):
    """The value is this one or less."""

    OP = "<="


@dataclasses.dataclass(frozen=True, eq=False)
class GreaterThanCondition(SimpleCondition):
    """The value is more."""

    OP = ">"


@dataclasses.dataclass(frozen=True, eq=False)
class GreaterEqualCondition(SimpleCondition):
    """The value is this one or more."""

    OP = ">="


@dataclasses.dataclass(frozen=True, eq=False)
class IsInCondition(SimpleCondition):
    """
    The value is one of several.

    Parameters
    ----------
    column: str
    value: iterable
        Becomes a tuple; one value stands for itself, None for none.
    """

    OP = "in"

    def __post_init__(self):
        Condition.__post_init__(self)
        object.__setattr__(self, "value", converter_tuple(self.value))
        for value in self.value:
            _check_value(self.column, value)


@dataclasses.dataclass(frozen=True, order=True)
class InIntervalCondition(Condition):
    """
    The value is ``start`` or more, and less than ``stop``.

    Parameters
    ----------
    column: str
    start, stop: object, optional
        None: no such bound. Without any the condition is not ``active``, and says nothing.
    """

    start: Any = None
    stop: Any = None

    def __post_init__(self):
        super().__post_init__()
        for value in (self.start, self.stop):
            if value is not None:
                _check_value(self.column, value)

    def __str__(self):
        return "{}.in_interval({}, {})".format(self.column, self.start, self.stop)

    @property
    def predicate_part(self):
        """``[(column, ">=", start), (column, "<", stop)]``, as far as there are bounds."""
        bounds = ((">=", self.start), ("<", self.stop))
        return [(self.column, operator, value) for operator, value in bounds if value is not None]

    @property
    def active(self):
        """Whether it says anything."""
        return bool(self.predicate_part)


_BY_OPERATOR = {
    condition.OP: condition
    for condition in (EqualityCondition, InequalityCondition, LessThanCondition, LessEqualCondition, GreaterThanCondition, GreaterEqualCondition)
}
_BY_OPERATOR["="] = EqualityCondition


@dataclasses.dataclass(frozen=True, order=True, init=False)
class Conjunction:
    """
    Conditions that hold all together.

    Parameters
    ----------
    conditions: None, Condition, Conjunction or iterable of Condition
    """

    conditions: Tuple[Condition, ...]

    def __init__(self, conditions):
        conditions = conditions.conditions if isinstance(conditions, Conjunction) else converter_tuple(conditions)
        if not all(isinstance(condition, Condition) for condition in conditions):
            raise TypeError("Can only build conjunction out of conditions.")
        object.__setattr__(self, "conditions", conditions)

    @classmethod
    def from_two(cls, left, right):
        """All conditions of both, each of them a condition or a conjunction."""
        parts = [side.conditions if isinstance(side, Conjunction) else (side,) for side in (left, right)]
        return cls(parts[0] + parts[1])

    def __and__(self, other):
        return Conjunction.from_two(self, other)

    def __str__(self):
        return " & ".join("({})".format(condition) for condition in self.conditions)

    @property
    def columns(self):
        """A set of the columns that it says something about."""
        return {condition.column for condition in self.conditions if condition.active}

    @property
    def predicate(self):
        """``[(column, operator, value), …]``, one of the lists that predicates consist of; None if it says nothing."""
        return [literal for condition in self.conditions for literal in condition.predicate_part] or None

    def split_by_column(self):
        """``{column: Conjunction}`` of what it says about each, in its order."""
        parts = {}
        for condition in self.conditions:
            if condition.active:
                parts.setdefault(condition.column, []).append(condition)
        return {column: Conjunction(conditions) for column, conditions in parts.items()}

    def filter_df(self, df):
        """The rows of a frame for which it holds, with their row labels. Nulls match nothing, not even ``!=``. KeyError for a missing column."""
        from kartothek.serialization import filter_df_from_predicates

        df = df.loc[df[sorted(self.columns)].notnull().all(axis=1)]
        predicate = self.predicate
        return df if predicate is None else filter_df_from_predicates(df, [predicate])

    def to_jsonarray(self):
        """
        What :meth:`from_jsonarray` takes: ``[{"type": "LessThanCondition", "column": "a", "value": 1}, …]``, with ``start`` and ``stop`` for intervals.

        Values are as they are; whoever makes JSON of it sees to it that they can be written.
        """
        entries = []
        for condition in self.conditions:
            entry = {field.name: getattr(condition, field.name) for field in dataclasses.fields(condition)}
            entry = {name: list(value) if isinstance(value, tuple) else value for name, value in entry.items()}
            entries.append(dict(entry, type=type(condition).__name__))
        return entries

    @staticmethod
    def from_jsonarray(array):
        """
        The conjunction that :meth:`to_jsonarray` made an array of, which stays as it is.

        Raises
        ------
        TypeError
            For what is no list of dicts, and for types that are no condition.
        ValueError
            For an entry without ``"type"``.
        """
        if not isinstance(array, list):
            raise TypeError("jsonarray must be a list")
        classes = {condition.__name__: condition for condition in _leaves(Condition)}
        conditions = []
        for entry in array:
            if not isinstance(entry, dict):
                raise TypeError("Condition in jsonarray must be a dict")
            if "type" not in entry:
                raise ValueError("Missing type value for condition")
            if entry["type"] not in classes:
                raise TypeError("Unknown condition class '{}'".format(entry["type"]))
            fields = {name: copy.deepcopy(value) for name, value in entry.items() if name != "type"}
            conditions.append(classes[entry["type"]](**fields))
        return Conjunction(conditions)

    @staticmethod
    def from_string(s, all_types):
        """The conjunction of texts as :meth:`Condition.from_string` takes them, with ``&`` between them; of none for a blank text."""
        s = s.strip()
        return Conjunction([Condition.from_string(part, all_types) for part in s.split("&")] if s else [])


def _leaves(condition):
    """The classes that conditions are of: those without others below them."""
    below = condition.__subclasses__()
    return [leaf for other in below for leaf in _leaves(other)] if below else [condition]
