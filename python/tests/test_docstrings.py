"""Everything that is public says what it is, and functions of the back-ends say it of each parameter."""
import functools
import importlib
import inspect
import pkgutil
import re

import pytest
import test_plateau
import test_signatures

import kartothek
from kartothek.core import docs


def _modules():
    for info in pkgutil.walk_packages(kartothek.__path__, "kartothek."):
        if not any(part.startswith("_") for part in info.name.split(".")):
            yield info.name


def _module(name):
    """It, or a skip if it is for a library that is not here."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        if error.name is None or error.name.startswith("kartothek"):
            raise
        pytest.skip("{} is not installed".format(error.name))


def _public(module):
    """(name, function, class, method or property) that is written in a module."""
    for name, found in sorted(vars(module).items()):
        if name.startswith("_") or getattr(found, "__module__", None) != module.__name__:
            continue
        if inspect.isfunction(found) or inspect.isclass(found):
            yield name, found
        for inner, part in vars(found).items() if inspect.isclass(found) else ():
            part = part.__func__ if isinstance(part, (staticmethod, classmethod)) else part
            if not inner.startswith("_") and (inspect.isfunction(part) or isinstance(part, property)):
                yield "{}.{}".format(name, inner), part


MODULES = sorted(_modules())
BACK_ENDS = [
    (root + module, name)
    for root, recorded, left_out in (
        ("kartothek.", test_signatures.RECORDED, test_signatures.LEFT_OUT),
        (test_plateau.ROOT, test_plateau.RECORDED, test_plateau.LEFT_OUT),
    )
    for module in ("io.eager", "io.iter", "io.dask.bag", "io.dask.dataframe", "io.dask.delayed")
    for name, signature in recorded[module].items()
    if isinstance(signature, list) and "{}.{}".format(module, name) not in left_out
]

#: other functions that programs call, and describe their parameters
FUNCTIONS = [("kartothek.dataset", "create"), ("kartothek.dataset", "open"), ("kartothek.parquet", "read"), ("kartothek.parquet", "write")] + [
    ("kartothek." + module, name)
    for module in ("core.common_metadata", "core.index", "io_components.read", "utils.store")
    for name, signature in test_signatures.RECORDED[module].items()
    if isinstance(signature, list)
]


def test_modules_are_found():
    assert "kartothek.io.eager" in MODULES and "kartothek.io.dask.delayed" in MODULES


@pytest.mark.parametrize("name", MODULES)
def test_everything_public_has_a_text(name):
    module = _module(name)
    assert module.__doc__
    assert not [path for path, found in _public(module) if not found.__doc__]


def _parameters(text):
    """The names in a section of parameters; the margin of their lines is that of its title."""
    section = re.search(r"^Parameters\n-+\n(.*?)(?:\n\n|\Z)", inspect.cleandoc(text), re.S | re.M)
    lines = section.group(1).split("\n") if section else []
    return [name.strip() for line in lines if not line.startswith(" ") for name in line.split(":")[0].split(",")]


@pytest.mark.parametrize("module, name", BACK_ENDS, ids=[".".join(pair) for pair in BACK_ENDS])
def test_back_ends_tell_of_each_parameter(module, name):
    function = getattr(_module(module), name)
    told = _parameters(function.__doc__)
    assert sorted(told) == sorted(inspect.signature(function).parameters)
    if not name.startswith(("delete_", "garbage_collect_")):
        assert re.search("^ *(Returns|Yields)\n", function.__doc__, re.M)


@pytest.mark.parametrize("module, name", FUNCTIONS, ids=[".".join(pair) for pair in FUNCTIONS])
def test_functions_tell_of_each_parameter(module, name):
    function = getattr(_module(module), name)
    assert sorted(_parameters(function.__doc__)) == sorted(inspect.signature(function).parameters)


def test_text_is_completed():
    """By hand: what is written stays, what is missing comes, in the order of the parameters, and what is not taken goes."""

    def function(store, mine, table):
        """
        Summary.

        More.

        Parameters
        ----------
        table: str
            Which one.
        other: int
        mine, yours
            Words
            of two lines.

        Raises
        ------
        KeyError
            If so.
        """

    docs.default_docs(function)
    kind, meaning = docs._PARAMETERS["store"]
    assert function.__doc__ == (
        "Summary.\n\nMore.\n\nParameters\n----------\nstore: {}\n    {}\nmine, yours\n    Words\n    of two lines.\n"
        "table: str\n    Which one.\n\nRaises\n------\nKeyError\n    If so.\n"
    ).format(kind, meaning.replace("\n", "\n    "))
    text = function.__doc__
    assert docs.default_docs(function).__doc__ == text
    assert docs.completed(None, ["store"]) is None


def test_text_of_a_class_and_of_what_is_wrapped():
    class Thing:
        """Summary."""

        def __init__(self, table, *rest, store=None, **more):
            pass

    @functools.wraps(Thing.__init__)
    def wrapper(*args, **kwargs):
        """Not looked at."""

    wrapper.__doc__ = "Summary."
    assert _parameters(docs.default_docs(Thing).__doc__) == ["table", "store"]
    assert _parameters(docs.default_docs(wrapper).__doc__) == ["table", "store"]


def test_margins_go_as_python_takes_them():
    for text in ("One line.", "\n    Two\n      lines.\n    ", "First\n    and\n\n        deeper\n    ", ""):
        assert docs._without_margin(text) == inspect.cleandoc(text)
