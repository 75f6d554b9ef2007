"""Writes table_schemas.tsv: what kartothek 5.3 makes of the schemas of frames (make_meta).

Run with kartothek 5.3.0, pandas 1.3.5 and pyarrow 6.0.1. A line holds, between tabs: a name, the partition keys joined by
commas, the Arrow schema of the frame as an IPC message in hex, then the fields of the result as name:type joined by
semicolons, and the `pandas` entry of the result. The result is that of the frame with its categories replaced by their values: for
categories kartothek names the dtype of the codes, which plateau then does not take for text.
"""
import datetime
import decimal
import os

import numpy as np
import pandas as pd
import pyarrow as pa
from kartothek.core.common_metadata import make_meta


def frames():
    day = datetime.date(2020, 1, 2)
    yield "tutorial", ["B"], pd.DataFrame(
        {
            "A": 1.0,
            "B": [pd.Timestamp("20130102"), pd.Timestamp("20130102"), pd.Timestamp("20130103")],
            "C": pd.Series(1, index=list(range(3)), dtype="float32"),
            "D": np.array([3] * 3, dtype="int32"),
            "E": pd.Categorical(["test", "train", "test"]),
            "F": "foo",
        }
    )
    for name in ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64"]:
        frame = pd.DataFrame({"x": np.array([1, 2], dtype=name), "a": [1, 2]})
        yield name, [], frame
        if name != "float16":
            yield "category_" + name, [], frame.assign(x=frame["x"].astype("category"))
    for name in ["Int8", "Int64", "UInt32", "Float64", "boolean", "string"]:
        values = {"boolean": [True, None], "string": ["a", None]}.get(name, [1, None])
        yield "nullable_" + name, [], pd.DataFrame({"x": pd.array(values, dtype=name)})
    yield "others", ["text", "day"], pd.DataFrame(
        {
            "bytes": [b"a", None],
            "day": [day, day],
            "time": [datetime.time(1, 2, 3), None],
            "decimal": [decimal.Decimal("1.23"), None],
            "text": ["a", "b"],
            "bool": [True, False],
            "bool_null": [True, None],
            "null": [None, None],
            "zoned": pd.to_datetime(["2020-01-02", None]).tz_localize("Europe/Berlin"),
            "utc": pd.to_datetime(["2020-01-02", None]).tz_localize("UTC"),
            "naive": pd.to_datetime(["2020-01-02", None]),
            "int_null": [1, None],
        }
    )
    yield "lists", [], pd.DataFrame(
        {
            "ints": [np.array([1], dtype="int8"), None],
            "texts": [["a"], ["b", None]],
            "nested": [[[np.float32(1)]], [[]]],
            "dates": [[day], [day]],
            "empty": [[], []],
        }
    )
    yield "categories", ["c_text"], pd.DataFrame(
        {
            "c_text": pd.Categorical(["a", "b"]),
            "c_ordered": pd.Categorical(["a", "b"], ordered=True),
            "c_date": pd.Categorical([day, day]),
            "c_bool": pd.Categorical([True, False]),
            "c_time": pd.Categorical(pd.to_datetime(["2020-01-02", "2020-01-03"])),
            "c_bytes": pd.Categorical([b"a", b"b"]),
            "c_wide": pd.Categorical(["a", "b"], categories=["a", "b"] + [str(i) for i in range(200)]),
        }
    )
    plain = pd.DataFrame({"b": [1, 2], "a": ["x", "y"]})
    yield "index_unnamed", [], plain.set_index(pd.Index([5, 7]))
    yield "index_named", ["b"], plain.set_index(pd.Index([5, 7], name="i", dtype="int64"))
    yield "index_text", [], plain.set_index(pd.Index(["q", "r"], name="z"))
    yield "index_range", [], plain.set_index(pd.RangeIndex(4, 8, 2))
    yield "index_range_named", [], plain.set_index(pd.RangeIndex(4, 8, 2, name="r"))
    yield "no_rows", ["a"], plain.iloc[:0]
    yield "order", ["Z", "missing", "b"], pd.DataFrame({n: [1] for n in ["b", "ä", "a", "Z", "_", "aa", "é", "A", "日本", "a b", "a/b", "10", "9"]})


def by_value(frame):
    categorical = [name for name in frame.columns if frame[name].dtype.name == "category"]
    return frame.assign(**{name: pd.Series(frame[name].tolist(), index=frame.index).astype(value_dtype(frame[name])) for name in categorical})


def value_dtype(column):
    categories = column.cat.categories
    return "bool" if categories.inferred_type == "boolean" else categories.dtype


def main():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "table_schemas.tsv")
    with open(path, "w", encoding="utf-8") as out:
        for name, keys, frame in frames():
            data = pa.Schema.from_pandas(frame)
            made = make_meta(by_value(frame), "origin", keys)
            fields = ";".join("{}:{}".format(f.name, f.type) for f in made)
            out.write(
                "\t".join(
                    [name, ",".join(keys), data.serialize().to_pybytes().hex(), fields, made.metadata[b"pandas"].decode()]
                )
                + "\n"
            )


if __name__ == "__main__":
    main()
