"""The stub of the extension says what the extension has."""
import ast
import pathlib

import pytest

import kartothek
from kartothek import _core

PACKAGE = pathlib.Path(kartothek.__file__).parent


def defined(body):
    """{name: node} of functions and classes."""
    return {node.name: node for node in body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}


STUB = defined(ast.parse((PACKAGE / "_core.pyi").read_text(encoding="utf-8")).body)
TYPES = sorted(name for name in dir(_core) if isinstance(getattr(_core, name), type))


def test_package_says_that_it_has_types():
    assert (PACKAGE / "py.typed").is_file()


def test_names_of_the_module():
    assert sorted(STUB) == sorted(name for name in dir(_core) if not name.startswith("__"))


@pytest.mark.parametrize("name", TYPES)
def test_names_of_a_type(name):
    own = {attribute for attribute in vars(getattr(_core, name)) if not attribute.startswith("__") or attribute.startswith("__arrow")}
    assert set(defined(STUB[name].body)) == own


@pytest.mark.parametrize("name", TYPES)
def test_kinds_of_attributes_of_a_type(name):
    for attribute, node in defined(STUB[name].body).items():
        decorators = {decorator.id for decorator in node.decorator_list}
        found = vars(getattr(_core, name))[attribute]
        kind = {"staticmethod": {"staticmethod"}, "getset_descriptor": {"property"}, "method_descriptor": set()}[type(found).__name__]
        assert decorators == kind, attribute


def test_arguments_by_keyword_are_those_that_are_taken():
    """The extension's own complaint about one argument too many says how many it knows."""
    for owner, name in (("Dataset", "query"), ("Dataset", "groups"), ("Update", "begin")):
        node = defined(STUB[owner].body)[name]
        positional = [argument.arg for argument in node.args.args if argument.arg != "self"]
        assert positional and not node.args.posonlyargs
        text = getattr(_core, owner).__dict__[name].__doc__ if owner == "Dataset" else _core.Update.begin.__doc__
        if name != "groups":
            assert [part.strip() for part in text.split("(")[1].split(")")[0].split(",")] == positional
