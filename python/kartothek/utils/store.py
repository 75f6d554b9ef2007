"""Values of stores copied from one store to another."""
import re

from kartothek.core.utils import ensure_store

__all__ = ["copy_keys", "copy_rename_keys"]

#: what simplekv's stores with the extended alphabet and slashes take
_KEY = re.compile(r"^[%0-9a-zA-Z`!\"$&'()+,.<=>?@\[\]^_{}~/ \-]+$")


def copy_keys(keys, src_store, tgt_store):
    """
    Copy the values of some keys, in the order of the keys.

    Parameters
    ----------
    keys: iterable of str
    src_store, tgt_store: str, store or callable
        From where, and to where.

    Raises
    ------
    ValueError
        For a key that no store takes; nothing is copied then.
    KeyError
        For one that is not there.
    """
    keys = sorted(keys)
    _copy([(key, key) for key in keys], src_store, tgt_store)


def copy_rename_keys(key_mappings, src_store, tgt_store, md_transformed):
    """
    Copy values under other keys.

    Parameters
    ----------
    key_mappings: dict
        ``{key: key in the target}``
    src_store, tgt_store: str, store or callable
        From where, and to where.
    md_transformed: dict
        ``{key in the target: bytes}`` of values that are put instead of those of the source.
    """
    _copy(sorted(key_mappings.items()), src_store, tgt_store, md_transformed)


def _copy(pairs, src_store, tgt_store, instead=None):
    source, target = ensure_store(src_store), ensure_store(tgt_store)
    for pair in pairs:
        for key in pair:
            if _KEY.match(key) is None:
                raise ValueError("Illegal key: {}".format(key))
    for key, new_key in pairs:
        changed = (instead or {}).get(new_key)
        target.put(new_key, source.get(key) if changed is None else changed)
