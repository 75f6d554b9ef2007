"""What many functions have to say of their parameters and exceptions: told once, and put into the documentation of each."""
TYPE_CHECKING = False  # what type checkers take for True
if TYPE_CHECKING:
    from typing import Callable, TypeVar

    Described = TypeVar("Described", bound=Callable)

#: parameter: (type, meaning)
_PARAMETERS = {
    "store": (
        "str, store or callable",
        "URL such as ``hfs:///data/lake``; a storefact, simplekv or minimalkv store; or a function without arguments that makes one, which\n"
        "is what travels to other processes.",
    ),
    "dataset_uuid": ("str", "Name of the dataset: letters, digits, ``+``, ``-`` and ``_``."),
    "factory": ("DatasetFactory, optional", "Stands for the dataset, in place of ``dataset_uuid`` and ``store``; what it has read is used."),
    "table": ("str", "Name of the table."),
    "table_name": ("str", "Name of the table."),
    "tables": ("list of str, optional", "Names of the tables to read; None: all."),
    "columns": ("dict of list of str, optional", "``{table: columns}`` to read; None, or no entry for a table: all."),
    "categoricals": ("dict of list of str, optional", "``{table: columns}`` that come as pandas categories; memory and time are saved where values repeat."),
    "predicates": (
        "list of list of tuple, optional",
        "Which rows: a list (or) of lists (and) of ``(column, operator, value)``; operators are ``==``, ``!=``, ``<``, ``<=``, ``>``, ``>=``,\n"
        "``in``, ``not in`` and ``is distinct from``, values are of the column's type. Files and row groups that cannot match are not read.\n"
        "None: all rows.",
    ),
    "predicate_pushdown_to_io": ("bool", "Has no effect: rows are always chosen while they are read, and the result is the same."),
    "dates_as_object": ("bool", "Dates as ``datetime.date`` in columns of objects, else as ``datetime64[ns]``."),
    "dispatch_by": (
        "str or list of str, optional",
        "Columns by whose values rows are grouped: partition keys or columns with an index. ``[]``: one group of all rows. None: each\n"
        "partition by itself.",
    ),
    "dispatch_metadata": ("bool", "Whether the MetaPartitions carry the user's metadata and indices that are not loaded."),
    "label_filter": ("callable, optional", "Gets the label of a partition, a str, and says whether it is read."),
    "concat_partitions_on_primary_index": ("bool", "As ``dispatch_by`` with the partition keys, together with which it is a ValueError."),
    "load_dataset_metadata": ("bool", "Has no effect."),
    "load_dynamic_metadata": ("bool", "Has no effect."),
    "central_partition_metadata": ("bool", "Has no effect."),
    "partition_size": ("int, optional", "How many partitions or groups of the dataset make one of the bag; None: Dask chooses."),
    "bag": ("dask.bag.Bag", "Of elements as ``dfs`` of :func:`kartothek.io.eager.store_dataframes_as_dataset` has them."),
    "delayed_tasks": ("list of dask.delayed.Delayed", "Of elements as ``dfs`` of :func:`kartothek.io.eager.store_dataframes_as_dataset` has them."),
    "df_generator": ("iterable", "Elements as ``dfs`` of :func:`kartothek.io.eager.store_dataframes_as_dataset` has them; one is in memory at a time."),
    "ddf": ("dask.dataframe.DataFrame", "The rows; its index is not stored."),
    "metadata": ("dict, optional", "Of JSON values; these keys are set in the user's metadata, others stay."),
    "metadata_merger": (
        "callable, optional",
        "Gets ``[metadata of the dataset]``, a list of dicts, and returns the dict in which ``metadata`` is then set.",
    ),
    "partition_on": (
        "str or list of str, optional",
        "Columns whose values become part of the path instead of the files: one partition per frame and combination of values. A dataset that\n"
        "is there has its own, and takes None or just these.",
    ),
    "secondary_indices": (
        "str or list of str, optional",
        "Columns by which partitions are found without a look into their files. A dataset that is there has its own, which are kept up\n"
        "unasked, and takes None or just these.",
    ),
    "delete_scope": (
        "list of dict, optional",
        "What is deleted: a list (or) of ``{column: value}`` (and). What the same call adds stays.",
    ),
    "delete_mode": (
        "str",
        "What ``delete_scope`` does with columns that are no partition keys: ``\"exact\"`` refuses them, ``\"rows\"`` writes the rows that stay into\n"
        "new files, ``\"whole_partitions\"`` deletes every partition that holds such a row, as kartothek does.",
    ),
    "sort_partitions_by": ("str or list of str, optional", "Columns by which the rows of each file are put in order, nulls last."),
    "df_serializer": ("ParquetSerializer, optional", "How files are written: its compression. None: snappy."),
    "overwrite": ("bool", "Replace a dataset of that name, in one step."),
    "metadata_version": ("int", "Version of the format; 4 is the only one."),
    "default_metadata_version": ("int", "Version of the format; 4 is the only one."),
    "metadata_storage_format": ("str", "Of the document of a new dataset: ``\"json\"`` or ``\"msgpack\"``."),
    "shuffle": (
        "bool",
        "False: one file per partition of ``ddf`` and combination of values of ``partition_on``. True: rows are brought together first, so that\n"
        "there are at most ``num_buckets`` files per combination.",
    ),
    "num_buckets": ("int", "Into how many files the rows of a combination go, by the hash of ``bucket_by``; with ``shuffle``."),
    "bucket_by": ("str or list of str, optional", "Rows that are equal in these columns are never in different files of a combination. None: all columns."),
    "repartition_ratio": ("float, optional", "The number of partitions of ``ddf`` is divided by it first, and rounded up."),
}

#: (parameters that a function has, exception, when it is raised), unless its own documentation tells of that exception
_EXCEPTIONS = [
    ({"predicates"}, "KeyError", "If there is no such dataset, table or column of a predicate."),
    ({"predicates", "columns"}, "ValueError", "For columns that the table does not have, and values of predicates that are not of the column's type."),
    ({"dispatch_by"}, "RuntimeError", "For columns of ``dispatch_by`` without an index."),
    (
        {"overwrite", "partition_on", "dataset_uuid"},
        "kartothek.exceptions.DatasetExists",
        "If there is one of that name and ``overwrite`` is False. A RuntimeError, as all of ``kartothek.exceptions``.",
    ),
    ({"delete_scope", "delete_mode"}, "kartothek.exceptions.CommitConflict", "If others changed what this changes; nothing was changed."),
    ({"delete_scope", "delete_mode"}, "kartothek.exceptions.StaleWriter", "If it took longer than the grace of a garbage collection; nothing was changed."),
    ({"partition_on", "dataset_uuid"}, "kartothek.exceptions.UnknownOutcome", "If the store did not say whether the commit came through."),
    (
        {"partition_on", "dataset_uuid"},
        "ValueError",
        "For frames whose columns or types differ from the others' or from the dataset's, and for names that are not allowed.",
    ),
]

_TITLES = ("Parameters", "Returns", "Yields", "Raises")


def default_docs(func: "Described") -> "Described":
    """Decorator: describe the parameters and exceptions that the documentation of a function or class leaves out; ``func`` is returned."""
    func.__doc__ = completed(func.__doc__, _parameters(func))
    return func


def _parameters(func):
    """Names of the parameters, also of a class, and of what decorators have wrapped; at every import, so without :mod:`inspect`, which takes long."""
    if isinstance(func, type):
        return _parameters(func.__init__)[1:]
    while hasattr(func, "__wrapped__"):
        func = func.__wrapped__
    code = func.__code__
    return list(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])


def document(namespace):
    """:func:`default_docs` for all public functions of a module; ``namespace`` is its ``globals()``."""
    for name, value in namespace.items():
        if isinstance(value, type(document)) and value.__module__ == namespace["__name__"] and not name.startswith("_"):
            default_docs(value)


def completed(text, names, told=None):
    """
    A documentation with an entry for each parameter, in their order, and the exceptions that go with them.

    Parameters
    ----------
    text: str or None
        As it is written; entries for parameters that are not among ``names`` go.
    names: sequence of str
        The parameters.
    told: dict, optional
        ``{parameter: (type, meaning)}`` that come before what ``text`` says.

    Returns
    -------
    str or None
        None for None: Python leaves documentation out when it is asked to.
    """
    if text is None:
        return None
    sections = _sections(_without_margin(text))
    told = told or {}
    known = dict(_PARAMETERS, **told)
    written = {name: entry for entry in _entries(sections.get("Parameters", ())) for name in _named(entry) if name not in told}
    entries = [written.get(name) or _entry(*known[name], name=name) for name in names if name in written or name in known]
    sections["Parameters"] = list(dict.fromkeys(entries))
    raised = list(_entries(sections.get("Raises", ())))
    for needed, exception, when in _EXCEPTIONS:
        if needed <= set(names) and not any(exception in _named(entry) for entry in raised):
            raised.append("{}\n    {}".format(exception, when))
    sections["Raises"] = raised
    parts = [sections[""].strip()]
    parts += ["{}\n{}\n{}".format(title, "-" * len(title), "\n".join(sections[title])) for title in _TITLES if sections.get(title)]
    return "\n\n".join(parts) + "\n"


def _without_margin(text):
    """What :func:`inspect.cleandoc` makes of it."""
    first, *others = text.expandtabs().split("\n")
    margin = min((len(line) - len(line.lstrip()) for line in others if line.strip()), default=0)
    return "\n".join([first.lstrip()] + [line[margin:] for line in others]).strip("\n")


def _entry(kind, meaning, name):
    return "{}: {}\n    {}".format(name, kind, meaning.replace("\n", "\n    "))


def _sections(text):
    """``{title: lines}``; what comes before all of them has the title "", as one text."""
    sections, title, lines = {}, "", text.split("\n")
    for number, line in enumerate(lines):
        if line in _TITLES and lines[number + 1 : number + 2] == ["-" * len(line)]:
            title = line
        elif not (line and title and line == "-" * len(title)):
            sections.setdefault(title, []).append(line)
    found = {title: [line for line in lines if line] for title, lines in sections.items() if title}
    return dict(found, **{"": "\n".join(sections.get("", []))})


def _entries(lines):
    """What stands at the margin, each with the lines that are indented below it."""
    entry = []
    for line in lines:
        if not line.startswith(" ") and entry:
            yield "\n".join(entry)
            entry = []
        entry.append(line)
    if entry:
        yield "\n".join(entry)


def _named(entry):
    """The names that an entry is for: "version, at: str" is for two."""
    return [name.strip() for name in entry.split("\n", 1)[0].split(":")[0].split(",")]


__all__ = ("default_docs",)
