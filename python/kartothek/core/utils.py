"""Stores as users hand them over: URLs, store objects, factories."""
from kartothek import _core
from kartothek._lazy import LazyModule
from kartothek.core.naming import MAX_METADATA_VERSION, MIN_METADATA_VERSION
from kartothek.core.store import KeyValueStore
from kartothek.core.store_objects import native_store, url_of_factory

functools = LazyModule("functools")
pickle = LazyModule("pickle")


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


class _FactoryOfUrl:
    """Makes the store of a URL. Pickles with the whole URL, and shows no more of it than where it leads."""

    def __init__(self, url):
        self.url = url

    def __call__(self):
        return _store_from_url(self.url)

    def __eq__(self, other):
        return type(other) is type(self) and other.url == self.url

    def __hash__(self):
        return hash(self.url)

    def __repr__(self):
        scheme, _, rest = self.url.partition("://")
        return "<factory of the store {}://{}>".format(scheme, rest.partition("?")[0].partition("#")[0].rpartition("@")[2])


def _identity(store):
    return store


def lazy_store(store):
    """A factory (callable without arguments) for a URL, a store object or a factory."""
    if callable(store):
        return store
    if isinstance(store, str):
        return _FactoryOfUrl(store)
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
    if hasattr(store, "iter_prefixes"):
        return store
    url = url_of_factory(store)
    return lazy_store(store)() if url is None else KeyValueStore(url)


def core_store(store):
    """The C library's handle for whatever stands for a store."""
    if isinstance(store, _core.Store):
        return store
    store = ensure_store(store)
    if isinstance(store, KeyValueStore):
        return store._core
    native = native_store(store)
    if native is not None:
        return native
    return _core.Store.wrap(store, "{}.{}".format(type(store).__module__, type(store).__name__))
