"""Texts for parameters that many functions have."""
import inspect

_PARAMETER_MAPPING = {
    "store": "A store: a URL, a store object, or a function without arguments that makes one.",
    "dataset_uuid": "Name of the dataset.",
    "factory": "A DatasetFactory that stands for the dataset, instead of its name and store.",
    "table": "Name of a table.",
    "table_name": "Name of the table.",
    "tables": "Names of tables; None: all.",
    "columns": "Which columns; None: all.",
    "categoricals": "Columns that are read as categories.",
    "predicates": "Which rows: a list (OR) of lists (AND) of (column, operator, value).",
    "predicate_pushdown_to_io": "Has no effect on the result.",
    "dates_as_object": "Dates as datetime.date, else as datetime64[ns].",
    "dispatch_by": "Columns by whose values partitions are grouped; they need to have an index or be partition keys.",
    "label_filter": "A function of the label of a partition: whether it is read.",
    "concat_partitions_on_primary_index": "Group partitions by the partition keys.",
    "metadata": "A dict that is stored with the dataset.",
    "metadata_merger": "A function that makes one dict of a list of them.",
    "partition_on": "Columns by whose values files are divided.",
    "secondary_indices": "Columns that get an index.",
    "delete_scope": "What is deleted: a list (OR) of maps (AND) from column to value.",
    "sort_partitions_by": "Columns by which the rows of each partition are put in order.",
    "df_serializer": "How files are written.",
    "overwrite": "Whether a dataset of that name may be replaced.",
    "metadata_version": "Version of the format: 4.",
    "metadata_storage_format": "Of the document: json or msgpack.",
}


def default_docs(func):
    """Decorator: describe the parameters that the documentation of a function or class leaves out."""
    text = inspect.cleandoc(func.__doc__ or "")
    names = [name for name in inspect.signature(func).parameters if name in _PARAMETER_MAPPING]
    missing = [name for name in names if name + ":" not in text]
    if not missing:
        return func
    head, separator, rest = text.partition("Parameters\n----------\n")
    lines = "".join("{}:\n    {}\n".format(name, _PARAMETER_MAPPING[name]) for name in missing)
    if not separator:
        head = text.rstrip() + "\n\n"
    func.__doc__ = head + "Parameters\n----------\n" + lines + rest
    return func


__all__ = ("default_docs",)
