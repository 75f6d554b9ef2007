"""
Graphs of calls of one function, each with an item of its own.

Dask sends a graph as a pickle. There, what the calls have in common is once and the items are one compressed text, for labels of partitions are much
alike. The task that reaches a worker has its own item alone.
"""
import hashlib
import pickle
import zlib

from dask.bag import Bag, from_sequence
from dask.delayed import Delayed
from dask.highlevelgraph import HighLevelGraph, MaterializedLayer

from kartothek.core.uuid import gen_uuid

try:
    from dask._task_spec import Task
except ImportError:

    def Task(key, function, item):
        """What a task was before Dask 2024.12."""
        return function, item


class Packed:
    """A sequence of plain objects."""

    def __init__(self, items):
        self._items = list(items)

    def __len__(self):
        return len(self._items)

    def __getitem__(self, number):
        return self._items[number]

    def __iter__(self):
        return iter(self._items)

    def _pack(self):
        return zlib.compress(pickle.dumps(self._items, pickle.HIGHEST_PROTOCOL))

    def __reduce__(self):
        return _unpacked, (self._pack(),)

    def __dask_tokenize__(self):
        return hashlib.sha256(self._pack()).hexdigest()


def _unpacked(packed):
    return Packed(pickle.loads(zlib.decompress(packed)))


class CallsLayer(MaterializedLayer):
    """``{key: task}``; the keys are the name and the number of the item."""

    #: Dask need not search the tasks for keys of others.
    has_legacy_tasks = False

    def __init__(self, name, function, items, annotations=None):
        keys = ["{}-{}".format(name, number) for number in range(len(items))]
        super().__init__({key: Task(key, function, item) for key, item in zip(keys, items)}, annotations=annotations)
        # The scheduler of Dask 2021 may not import this class, and need not: to it, this is a layer like any other.
        self.__module__ = None
        self.name = name
        self.call = function, items
        self.graph = HighLevelGraph({name: self}, {name: set()})

    def __reduce__(self):
        return CallsLayer, (self.name, *self.call, self.annotations)

    def get_output_keys(self):
        return self.mapping.keys()

    def cull(self, keys, all_hlg_keys):
        """The layer of some of the keys, and what these depend on. One task of many is found without a look at the others."""
        wanted = [key for key in keys if key in self.mapping]
        layer = self
        if len(wanted) < len(self):
            layer = MaterializedLayer({key: self.mapping[key] for key in wanted}, annotations=self.annotations)
        return layer, {key: set() for key in wanted}


class Call(Delayed):
    """One of the calls of a layer."""

    __slots__ = ("_calls", "_number")

    def __init__(self, calls, number):
        # Dask 2021 knows the only layer of a graph without.
        layer = {"layer": calls.name} if hasattr(Delayed, "_layer") else {}
        super().__init__("{}-{}".format(calls.name, number), calls.graph, **layer)
        self._calls = calls
        self._number = number

    def __reduce__(self):
        return Call, (self._calls, self._number)


def delayed_calls(function, items):
    """A list of :class:`dask.delayed.Delayed`. Items are not searched for other tasks."""
    calls = CallsLayer(_name(function), function, Packed(items))
    return [Call(calls, number) for number in range(len(calls))]


def bag_of_calls(function, items, partition_size=None):
    """A :class:`dask.bag.Bag` of what the calls return; its partitions are those of :func:`dask.bag.from_sequence`."""
    items = list(items)
    if partition_size is None:
        partition_size = max(1, -(-len(items) // from_sequence(range(len(items))).npartitions))
    starts = range(0, max(1, len(items)), partition_size)
    name = _name(function)
    parts = {(name, number): Packed(items[start : start + partition_size]) for number, start in enumerate(starts)}
    return Bag(parts, name, len(parts)).map(function)


def _name(function):
    return "{}-{}".format(getattr(function, "__name__", "read_dataset"), gen_uuid()[:16])
