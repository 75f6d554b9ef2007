"""plateau's modules, which are those of :mod:`kartothek.compat.plateau`."""
import sys

import kartothek.compat.plateau
from kartothek.compat import _alias

_alias.add(__name__, kartothek.compat.plateau.__name__)
sys.modules[__name__] = kartothek.compat.plateau
