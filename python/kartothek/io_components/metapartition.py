"""Names that user code takes from here."""
from kartothek.core.naming import SINGLE_TABLE

__all__ = ["SINGLE_TABLE"]
