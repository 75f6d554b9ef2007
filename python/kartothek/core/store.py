"""A key-value store that lives in the C library, with the methods of simplekv's stores."""
import io

from kartothek import _core


class KeyValueStore:
    """Opened by URL, e.g. ``hfs:///data/lake``. Pickles as its URL (a memory store therefore comes back empty)."""

    def __init__(self, url):
        self.url = url
        self._core = _core.Store.open(url)

    def get(self, key):
        """The whole value; KeyError if there is none."""
        try:
            return self._core.get(key)
        except KeyError:
            raise KeyError(key) from None

    def put(self, key, data):
        """Replace the whole value in one step; returns the key."""
        return self._core.put(key, bytes(data))

    def delete(self, key):
        """Forget a key; a missing one is no error."""
        self._core.delete(key)

    def open(self, key):
        """A seekable binary file of the value."""
        return io.BytesIO(self.get(key))

    def keys(self, prefix=""):
        """All keys that start with ``prefix``, ascending."""
        return self._core.keys(prefix)

    def iter_keys(self, prefix=""):
        """An iterator of :meth:`keys`."""
        return iter(self.keys(prefix))

    def iter_prefixes(self, delimiter, prefix=""):
        """Each distinct beginning up to and with ``delimiter`` behind ``prefix``, and keys without it."""
        last = None
        for key in self.keys(prefix):
            end = key.find(delimiter, len(prefix))
            part = key if end < 0 else key[: end + len(delimiter)]
            if part != last:
                yield part
                last = part

    def close(self):
        """Nothing to do: the store ends with its last reference."""

    def __contains__(self, key):
        return key in self.keys(key)

    def __reduce__(self):
        return KeyValueStore, (self.url,)

    def __repr__(self):
        return repr(self._core)
