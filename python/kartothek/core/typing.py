"""What stands for a store in signatures."""
from typing import Callable, Union

from kartothek.core.store import KeyValueStore

StoreFactory = Callable[[], KeyValueStore]
StoreInput = Union[str, KeyValueStore, StoreFactory]
