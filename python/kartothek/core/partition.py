"""One partition of a dataset: a label and one file per table."""


class Partition:
    """
    Parameters
    ----------
    label: str
    files: dict, optional
        ``{table: storage key}``
    metadata: dict, optional
        Has no effect.
    """

    def __init__(self, label, files=None, metadata=None):
        self.label = label
        self.files = files if files is not None else {}

    @staticmethod
    def from_dict(label, dct):
        """As a document has it."""
        if isinstance(dct, str):
            raise ValueError("Trying to load a partition from a string. Probably you are using metadata version 2.")
        return Partition(label, files=dct.get("files", {}))

    def to_dict(self, version=None):
        """As a document has it."""
        return {"files": self.files}

    def __eq__(self, other):
        return isinstance(other, Partition) and (self.label, self.files) == (other.label, other.files)

    def __repr__(self):
        return "Partition(label={!r}, files={!r})".format(self.label, self.files)
