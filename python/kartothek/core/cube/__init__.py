"""Cubes: several datasets that are read as one wide table; what describes them, and conditions on their columns."""
from kartothek.core.cube.conditions import *  # noqa: F401, F403
from kartothek.core.cube.constants import *  # noqa: F401, F403
from kartothek.core.cube.cube import *  # noqa: F401, F403
