from typing import Any, TypeVar

_Copied = TypeVar("_Copied", bound=CopyMixin)

class CopyMixin:
    def copy(self: _Copied, **kwargs: Any) -> _Copied: ...
