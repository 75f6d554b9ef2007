"""Frames sorted, joined and put together. Columns that are sorted or compared hold no nulls."""
import numpy as np
import pandas as pd

__all__ = (
    "aggregate_to_lists",
    "concat_dataframes",
    "drop_sorted_duplicates_keep_last",
    "is_dataframe_sorted",
    "mask_sorted_duplicates_keep_last",
    "merge_dataframes_robust",
    "sort_dataframe",
)


def _values(frame, column):
    """A column as a NumPy array, categories as their values."""
    values = frame[column].values
    return values if isinstance(values, np.ndarray) else np.asarray(values)


def concat_dataframes(dfs, default=None):
    """
    The rows of all frames, one frame below the other, in the columns of the first.

    Parameters
    ----------
    dfs: iterable of pandas.DataFrame
        All with the same columns, in any order. A list is emptied, so that frames can go as soon as they are no longer needed.
    default: pandas.DataFrame, optional
        The result for no frames.

    Returns
    -------
    pandas.DataFrame
        The frame itself if there is one alone; else with row labels from 0.

    Raises
    ------
    ValueError
        For no frames without a default, and if columns differ.
    """
    frames = dfs if isinstance(dfs, list) else list(dfs)
    if not frames:
        if default is None:
            raise ValueError("Cannot concatenate 0 dataframes.")
        return default
    result = frames[0] if len(frames) == 1 else _joined(frames)
    frames.clear()
    return result


def _joined(frames):
    columns = set(frames[0].columns)
    if any(set(frame.columns) != columns for frame in frames):
        raise ValueError("Not all DataFrames have the same set of columns!")
    # Column by column: there is never more than one column twice in memory.
    joined = {column: pd.concat([frame[column] for frame in frames], ignore_index=True, sort=False) for column in frames[0].columns}
    return pd.DataFrame(joined, index=pd.RangeIndex(sum(len(frame) for frame in frames)), copy=False)


def is_dataframe_sorted(df, columns):
    """Whether the rows ascend by some columns, the first counting most; equal rows may be in any order. ValueError for no columns."""
    columns = list(columns)
    if not columns:
        raise ValueError("`columns` must contain at least 1 column")
    ascends = None
    for column in reversed(columns):
        values = _values(df, column)
        with np.errstate(invalid="ignore"):
            less, equal = values[:-1] < values[1:], values[:-1] == values[1:]
        ascends = less | equal if ascends is None else less | (equal & ascends)
    return bool(ascends.all())


def sort_dataframe(df, columns):
    """The frame itself if it is sorted by the columns; else its rows in their order, equal ones as they were, and with row labels from 0."""
    columns = list(columns)
    if is_dataframe_sorted(df, columns):
        return df
    order = np.lexsort([_values(df, column) for column in reversed(columns)])
    return df.iloc[order].reset_index(drop=True)


def mask_sorted_duplicates_keep_last(df, columns):
    """A NumPy array of bools: which rows have an equal one behind them, in the columns; none for no columns. Equal rows have to stand together."""
    columns = list(columns)
    mask = np.zeros(len(df), dtype=bool)
    if len(df) > 1 and columns:
        mask[:-1] = True
        for column in columns:
            values = _values(df, column)
            mask[:-1] &= values[:-1] == values[1:]
    return mask


def drop_sorted_duplicates_keep_last(df, columns):
    """The frame with the last one of equal rows; itself if there are none."""
    mask = mask_sorted_duplicates_keep_last(df, columns)
    return df.iloc[~mask] if mask.any() else df


def aggregate_to_lists(df, by, data_col):
    """
    A row for each combination of values in the columns ``by``, ascending, with a list of the values that ``data_col`` has there.

    One row for no columns ``by``; a frame without rows comes back as it is.
    """
    by = list(by)
    if df.empty:
        return df
    if not by:
        return pd.DataFrame({data_col: pd.Series([list(df[data_col].values)])})
    df = sort_dataframe(df, by)
    begins = np.ones(len(df), dtype=bool)
    begins[1:] = ~mask_sorted_duplicates_keep_last(df, by)[:-1]
    starts = np.flatnonzero(begins)
    values = list(df[data_col].values)
    lists = [values[start:end] for start, end in zip(starts, [*starts[1:], len(df)])]
    # Lists of scalars, of which pandas makes its widest types.
    result = {column: list(df[column].values[starts]) for column in by}
    result[data_col] = lists
    return pd.DataFrame(result)


def merge_dataframes_robust(df1, df2, how):
    """Two frames joined on the columns that they share; each row with each if there are none. ``how``: as :meth:`pandas.DataFrame.merge` takes it."""
    others = set(df2.columns)
    shared = [column for column in df1.columns if column in others]
    if shared:
        return df1.merge(df2, on=shared, how=how, sort=False)
    # A constant column also does for "left" and "right", for which pandas has no word.
    constant = "__ktk_cube_join_dummy"
    joined = df1.assign(**{constant: 1}).merge(df2.assign(**{constant: 1}), on=[constant], how=how, sort=False)
    return joined.drop(columns=constant)
