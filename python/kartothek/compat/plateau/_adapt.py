"""kartothek's functions with plateau's parameters: one translation, driven by the names of the parameters."""
import inspect
import types

from kartothek._lazy import LazyModule
from kartothek.core import docs
from kartothek.core.dataset import DatasetMetadata as _DatasetMetadata
from kartothek.core.factory import _ensure_factory
from kartothek.core.naming import SINGLE_TABLE
from kartothek.io_components.metapartition import MetaPartition as _MetaPartition

pd = LazyModule("pandas")
to_arrow = LazyModule("kartothek._frames.to_arrow")
shapes = LazyModule("kartothek.compat.plateau.core.dataset")
partitions = LazyModule("kartothek.compat.plateau.io_components.metapartition")

#: parameters of kartothek that plateau has nowhere
_REMOVED = {
    "central_partition_metadata", "concat_partitions_on_primary_index", "dispatch_metadata", "label_filter", "load_dataset_metadata",
    "load_dynamic_metadata", "tables",
}  # fmt: skip

#: parameters that take frames, by how these come
_ELEMENTS = {"dfs", "df_list", "data", "new_partitions", "metapartition", "metapartitions"}


def adapted(ours, module, without=(), table_name=None, as_is=False, name=None):
    """
    A function of kartothek as plateau has it.

    Parameters
    ----------
    module: str
        Where it stands.
    without: tuple of str
        Parameters that plateau's does not have.
    table_name: str, optional
        "last", or the parameter before which ``table_name`` comes.
    as_is: bool
        Whether plateau's returns the same.
    name: str, optional
        Plateau's, where it is another one.
    """
    taken = inspect.signature(ours).parameters
    signature = _signature(taken, _REMOVED | set(without), table_name)

    def translated(args, kwargs):
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return _translated(taken, bound.arguments, table_name is not None)

    if inspect.isgeneratorfunction(inspect.unwrap(ours)):

        def function(*args, **kwargs):
            yield from map(in_plateaus_shape, ours(**translated(args, kwargs)))

    else:

        def function(*args, **kwargs):
            result = ours(**translated(args, kwargs))
            return result if as_is else in_plateaus_shape(result)

    function.__name__ = function.__qualname__ = name or ours.__name__
    function.__module__ = module
    function.__signature__ = signature
    text = "As :func:`{}.{}`, with plateau's parameters; a frame or a schema stands where that one has a dict by table.\n\n{}"
    function.__doc__ = docs.completed(ours.__doc__ and text.format(ours.__module__, ours.__qualname__, ours.__doc__), list(signature.parameters), _TOLD)
    return function


def _signature(taken, removed, table_name):
    parameters = []
    for name, parameter in taken.items():
        if name == table_name:
            parameters.append(_TABLE_NAME)
        if name == "table_meta":
            parameter = parameter.replace(name="schema")
        elif name == "dates_as_object":
            parameter = parameter.replace(default=True)
        if name not in removed:
            parameters.append(parameter)
    if table_name == "last":
        by_name = [parameter for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]
        parameters = parameters[: len(parameters) - len(by_name)] + [_TABLE_NAME] + by_name
    return inspect.Signature(parameters)


#: parameters that are other ones here
_TOLD = {
    "columns": ("list of str, optional", "Columns to read; None: all."),
    "categoricals": ("list of str, optional", "Columns that come as pandas categories."),
    "schema": ("pandas.DataFrame or pyarrow.Schema", "Columns and types; rows of a frame do not matter."),
    "table_name": ("str", "Name of the table of a dataset that is not there yet."),
}

_TABLE_NAME = inspect.Parameter("table_name", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=SINGLE_TABLE)


def _translated(taken, given, has_table_name):
    given = dict(given)
    table = given.pop("table_name") if has_table_name else SINGLE_TABLE
    if "self" in given:
        table = given["self"].table_name
        given["self"] = given["self"]._inner
        _name_table(taken, given, table)
    elif "predicates" in taken and "factory" in taken:
        # A dataset that plateau reads has one table, which its functions do not name.
        factory = _ensure_factory(given.pop("dataset_uuid"), given.pop("store"), given["factory"])
        given["factory"] = factory
        _name_table(taken, given, (only_table(factory.dataset_uuid, factory.tables) or [SINGLE_TABLE])[0])
    if "schema" in given:
        given["table_meta"] = {table: given.pop("schema")}
    if isinstance(given.get("dfs"), pd.DataFrame):
        raise TypeError("Please pass a list of pandas.DataFrame as input. Instead got {}".format(type(given["dfs"])))
    for name in _ELEMENTS & set(given):
        given[name] = element(given[name], table)
    if "df_generator" in given:
        given["df_generator"] = (element(frame, table) for frame in given["df_generator"])
    if "bag" in given:
        given["bag"] = given["bag"].map(element, table)
    if "delayed_tasks" in given:
        from dask import delayed

        given["delayed_tasks"] = [delayed(element)(task, table) for task in given["delayed_tasks"] or ()]
    return given


def _name_table(taken, given, table):
    """What kartothek wants to know by the name of the table."""
    for name in {"table", "table_name"} & set(taken):
        given[name] = table
    for name in {"columns", "categoricals"} & set(given) if "tables" in taken else ():
        if given[name] is not None:
            given[name] = {table: list(given[name])}


def only_table(uuid, tables):
    """The list of the table; RuntimeError if there are several."""
    if len(tables) > 1:
        raise RuntimeError("Dataset {} has tables {}; kartothek's own functions read datasets of several tables.".format(uuid, tables))
    return tables


def element(value, table):
    """What kartothek's writers take for what plateau's take: frames, MetaPartitions, or lists of them."""
    if value is None or isinstance(value, _MetaPartition):
        return value
    if isinstance(value, partitions.MetaPartition):
        return value._inner
    if isinstance(value, (list, tuple, types.GeneratorType)):
        return [element(part, table) for part in value]
    if isinstance(value, pd.DataFrame) or to_arrow.is_arrow(value):
        return {table: value}
    raise ValueError("Unexpected type during parsing encountered: ({}, {})".format(type(value), value))


def in_plateaus_shape(value):
    """What kartothek's functions return as plateau has it; of what Dask promises, once it is there."""
    if hasattr(type(value), "__dask_graph__"):
        return _promised(value)
    if isinstance(value, _DatasetMetadata):
        return shapes.DatasetMetadata._of(value)
    if isinstance(value, _MetaPartition):
        return partitions.MetaPartition._of(value)
    if isinstance(value, list):
        return [in_plateaus_shape(part) for part in value]
    if isinstance(value, dict):
        (value,) = value.values()
    return value


def _promised(value):
    import dask.bag
    from dask import delayed
    from dask.delayed import Delayed

    if isinstance(value, Delayed):
        return delayed(in_plateaus_shape)(value)
    if isinstance(value, dask.bag.Bag):
        return value.map(in_plateaus_shape)
    if isinstance(value, dask.bag.Item):
        return value.apply(in_plateaus_shape)
    return value
