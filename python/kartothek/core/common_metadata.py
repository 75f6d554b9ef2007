"""Schemas of tables as pyarrow objects. All of it needs pyarrow but the names of the types that a dataset has (:mod:`kartothek.core._types`)."""
import difflib
import io
import json
import pprint

from kartothek._lazy import LazyModule
from kartothek.core import naming
from kartothek.core.utils import ensure_string_type

pd = LazyModule("pandas")


def _pyarrow():
    try:
        import pyarrow
    except ImportError:
        raise ImportError("Schemas are pyarrow objects here: install kartothek[pyarrow].") from None
    return pyarrow


def has_pyarrow():
    """Whether there can be schemas at all."""
    try:
        _pyarrow()
    except ImportError:
        return False
    return True


class SchemaWrapper:
    """
    A pyarrow schema that remembers where it comes from. Attributes it does not have are those of the schema; equal are wrappers of equal fields.

    The column that pandas made of an index is left out, and all metadata but that of pandas.

    Parameters
    ----------
    schema: pyarrow.Schema
    origin: str or set of str
        Of what it is the schema, for error texts.
    """

    def __init__(self, schema, origin):
        origin = {origin} if isinstance(origin, str) else set(origin)
        if not all(isinstance(text, str) for text in origin):
            raise TypeError("Schema origin elements must be strings.")
        self._schema = _plain_schema(schema)
        self._origin = origin

    @property
    def origin(self):
        """A set of str."""
        return self._origin

    def with_origin(self, origin):
        """The same schema, said to come from elsewhere."""
        return SchemaWrapper(self._schema, origin)

    def internal(self):
        """The pyarrow schema."""
        return self._schema

    def __getattr__(self, name):
        if name.startswith("__") or name == "_schema":
            raise AttributeError(name)
        return getattr(self._schema, name)

    def __len__(self):
        return len(self._schema)

    def __getitem__(self, i):
        return self._schema[i]

    def equals(self, other, check_metadata=False):
        """Whether the fields are equal, and if asked for the metadata."""
        return self._schema.equals(_internal(other), check_metadata=check_metadata)

    def __eq__(self, other):
        return isinstance(_internal(other), type(self._schema)) and self.equals(other)

    def __ne__(self, other):
        return not self == other

    def __hash__(self):
        return hash(tuple((field.name, str(field.type)) for field in self._schema))

    def __reduce__(self):
        return SchemaWrapper, (self._schema, self._origin)

    def remove(self, i):
        """Without field ``i``."""
        return SchemaWrapper(self._schema.remove(i), self._origin)

    def set(self, i, field):
        """With another field ``i``."""
        return SchemaWrapper(self._schema.set(i, field), self._origin)

    def remove_metadata(self):
        """Without what pandas knows of it."""
        return SchemaWrapper(self._schema.remove_metadata(), {text + "__no_metadata" for text in self._origin})

    def __repr__(self):
        return repr(self._schema)


def _internal(schema):
    return schema._schema if isinstance(schema, SchemaWrapper) else schema


def _pandas_of(schema):
    """What pandas knows of a schema as a dict, or None."""
    text = (schema.metadata or {}).get(b"pandas")
    return None if text is None else json.loads(text.decode("utf-8"))


def _with_pandas(schema, pandas):
    schema = schema.remove_metadata()
    if pandas is None:
        return schema
    return schema.with_metadata({b"pandas": json.dumps(pandas, sort_keys=True).encode("utf-8")})


def _plain_schema(schema):
    pandas = _pandas_of(schema)
    for name in pandas["index_columns"] if pandas is not None else ():
        if isinstance(name, str) and name in schema.names:
            schema = schema.remove(schema.get_field_index(name))
    return _with_pandas(schema, pandas)


def normalize_column_order(schema, partition_keys=None):
    """
    Partition keys first, then the other columns by name.

    Parameters
    ----------
    schema: SchemaWrapper or pyarrow.Schema
    partition_keys: list of str, optional
        In this order.

    Returns
    -------
    SchemaWrapper
    """
    partition_keys = [partition_keys] if isinstance(partition_keys, str) else list(partition_keys or ())
    inner = _internal(schema)
    named = [name for name in partition_keys if name in inner.names]
    named += sorted(name for name in inner.names if name not in named)
    pandas = _pandas_of(inner)
    if pandas is not None:
        place = {name: i for i, name in enumerate(named)}
        pandas["columns"] = sorted(pandas["columns"], key=lambda entry: place.get(entry.get("name"), len(place)))
    ordered = _pyarrow().schema([inner.field(name) for name in named])
    ordered = _with_pandas(ordered, pandas)
    return SchemaWrapper(ordered, schema.origin) if isinstance(schema, SchemaWrapper) else ordered


def normalize_type(t_pa, t_pd, t_np, metadata):
    """
    The type that a dataset has for one of a file: the widest number of its kind, and values for categories.

    Parameters
    ----------
    t_pa: pyarrow.DataType
    t_pd, t_np: str
        Its names in pandas' metadata.
    metadata: dict or None
        Its metadata there.

    Returns
    -------
    tuple
        ``(t_pa, t_pd, t_np, metadata)``
    """
    pa = _pyarrow()
    types = pa.types
    if types.is_signed_integer(t_pa):
        return pa.int64(), "int64", "int64", None
    if types.is_unsigned_integer(t_pa):
        return pa.uint64(), "uint64", "uint64", None
    if types.is_floating(t_pa):
        return pa.float64(), "float64", "float64", None
    if types.is_list(t_pa):
        inner = t_pd[len("list[") : -1] if t_pd and t_pd.startswith("list[") else None
        value, name, _, _ = normalize_type(t_pa.value_type, inner, None, None)
        return pa.list_(value), "list[{}]".format(name), "object", None
    if types.is_dictionary(t_pa):
        # What pandas says is of the codes, which are gone.
        value = t_pa.value_type
        name = {"string": "unicode", "large_string": "unicode", "binary": "bytes", "bool": "bool"}.get(str(value), str(value))
        return normalize_type(value, name, "object" if name in ("unicode", "bytes") else name, None)
    if str(t_pa) == "large_string":
        return pa.string(), t_pd, t_np, metadata
    if str(t_pa) == "large_binary":
        return pa.binary(), t_pd, t_np, metadata
    return t_pa, t_pd, t_np, metadata


def make_meta(obj, origin, partition_keys=None):
    """
    The schema that a dataset has for a frame: :func:`normalize_type` of each column, in the order of :func:`normalize_column_order`.

    Parameters
    ----------
    obj: pandas.DataFrame, pyarrow.Schema or SchemaWrapper
        Of a pyarrow schema only the order changes; a :class:`SchemaWrapper` comes back as it is.
    origin: str
        Where it comes from, for the texts of exceptions.
    partition_keys: list of str, optional
        Columns that come first.

    Returns
    -------
    SchemaWrapper

    Raises
    ------
    NotImplementedError
        For a frame with a MultiIndex.
    ValueError
        For anything else.
    """
    if isinstance(obj, SchemaWrapper):
        return obj
    pa = _pyarrow()
    if isinstance(obj, pa.Schema):
        return normalize_column_order(SchemaWrapper(obj, origin), partition_keys)
    if not isinstance(obj, pd.DataFrame):
        raise ValueError("Input must be a pyarrow schema, or a pandas dataframe")
    if isinstance(obj.index, pd.MultiIndex):
        raise NotImplementedError("Treatement of MultiIndex not implemented.")
    schema = pa.Schema.from_pandas(obj)
    pandas = _pandas_of(schema)
    entries = {entry.get("field_name", entry["name"]): entry for entry in pandas["columns"]}
    fields = []
    for field in schema:
        entry = entries.get(field.name, {})
        keys = ("pandas_type", "numpy_type", "metadata")
        dtype, *known = normalize_type(field.type, *[entry.get(key) for key in keys])
        entry.update(zip(keys, known))
        fields.append(pa.field(field.name, dtype, field.nullable))
    return normalize_column_order(SchemaWrapper(_with_pandas(pa.schema(fields), pandas), origin), partition_keys)


# ---- files ----


def _get_common_metadata_key(dataset_uuid, table):
    return "{}/{}/{}".format(dataset_uuid, table, naming.TABLE_METADATA_FILE)


def _schema2bytes(schema):
    """A Parquet file of a footer alone. Time stamps are stored in us."""
    pa = _pyarrow()
    import pyarrow.parquet as pq

    schema = _internal(schema)
    stored = pa.schema([_with_unit(pa, field, "us") for field in schema]).with_metadata(schema.metadata)
    sink = io.BytesIO()
    pq.write_metadata(stored, sink)
    return sink.getvalue()


def _bytes2schema(data, origin="bytes"):
    pa = _pyarrow()
    import pyarrow.parquet as pq

    schema = pq.read_schema(io.BytesIO(data))
    read = pa.schema([_with_unit(pa, field, "ns") for field in schema]).with_metadata(schema.metadata)
    return SchemaWrapper(read, origin)


def _with_unit(pa, field, unit):
    if pa.types.is_timestamp(field.type) and field.type.tz is None:
        return pa.field(field.name, pa.timestamp(unit), field.nullable)
    return field


def read_schema_metadata(dataset_uuid, store, table=naming.SINGLE_TABLE):
    """
    The schema of a table of a dataset, out of its file.

    Parameters
    ----------
    dataset_uuid: str
        Name of the dataset.
    store: KeyValueStore
        A store object; no URL.
    table: str
        Name of the table.

    Returns
    -------
    SchemaWrapper

    Raises
    ------
    KeyError
        If there is none.
    """
    key = _get_common_metadata_key(dataset_uuid, table)
    return _bytes2schema(store.get(key), key)


def store_schema_metadata(schema, dataset_uuid, store, table=naming.SINGLE_TABLE):
    """
    Write the file of the schema of a table of a dataset.

    Parameters
    ----------
    schema: SchemaWrapper or pyarrow.Schema
    dataset_uuid: str
        Name of the dataset.
    store: KeyValueStore
        A store object; no URL.
    table: str
        Name of the table.

    Returns
    -------
    str
        The key.
    """
    return store.put(_get_common_metadata_key(dataset_uuid, table), _schema2bytes(schema))


# ---- agreement ----


def _check_pandas(schemas, ignore_pandas):
    knows = {_pandas_of(schema) is not None for schema in schemas}
    if len(knows) > 1 and not ignore_pandas:
        raise ValueError(
            "Pandas and non-Pandas schemas are not comparable. Use ignore_pandas=True if you only want to compare on Arrow level."
        )


def _is_null(dtype):
    types = _pyarrow().types
    return types.is_null(dtype) or (types.is_list(dtype) and types.is_null(dtype.value_type))


def _null_columns(schema):
    return [field.name for field in schema if _is_null(field.type)]


def _alike(first, second):
    """Texts are one type, whatever the width of their offsets."""
    return str(first).replace("large_", "") == str(second).replace("large_", "")


def _fields(schema):
    return [(field.name, str(field.type).replace("large_", "")) for field in schema]


def _without_nulls(schema, reference):
    """The schema with the fields of another one in place of those that hold nulls alone."""
    for name in _null_columns(schema):
        if name in reference.names:
            schema = schema.set(schema.get_field_index(name), reference.field(name))
    return schema


def validate_compatible(schemas, ignore_pandas=False):
    """
    The schema that all agree on. Columns that hold nulls alone agree with any type.

    Parameters
    ----------
    schemas: iterable of SchemaWrapper
    ignore_pandas: bool
        Compare schemas of which only some know of pandas.

    Returns
    -------
    SchemaWrapper or None
        Said to come from all of their origins; None for none.

    Raises
    ------
    ValueError
        If they do not agree, saying what differs; and if only some know of pandas.
    """
    schemas = list(schemas)
    _check_pandas(schemas, ignore_pandas)
    if not schemas:
        return None
    reference = min(schemas, key=lambda schema: len(_null_columns(schema)))
    for schema in schemas:
        reference = _without_nulls(reference, schema)
    for schema in schemas:
        current = _without_nulls(schema, reference)
        if _fields(current) != _fields(reference):
            raise ValueError(
                "Schema violation\n\nOrigin schema: {}\nOrigin reference: {}\n\nDiff:\n{}\n\nReference schema:\n{}".format(
                    _named(schema), _named(reference), _diff_schemas(reference, current), reference
                )
            )
    return reference.with_origin(set().union(*(schema.origin for schema in schemas)))


def _named(schema):
    return "{" + ", ".join(sorted(schema.origin)) + "}"


def _diff_schemas(first, second):
    """What has to change in the first schema to make it the second."""
    texts = [[str(_internal(schema).remove_metadata()).split("\n") for schema in (first, second)]]
    texts.append([pprint.pformat(_pandas_of(schema)).split("\n") for schema in (first, second)])
    parts = ["\n".join(list(difflib.unified_diff(old, new, lineterm=""))[2:]) for old, new in texts]
    return "Arrow schema:\n{}\n\nPandas_metadata:\n{}".format(*parts)


def validate_shared_columns(schemas, ignore_pandas=False):
    """
    See to it that columns which several schemas have are of the same type there.

    Parameters
    ----------
    schemas: iterable of SchemaWrapper
    ignore_pandas: bool
        Compare schemas of which only some know of pandas.

    Raises
    ------
    ValueError
        If they are not; and if only some know of pandas.
    """
    schemas = list(schemas)
    _check_pandas(schemas, ignore_pandas)
    found = {}
    for schema in schemas:
        for field in schema:
            if _is_null(field.type):
                continue
            first = found.setdefault(field.name, field)
            if not _alike(first.type, field.type):
                raise ValueError('Found incompatible entries for column "{}"\n{}\n{}'.format(field.name, first, field))


def empty_dataframe_from_schema(schema, columns=None, date_as_object=False):
    """
    A frame without rows, of the types that a dataset of that schema has.

    Parameters
    ----------
    schema: SchemaWrapper or pyarrow.Schema
    columns: list of str, optional
        In this order; None: all.
    date_as_object: bool
        Dates as objects, else as ``datetime64[ns]``.

    Returns
    -------
    pandas.DataFrame
    """
    frame = _internal(schema).empty_table().to_pandas(date_as_object=date_as_object)
    for name, dtype in frame.dtypes.items():
        if dtype.kind == "M" and getattr(dtype, "tz", None) is None:
            frame[name] = frame[name].astype("datetime64[ns]")
    frame.index = pd.RangeIndex(0)
    names = None if columns is None else [ensure_string_type(column) for column in columns]
    return frame if names is None else frame[names]


__all__ = (
    "SchemaWrapper",
    "empty_dataframe_from_schema",
    "make_meta",
    "normalize_column_order",
    "normalize_type",
    "validate_compatible",
)
