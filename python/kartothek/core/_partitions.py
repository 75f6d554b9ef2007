"""The partitions of a snapshot as a mapping whose objects are made when they are asked for."""
from _collections_abc import Mapping  # collections.abc without collections, which every interpreter has

from kartothek.core.partition import Partition


class Partitions(Mapping):
    """
    ``{label: Partition}`` in the order of the document.

    Objects for 100,000 partitions take longer than to read their document. So the number of partitions and single ones come from the C library;
    going through all of them makes all objects, once.
    """

    def __init__(self, snapshot):
        self._snapshot = snapshot
        self._made = None

    def __len__(self):
        return self._snapshot.partition_count

    def __contains__(self, label):
        return self._find(label) >= 0

    def __getitem__(self, label):
        if self._made is not None:
            return self._made[label]
        number = self._find(label)
        if number < 0:
            raise KeyError(label)
        return Partition(*self._snapshot.partition(number))

    def _find(self, label):
        return self._snapshot.find(label) if isinstance(label, str) and "\0" not in label else -1

    def __iter__(self):
        return iter(self._labels() if self._made is None else self._made)

    def _labels(self):
        # One is asked for more often than all.
        if len(self) > 0:
            yield self._snapshot.partition(0)[0]
            labels = iter(self._snapshot.labels())
            next(labels)
            yield from labels

    def copy(self):
        """A dict of all of them."""
        if self._made is None:
            self._made = {label: Partition(label, files) for label, files in self._snapshot.partitions()}
        return dict(self._made)

    def values(self):
        return self.copy().values()

    def items(self):
        return self.copy().items()

    def __repr__(self):
        return "<{} partitions>".format(len(self)) if len(self) > 100 else repr(self.copy())
