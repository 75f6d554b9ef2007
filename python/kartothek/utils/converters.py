"""What users hand over, brought to one form."""
import datetime

from kartothek._lazy import LazyModule
from kartothek.core._types import _REALS, _TEXTS, is_integer, type_name

pd = LazyModule("pandas")

__all__ = (
    "converter_str",
    "converter_str_set",
    "converter_str_set_optional",
    "converter_str_tupleset",
    "converter_tuple",
    "get_str_to_python_converter",
)

_BOOLS = {"1": True, "t": True, "y": True, "true": True, "yes": True, "0": False, "f": False, "n": False, "false": False, "no": False}


def converter_str(obj):
    """A text, out of UTF-8 bytes too. TypeError for anything else."""
    if isinstance(obj, bytes):
        return obj.decode("utf-8")
    if not isinstance(obj, str):
        raise TypeError("Object of type {} is not a string: {}".format(type(obj).__name__, obj))
    return obj


def converter_tuple(obj):
    """A tuple of what ``obj`` iterates over; of ``obj`` alone if it is a text or no iterable; ``()`` for None."""
    if obj is None:
        return ()
    if isinstance(obj, (str, bytes)) or not hasattr(obj, "__iter__"):
        return (obj,)
    return tuple(obj)


def converter_str_set(obj):
    """A frozenset of texts, out of one or several. TypeError for what is no text."""
    return frozenset(converter_str(item) for item in converter_tuple(obj))


def converter_str_set_optional(obj):
    """The same, but None stays None."""
    return None if obj is None else converter_str_set(obj)


def converter_str_tupleset(obj):
    """
    A tuple of different texts, out of one or several.

    Raises
    ------
    TypeError
        For what is no text, and for sets and dicts, whose order means nothing.
    ValueError
        If one comes twice.
    """
    if isinstance(obj, (dict, frozenset, set)):
        raise TypeError("{} which has type {} has an unstable iteration order".format(obj, type(obj).__name__))
    texts = tuple(converter_str(item) for item in converter_tuple(obj))
    if len(set(texts)) < len(texts):
        raise ValueError("Tuple-set contains duplicates: {}".format(", ".join(texts)))
    return texts


def get_str_to_python_converter(pa_type):
    """
    A function that makes a value of a column out of a text.

    Parameters
    ----------
    pa_type: pyarrow.DataType or str
        The type of the column, or its name: ``"int64"``.

    Raises
    ------
    ValueError
        For types without a text form: there is one for bools, numbers, texts, time stamps and dates (``2020-12-31``).
    """
    name = type_name(pa_type)
    if name == "bool":
        return _bool
    if name in _REALS:
        return float
    if is_integer(name):
        return int
    if name in _TEXTS:
        return _unquoted
    if name.startswith("timestamp"):
        return _moment
    if name == "date32[day]":
        return datetime.date.fromisoformat
    raise ValueError("Cannot handle type {}".format(pa_type))


def _bool(text):
    if text.lower() not in _BOOLS:
        raise ValueError("Cannot parse bool: {}".format(text))
    return _BOOLS[text.lower()]


def _unquoted(text):
    """Without the quotes around it, if both ends have the same."""
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _moment(text):
    return pd.Timestamp(text)
