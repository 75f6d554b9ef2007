"""What predicates are, for annotations."""
from typing import Any, List, Optional, Tuple

LiteralValue = Any
LiteralType = Tuple[str, str, LiteralValue]
ConjunctionType = List[LiteralType]
PredicatesType = Optional[List[ConjunctionType]]
