"""Predicates as readers of datasets take them, as conditions on cubes."""
from kartothek._lazy import LazyModule
from kartothek.core.cube.conditions import _BY_OPERATOR
from kartothek.utils.converters import converter_str

pd = LazyModule("pandas")


def write_predicate_as_cube_condition(predicate):
    """
    The condition that one literal says.

    Parameters
    ----------
    predicate: tuple
        ``(column, operator, value)``: ``== = != < <= > >=``, and an int, float, bool, str or :class:`pandas.Timestamp`.

    Raises
    ------
    ValueError
        For other than three entries, and for other operators.
    TypeError
        For other values.
    """
    if len(predicate) != 3:
        raise ValueError("Please use predicates consisting of exactly 3 entries")
    column, operator, value = predicate
    if type(value) not in (int, float, bool, str, pd.Timestamp):
        raise TypeError("Please only enter predicates for parameter values of the following type: str, int, float, bool or pandas timestamp, ")
    if operator not in _BY_OPERATOR:
        raise ValueError('Cannot parse condition "{} {} {}"'.format(column, operator, value))
    return _BY_OPERATOR[operator](converter_str(column), value)


def convert_predicates_to_cube_conditions(predicates):
    """
    The conditions that predicates say, as a tuple.

    Parameters
    ----------
    predicates: list of list of tuple
        With one inner list: cubes know no "or".

    Raises
    ------
    ValueError
        For another number of inner lists.
    """
    if len(predicates) != 1:
        raise ValueError("Cube conditions cannot handle 'or' operators, therefore, please pass a predicate list with one element.")
    return tuple(write_predicate_as_cube_condition(literal) for literal in predicates[0])
