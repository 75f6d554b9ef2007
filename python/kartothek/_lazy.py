"""Modules that are imported on first use: opening a dataset needs neither numpy nor pandas, most of the time to start."""
import importlib


class LazyModule:
    """Stands for the module ``name``; looking up an attribute imports it."""

    def __init__(self, name):
        self._name = name

    def __getattr__(self, attribute):
        value = getattr(importlib.import_module(self._name), attribute)
        setattr(self, attribute, value)
        return value
