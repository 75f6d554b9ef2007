"""
What cubes, their conditions and the helpers of `kartothek.utils` answer, as JSON in the last line. Runs in the environment of the original and in ours:
the answers have to be equal. Reads {"golden": URL, "broken": URL, "cubes": [name]} on standard input.
"""
import copy
import datetime
import importlib
import inspect
import json
import pickle
import random
import sys
import warnings

import numpy as np
import pandas as pd
import pyarrow as pa

from kartothek.api.consistency import check_datasets, get_cube_payload, get_payload_subset
from kartothek.api.discover import discover_cube, discover_datasets, discover_datasets_unchecked, discover_ktk_cube_dataset_ids
from kartothek.core.cube import conditions
from kartothek.core.cube.conditions import C, Condition, Conjunction
from kartothek.core.cube.cube import Cube
from kartothek.io_components.read import dispatch_metapartitions
from kartothek.utils import converters, ktk_adapters, migration_helpers
from kartothek.utils import pandas as frames
from kartothek.utils.predicate_converter import convert_predicates_to_cube_conditions, write_predicate_as_cube_condition

FACTS = {}

#: the text belongs to Python or pandas, or says more than that of the original
OTHER_TEXTS = ("ambiguous", "Cannot compare column", "could not convert", "invalid literal", "date string", "datetime string", "Cannot check if a condition", "Found incompatible entries")


def plain(value):
    if isinstance(value, dict):
        return [[plain(key), plain(item)] for key, item in value.items()]
    if isinstance(value, (set, frozenset)):
        return sorted(plain(item) for item in value)
    if isinstance(value, (list, tuple)):
        return [type(value).__name__] + [plain(item) for item in value]
    if isinstance(value, pd.DataFrame):
        kinds = [kind_of(dtype) for dtype in value.dtypes]
        rows = [[plain(cell) for cell in row] for row in value.itertuples(index=False)] if len(kinds) else []
        return [list(value.columns), kinds, rows, [plain(label) for label in value.index]]
    if hasattr(value, "dtype") and getattr(value, "ndim", 0) == 1:
        return [plain(item) for item in value]
    if hasattr(value, "item"):
        value = pd.Timestamp(value) if value.dtype.kind == "M" else value.item()
    if isinstance(value, pd.Timestamp):
        return "Timestamp {}".format(value.value)
    if isinstance(value, datetime.date):
        return "date " + value.isoformat()
    if value is pd.NaT or isinstance(value, float) and value != value:
        return None  # which of the two a column of texts has depends on pandas
    if type(value).__module__.startswith("kartothek"):
        return [type(value).__name__, str(value) if isinstance(value, (Condition, Conjunction)) else repr(value)]
    return value if value is None or isinstance(value, (bool, int, float, str)) else repr(value)


def kind_of(dtype):
    """Texts and the unit of time stamps depend on pandas."""
    return {"str": "object", "string": "object"}.get(str(dtype), "time" if dtype.kind == "M" else str(dtype))


def fact(name, call):
    """What a call returns, or the type and text of what it raises."""
    assert name not in FACTS, name
    try:
        FACTS[name] = plain(call())
    except Exception as error:
        kind = next(base.__name__ for base in type(error).__mro__ if base.__module__ == "builtins")
        text = str(error)
        is_compared = kind in ("KeyError", "TypeError", "ValueError") and not any(part in text for part in OTHER_TEXTS)
        FACTS[name] = "raises {}: {}".format(kind, text if is_compared else "")


def facts_of_converters():
    values = [None, "a", b"\xc3\xa4", 1, 1.5, ["a", b"b", "a"], ("x", "y"), {"k": 1}, {"z"}, frozenset(["f"]), [1], [], (), {}, iter("ab"), range(3)]
    names = ("converter_str", "converter_str_set", "converter_str_set_optional", "converter_str_tupleset", "converter_tuple")
    for name in names:
        for i, value in enumerate(values):
            value = iter("ab") if i == len(values) - 2 else value
            if i == len(values) - 2 and name == "converter_str":
                continue  # says where in memory it is
            fact("{} {}".format(name, i), lambda: getattr(converters, name)(value))
    texts = ["1", "-3", "1_0", " 4", "1.5", "1e3", "nan", "inf", "x", "", "'", "''", "'a'", '"a"', "'a\"", "yes", "T", "FALSE", "maybe", "0", "2018-01-01", "2018-01-01T01:02:03.5"]
    for dtype in (pa.bool_(), pa.int8(), pa.uint64(), pa.float32(), pa.float64(), pa.string(), pa.timestamp("ns"), pa.binary(), pa.list_(pa.int64()), pa.date64()):
        for text in texts:
            # pandas takes an empty text for NaT, and says differently what is no time stamp
            if not pa.types.is_timestamp(dtype) or text.startswith("2018"):
                fact("text {} {!r}".format(dtype, text), lambda: converters.get_str_to_python_converter(dtype)(text))


TYPES = {"s": pa.string(), "i": pa.int64(), "f": pa.float64(), "b": pa.bool_(), "t": pa.timestamp("ns"), "bin": pa.binary()}


def facts_of_texts():
    chance = random.Random(6)
    columns, operators = ["s", "i", "f", "b", "t", "no", "(s", ""], ["==", "=", "!=", "<", "<=", ">", ">=", "=>", "<>", "in", "==="]
    values = ["a", "'a b'", "(a)", "a)", "a=b", "5", " 7 ", "1.5", "yes", "FALSE", "'", "''", "", "nan", "'x & y'", "2018-01-01", "inf", "\n3\n"]
    for i in range(1500):
        parts = []
        for _ in range(chance.choice([1, 1, 1, 2, 3])):
            column, space, bracket = chance.choice(columns), chance.choice(["", " ", "  "]), chance.choice([("", ""), ("", ""), ("(", ")"), ("(", ""), ("", ")")])
            parts.append(bracket[0] + space + column + space + chance.choice(operators) + space + chance.choice(values) + bracket[1])
        text = chance.choice(["&", " & ", " &"]).join(parts)
        if "t" in text.split() and "2018" not in text:
            continue
        fact("text {} {!r}".format(i, text), lambda: Conjunction.from_string(text, TYPES).conditions)
    for text in ("", "   ", "i == 1 &", "& i == 1", "i == 1 & & i == 2", "bin == a", "((s == a))", "i.in_interval(1, 2)"):
        fact("text " + repr(text), lambda: Conjunction.from_string(text, TYPES).conditions)
        fact("one text " + repr(text), lambda: Condition.from_string(text, TYPES))


def conditions_by_name():
    stamp = pd.Timestamp("2018-01-02 03:04")
    return {
        "eq": C("a") == 1, "ne": C("a") != 1, "lt": C("b") < 1.5, "le": C("b") <= 1.5, "gt": C("c") > "b", "ge": C(b"c") >= "b",
        "in": C("a").isin([1, 2]), "in one": C("c").isin("bc"), "in none": C("a").isin(None), "interval": C("a").in_interval(1, 3), "start": C("b").in_interval(1.0),
        "stop": C("c").in_interval(stop="c"), "inactive": C("a").in_interval(), "time": C("d") >= stamp, "times": C("d").in_interval(stamp, stamp + pd.Timedelta(1, "D")),
    }  # fmt: skip


def facts_of_conditions():
    known = conditions_by_name()
    frame = pd.DataFrame(
        {
            "a": [0, 1, 2, 3],
            "b": [0.5, 1.5, None, 2.5],
            "c": ["a", None, "c", "bc"],
            "d": [pd.Timestamp("2018-01-01"), pd.Timestamp("2018-01-02 03:04"), None, pd.Timestamp("2018-01-03")],
        },
        index=[7, 5, 3, 1],
    )
    for name, condition in known.items():
        fact("condition " + name, lambda: [condition, condition.column, condition.active, condition.predicate_part])
        fact("values " + name, lambda: [condition == conditions_by_name()[name], hash(condition) == hash(conditions_by_name()[name]), condition != known["eq"]])
        fact("copies " + name, lambda: [pickle.loads(pickle.dumps(condition)) == condition, copy.deepcopy(condition) == condition])
        fact("filter " + name, lambda: condition.filter_df(frame))
        fact("json " + name, lambda: Conjunction(condition).to_jsonarray() if "time" not in name else None)
        fact("back " + name, lambda: Conjunction.from_jsonarray(Conjunction(condition).to_jsonarray()) == Conjunction([condition]))
        fact("bool " + name, lambda: bool(condition))
        fact("set " + name, lambda: setattr(condition, "column", "x"))
        for other in ("eq", "interval", "inactive"):
            both = condition & known[other]
            fact("and {} {}".format(name, other), lambda: [both, both.columns, both.predicate, both.split_by_column(), both.conditions])
            fact("and filter {} {}".format(name, other), lambda: both.filter_df(frame))
    for i, value in enumerate([None, float("nan"), np.nan, pd.NaT, C("b"), known["eq"], Conjunction([]), [1, 2], (1, 2), "", 3]):
        fact("value {}".format(i), lambda: C("a") == value)
        fact("list with value {}".format(i), lambda: C("a").isin([1, value]).value)
        fact("bound {}".format(i), lambda: C("a").in_interval(1, value))
        fact("and value {}".format(i), lambda: known["eq"] & value)
    fact("column", lambda: C(1))
    fact("column hash", lambda: hash(C("a")))
    for i, given in enumerate([None, [], known["eq"], [known["eq"], known["in"]], known["eq"] & known["in"], "a", [1], iter([known["ne"]])]):
        fact("conjunction {}".format(i), lambda: [Conjunction(given), Conjunction(None).predicate])
    for i, array in enumerate([{}, None, [1], [{}], [{"type": "x"}], [{"type": "Condition", "column": "a"}], [{"type": "SimpleCondition", "column": "a", "value": 1}]]):
        fact("from json {}".format(i), lambda: Conjunction.from_jsonarray(array))
    fact("names", lambda: sorted(conditions.__all__))


def facts_of_predicates():
    values = [1, -5, 1.5, float("inf"), float("nan"), True, False, "x", "x y", "", "5", pd.Timestamp("2018-01-02"), None, np.int64(1), [1], datetime.date(2018, 1, 1), b"x"]
    for i, value in enumerate(values):
        for operator in ("==", "=", "!=", "<", "<=", ">", ">=", "in"):
            if operator != "in" or not isinstance(value, (list, pd.Timestamp)):
                fact("literal {} {}".format(i, operator), lambda: [write_predicate_as_cube_condition(("c", operator, value)), type(value).__name__])
    fact("two", lambda: convert_predicates_to_cube_conditions([[("a", "==", 1), ("b", "<", "x")]]))
    fact("or", lambda: convert_predicates_to_cube_conditions([[("a", "==", 1)], [("b", "<", "x")]]))
    fact("short", lambda: convert_predicates_to_cube_conditions([[("a", "==")]]))


def facts_of_specifications():
    chance = random.Random(8)
    columns = [[], "x", ["x"], ["x", "y"], ("y", "x"), ["x", "x"], {"x"}, [b"x"], [1], None, ["p"], ["p", "q"], ["x", "p"], ["i"], ["i", "j"]]
    names = ["cube", "cu be", "cu++be", "", b"cube", 5, None, "cu+be", "c/d", "seed"]
    for i in range(600):
        arguments = {"dimension_columns": chance.choice(columns), "partition_columns": chance.choice(columns), "uuid_prefix": chance.choice(names)}
        for name, choices in (("seed_dataset", names), ("index_columns", columns), ("suppress_index_on", columns)):
            if chance.random() < 0.4:
                arguments[name] = chance.choice(choices)
        fact("cube {} {}".format(i, arguments), lambda: parts_of(Cube(**arguments)))
    cube = Cube(["x", "y"], ["p"], "cube", index_columns=["i"], suppress_index_on=["y"])
    for name in ("seed", "s++t", "f ", b"bytes", 1, ""):
        fact("name {!r}".format(name), lambda: cube.ktk_dataset_uuid(name))
    fact("copy", lambda: [parts_of(cube.copy(dimension_columns="y")), cube.copy() == cube, hash(cube.copy()) == hash(cube), cube.copy(seed_dataset="t") == cube])
    fact("bad copy", lambda: cube.copy(partition_columns=["x"]))
    fact("set", lambda: setattr(cube, "seed_dataset", "t"))
    fact("pickle", lambda: pickle.loads(pickle.dumps(cube)) == cube)
    fact("subset", lambda: get_payload_subset(["x", "p", "v", "i"], cube))


def parts_of(cube):
    return [cube.dimension_columns, cube.partition_columns, cube.uuid_prefix, cube.seed_dataset, cube.index_columns, cube.suppress_index_on, cube.ktk_index_columns]


def facts_of_stores(request):
    for store, name in [(request["golden"], name) for name in ("geo", "geo_two", "ge", "geo++seed")] + [(request["broken"], name) for name in request["cubes"]]:
        fact("ids " + name, lambda: discover_ktk_cube_dataset_ids(name, store))
        for wanted in (None, "seed", ["seed", "zone"], [], {"no"}):
            fact("unchecked {} {}".format(name, wanted), lambda: {key: dataset.uuid for key, dataset in discover_datasets_unchecked(name, store, wanted).items()})
            fact("discovered {} {}".format(name, wanted), lambda: facts_of_cube(*discover_cube(name, store, wanted)))
            fact("datasets {} {}".format(name, wanted), lambda: list(discover_datasets(Cube(["x", "y"], ["p"], name, index_columns=["i"]), store, wanted)))
        for dataset in discover_datasets_unchecked(name, store).values():
            fact("columns " + dataset.uuid, lambda: ktk_adapters.get_dataset_columns(dataset))
            fact("keys " + dataset.uuid, lambda: ktk_adapters.get_dataset_keys(dataset))
            fact("partitions " + dataset.uuid, lambda: ktk_adapters.get_partition_dataframe(dataset.load_partition_indices(), None))
            fact("stats " + dataset.uuid, lambda: ktk_adapters.get_physical_partition_stats(dispatch_metapartitions(dataset.uuid, store), lambda: ensured(store)))
            factory = ktk_adapters.metadata_factory_from_dataset(dataset)
            fact("factory " + dataset.uuid, lambda: [factory.is_loaded, factory.dataset_metadata is dataset, list(factory.partitions) == list(dataset.partitions)])
            fact("no store " + dataset.uuid, lambda: FACTS.get(str(factory.store.get("x"))))
            other = ktk_adapters.metadata_factory_from_dataset(dataset, store=lambda: ensured(store))
            fact("other store " + dataset.uuid, lambda: len(other.store.get(dataset.uuid + ".by-dataset-metadata.json")))


def ensured(store):
    from kartothek.core.utils import ensure_store

    return ensure_store(store)


def facts_of_cube(cube, datasets):
    loaded = {name: [dataset.primary_indices_loaded, sorted(dataset.indices)] for name, dataset in datasets.items()}
    return [parts_of(cube), loaded, get_cube_payload(datasets, cube), list(check_datasets(datasets, cube))]


def random_frame(chance, rows):
    columns = {
        "a": [chance.randrange(3) for _ in range(rows)],
        "b": [chance.randrange(3) / 2 for _ in range(rows)],
        "s": [chance.choice(["x", "y", "z"]) for _ in range(rows)],
        "t": pd.to_datetime(["2018-01-0{}".format(chance.randrange(1, 4)) for _ in range(rows)]),
        "v": list(range(rows)),
    }
    frame = pd.DataFrame(columns).astype({"a": "int8"})
    return frame.assign(c=pd.Categorical(frame["s"], categories=["z", "y", "x"]))


def facts_of_frames():
    chance = random.Random(7)
    warnings.simplefilter("ignore")
    for i in range(60):
        frame = random_frame(chance, chance.choice([0, 1, 2, 5, 12]))
        by = [chance.choice(["a", "b", "s", "t", "c"]) for _ in range(chance.randrange(1, 3))]
        by = list(dict.fromkeys(by))
        done = frames.sort_dataframe(frame, by)
        name = "{} {} of {}".format(i, by, len(frame))
        fact("sorted " + name, lambda: [bool(frames.is_dataframe_sorted(frame, by)), done is frame, bool(frames.is_dataframe_sorted(done, iter(by)))])
        fact("sort " + name, lambda: done)
        fact("mask " + name, lambda: [frames.mask_sorted_duplicates_keep_last(done, by), frames.mask_sorted_duplicates_keep_last(done, [])])
        fact("drop " + name, lambda: frames.drop_sorted_duplicates_keep_last(done, by))
        if len(frame):
            fact("lists " + name, lambda: frames.aggregate_to_lists(frame, by, "v"))
            fact("lists of texts " + name, lambda: frames.aggregate_to_lists(frame, by[:1], "s" if by[0] != "s" else "v"))
        fact("lists by nothing " + name, lambda: frames.aggregate_to_lists(frame, [], "v") if len(frame) else frames.aggregate_to_lists(frame, by, "v") is frame)
        other = random_frame(chance, chance.choice([0, 1, 4]))[["v"] if i % 3 == 0 else ["a", "b"]]
        left = frame[["a", "b", "s"]] if i % 3 else frame[["s", "t"]]
        for how in ("left", "inner", "outer", "right"):
            # of frames without rows pandas 3 says other types
            if len(frame) and len(other):
                fact("merge {} {}".format(how, name), lambda: sorted(plain(frames.merge_dataframes_robust(left, other, how))[2], key=str))
        parts = [random_frame(chance, chance.choice([1, 3]))[["s", "a", "t"]] for _ in range(chance.randrange(4))]
        parts = [part[["t", "a", "s"]] if j % 2 else part for j, part in enumerate(parts)]
        fact("concat " + name, lambda: [frames.concat_dataframes(parts, default=frame if i % 2 else None), len(parts)])
    fact("concat others", lambda: frames.concat_dataframes([pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]})]))
    fact("concat types", lambda: frames.concat_dataframes(iter([pd.DataFrame({"a": [1]}), pd.DataFrame({"a": [1.5]})])))
    fact("sorted by nothing", lambda: frames.is_dataframe_sorted(pd.DataFrame({"a": [1]}), []))
    fact("sort by nothing", lambda: frames.sort_dataframe(pd.DataFrame({"a": [1]}), []))


def facts_of_deprecations():
    for name in sorted(name for name in dir(migration_helpers) if name.startswith(("get_", "DEPRECATION"))):
        value = getattr(migration_helpers, name)
        count = 0 if isinstance(value, str) else value.__code__.co_argcount
        for given in range(1, count + 1):
            if given >= count - len(value.__defaults__ or ()):
                fact("{} {}".format(name, given), lambda: value(*["v{}".format(i) for i in range(given)]))
        fact(name, lambda: value if not count else count)


def facts_of_names():
    for module in ("api.dataset", "api.serialization", "core.cube", "api.discover", "api.consistency"):
        names = vars(importlib.import_module("kartothek." + module)).items()
        leaked = ("Any", "Callable", "Dict", "Iterable", "KeyValueStore", "Optional", "Set", "Tuple", "Union")
        public = {name for name, value in names if name[0] != "_" and not inspect.ismodule(value) and name not in leaked}
        if module in ("api.discover", "api.consistency"):
            public = set(importlib.import_module("kartothek." + module).__all__)
        fact("names of " + module, lambda: public)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    facts_of_names()
    facts_of_converters()
    facts_of_texts()
    facts_of_conditions()
    facts_of_predicates()
    facts_of_specifications()
    facts_of_stores(json.loads(sys.stdin.read()))
    facts_of_frames()
    facts_of_deprecations()
    print(json.dumps(FACTS))
