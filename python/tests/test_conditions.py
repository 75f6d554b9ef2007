"""Conditions on cubes: what they say, as a text and as JSON too."""
import datetime
import json
import pickle

import pandas as pd
import pytest

from kartothek.core.cube.conditions import C, Condition, Conjunction, EqualityCondition, IsInCondition
from kartothek.utils.predicate_converter import convert_predicates_to_cube_conditions, write_predicate_as_cube_condition

TYPES = {"s": "string", "i": "int64", "f": "double", "b": "bool", "t": "timestamp[ns]", "d": "date32[day]", "x": "binary"}
STAMP = pd.Timestamp("2018-01-02 03:04:05.000006")


@pytest.mark.parametrize(
    "condition, text, predicate",
    [
        (C("a") == 1, "a == 1", [("a", "==", 1)]),
        (C(b"a") != "x", "a != x", [("a", "!=", "x")]),
        (C("a") < 1.5, "a < 1.5", [("a", "<", 1.5)]),
        (C("a") <= 1, "a <= 1", [("a", "<=", 1)]),
        (C("a") > 1, "a > 1", [("a", ">", 1)]),
        (C("a") >= STAMP, "a >= {}".format(STAMP), [("a", ">=", STAMP)]),
        (1 == C("a"), "a == 1", [("a", "==", 1)]),
        (C("a").isin([1, 2]), "a in (1, 2)", [("a", "in", (1, 2))]),
        (C("a").isin("bc"), "a in ('bc',)", [("a", "in", ("bc",))]),
        (C("a").isin(None), "a in ()", [("a", "in", ())]),
        (C("a").in_interval(1, 2), "a.in_interval(1, 2)", [("a", ">=", 1), ("a", "<", 2)]),
        (C("a").in_interval(stop=2), "a.in_interval(None, 2)", [("a", "<", 2)]),
    ],
)
def test_condition(condition, text, predicate):
    assert (str(condition), condition.predicate_part, condition.active) == (text, predicate, True)
    assert Conjunction(condition).predicate == predicate
    assert pickle.loads(pickle.dumps(condition)) == condition
    assert Conjunction.from_jsonarray(Conjunction(condition).to_jsonarray()) == Conjunction(condition)
    with pytest.raises(AttributeError):
        condition.column = "b"
    with pytest.raises(TypeError, match="^Cannot check if a condition is non-zero"):
        bool(condition)


def test_conditions_are_values():
    assert EqualityCondition("a", 1) == (C("a") == 1) and hash(C("a") == 1) == hash(EqualityCondition("a", 1))
    assert (C("a") == 1) != (C("a") <= 1)
    assert repr(C("a") == 1) == "EqualityCondition(column='a', value=1)"
    with pytest.raises(TypeError, match="unhashable"):
        hash(C("a"))


@pytest.mark.parametrize(
    "value, error, text",
    [
        (None, ValueError, 'Cannot use NULL-value to compare w/ column "a"'),
        (float("nan"), ValueError, 'Cannot use NULL-value to compare w/ column "a"'),
        (pd.NaT, ValueError, 'Cannot use NULL-value to compare w/ column "a"'),
        (C("b"), TypeError, "Cannot compare two columns."),
        (C("b") == 1, TypeError, "Cannot use nested conditions."),
        (Conjunction(None), TypeError, "Cannot use nested conditions."),
        ([1, 2], ValueError, 'Cannot compare column "a" with several values at once, use isin.'),
        ([1], ValueError, 'Cannot compare column "a" with several values at once, use isin.'),
    ],
)
def test_values_that_cannot_be(value, error, text):
    calls = [lambda: C("a") < value, lambda: C("a").isin([1, value])]
    if value is not None:
        calls.append(lambda: C("a").in_interval(1, value))
    for call in calls:
        with pytest.raises(error) as caught:
            call()
        assert str(caught.value) == text


def test_conjunction():
    first, second, third = C("a") == 1, C("b") < 2, C("a").in_interval()
    both = first & second & third
    assert both == Conjunction([first, second, third]) == first & (second & third)
    assert str(both) == "(a == 1) & (b < 2) & (a.in_interval(None, None))"
    assert (both.columns, both.predicate) == ({"a", "b"}, [("a", "==", 1), ("b", "<", 2)])
    assert both.split_by_column() == {"a": Conjunction(first), "b": Conjunction(second)}
    assert (str(Conjunction(None)), Conjunction([third]).predicate, Conjunction(third).columns) == ("", None, set())
    for wrong in ("a", [1], C("a")):
        with pytest.raises(TypeError, match="^Can only build conjunction out of conditions.$"):
            Conjunction(wrong)
    with pytest.raises(TypeError, match="^Can only build conjunction out of conditions.$"):
        first & "a"


def test_nulls_match_nothing():
    frame = pd.DataFrame({"a": [1.0, None, 3.0], "s": ["x", "y", None]}, index=[5, 6, 7])
    assert list((C("a") != 1.0).filter_df(frame).index) == [7]
    assert list((C("a").in_interval() & (C("s") != "z")).filter_df(frame).index) == [5, 6]
    assert list(Conjunction(None).filter_df(frame).index) == [5, 6, 7]
    with pytest.raises(KeyError):
        (C("no") == 1).filter_df(frame)


def test_json():
    array = ((C("x") > 1) & C("y").isin(["foo", "bar"]) & C("z").in_interval(1)).to_jsonarray()
    assert array == [
        {"column": "x", "type": "GreaterThanCondition", "value": 1},
        {"column": "y", "type": "IsInCondition", "value": ["foo", "bar"]},
        {"column": "z", "type": "InIntervalCondition", "start": 1, "stop": None},
    ]
    text = json.dumps(array)
    assert str(Conjunction.from_jsonarray(array)) == "(x > 1) & (y in ('foo', 'bar')) & (z.in_interval(1, None))"
    assert json.dumps(array) == text


@pytest.mark.parametrize(
    "array, error, text",
    [
        ({}, TypeError, "jsonarray must be a list"),
        ([1], TypeError, "Condition in jsonarray must be a dict"),
        ([{"column": "a"}], ValueError, "Missing type value for condition"),
        ([{"type": "X"}], TypeError, "Unknown condition class 'X'"),
        ([{"type": "SimpleCondition"}], TypeError, "Unknown condition class 'SimpleCondition'"),
    ],
)
def test_json_that_is_none(array, error, text):
    with pytest.raises(error) as caught:
        Conjunction.from_jsonarray(array)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    "text, expected",
    [
        ("s == a", C("s") == "a"),
        ("s=a", C("s") == "a"),
        ("( s  ==   a )", C("s") == "a"),
        ("s == a)", C("s") == "a"),
        ("s == 'a b'", C("s") == "a b"),
        ('s == "q"', C("s") == "q"),
        ("s==''", C("s") == ""),
        ("s == '", C("s") == "'"),
        ("s == (a)", C("s") == "(a"),
        ("i == -3", C("i") == -3),
        ("i!=1_000", C("i") != 1000),
        ("f > 1e3", C("f") > 1000.0),
        ("b == YES", C("b") == True),  # noqa: E712
        ("b == n", C("b") == False),  # noqa: E712
        ("t >= 2018-01-01T00:00:00", C("t") >= pd.Timestamp("2018-01-01")),
        ("d < 2018-01-01", C("d") < datetime.date(2018, 1, 1)),
    ],
)
def test_text(text, expected):
    assert Condition.from_string(text, TYPES) == expected
    both = Conjunction.from_string("{} & ( i <= 1)".format(text), TYPES)
    assert both == expected & (C("i") <= 1)
    assert type(both.conditions[0].predicate_part[0][2]) is type(expected.predicate_part[0][2])


@pytest.mark.parametrize("text", ["((s == a)", "((s == a))", "s==a=b", "s ==", "== a", "s in [1,2]", "i.in_interval(1, 2)", "s == 'a & b'", "i = 1 & & i = 2", "i = 1 &"])
def test_text_that_is_none(text):
    with pytest.raises(ValueError, match="^(Cannot parse condition|Unknown column)"):
        Conjunction.from_string(text, TYPES)


@pytest.mark.parametrize(
    "text, message",
    [
        ("no == 1", 'Unknown column "no" in condition "no == 1"'),
        ("i == 1.5", "invalid literal for int"),
        ("i => 5", "invalid literal for int"),
        ("f==nan", 'Cannot use NULL-value to compare w/ column "f"'),
        ("b == maybe", "Cannot parse bool: maybe"),
        ("x == a", "Cannot handle type binary"),
        ("d == 2018", "Invalid isoformat string"),
    ],
)
def test_text_with_a_wrong_value(text, message):
    with pytest.raises(ValueError) as caught:
        Conjunction.from_string(text, TYPES)
    assert str(caught.value).startswith(message)


def test_blank_text():
    assert Conjunction.from_string("  ", TYPES) == Conjunction(None)


@pytest.mark.parametrize("value", [1, -1.5, True, "x) = 'y'", " x ", STAMP, pd.Timestamp("2018-01-01", tz="UTC")])
def test_predicate_says_what_it_said(value):
    """Nothing goes through a text, so that neither the time of day nor a bracket is lost."""
    condition = write_predicate_as_cube_condition(("a b", "<", value))
    assert condition.predicate_part == [("a b", "<", value)]
    assert type(condition.value) is type(value)


def test_predicates():
    assert convert_predicates_to_cube_conditions([[("a", "==", 1), ("b", ">=", "x")]]) == (C("a") == 1, C("b") >= "x")
    for wrong, error, text in (
        ([[("a", "==", 1)], [("a", "==", 2)]], ValueError, "Cube conditions cannot handle 'or' operators"),
        ([], ValueError, "Cube conditions cannot handle 'or' operators"),
        ([[("a", "==")]], ValueError, "Please use predicates consisting of exactly 3 entries"),
        ([[("a", "in", 1)]], ValueError, 'Cannot parse condition "a in 1"'),
        ([[("a", "==", None)]], TypeError, "Please only enter predicates for parameter values of the following type"),
        ([[("a", "in", [1])]], TypeError, "Please only enter predicates for parameter values of the following type"),
    ):
        with pytest.raises(error) as caught:
            convert_predicates_to_cube_conditions(wrong)
        assert str(caught.value).startswith(text)


def test_is_in_takes_what_iterates():
    assert IsInCondition("a", iter([1, 2])).value == (1, 2)
