"""
What can become of a commit, and a predicate that its columns cannot take. All are what kartothek raised in such a place, a RuntimeError or a TypeError, so
that old programs catch them as before.

Every exception out of the C library, these and built-in ones, has

- ``status``, the library's word for it: ``"conflict"``, ``"not found"``, …
- ``detail``, an int: the errno of what the system failed with, or a place in a text, from 1; 0 if there is none
- ``reason`` and ``subject``, texts, or None: what the failure is about, as ``"key"`` and the key in the store; ``"table schema"`` and the table;
  ``"shared column"`` and the column; ``"duplicate labels"`` and the labels; ``"partition keys"`` and those of the dataset;
  ``"literal type"`` and the column of a predicate
- ``commit_id``, if a commit failed
"""


class UnexpectedType(TypeError, ValueError):
    """A value in a predicate is of another type than its column; kartothek raises a TypeError whose text begins so."""

    def __init__(self, text=""):
        super().__init__("Unexpected type for predicate: " + text)


class CommitError(RuntimeError):
    """A commit did not come through, or nobody knows."""

    #: the C library's word
    status: "str | None" = None
    #: errno, or a place in a text; 0 if there is none
    detail = 0
    #: what ``subject`` is
    reason = None
    #: what the failure is about
    subject = None
    #: the id that the commit has, or would have had
    commit_id: "str | None" = None


class DatasetExists(CommitError):
    """There is a dataset of that name, and it must not be overwritten. Nothing was changed."""

    status = "exists"


class CommitConflict(CommitError):
    """Somebody else changed the dataset meanwhile in a way that cannot be joined with this update. Nothing was changed: look again, and try again."""

    status = "conflict"


class StaleWriter(CommitError):
    """Files of the update were collected as garbage before its commit came. Nothing was changed: write them again."""

    status = "stale writer"


class UnknownOutcome(CommitError):
    """Nobody can say whether the commit came through, for the store did not answer. Its files are kept; ask
    :meth:`kartothek.core.dataset.DatasetMetadata.commit_status` for ``commit_id``."""

    status = "unknown outcome"


__all__ = ["CommitConflict", "CommitError", "DatasetExists", "StaleWriter", "UnexpectedType", "UnknownOutcome"]
