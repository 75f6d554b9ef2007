"""Modules that are imported on first use: opening a dataset needs neither numpy nor pandas, most of the time to start."""
import importlib

#: what only a part of the package needs, which installs with an extra of that name
OPTIONAL = ("pandas", "pyarrow", "dask")


class LazyModule:
    """Stands for the module ``name``; looking up an attribute imports it."""

    def __init__(self, name):
        self._name = name

    def __getattr__(self, attribute):
        value = getattr(imported(self._name), attribute)
        setattr(self, attribute, value)
        return value


def imported(name):
    """The module; if a library that it needs is missing, the ImportError says how to install it."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in OPTIONAL:
            raise
        text = "{0} is needed for this and is not installed; install it with: pip install 'kartothek[{0}]'".format(error.name)
        raise ImportError(text, name=error.name) from error
