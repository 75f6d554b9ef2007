"""
Random programs give the same with ours as with the real kartothek 5.3.0, but for defects of the original, each of which is named here.

Both run with the same pandas, in processes of their own; KTK_PROGRAMS says how many programs (2,000).
"""
import collections
import json
import os
import subprocess
import sys

import programs
from conftest import ROOT

COUNT = int(os.environ.get("KTK_PROGRAMS", "2000"))
PROGRAM = ROOT / "tests" / "interop" / "programs.py"
PARTS = 4  # processes of each, two at a time

#: least shares of the steps that must have been compared in full, so that the list of defects does not swallow the test
LEAST_EQUAL = 0.85


def start(python, first, last, options, folder):
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [str(python), str(PROGRAM), str(first), str(last), json.dumps(options), str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ)


def outcome(process):
    out, err = process.communicate()
    assert process.returncode == 0, err.decode()
    return [json.loads(line) for line in out.decode().splitlines()]


# ---- defects of the original ----


class State:
    """What is known of a program so far."""

    def __init__(self, program):
        self.kinds = program["kinds"]
        self.indexed = set()
        self.metadata_is_lost = False

    def follow(self, step, theirs):
        if "error" in theirs:
            return
        if step["call"] == "store":
            self.indexed = set(step["secondary_indices"])
            self.metadata_is_lost = False
        elif step["call"] == "index":
            self.indexed |= set(step["columns"])
            self.metadata_is_lost = True
        elif step["call"] == "delete":
            self.indexed = set()


def ordered_comparison_of_objects(state, step, theirs, ours):
    """D-10: an ordered comparison of texts or dates with nulls raises a plain TypeError."""
    return "not supported between instances" in theirs.get("text", "") and "result" in ours


def columns_of_predicates_are_not_read(state, step, theirs, ours):
    """Without pushdown, columns of predicates have to be among those asked for."""
    return theirs.get("error") == "KeyError" and not step.get("pushdown", True) and step.get("columns") and "result" in ours


def nothing_left_of_a_row_group(state, step, theirs, ours):
    """Row groups of which nothing is left make an IndexError."""
    return theirs.get("error") == "IndexError" and "out of bounds" in theirs["text"] and "result" in ours


def index_of_nulls(state, step, theirs, ours):
    """D-42: a partition whose indexed column is nothing but nulls is refused."""
    return "Indices w/ null/NA type are not supported" in theirs.get("text", "") and "result" in ours


def metadata_lost_with_an_index(state, step, theirs, ours):
    """D-07, Q4: building an index forgets the metadata of the user."""
    if not state.metadata_is_lost or not all(isinstance(side.get("result"), dict) and "metadata" in side["result"] for side in (theirs, ours)):
        return False
    kept = dict(ours["result"], metadata=None)
    return kept == dict(theirs["result"], metadata=None) and set(theirs["result"]["metadata"]) <= set(ours["result"]["metadata"])


def index_of_a_partition_key(state, step, theirs, ours):
    """An index on a partition key makes every later update fail."""
    return "could not be found in the partition" in theirs.get("text", "") and "result" in ours


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


def dates_as_they_come(state, step, theirs, ours):
    """D-24, Q9: reading in groups forgets dates_as_object; so do parts of which nothing is left, or whose dates are all null."""
    mine, others = _frames(ours, state), _frames(theirs, state)
    if mine is None or others is None or "date" not in state.kinds.values():
        return False
    return sorted(mine, key=json.dumps) == sorted(others, key=json.dumps)


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
    nothing_left_of_a_row_group,
    index_of_nulls,
    index_of_a_partition_key,
    metadata_lost_with_an_index,
    dates_as_they_come,
    nulls_are_lost,
]

#: after these the two datasets are not the same any more
PARTING = {index_of_nulls, index_of_a_partition_key}


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
        if defect in PARTING:
            return []
        state.follow(step, one)
    return []


def test_programs_give_what_they_give_with_the_original(kartothek_5_3, tmp_path):
    edges = [COUNT * part // PARTS for part in range(PARTS + 1)]
    ours, theirs = [], []
    for first, last in zip(edges, edges[1:]):
        processes = [
            start(kartothek_5_3.python, first, last, {}, tmp_path),
            start(sys.executable, first, last, {"grace": 0}, tmp_path),
        ]
        theirs += outcome(processes[0])
        ours += outcome(processes[1])
    counts = collections.Counter()
    differences = [text for seed in range(COUNT) for text in compare(seed, theirs[seed], ours[seed], counts)]
    print(dict(counts))
    assert not differences, "{} of {} programs differ\n{}".format(len(differences), COUNT, "\n".join(differences[:5]))
    assert counts["equal"] >= LEAST_EQUAL * sum(counts.values()), counts
