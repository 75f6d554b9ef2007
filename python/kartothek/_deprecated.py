"""What kartothek 5.3 calls deprecated, in one table, and the warnings of it."""
import sys

from kartothek._lazy import LazyModule, wraps

TYPE_CHECKING = False  # what type checkers take for True
if TYPE_CHECKING:
    from typing import Callable, Dict, TypeVar

    Function = TypeVar("Function", bound=Callable)

warnings = LazyModule("warnings")
texts = LazyModule("kartothek.utils.migration_helpers")

# Kinds of deprecation: a text is made when it is needed.


def REMOVED():
    return texts.DEPRECATION_WARNING_REMOVE_PARAMETER


def ONE_TABLE():
    return texts.get_deprecation_warning_remove_parameter_multi_table("5.3", "6.0")


def NO_DICT():
    return texts.get_deprecation_warning_remove_dict_multi_table("5.3", "6.0")


def SCHEMA():
    return texts.get_parameter_generic_replacement_deprecation_warning("schema", "5.3", "6.0")


def FILE():
    return texts.get_parameter_generic_replacement_deprecation_warning("file", "5.3", "6.0")


def SERIALIZER():
    return texts.get_parameter_type_change_deprecation_warning("Optional[ParquetSerializer]", "Optional[DataFrameSerializer]", "5.3", "6.0")


def FUNCTION(name):
    return "{} is deprecated as of 5.3 and will be removed in 6.0. {}".format(name, texts.get_generic_function_deprecation_waring(name))


def REASONED_FUNCTION(name):
    return texts.get_specific_function_deprecation_warning(name, "5.3", "6.0")


def MULTI_TABLE_FUNCTION(name):
    return texts.get_specific_function_deprecation_warning_multi_table(name, "5.3", "6.0")


MULTI_TABLE_DATASET = (
    "Trying to read a dataset with multiple internal tables. This functionality will be removed in the next major release. If you require a multi "
    "tabled data format, we recommend to switch to the kartothek Cube functionality. "
    "https://kartothek.readthedocs.io/en/stable/guide/cube/kartothek_cubes.html"
)
SINGLE_FRAME = "Passing a single dataframe instead of an iterable is deprecated and may be removed in the next major release."
APPLY_TO_TABLES = (
    "The behavior for passing ``table`` parameter to ``MetaPartition.apply`` will change in the next major version. The future behavior will be to "
    "return all data and only apply the function to the selected tables. All other tables will be left untouched."
)

_GROUPING = {"concat_partitions_on_primary_index": ONE_TABLE, "label_filter": ONE_TABLE}
_FRAMES = dict(_GROUPING, tables=ONE_TABLE)
_PARTS = dict(_FRAMES, dispatch_metadata=ONE_TABLE, load_dataset_metadata=ONE_TABLE)
_UNUSED = {"central_partition_metadata": REMOVED, "load_dynamic_metadata": REMOVED}

#: ``{function: {parameter, or None for the function itself: kind}}``. Left out is what 5.3 warns of in every call, whatever is given.
DEPRECATED: "Dict" = {
    "core.dataset.DatasetMetadataBase.__init__": {"table_meta": ONE_TABLE},
    "core.dataset.DatasetMetadataBase.load_all_indices": {"load_partition_indices": REMOVED},
    "core.dataset.DatasetMetadataBase.load_partition_indices": {None: FUNCTION},
    "core.dataset.DatasetMetadataBuilder.__init__": {"table_meta": ONE_TABLE},
    "core.factory.DatasetFactory.__init__": {"load_dataset_metadata": ONE_TABLE},
    "core.factory.DatasetFactory.load_all_indices": {"load_partition_indices": ONE_TABLE},
    "io.dask.bag.read_dataset_as_dataframe_bag": _FRAMES,
    "io.dask.bag.read_dataset_as_metapartitions_bag": _PARTS,
    "io.dask.dataframe.collect_dataset_metadata": {"table_name": ONE_TABLE},
    "io.dask.dataframe.read_dataset_as_ddf": dict.fromkeys(_GROUPING, REMOVED),
    "io.dask.dataframe.store_dataset_from_ddf": {"delete_scope": REMOVED},
    "io.dask.delayed.merge_datasets_as_delayed": {None: REASONED_FUNCTION},
    "io.dask.delayed.read_dataset_as_delayed": _FRAMES,
    "io.dask.delayed.read_dataset_as_delayed_metapartitions": _PARTS,
    "io.dask.delayed.read_table_as_delayed": {None: MULTI_TABLE_FUNCTION},
    "io.eager.commit_dataset": {"df_serializer": REMOVED, "output_dataset_uuid": REMOVED},
    "io.eager.create_empty_dataset_header": {"table_meta": SCHEMA},
    "io.eager.read_dataset_as_dataframes": dict(_FRAMES, categoricals=NO_DICT),
    "io.eager.read_dataset_as_metapartitions": dict(_FRAMES, dispatch_metadata=ONE_TABLE),
    "io.eager.read_table": dict(_GROUPING, table=ONE_TABLE, categoricals=NO_DICT),
    "io.eager.store_dataframes_as_dataset": {"df_serializer": SERIALIZER},
    "io.eager.update_dataset_from_dataframes": dict(_UNUSED, df_serializer=SERIALIZER),
    "io.eager.write_single_partition": {"df_serializer": SERIALIZER, "metadata": REMOVED, "metadata_merger": REMOVED, "overwrite": REMOVED},
    "io.iter.read_dataset_as_dataframes__iterator": _FRAMES,
    "io.iter.read_dataset_as_metapartitions__iterator": _PARTS,
    "io.iter.update_dataset_from_dataframes__iter": _UNUSED,
    "io_components.merge.align_datasets": {None: FUNCTION},
    "io_components.metapartition.MetaPartition.__init__": {
        "data": NO_DICT, "dataset_metadata": ONE_TABLE, "files": FILE, "metadata": ONE_TABLE, "table_meta": SCHEMA,
    },
    "io_components.metapartition.MetaPartition.add_metapartition": {"metadata_merger": ONE_TABLE},
    "io_components.metapartition.MetaPartition.apply": {"metadata": ONE_TABLE, "tables": ONE_TABLE},
    "io_components.metapartition.MetaPartition.from_partition": {"data": NO_DICT, "dataset_metadata": ONE_TABLE, "table_meta": SCHEMA},
    "io_components.metapartition.MetaPartition.load_dataframes": {"tables": ONE_TABLE},
    "io_components.metapartition.MetaPartition.merge_dataframes": {None: MULTI_TABLE_FUNCTION},
    "io_components.metapartition.MetaPartition.store_dataframes": {"metadata_storage_format": ONE_TABLE, "store_metadata": ONE_TABLE},
    "io_components.metapartition.parse_input_to_metapartition": {"expected_secondary_indices": REMOVED},
    "io_components.read.dispatch_metapartitions": dict(
        _GROUPING, dispatch_metadata=ONE_TABLE, keep_indices=ONE_TABLE, keep_table_meta=ONE_TABLE, load_dataset_metadata=ONE_TABLE
    ),
    "io_components.read.dispatch_metapartitions_from_factory": dict(_GROUPING, dispatch_metadata=ONE_TABLE, store=ONE_TABLE),
    "io_components.utils.check_single_table_dataset": {None: FUNCTION},
    "io_components.utils.validate_partition_keys": {"load_dataset_metadata": ONE_TABLE},
    "utils.ktk_adapters.get_dataset_schema": {None: FUNCTION},
}  # fmt: skip


def deprecated(function: "Function") -> "Function":
    """
    Decorator: a call from outside of the package warns of the function or of those of its parameters that the call gives, as the table has it. What
    the package calls itself never warns.
    """
    name = function.__module__.partition(".")[2] + "." + function.__qualname__
    rules = DEPRECATED[name]
    code = getattr(function, "__wrapped__", function).__code__
    names = code.co_varnames[: code.co_argcount]
    first = min(len(names), *(names.index(parameter) if parameter else 0 for parameter in rules))

    @wraps(function)
    def call(*args, **kwargs):
        if (len(args) > first or not first or not rules.keys().isdisjoint(kwargs)) and not _is_ours(sys._getframe(1)):
            given = {None, *names[: len(args)], *kwargs}
            for parameter in rules.keys() & given:
                warnings.warn(_text(rules[parameter], parameter, function.__name__), DeprecationWarning, stacklevel=2)
        return function(*args, **kwargs)

    return call


def _text(kind, parameter, function):
    if parameter is None:
        return kind(function)
    return "{}\nAffected Kartothek function: {}".format(kind().format(parameter=parameter), function)


def _is_ours(frame):
    return frame.f_globals.get("__name__", "").partition(".")[0] == "kartothek"


def warn_user(text, category=DeprecationWarning):
    """Warn at the line that called the package, however deep this is."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and _is_ours(frame):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, category, stacklevel=level)
