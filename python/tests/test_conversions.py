"""Columns of random values go to Arrow and come back as pyarrow has them; what has no place is refused by column and row."""
import datetime
import decimal
import random
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from kartothek import _core, parquet
from kartothek._frames import from_arrow, to_arrow

try:
    import pyarrow as pa
    import pyarrow.compute  # noqa: F401
except ImportError:
    pa = None

needs_pyarrow = pytest.mark.skipif(pa is None or not hasattr(getattr(pa, "Table", None), "__arrow_c_stream__"), reason="needs pyarrow 14")
PANDAS_3 = int(pd.__version__.split(".")[0]) >= 3
DAY = datetime.date(1970, 1, 1)


@needs_pyarrow
def test_groups_that_start_at_any_bit_come_out_as_pyarrow_has_them():
    """Groups of rows are cut out of the same memory: nulls and booleans begin within bytes, and end there."""
    random_state = np.random.RandomState(1)
    lengths = [*range(1, 20), *range(60, 70), *range(125, 132), 500]
    count = sum(lengths)
    micros = random_state.randint(0, 86_400_000_000, count)
    columns = {
        "i": pa.array(random_state.randint(-9, 9, count), pa.int16()),
        "f": pa.array(random_state.rand(count)),
        "e": pa.array(random_state.rand(count), pa.float32()),
        "b": pa.array(random_state.rand(count) < 0.5),
        "t": pa.array(micros * 10, pa.int64()).cast(pa.timestamp("us")),
        "d": pa.array(micros % 9999, pa.int64()).cast(pa.int32()).cast(pa.date32()),
        "o": pa.array(micros, pa.int64()).cast(pa.time64("us")),
    }
    for share in (0, 0.02, 0.5, 1):
        nulls = pa.array(random_state.rand(count) < share)
        table = pa.table({name: pa.compute.if_else(nulls, None, column) for name, column in columns.items()})
        table = table.append_column("g", pa.array(np.repeat(np.arange(len(lengths)), lengths)))
        written = _core.parquet_write(table, None)
        values, groups = _core.parquet_read(written, None).split(["g"], 1 << 30)
        assert len(groups) == len(lengths)
        start = 0
        for group, length in zip(groups, lengths):
            frame = from_arrow.frame_from_stream(group, dates_as_object=True, shared=True)
            wanted = table.slice(start, length).to_pandas(coerce_temporal_nanoseconds=True)
            for name in frame.columns:
                found = frame[name]
                pd.testing.assert_series_equal(found, wanted[name], check_dtype=False, obj="{} of {} rows from {}".format(name, length, start))
            start += length


class Made:
    """Batches that exist already, for what reads a stream."""

    def __init__(self, batches):
        self.read = lambda: batches


def integer(rng):
    return rng.choice([0, -1, rng.randrange(-(2**63), 2**63), rng.randrange(100)])


def text(rng):
    return rng.choice(["", "a", "ä\U0001f600", "x" * 300, str(rng.random())])


def date(rng):
    return datetime.date.fromordinal(rng.randint(1, datetime.date.max.toordinal()))


def moment(rng):
    return datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=rng.randrange(-(2**52), 2**52))


def duration(rng):
    return datetime.timedelta(microseconds=rng.randrange(-(2**52), 2**52))


def number(rng, digits):
    return decimal.Decimal("{}E-{}".format(rng.randrange(-(10**digits), 10**digits), rng.randrange(min(digits, 16))))


#: one value each; None comes on top
VALUES = {
    "bool": lambda rng: rng.random() < 0.5,
    "int": integer,
    "uint": lambda rng: rng.randrange(2**63, 2**64),
    "float": lambda rng: rng.choice([0.5, -0.0, float("inf"), rng.random()]),
    "text": text,
    "bytes": lambda rng: text(rng).encode("utf-8") + b"\xff",
    "date": date,
    "time": lambda rng: moment(rng).time(),
    "datetime": moment,
    "timedelta": duration,
    "decimal": lambda rng: number(rng, rng.choice([1, 9, 18, 30])),
    "decimal256": lambda rng: number(rng, 60),
    "list of ints": lambda rng: [integer(rng) for _ in range(rng.randrange(4))],
    "list of texts": lambda rng: [rng.choice([None, text(rng)]) for _ in range(rng.randrange(4))],
    "list of dates": lambda rng: [rng.choice([None, date(rng)]) for _ in range(rng.randrange(3))],
    "list of datetimes": lambda rng: [moment(rng) for _ in range(rng.randrange(3))],
    "list of decimals": lambda rng: [number(rng, 9) for _ in range(rng.randrange(3))],
    "list of bools": lambda rng: [rng.choice([None, True, False]) for _ in range(rng.randrange(3))],
    "list of lists": lambda rng: [rng.choice([None, [], [1, 2], [rng.randrange(9)]]) for _ in range(rng.randrange(3))],
    "arrays": lambda rng: np.array([rng.random() for _ in range(rng.randrange(4))]),
    "arrays of times": lambda rng: np.array([rng.randrange(10**9)], dtype="M8[s]").astype("M8[us]"),
    "dicts": lambda rng: {"a": rng.choice([None, rng.randrange(9)]), "b": text(rng), "c": rng.choice([None, [1.5, None]])},
    "dicts of times": lambda rng: {"d": date(rng), "m": moment(rng), "t": moment(rng).time()},
    "list of dicts": lambda rng: [{"k": rng.randrange(9), "v": text(rng)} for _ in range(rng.randrange(3))],
    "dicts of dicts": lambda rng: {"in": rng.choice([None, {"x": rng.random()}])},
}


def column(kind, length, seed, nulls):
    rng = random.Random("{} {} {}".format(kind, length, seed))
    values = np.empty(length, dtype=object)
    for row in range(length):
        values[row] = None if rng.random() < nulls else VALUES[kind](rng)
    return values


def plain(value):
    """For comparison: arrays as lists, every missing value as None, times in microseconds."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind in "mM":
            return [None if np.isnat(item) else int(item.astype(value.dtype.str[:3] + "[us]").astype("int64")) for item in value]
        return [plain(item) for item in value]
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if value is None or value is pd.NaT or value is pd.NA or value != value:
        return None
    if isinstance(value, datetime.datetime):
        return (value - datetime.datetime(1970, 1, 1)) // datetime.timedelta(microseconds=1)
    if isinstance(value, datetime.date):
        return (value.toordinal() - DAY.toordinal()) * 86400 * 10**6
    if isinstance(value, datetime.timedelta):
        return value // datetime.timedelta(microseconds=1)
    return value


def rows(series):
    return [plain(value) for value in series.array]


@needs_pyarrow
@pytest.mark.parametrize("nulls", [0, 0.2, 1])
@pytest.mark.parametrize("kind", sorted(VALUES))
def test_objects_become_what_pyarrow_makes_of_them(kind, nulls):
    for length in (0, 1, 7, 8, 9, 64, 200):
        if kind.startswith("decimal256") and not hasattr(pa, "decimal256"):
            pytest.skip("pyarrow without decimal256")
        frame = pd.DataFrame({"c": pd.Series(column(kind, length, 1, nulls), dtype=object)})
        found = pa.table(to_arrow.frame_stream(frame)).column(0)
        if frame.c.isna().all():
            assert found.null_count == length
            continue
        if kind == "uint":  # pyarrow refuses these
            assert str(found.type) == "uint64" and found.to_pylist() == frame.c.tolist()
            continue
        want = pa.Table.from_pandas(frame, preserve_index=False).column(0)
        if kind in ("datetime", "timedelta") or kind.startswith("list of datetimes"):
            want = want.cast(found.type)
        if not all(isinstance(value, list) and not value for value in frame.c):
            if "dict" in kind:
                want, found = want.to_pylist(), found.to_pylist()
            else:
                assert found.type == want.type
        assert found == want if isinstance(want, list) else found.to_pylist() == want.to_pylist()


@needs_pyarrow
@pytest.mark.parametrize("dates_as_object", [True, False])
@pytest.mark.parametrize("nulls", [0, 0.2])
@pytest.mark.parametrize("kind", sorted(VALUES))
def test_values_come_back_as_pyarrow_gives_them(tmp_path, kind, nulls, dates_as_object):
    for length in (1, 9, 200):
        frame = pd.DataFrame({"c": pd.Series(column(kind, length, 2, nulls), dtype=object)})
        if kind == "date" and not dates_as_object:
            frame.c = [None if value is None else value.replace(year=1700 + value.year % 500) for value in frame.c]
        table = pa.table(to_arrow.frame_stream(frame))
        parquet.write(table, str(tmp_path / "x.parquet"))
        found = parquet.read(str(tmp_path / "x.parquet")).to_pandas(dates_as_object=dates_as_object).c
        want = pa.table(parquet.read(str(tmp_path / "x.parquet"))).to_pandas(date_as_object=dates_as_object).c
        assert rows(found) == rows(want)
        if kind == "date" and dates_as_object:
            assert {type(value) for value in found} <= {datetime.date, type(None)}
        for ours, theirs in zip(found.array, want.array):
            assert isinstance(ours, np.ndarray) == isinstance(theirs, np.ndarray)
            if isinstance(ours, np.ndarray) and ours.dtype.kind != "M":
                assert ours.dtype == theirs.dtype


@needs_pyarrow
def test_batches_and_slices_are_put_together():
    table = pa.table({"l": [[1], None, [], [2, 3], [4]] * 3, "s": [{"a": 1}, None, {"a": None}, {"a": 3}, {"a": 4}] * 3})
    table = table.append_column("m", pa.array([[("k", 1)], None, [], [("x", None), ("y", 2)], []] * 3, pa.map_(pa.string(), pa.int64())))
    table = table.append_column("f", pa.array([[1, 2], None, [3, 4], [5, 6], [7, 8]] * 3, pa.list_(pa.int64(), 2)))
    table = table.append_column("d", pa.array([DAY, None, DAY, DAY, None] * 3))
    parts = [table.slice(3, 4), table.slice(0, 0), table.slice(6, 9), table.slice(1, 2)]
    batches = [batch for part in parts for batch in part.to_batches()]
    reader = pa.RecordBatchReader.from_batches(table.schema, batches)
    data = _core.parquet_write(reader, None, "none", 0, None, None, 4)
    found = from_arrow.frame_from_stream(_core.parquet_read(data, None), True)
    want = pa.concat_tables(parts).to_pandas()
    for name in table.column_names:
        assert rows(found[name]) == rows(want[name]), name


def test_every_day_of_the_calendar():
    days = np.arange(datetime.date(1, 1, 1).toordinal(), datetime.date.max.toordinal() + 1, 5) - DAY.toordinal()
    days = np.concatenate([days, np.arange(-800, 800), [days[0], datetime.date.max.toordinal() - DAY.toordinal()]])
    want = [datetime.date.fromordinal(int(day) + DAY.toordinal()) for day in days]
    frame = pd.DataFrame({"d": pd.Series(want, dtype=object)})
    batches = to_arrow.frame_stream(frame).read()
    stored = np.empty(len(days), dtype="i4")
    batches.fill_values(0, stored.ctypes.data)
    assert np.array_equal(stored, days)
    assert from_arrow.frame_from_stream(Made(batches), True).d.tolist() == want


@pytest.mark.parametrize(
    "values, error, part",
    [
        ([1, 2**64], OverflowError, "row 1"),
        ([2**63, -1], OverflowError, "row 1"),
        ([None, -(2**63) - 1], OverflowError, "row 1"),
        ([datetime.time(1), datetime.time(2, tzinfo=datetime.timezone.utc)], TypeError, "row 1.*time zone"),
        ([decimal.Decimal(1), None, decimal.Decimal("Infinity")], TypeError, "row 2.*finite.*Infinity"),
        ([decimal.Decimal(10) ** 20, decimal.Decimal("1E-60")], TypeError, "row 1.*76 digits"),
        ([{"a": 1}, {3: 4}], TypeError, "row 1.*keys other than texts"),
        ([{}], TypeError, "without any key"),
        ([[1], ["a"]], TypeError, "int, str"),
        ([1, "a"], TypeError, "int, str"),
    ],
)
def test_what_does_not_fit_is_refused_by_column_and_row(values, error, part):
    with pytest.raises(error, match="(?i)column 'bad.*" + part):
        to_arrow.frame_stream(pd.DataFrame({"bad": pd.Series(values, dtype=object)}))


@pytest.mark.skipif(not PANDAS_3, reason="pandas refuses these by itself")
def test_durations_beyond_int64_are_refused():
    with pytest.raises(OverflowError, match="column 'bad', row 1"):
        to_arrow.frame_stream(pd.DataFrame({"bad": pd.Series([datetime.timedelta(1), datetime.timedelta.max], dtype=object)}))


@needs_pyarrow
def test_what_python_or_pandas_has_no_object_for_is_refused_by_column_and_row(tmp_path):
    path = str(tmp_path / "x.parquet")
    parquet.write(pa.table({"bad": pa.array([0, 2932897], pa.int32()).cast(pa.date32())}), path)
    with pytest.raises(ValueError, match="column 'bad', row 1: outside the years 1 to 9999"):
        parquet.read(path).to_pandas()
    parquet.write(pa.table({"bad": pa.array([0, 0, 2**60], pa.timestamp("us"))}), path)
    with pytest.raises(pd.errors.OutOfBoundsDatetime, match="column 'bad', row 2: 1152921504606846976"):
        parquet.read(path).to_pandas()


def test_missing_decimals_and_numbers_of_numpy():
    values = [decimal.Decimal("NaN"), decimal.Decimal("1.50"), None, decimal.Decimal("-0.000"), decimal.Decimal("2E+3")]
    batches = to_arrow.frame_stream(pd.DataFrame({"d": pd.Series(values, dtype=object)})).read()
    assert batches.columns == [("d", "d:7,3", None)]
    found = from_arrow.frame_from_stream(Made(batches)).d.tolist()
    assert [str(value) for value in found] == ["None", "1.500", "None", "0.000", "2000.000"]
    mixed = pd.DataFrame({"n": pd.Series([np.int8(3), 2**63, None], dtype=object), "f": pd.Series([np.float32(0.5), 1, np.nan], dtype=object)})
    assert [item[1] for item in to_arrow.frame_stream(mixed).read().columns] == ["L", "g"]


@pytest.mark.parametrize("threads", [1, 2])
def test_frames_of_a_file_are_their_own(tmp_path, threads):
    path = str(tmp_path / "x.parquet")
    times = pd.date_range("2020-01-01", periods=1000, freq="s")
    frame = pd.DataFrame({"i": np.arange(1000), "f": np.where(np.arange(1000) % 3 == 0, np.nan, 0.5), "t": times, "s": ["x"] * 1000})
    parquet.write(to_arrow.frame_stream(frame), path)
    table = parquet.read(path, threads=threads)
    first = table.to_pandas()
    first.loc[:, "i"] = -1
    first.loc[0, "f"] = 7.0
    second = table.to_pandas()
    assert second.i.tolist() == list(range(1000)) and second.f.isna().sum() == 334 and (second.t == times).all()
    assert table.num_rows == 1000 and table.column_names == ["i", "f", "t", "s"]
    column = table.to_pandas().i
    del table, second
    assert column.sum() == 499500


@needs_pyarrow
def test_memory_that_somebody_looks_at_is_copied(tmp_path):
    path = str(tmp_path / "x.parquet")
    parquet.write(pa.table({"i": list(range(100)), "t": pa.array(range(100), pa.timestamp("ms"))}), path)
    table = parquet.read(path)
    arrow = pa.table(table)
    frame = table.to_pandas()
    frame.loc[:, "i"] = -1
    assert arrow.column("i").to_pylist() == list(range(100))
    assert arrow.column("t").cast(pa.timestamp("ms")).cast(pa.int64()).to_pylist() == list(range(100))


def test_taken_columns_are_gone():
    batches = to_arrow.frame_stream(pd.DataFrame({"i": np.arange(3), "s": pd.Series(["a", "b", "c"], dtype=object)})).read()
    assert batches.take(1) is None
    address, owner = batches.take(0)
    assert address != 0
    with pytest.raises(ValueError, match="taken"):
        batches.null_count(0)
    assert batches.only(1).columns == [("s", "u", None)]
    with pytest.raises(IndexError):
        batches.only(2)
    with pytest.raises(NotImplementedError):
        batches.nested(1)


NO_MEMORY = """
import sys, datetime, decimal
import _testcapi
import numpy as np, pandas as pd
from kartothek import _core
from kartothek._frames import to_arrow, from_arrow

def objects(*values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array

def failing(call):
    for n in range(10000):
        _testcapi.set_nomemory(n, n + 1)
        try:
            result = call()
        except MemoryError:
            continue
        finally:
            _testcapi.remove_mem_hooks()
        return n
    raise AssertionError("never succeeds")

DAY, NULLS = datetime.date(2020, 1, 2), (pd.NaT, pd.NA)
lists, dicts = objects([DAY, None], None, [DAY]), objects({"a": DAY}, None, {"b": DAY})
frame = pd.DataFrame({"d": objects(DAY, None, DAY), "x": objects(decimal.Decimal("1.5"), None, decimal.Decimal(2)), "t": objects("a", None, "bcd"),
                      "l": lists, "s": dicts, "u": objects(datetime.time(1, 2), None, datetime.time(3))})
batches = to_arrow.frame_stream(frame).read()
names = [name for name, _, _ in batches.columns]
offsets, mask, out, items = np.zeros(4, "i4"), np.zeros(3, "u1"), np.empty(3, object), np.empty(3, object)
at = lambda array: array.ctypes.data
addresses = dict(lists=at(lists), dicts=at(dicts), offsets=at(offsets), mask=at(mask), out=at(out), items=at(items), x=at(frame.x.to_numpy(object)))
decimals = frame.x.to_numpy(object)
addresses["x"] = at(decimals)
calls = {
    "offsets": lambda: _core.list_offsets("l", addresses["lists"], 3, NULLS, addresses["offsets"], addresses["mask"]),
    "items": lambda: _core.list_items("l", addresses["lists"], 3, addresses["offsets"], addresses["items"]),
    "names": lambda: _core.dict_names("s", addresses["dicts"], 3, NULLS, addresses["mask"]),
    "values": lambda: _core.dict_values(addresses["dicts"], 3, addresses["mask"], "a", addresses["out"]),
    "decimals": lambda: _core.decimal_values("x", addresses["x"], 3, NULLS, addresses["mask"]),
    "nested": lambda: batches.nested(names.index("l")),
    "only": lambda: batches.only(0),
    "slices": lambda: batches.fill_slices(names.index("l"), addresses["out"], items),
    "dicts": lambda: batches.fill_dicts(names.index("s"), addresses["out"], ["a", "b"], [addresses["out2"], addresses["items"]]),
}
out2 = objects(DAY, DAY, DAY)
addresses["out2"] = at(out2)
for name in ("d", "x", "t", "u"):
    calls["objects " + name] = lambda i=names.index(name): batches.fill_objects(i, addresses["out"])
for name, call in calls.items():
    call()
    out[:] = None
    counts = []
    for _ in range(2):
        failing(call)
        out[:] = None
        if name != "items":
            items[:] = None
        counts.append(sys.getrefcount(DAY))
    assert counts[0] == counts[1], (name, counts)
print("done")
"""


def test_references_are_kept_when_memory_runs_out():
    pytest.importorskip("_testcapi")
    done = subprocess.run([sys.executable, "-c", NO_MEMORY], stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
    assert done.stdout == "done\n", done.stderr
