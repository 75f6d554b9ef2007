"""Whether datasets can be kept in a store."""
from __future__ import annotations

from typing import TYPE_CHECKING

from kartothek import _core, _facts
from kartothek.core.utils import core_store

if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, Optional, Tuple

    from kartothek.core.typing import StoreInput

_ABILITIES = ("list", "read", "write", "delete", "commit")


def check_store(store: StoreInput) -> StoreFacts:
    """
    Try out what can be done in a store, with objects below ``ktk-store-check/`` that are removed again where that is allowed.

    Parameters
    ----------
    store: str, store or callable
        As for :func:`kartothek.open`.

    Returns
    -------
    StoreFacts

    Raises
    ------
    KeyError
        If there is no such folder, bucket or container.
    OSError
        If it does not answer; a PermissionError if nothing at all is allowed, as with wrong keys.
    """
    return StoreFacts(_core.store_check(core_store(store)))


class StoreFacts:
    """
    What :func:`check_store` found out.

    ``ktk store check --json`` tells the same by the same names.
    """

    def __init__(self, found: Dict[str, Any]) -> None:
        self._found = found

    @property
    def store(self) -> str:
        """Where it is, without a part of any key."""
        return self._found["store"]

    @property
    def provider(self) -> Optional[str]:
        """``"S3"`` or ``"Azure Blob"``; None: no service is asked."""
        return self._found["provider"]

    @property
    def region(self) -> Optional[str]:
        """Of S3, where it is known."""
        return self._found["region"]

    @property
    def credentials(self) -> Optional[str]:
        """Where the keys come from, never a part of them; None: there is no need for any."""
        return self._found["credentials"]

    @property
    def clock_ahead_ms(self) -> int:
        """How many milliseconds the service's clock is ahead, where it differs too much for signatures; else 0."""
        return self._found["clock_ahead_ms"]

    @property
    def conditions(self) -> str:
        """What the store does about the conditions of puts: ``"swap"`` and ``"create-only"`` are good, ``"none"``, or ``"unknown"`` if nothing could be put."""
        return self._found["conditions"]

    @property
    def safe(self) -> bool:
        """Can datasets be kept here, and written by several writers at a time unless a single one is vouched for?"""
        return self._found["safe"]

    @property
    def problems(self) -> Dict[str, str]:
        """What cannot be done, of ``list``, ``read``, ``write``, ``delete`` and ``commit``, and why not; empty if all can."""
        return {name: self._found[name] for name in _ABILITIES if self._found[name] is not None}

    def _facts(self) -> Iterator[Tuple[str, str]]:
        if self.provider:
            yield "provider", self.provider
            yield "credentials", self.credentials or ""
            yield "clock", "{:+} s".format(self.clock_ahead_ms // 1000) if self.clock_ahead_ms else "agrees"
        if self.region:
            yield "region", self.region
        for name in _ABILITIES:
            yield name, "no: " + self.problems[name] if name in self.problems else "yes"
        yield "conditions", self.conditions

    def _title(self) -> str:
        return "datasets {} be kept safely in {}".format("can" if self.safe else "cannot", self.store)

    def __repr__(self) -> str:
        return _facts.as_text(self._title(), self._facts())

    def _repr_html_(self) -> str:
        return _facts.as_html(self._title(), self._facts())
