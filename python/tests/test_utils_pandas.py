"""The helpers for frames say what pandas says, which is slower."""
import random

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from kartothek.utils.pandas import (
    aggregate_to_lists,
    concat_dataframes,
    drop_sorted_duplicates_keep_last,
    is_dataframe_sorted,
    mask_sorted_duplicates_keep_last,
    merge_dataframes_robust,
    sort_dataframe,
)

COLUMNS = ("i", "r", "s", "t", "c")


def random_frame(chance, rows):
    texts = [chance.choice("xyz") for _ in range(rows)]
    return pd.DataFrame(
        {
            "i": np.array([chance.randrange(3) for _ in range(rows)], dtype="int8"),
            "r": [chance.randrange(3) / 2 for _ in range(rows)],
            "s": pd.Series(texts, dtype=str),
            "t": pd.Series([pd.Timestamp(2018, 1, chance.randrange(1, 4)) for _ in range(rows)], dtype="datetime64[ns]"),
            "c": pd.Categorical(texts[::-1], categories=["x", "y", "z"]),
            "v": list(range(rows)),
        }
    )


@pytest.mark.parametrize("seed", range(40))
def test_sorted_frames(seed):
    chance = random.Random(seed)
    frame = random_frame(chance, chance.choice([0, 1, 2, 6, 30]))
    by = chance.sample(COLUMNS, chance.randrange(1, 4))
    expected = frame.sort_values(by, kind="mergesort")
    is_sorted = expected.index.equals(frame.index)
    done = sort_dataframe(frame, by)
    assert is_dataframe_sorted(frame, iter(by)) == is_sorted
    assert (done is frame) == is_sorted
    assert_frame_equal(done, expected.reset_index(drop=True))
    assert mask_sorted_duplicates_keep_last(done, by).tolist() == done.duplicated(by, keep="last").tolist()
    assert not mask_sorted_duplicates_keep_last(done, []).any()
    assert_frame_equal(drop_sorted_duplicates_keep_last(done, by), done.drop_duplicates(by, keep="last"))
    unique = done.drop_duplicates(by)
    assert drop_sorted_duplicates_keep_last(unique, by) is unique


@pytest.mark.parametrize("seed", range(20))
def test_lists(seed):
    chance = random.Random(seed)
    frame = random_frame(chance, chance.choice([1, 2, 6, 30]))
    by = chance.sample(COLUMNS, chance.randrange(1, 3))
    expected = frame.astype({"c": str}).groupby(by)["v"].agg(list).reset_index()
    actual = aggregate_to_lists(frame, by, "v")
    assert list(actual.columns) == by + ["v"]
    assert [list(row) for row in actual.itertuples(index=False)] == [list(row) for row in expected.itertuples(index=False)]


def test_lists_of_all_and_of_nothing():
    frame = pd.DataFrame({"a": [2, 1], "v": ["x", "y"]})
    assert aggregate_to_lists(frame, [], "v")["v"].tolist() == [["x", "y"]]
    empty = frame.iloc[:0]
    assert aggregate_to_lists(empty, ["a"], "v") is empty


@pytest.mark.parametrize("how", ["left", "right", "inner", "outer"])
def test_joins(how):
    left, right = pd.DataFrame({"a": [1, 2], "b": [3, 4]}), pd.DataFrame({"b": [4, 4, 5], "c": [6, 7, 8]})
    assert_frame_equal(merge_dataframes_robust(left, right, how), left.merge(right, on="b", how=how))
    other = right.rename(columns={"b": "d"})
    each_with_each = merge_dataframes_robust(left, other, how).sort_values(["a", "c"]).reset_index(drop=True)
    assert_frame_equal(each_with_each, left.merge(other, how="cross"))
    alone = merge_dataframes_robust(left, other.iloc[:0], how)
    assert (len(alone), list(alone.columns)) == (2 if how in ("left", "outer") else 0, ["a", "b", "d", "c"])
    assert list(left.columns) == ["a", "b"]


def test_concatenation():
    frames = [pd.DataFrame({"a": [1], "b": ["x"]}), pd.DataFrame({"b": ["y"], "a": [1.5]})]
    expected = pd.concat(frames, ignore_index=True)
    assert_frame_equal(concat_dataframes(frames), expected, check_column_type=False)
    assert frames == []
    alone = pd.DataFrame({"a": [1]}, index=[7])
    assert concat_dataframes(iter([alone])) is alone
    assert concat_dataframes([], default=alone) is alone
    assert len(concat_dataframes([pd.DataFrame(index=[1]), pd.DataFrame(index=[1, 2])])) == 3
    with pytest.raises(ValueError, match="^Cannot concatenate 0 dataframes.$"):
        concat_dataframes([])
    others = [alone, pd.DataFrame({"b": [1]})]
    with pytest.raises(ValueError, match="^Not all DataFrames have the same set of columns!$"):
        concat_dataframes(others)
    assert len(others) == 2


def test_no_columns():
    with pytest.raises(ValueError, match="^`columns` must contain at least 1 column$"):
        is_dataframe_sorted(pd.DataFrame({"a": [1]}), [])
