"""Stores as users hand them over: URLs, store objects, factories."""
from kartothek import _core
from kartothek._lazy import LazyModule
from kartothek.core.naming import MAX_METADATA_VERSION, MIN_METADATA_VERSION
from kartothek.core.store import KeyValueStore

functools = LazyModule("functools")
pickle = LazyModule("pickle")
_parse = LazyModule("urllib.parse")


def verify_metadata_version(*args, **kwargs):
    """NotImplementedError unless the version is one that we read and write."""
    return _verify_metadata_version(*args, **kwargs)


def ensure_string_type(obj):
    """A text of bytes or of anything else."""
    return obj.decode("utf-8") if isinstance(obj, bytes) else str(obj)


def _verify_metadata_version(metadata_version):
    if metadata_version < MIN_METADATA_VERSION:
        raise NotImplementedError(
            "Minimal supported metadata version is 4. You requested {} instead.".format(metadata_version)
        )
    if metadata_version > MAX_METADATA_VERSION:
        raise NotImplementedError("Future metadata version `{}` encountered.".format(metadata_version))


def _store_from_url(url):
    """Ours where the library knows the scheme; else storefact's, if it is installed."""
    try:
        return KeyValueStore(url)
    except NotImplementedError:
        try:
            from storefact import get_store_from_url
        except ImportError:
            pass
        else:
            return get_store_from_url(url)
        raise


def _identity(store):
    return store


def lazy_store(store):
    """A factory (callable without arguments) for a URL, a store object or a factory."""
    if callable(store):
        return store
    if isinstance(store, str):
        return functools.partial(_store_from_url, store)
    if hasattr(store, "iter_prefixes"):
        try:
            pickle.dumps(store, pickle.HIGHEST_PROTOCOL)
        except Exception as error:
            raise TypeError("KeyValueStore not serializable. Consult the documentation for more info.") from error
        return functools.partial(_identity, store)
    raise TypeError(
        "Provided incompatible store type. Got {} but expected a URL, a store or a store factory.".format(type(store))
    )


def ensure_store(store):
    """The store object behind a URL, a store object or a factory."""
    return store if hasattr(store, "iter_prefixes") else lazy_store(store)()


def _folder_url(store):
    """URL of a simplekv or minimalkv folder store, else None. Subclasses with behaviour of their own are called back instead."""
    names = {(c.__module__.split(".")[0], c.__name__) for c in type(store).__mro__}
    known = {"FilesystemStore", "HFilesystemStore", "ExtendedKeyspaceMixin", "CopyMixin", "UrlMixin"}
    own = type(store).__module__.split(".")[0]
    if own not in ("simplekv", "minimalkv", "storefact") or type(store).__name__ not in known:
        return None
    if not any(name == "FilesystemStore" for _, name in names) or not isinstance(getattr(store, "root", None), str):
        return None
    extended = any(name == "ExtendedKeyspaceMixin" for _, name in names)
    return ("hfs://" if extended else "fs://") + _parse.quote(store.root)


def core_store(store):
    """The C library's handle for whatever stands for a store."""
    if isinstance(store, _core.Store):
        return store
    store = ensure_store(store)
    if isinstance(store, KeyValueStore):
        return store._core
    url = _folder_url(store)
    if url is not None:
        return _core.Store.open(url)
    return _core.Store.wrap(store, "{}.{}".format(type(store).__module__, type(store).__name__))
