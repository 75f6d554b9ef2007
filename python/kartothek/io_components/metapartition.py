"""Partitions on their way from who writes them to who commits them."""
import json

from kartothek.core.naming import SINGLE_TABLE


class MetaPartition:
    """
    What :func:`kartothek.io.eager.write_single_partition` has written, for :func:`kartothek.io.eager.commit_dataset`, here or in another process.

    Iterates over its partitions. ``label`` and ``files`` are those of the only one; where there are several, only these have any.
    """

    def __init__(self, description):
        #: bytes, as the C library describes the partitions
        self.description = description
        self._content = json.loads(description)

    @property
    def partition_keys(self):
        return self._content["partition_on"]

    @property
    def tables(self):
        return list(self._content["tables"])

    @property
    def label(self):
        return self._only("label")

    @property
    def files(self):
        files = self._only("files")
        return files if files is None else {table: file["key"] for table, file in files.items()}

    @property
    def is_sentinel(self):
        """Whether there is no partition at all."""
        return not self._content["partitions"]

    def _only(self, name):
        partitions = self._content["partitions"]
        if len(partitions) > 1:
            raise AttributeError("Accessing `{}` attribute is not allowed while nested".format(name))
        return partitions[0][name] if partitions else None

    def __iter__(self):
        for partition in self._content["partitions"]:
            yield MetaPartition(json.dumps(dict(self._content, partitions=[partition])).encode("utf-8"))

    def __len__(self):
        return max(1, len(self._content["partitions"]))

    def __eq__(self, other):
        return isinstance(other, MetaPartition) and self._content == other._content

    def __reduce__(self):
        return MetaPartition, (self.description,)

    def __repr__(self):
        if len(self) > 1:
            return "<MetaPartition v4 | NESTED ({}) >".format(len(self))
        return "<MetaPartition v4 | {} | tables {} >".format(self.label, list(self.files or {}))


__all__ = ["SINGLE_TABLE", "MetaPartition"]
