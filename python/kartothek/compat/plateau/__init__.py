"""
plateau 4.6's modules, functions and classes: what is different from kartothek's is translated, all else is kartothek's own.

Programs import ``kartothek.compat.plateau.io.eager`` where they imported ``plateau.io.eager``; the distribution in python/plateau makes that name work, too.
"""
from kartothek import __version__
from kartothek.compat import _alias

#: modules that plateau has just as kartothek has them
_SAME = (
    "core._time", "core._zmsgpack", "core.common_metadata", "core.docs", "core.index", "core.naming", "core.partition", "core.testing", "core.typing",
    "core.urlencode", "core.utils", "core.uuid", "io_components.utils", "serialization", "utils",
)  # fmt: skip

for _name in _SAME:
    _alias.add("{}.{}".format(__name__, _name), "kartothek." + _name)

__all__ = ["__version__"]
