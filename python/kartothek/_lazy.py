"""
Modules that are imported on first use: opening a dataset needs neither numpy nor pandas, most of the time to start, and of Python's own library next
to nothing.
"""
import sys

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
        __import__(name)
        return sys.modules[name]
    except ModuleNotFoundError as error:
        if error.name not in OPTIONAL:
            raise
        text = "{0} is needed for this and is not installed; install it with: pip install 'kartothek[{0}]'".format(error.name)
        raise ImportError(text, name=error.name) from error


def wraps(method):
    """As :func:`functools.wraps`, whose module takes longer to import than ours."""

    def named(call):
        for name in ("__module__", "__name__", "__qualname__", "__doc__"):
            setattr(call, name, getattr(method, name))
        call.__dict__.update(method.__dict__, __wrapped__=method)
        return call

    return named
