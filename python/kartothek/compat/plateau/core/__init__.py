"""Datasets, their schemas and indices."""
from kartothek.compat.plateau.core.common_metadata import *  # noqa: F401, F403
from kartothek.compat.plateau.core.dataset import *  # noqa: F401, F403
from kartothek.compat.plateau.core.factory import *  # noqa: F401, F403
from kartothek.compat.plateau.core.index import ExplicitSecondaryIndex, IndexBase, PartitionIndex  # noqa: F401
from kartothek.compat.plateau.core.typing import StoreFactory, StoreInput  # noqa: F401
from kartothek.compat.plateau.core.utils import ensure_store, lazy_store  # noqa: F401
