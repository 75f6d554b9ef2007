"""One partition of a dataset: a label and one file per table."""


class Partition:
    def __init__(self, label, files=None, metadata=None):
        self.label = label
        self.files = files if files is not None else {}

    @staticmethod
    def from_dict(label, dct):
        if isinstance(dct, str):
            raise ValueError("Trying to load a partition from a string. Probably you are using metadata version 2.")
        return Partition(label, files=dct["files"])

    def to_dict(self, version=None):
        return {"files": self.files}

    def __eq__(self, other):
        return isinstance(other, Partition) and (self.label, self.files) == (other.label, other.files)

    def __repr__(self):
        return "Partition(label={!r}, files={!r})".format(self.label, self.files)
