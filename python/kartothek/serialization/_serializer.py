"""What data files of either format have in common: they are chosen by the ending of their key."""
import abc


class DataFrameSerializer(abc.ABC):
    """Frames into values of a store, and back."""

    _serializers: "dict[str, type]" = {}

    #: whether a frame comes back with the types that it had
    type_stable = False

    def __eq__(self, other):
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self):
        return hash((type(self), tuple(sorted(vars(self).items()))))

    def __repr__(self):
        return "{}({})".format(type(self).__name__, ", ".join("{}={!r}".format(*item) for item in sorted(vars(self).items())))

    @classmethod
    def register_serializer(cls, suffix, serializer):
        """Read keys that end in ``suffix`` by the ``restore_dataframe`` of a class; of several endings the first that was registered counts."""
        cls._serializers[suffix] = serializer

    @classmethod
    def restore_dataframe(
        cls,
        store,
        key,
        filter_query=None,
        columns=None,
        predicate_pushdown_to_io=True,
        categories=None,
        predicates=None,
        date_as_object=False,
    ):
        """
        The frame of a data file, by a class that suits its key.

        Parameters
        ----------
        filter_query: str, optional
            Rows to keep, as :meth:`pandas.DataFrame.query` takes it.
        columns: list of str, optional
            In this order; None: all.
        predicate_pushdown_to_io: bool
            Has no effect: rows that do not match are not decoded where that can be avoided.
        categories: list of str, optional
            Columns to come as categories.
        predicates: list of list of tuple, optional
        date_as_object: bool
            Dates as :class:`datetime.date`, else as datetime64.
        """
        if filter_query and predicates:
            raise ValueError("Can only specify one of filter_query and predicates")
        columns = None if columns is None else [_text(column) for column in columns]
        categories = None if categories is None else [_text(column) for column in categories]
        for suffix, serializer in cls._serializers.items():
            if key.endswith(suffix):
                return serializer.restore_dataframe(
                    store=store,
                    key=key,
                    filter_query=filter_query,
                    columns=columns,
                    predicate_pushdown_to_io=predicate_pushdown_to_io,
                    categories=categories,
                    predicates=predicates,
                    date_as_object=date_as_object,
                )
        raise ValueError("The specified file format for '{}' is not supported".format(key))

    @abc.abstractmethod
    def store(self, store, key_prefix, df):
        """Put a frame, or an Arrow table, under the prefix with the format's ending; returns the key."""


def _text(name):
    return name.decode("utf-8") if isinstance(name, bytes) else str(name)


def check_columns(columns, known):
    """ValueError for columns that a file does not have."""
    missing = sorted(set(columns or ()) - set(known))
    if missing:
        raise ValueError("Columns cannot be found in stored dataframe: {}".format(", ".join(missing)))
