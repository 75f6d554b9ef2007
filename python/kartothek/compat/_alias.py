"""Modules under further names: the name leads to the same module object, so that there is one of each class."""
import importlib
import importlib.abc
import importlib.machinery
import sys


class _Loader(importlib.abc.Loader):
    def __init__(self, real):
        self._real = real

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        # The import system takes what stands here afterwards.
        sys.modules[module.__spec__.name] = importlib.import_module(self._real)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, alias, real, whole):
        self._alias = alias
        self._real = real
        self._whole = whole

    def find_spec(self, fullname, path=None, target=None):
        if fullname != self._alias and not (self._whole and fullname.startswith(self._alias + ".")):
            return None
        return importlib.machinery.ModuleSpec(fullname, _Loader(self._real + fullname[len(self._alias) :]))


def add(alias, real, whole=True):
    """Let the module name ``alias`` stand for ``real``, and if it is for the ``whole``, so for each module in it."""
    sys.meta_path.insert(0, _Finder(alias, real, whole))
