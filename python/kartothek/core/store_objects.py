"""The library's own stores in place of objects of storefact, simplekv and minimalkv that say all that it needs to know."""
import sys

from kartothek import _core
from kartothek._lazy import LazyModule

_parse = LazyModule("urllib.parse")

_PACKAGES = ("simplekv", "minimalkv", "storefact")
#: Endpoints of AWS itself follow from the region.
_AWS = ".amazonaws.com"


def _text_of(flag):
    return "true" if flag else "false"


def _url(scheme, user, secret, host, path="", **params):
    """A store URL; parameters that are None are left out."""
    who = "" if user is None else "{}:{}@".format(_parse.quote(user, safe=""), _parse.quote(secret or "", safe=""))
    asked = _parse.urlencode({name: value for name, value in params.items() if value is not None}, quote_via=_parse.quote)
    return "{}://{}{}{}?{}".format(scheme, who, host, _parse.quote(path), asked)


def _is_extended(store):
    return any(one.__name__ == "ExtendedKeyspaceMixin" for one in type(store).__mro__)


def _prefixed(store, prefix):
    return store.prefixed(prefix) if prefix else store


def _folder(store):
    if not isinstance(store.root, str):
        return None
    return _core.Store.open(("hfs://" if _is_extended(store) else "fs://") + _parse.quote(store.root))


def _bucket(store, prefix, endpoint, bucket, keys, **params):
    """A bucket of S3: `keys` are (key, secret, token), or None where the environment is to name them."""
    user, secret, token = keys or (None, None, None)
    end = _parse.urlsplit(endpoint or "")
    host = "" if end.hostname is None or end.hostname.endswith(_AWS) else end.netloc
    if end.path.strip("/") or "@" in host:
        return None
    params.update(session_token=token, is_secure=_text_of(end.scheme != "http"), force_bucket_suffix="false")
    scheme = "hs3" if _is_extended(store) else "s3"
    if user is None and scheme == "s3":
        return None
    return _prefixed(_core.Store.open(_url(scheme, user, secret, host, "/" + bucket, **params)), prefix)


def _has_plain_objects(store):
    """Nothing is said about them but their bytes."""
    return not (store.metadata or store.public or store.reduced_redundancy)


def _boto(store):
    """Bucket of boto, as storefact makes it."""
    connection = store.bucket.connection
    if not _has_plain_objects(store) or connection.anon or connection.use_proxy or connection.path.strip("/"):
        return None
    keys = (connection.aws_access_key_id, connection.aws_secret_access_key, connection.provider.security_token)
    host = connection.host if connection.port in (None, 80, 443) else "{}:{}".format(connection.host, connection.port)
    endpoint = "{}://{}".format("https" if connection.is_secure else "http", host)
    verify = _text_of(getattr(connection, "https_validate_certificates", True))
    return _bucket(store, store.prefix, endpoint, store.bucket.name, keys, verify=verify, create_if_missing="false")


def _boto3(store):
    """Bucket of boto3 with keys that stay as they are; those that expire are boto3's to renew."""
    client = store.bucket.meta.client
    config = client.meta.config
    keys = client._request_signer._credentials
    verify = client._endpoint.http_session._verify
    if not _has_plain_objects(store) or config.proxies or config.signature_version not in (None, "s3", "s3v4"):
        return None
    if type(keys).__name__ != "Credentials":
        return None
    style = (config.s3 or {}).get("addressing_style")
    return _bucket(
        store, store._object_prefix, client.meta.endpoint_url, store.bucket.name, (keys.access_key, keys.secret_key, keys.token),
        region_name=client.meta.region_name, addressing=style if style in ("path", "virtual") else None,
        verify=_text_of(verify is not False), ca_file=verify if isinstance(verify, str) else None, create_if_missing="false",
    )


def _s3fs(store):
    """Settings of minimalkv for s3fs."""
    keys = store.credentials
    if not _has_plain_objects(store) or store._is_sts_credentials or store._custom_fs is not None:
        return None
    if keys is not None:
        keys = None if keys.access_key_id is None else (keys.access_key_id, keys.secret_access_key, keys.session_token)
    return _bucket(
        store, store.object_prefix, store.endpoint_url, store.bucket.name, keys,
        region_name=store.region_name, verify=_text_of(store.verify), create_if_missing=_text_of(store._mkdir_prefix),
    )


def _container(store):
    """Container of Azure, by a connection string with an account and one of its keys."""
    parts = {name.lower(): value for name, _, value in (part.partition("=") for part in store.conn_string.split(";"))}
    account, sas = parts.get("accountname"), parts.get("sharedaccesssignature")
    secret = sas or parts.get("accountkey")
    if not account or not secret or store.public:
        return None
    endpoint = parts.get("blobendpoint") or "{}://{}.blob.{}".format(
        parts.get("defaultendpointsprotocol", "https"), account, parts.get("endpointsuffix", "core.windows.net")
    )
    params = {"endpoint": endpoint, "create_if_missing": _text_of(store.create_if_missing), "use_sas": "true" if sas else None}
    return _core.Store.open(_url("hazure" if _is_extended(store) else "azure", account, secret, store.container, **params))


def _inner(store, change):
    """The store below a wrapper, changed as the wrapper does."""
    below = native_store(store._dstore)
    return None if below is None else change(below)


_CLASSES = {
    "FilesystemStore": _folder,
    "BotoStore": _boto,
    "Boto3Store": _boto3,
    "S3FSStore": _s3fs,
    "AzureBlockBlobStore": _container,
    "PrefixDecorator": lambda store: _inner(store, lambda below: below.prefixed(store.prefix)),
    "ReadOnlyDecorator": lambda store: _inner(store, lambda below: below.readonly()),
    "URLEncodeKeysDecorator": lambda store: _inner(store, lambda below: below.urlencoded()),
}


def native_store(store):
    """
    The library's own store for an object of storefact, simplekv or minimalkv; None where it is to be called back.

    That is so for classes derived from theirs, which may behave in another way, for settings that the library does not have, and for caches.
    """
    kind = type(store)
    name = kind.__name__
    if kind.__module__.split(".")[0] not in _PACKAGES:
        return None
    open_it = _CLASSES.get(name) or (_CLASSES.get(name[1:]) if name.startswith("H") else None)
    try:
        return None if open_it is None else open_it(store)
    except (AttributeError, NotImplementedError, ValueError):
        # Other versions of those packages keep their settings elsewhere, and a URL cannot say everything.
        return None


def url_of_factory(factory):
    """
    The URL, as the library reads it, of `functools.partial(get_store_from_url, url)`; None for any other factory.

    For S3 and Azure alone, where making the object needs packages that may be absent, and a connection of theirs that nobody uses; there with
    the library's own spellings, too, which those packages do not know.
    """
    functools = sys.modules.get("functools")
    if functools is None or type(factory) is not functools.partial or factory.keywords or len(factory.args) != 1:
        return None
    package = (getattr(factory.func, "__module__", None) or "").split(".")[0]
    url = factory.args[0]
    if package not in _PACKAGES or getattr(factory.func, "__name__", "") != "get_store_from_url" or not isinstance(url, str):
        return None
    scheme = url.split(":")[0].split("+")[0].lower()
    if package == "storefact" and scheme in ("s3", "hs3"):
        # It speaks to S3 without TLS, whatever the URL says.
        head, mark, fragment = url.partition("#")
        return "{}{}is_secure=false{}{}".format(head, "&" if "?" in head else "?", mark, fragment)
    return url if scheme in ("s3", "hs3", "boto", "azure", "hazure", "az", "abfss", "abfs", "wasbs", "wasb") else None
