"""Equality of Arrow tables by their values: types may differ where a cast without loss brings them together."""
import numpy
import pyarrow as pa
import pyarrow.compute as pc


def is_list(kind):
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind) or pa.types.is_map(kind)


def items_of(array):
    """Lengths of the lists, 0 of nulls, and the items of those that are not null."""
    if pa.types.is_fixed_size_list(array.type):
        return pc.if_else(array.is_null(), 0, array.type.list_size).cast(pa.int64()), array.flatten()
    if pa.types.is_map(array.type):
        entries = pa.StructArray.from_arrays([array.keys, array.items], names=["key", "value"])
        offsets = pa.array(numpy.asarray(array.offsets))
        array = pa.ListArray.from_arrays(offsets, entries, mask=array.is_null() if array.null_count else None)
    return pc.fill_null(pc.list_value_length(array), 0).cast(pa.int64()), array.flatten()


def different_leaves(got, want, path):
    if pa.types.is_floating(want.type):
        bits = []
        for array in (got.cast(want.type), want):
            values = array.drop_null().to_numpy(zero_copy_only=False)
            bits.append(numpy.where(numpy.isnan(values), numpy.array(numpy.nan, values.dtype), values).tobytes())
        return None if bits[0] == bits[1] else path
    if got.type != want.type:
        if pa.types.is_timestamp(got.type) and pa.types.is_timestamp(want.type) and (got.type.tz is None) != (want.type.tz is None):
            return "{}: {} where {} is wanted".format(path, got.type, want.type)
        try:
            got = got.cast(want.type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            return "{}: {} where {} is wanted: {}".format(path, got.type, want.type, error)
    return None if got.equals(want) else path


def decoded(array):
    if not pa.types.is_dictionary(array.type):
        return array
    # pyarrow takes nothing from arrays of views.
    plain = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}.get(array.type.value_type)
    values = array.dictionary if plain is None else array.dictionary.cast(plain)
    return values.take(array.indices)


def different(got, want, path):
    """Where two arrays first differ, as text; None: nowhere."""
    got, want = decoded(got), decoded(want)
    if isinstance(got, pa.ExtensionArray):
        got = got.storage
    if isinstance(want, pa.ExtensionArray):
        want = want.storage
    if len(got) != len(want):
        return "{}: {} values where {} are wanted".format(path, len(got), len(want))
    nulls = pc.not_equal(got.is_null(), want.is_null())
    if len(got) and pc.any(nulls).as_py():
        return "{}: null differs at {}".format(path, nulls.index(True).as_py())
    if is_list(want.type):
        if not is_list(got.type):
            return "{}: {} where {} is wanted".format(path, got.type, want.type)
        (got_lengths, got), (want_lengths, want) = items_of(got), items_of(want)
        if not got_lengths.equals(want_lengths):
            return "{}: lengths of lists".format(path)
        return different(got, want, path + "[]")
    if pa.types.is_struct(want.type):
        if not pa.types.is_struct(got.type) or got.type.num_fields != want.type.num_fields:
            return "{}: {} where {} is wanted".format(path, got.type, want.type)
        for i, (a, b) in enumerate(zip(got.flatten(), want.flatten())):
            found = different(a, b, "{}.{}".format(path, want.type.field(i).name))
            if found:
                return found
        return None
    return different_leaves(got, want, path)


def one(column):
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def difference(got, want):
    """Where two tables first differ, as text; None: nowhere."""
    if got.column_names != want.column_names:
        return "columns {} where {} are wanted".format(got.column_names, want.column_names)
    if got.num_rows != want.num_rows:
        return "{} rows where {} are wanted".format(got.num_rows, want.num_rows)
    for name in want.column_names:
        found = different(one(got.column(name)), one(want.column(name)), name)
        if found:
            return found
    return None
