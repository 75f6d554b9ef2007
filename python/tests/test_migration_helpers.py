"""Decorators of deprecated parameters: who is warned, of what, where it points to."""
import pickle
import threading
import warnings

import pytest

from kartothek.utils import migration_helpers
from kartothek.utils.migration_helpers import deprecate_parameters, deprecate_parameters_if_set


@deprecate_parameters_if_set("one {parameter}", "a")
@deprecate_parameters("two {parameter}", "b")
@deprecate_parameters_if_set("three {parameter}", "c", "d")
def stacked(a=1, b=2, c=3, d=4):
    """Adds."""
    return a + b + c + d


@deprecate_parameters("outer {parameter}", "a")
def calls_another(a):
    return stacked(a)


def warned(function, *args, **kwargs):
    """First lines of the warnings of a call."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        function(*args, **kwargs)
    assert all(entry.category is DeprecationWarning and entry.filename == __file__ for entry in caught)
    return [str(entry.message).split("\n")[0] for entry in caught]


@pytest.mark.parametrize(
    "args, kwargs, expected",
    [
        ((), {}, ["two b"]),
        ((1,), {}, ["one a", "two b"]),
        ((1, 2), {"c": 0}, ["one a", "two b", "three c"]),
        ((1, 2, 3), {"d": 1}, ["one a", "two b", "three c", "three d"]),
        ((), {"d": 1}, ["two b", "three d"]),
        ((), {"a": 1, "c": 1}, ["one a", "two b", "three c"]),
    ],
)
def test_what_is_warned_of(args, kwargs, expected):
    assert warned(stacked, *args, **kwargs) == expected


def test_position_counts_in_the_function_and_not_among_what_other_decorators_left():
    @deprecate_parameters_if_set("{parameter}", "b")
    @deprecate_parameters_if_set("{parameter}", "a")
    def function(a=1, b=2):
        return a, b

    assert warned(function, 1) == ["a"]


def test_warning_names_the_function():
    with pytest.warns(DeprecationWarning, match="^two b\nAffected Kartothek function: stacked$"):
        stacked()


def test_a_decorated_function_is_the_function():
    assert (stacked.__name__, stacked.__doc__) == ("stacked", "Adds.")
    assert pickle.loads(pickle.dumps(stacked)) is stacked
    with pytest.warns(DeprecationWarning):
        assert stacked(1, d=0) == 6


def test_what_is_called_in_turn_does_not_warn():
    assert warned(calls_another, 1) == ["outer a"]
    assert warned(stacked, 1) == ["one a", "two b"]


def test_after_an_exception_it_warns_again():
    @deprecate_parameters("{parameter}", "a")
    def fails(a):
        raise KeyError(a)

    for _ in range(2):
        with pytest.raises(KeyError), pytest.warns(DeprecationWarning):
            fails(1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DeprecationWarning):
            stacked()
    assert warned(stacked) == ["two b"]


def test_another_thread_warns_by_itself():
    found = []

    @deprecate_parameters("{parameter}", "a")
    def starts(a):
        thread = threading.Thread(target=lambda: stacked())
        thread.start()
        thread.join()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        starts(1)
        found = [str(entry.message).split("\n")[0] for entry in caught]
    assert found == ["a", "two b"]


@pytest.mark.parametrize("decorator", [deprecate_parameters, deprecate_parameters_if_set])
@pytest.mark.parametrize(
    "parameters, text",
    [
        ((), "At least one parameter must be specified when using this decorator!"),
        (("a", "a"), "Duplicate parameter assignment in decorator definition!"),
        (("y", "a", "x"), "Invalid parameter in decorator definition: x, y!"),
    ],
)
def test_decorators_are_checked(decorator, parameters, text):
    with pytest.raises(ValueError) as caught:
        decorator("{parameter}", *parameters)(lambda a, b: None)
    assert str(caught.value) == text


def test_decorators_of_one_function_have_different_parameters():
    with pytest.raises(ValueError, match="^Invalid parameter in decorator definition: b!$"):
        deprecate_parameters("", "a", "b")(stacked_once())
    with pytest.raises(ValueError, match="^Decorator cannot be applied to function with"):
        deprecate_parameters("", "a")(lambda a, *args: None)


def stacked_once():
    return deprecate_parameters_if_set("", "b")(lambda a, b: None)


@pytest.mark.parametrize(
    "call, text",
    [
        ("get_deprecation_warning_remove_parameter_multi_table", "The `p` keyword is deprecated in version: v1 and will be removed in version: v2 in an effort"),
        ("get_deprecation_warning_remove_dict_multi_table", "The logic of the`p` keyword is deprecated since version: v1 and will be changed in version: v2"),
        ("get_deprecation_warning_parameter_non_optional", "The `p` keyword is deprecated since version: v1 and will be non-Optional in version: v2."),
        ("get_parameter_replaced_by_deprecation_warning", "The `p` keyword is deprecated since version: v2 and will be replaced by v1 in version: v3 ."),
        ("get_parameter_default_value_deprecation_warning", "The default value of the `p` keyword is deprecated since version: v3 and will be changed from v1 to v2"),
        ("get_parameter_type_change_deprecation_warning", "The type of the `p` keyword is deprecated since version: v3 and will be changed from v1 to v2 in version: v4 ."),
        ("get_specific_function_deprecation_warning_multi_table", "The `v1` keyword is deprecated since version v2 and will be removed in version v3. Reason: Part"),
    ],
)  # fmt: skip
def test_texts(call, text):
    function = getattr(migration_helpers, call)
    arguments = ["v{}".format(i + 1) for i in range(function.__code__.co_argcount)]
    assert function(*arguments).format(parameter="p").startswith(text)
