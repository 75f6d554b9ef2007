"""
Random programs give the same with ours as with the real kartothek 5.3.0, but for defects of the original, each of which is named here.

Both run with the same pandas, in processes of their own; KTK_PROGRAMS says how many programs (2,000).
"""
import collections
import json
import os
import pathlib
import subprocess
import sys

import programs
from conftest import ROOT

COUNT = int(os.environ.get("KTK_PROGRAMS", "2000"))
PROGRAM = ROOT / "tests" / "interop" / "programs.py"
PARTS = 2  # processes at a time

#: least shares of the steps that must have been compared in full, so that the list of defects does not swallow the test
LEAST_EQUAL = 0.85


def start(python, first, last, options, folder):
    """A process, and the file that it writes to: a pipe would stop it before it is read."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [str(python), str(PROGRAM), str(first), str(last), json.dumps(options), str(folder)]
    out = folder / "out-{}-{}".format(pathlib.Path(str(python)).parent.parent.name, first)
    with out.open("wb") as file:
        return subprocess.Popen(command, stdout=file, stderr=subprocess.PIPE, env=environ), out


def outcome(process, out):
    _, err = process.communicate()
    assert process.returncode == 0, err.decode()
    return [json.loads(line) for line in out.read_text().splitlines()]


# ---- defects of the original ----


class State:
    """What is known of a program so far."""

    def __init__(self, program):
        self.kinds = program["kinds"]
        self.indexed = set()
        self.metadata_is_lost = False
        self.keys = set()
        #: an index on a partition key fails, makes updates fail, loses itself, or hides rows
        self.is_broken = False

    def follow(self, step, theirs):
        self.is_broken = self.is_broken or (step["call"] == "index" and bool(self.keys & set(step["columns"])))
        if "error" in theirs:
            return
        if step["call"] == "store":
            self.indexed = set(step["secondary_indices"])
            self.keys = set(step["partition_on"])
            self.metadata_is_lost = False
        elif step["call"] == "index":
            self.indexed |= set(step["columns"])
            self.metadata_is_lost = True
        elif step["call"] == "delete":
            self.indexed = set()
            self.keys = set()


def ordered_comparison_of_objects(state, step, theirs, ours):
    """D-10: an ordered comparison of texts or dates with nulls raises a plain TypeError."""
    return "not supported between instances" in theirs.get("text", "") and "result" in ours


def columns_of_predicates_are_not_read(state, step, theirs, ours):
    """D-43: without pushdown, columns of predicates have to be among those asked for."""
    return theirs.get("error") == "KeyError" and not step.get("pushdown", True) and step.get("columns") and "result" in ours


def nothing_is_left(state, step, theirs, ours):
    """D-35: where nothing is left of a row group or a group, an IndexError."""
    return theirs.get("error") == "IndexError" and "result" in ours


def columns_of_nulls_have_another_type(state, step, theirs, ours):
    """D-44: a column that is null throughout a file takes no literal of its type."""
    return theirs.get("error") == "TypeError" and "has pandas type 'object'" in theirs["text"] and "result" in ours


def scope_of_another_column(state, step, theirs, ours):
    """D-12: a scope by a column that is no partition key deletes everything."""
    return "is no partition key" in ours.get("text", "") and bool(step.get("delete_scope")) and "result" in theirs


def index_of_nulls(state, step, theirs, ours):
    """D-42: a partition whose indexed column is nothing but nulls is refused."""
    return "Indices w/ null/NA type are not supported" in theirs.get("text", "") and "result" in ours


def metadata_lost_with_an_index(state, step, theirs, ours):
    """D-07, Q4: building an index forgets the metadata of the user."""
    if not state.metadata_is_lost or not all(isinstance(side.get("result"), dict) and "metadata" in side["result"] for side in (theirs, ours)):
        return False
    kept = dict(ours["result"], metadata=None)
    return kept == dict(theirs["result"], metadata=None) and set(theirs["result"]["metadata"]) <= set(ours["result"]["metadata"])


def _frames(side, state):
    """The frames of a step that are not empty, dates as texts and without their dtypes; None if it gave no frames."""
    result = side.get("result")
    frames = result if isinstance(result, list) else [result]
    if not all(isinstance(frame, dict) and "rows" in frame for frame in frames):
        return None
    return [_with_plain_dates(frame, state) for frame in frames if frame["count"]]


def _with_plain_dates(frame, state):
    dates = [at for at, name in enumerate(frame["columns"]) if state.kinds[name] == "date"]
    rows = [[_plain_date(value) if at in dates else value for at, value in enumerate(row)] for row in frame["rows"]]
    dtypes = [None if at in dates else dtype for at, dtype in enumerate(frame["dtypes"])]
    return dict(frame, rows=sorted(rows, key=json.dumps), dtypes=dtypes)


def _plain_date(value):
    return None if value is None else value.replace("date ", "")[:10]


def dates_and_empty_parts(state, step, theirs, ours):
    """
    D-24, Q9: reading in groups forgets dates_as_object; so do parts of which nothing is left, or whose dates are all null. Whether a part without a
    matching row is given as an empty frame depends on how much is known before it is read.
    """
    mine, others = _frames(ours, state), _frames(theirs, state)
    return mine is not None and others is not None and sorted(mine, key=json.dumps) == sorted(others, key=json.dumps)


def nulls_are_lost(state, step, theirs, ours):
    """
    D-09, Q3: rows with a null in an indexed column are lost where a predicate or dispatch_by names one, and, of ``!=``, also in row groups whose
    other values are all equal.
    """
    literals = [literal for conjunction in step.get("predicates") or [] for literal in conjunction]
    named = {name for name, _, _ in literals} | set(step.get("dispatch_by") or [])
    mine, others = _frames(ours, state), _frames(theirs, state)
    if mine is None or others is None or not (named & state.indexed or any(op == "!=" for _, op, _ in literals)):
        return False
    mine, others = (collections.Counter(json.dumps(row) for frame in frames for row in frame["rows"]) for frames in (mine, others))
    extra = mine - others
    are_with_nulls = step["columns"] is not None or all(None in json.loads(row) for row in extra)
    return bool(extra) and not others - mine and are_with_nulls


DEFECTS = [
    ordered_comparison_of_objects,
    columns_of_predicates_are_not_read,
    nothing_is_left,
    columns_of_nulls_have_another_type,
    scope_of_another_column,
    index_of_nulls,
    metadata_lost_with_an_index,
    dates_and_empty_parts,
    nulls_are_lost,
]

#: after these the two datasets are not the same any more
PARTING = {index_of_nulls, scope_of_another_column}


def same(theirs, ours):
    return {**theirs, "text": None} == {**ours, "text": None}


def compare(seed, theirs, ours, counts):
    """What differs and is no known defect: a list of texts."""
    program = programs.make(seed)
    state = State(program)
    for step, one, other in zip(program["steps"], theirs, ours):
        defect = None if same(one, other) else next((found for found in DEFECTS if found(state, step, one, other)), None)
        counts["equal" if same(one, other) else defect.__name__ if defect else "different"] += 1
        if not same(one, other) and defect is None:
            return ["program {}, {}\n  original: {}\n  ours:     {}".format(seed, step, json.dumps(one)[:1500], json.dumps(other)[:1500])]
        state.follow(step, one)
        if defect in PARTING or state.is_broken:
            return []
    return []


def test_programs_give_what_they_give_with_the_original(kartothek_5_3, tmp_path):
    edges = [COUNT * part // PARTS for part in range(PARTS + 1)]
    theirs, ours = [], []
    for python, options, lines in ((kartothek_5_3.python, {}, theirs), (sys.executable, {"grace": 0}, ours)):
        for started in [start(python, first, last, options, tmp_path) for first, last in zip(edges, edges[1:])]:
            lines += outcome(*started)
    counts = collections.Counter()
    differences = [text for seed in range(COUNT) for text in compare(seed, theirs[seed], ours[seed], counts)]
    print(dict(counts))
    assert not differences, "{} of {} programs differ\n{}".format(len(differences), COUNT, "\n".join(differences[:5]))
    assert counts["equal"] >= LEAST_EQUAL * sum(counts.values()), counts
