"""How data files are written and read, and predicates on frames."""
from kartothek.serialization import *  # noqa: F401, F403
