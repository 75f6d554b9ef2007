"""The clock; what notes a time in Python asks here, by the name of the module, so that tests can set it."""
from kartothek._lazy import LazyModule

datetime = LazyModule("datetime")


def datetime_now():
    """The time here, without a zone."""
    return datetime.datetime.now()


def datetime_utcnow():
    """The time in UTC, without a zone."""
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
