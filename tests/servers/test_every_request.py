"""Every operation, with one of its requests failing in each way that requests fail in.

What must hold: the operation does the right thing or says in one line that it failed, never a wrong success; afterwards the
dataset is as it was before or as it was to be, and only the former if the operation says that it failed; the next run succeeds.

Each run lets the n-th request fail, for all n that there are. By default only every eleventh of these runs is made, with each
request failing in some way and each way tried all along an operation; KTK_FAULTS=all makes all of them.
"""
import concurrent.futures
import itertools
import json
import os

import pytest

from places import Place, opened

STRIDE = 1 if os.environ.get("KTK_FAULTS") == "all" else 11
REQUESTS_MAX = 200
UNKNOWN_OUTCOME = 6

FAULTS = {
    "reset": {"do": "reset"},
    "lost reply": {"do": "lost_reply"},
    "late": {"do": "late", "ms": 400},
    "twice": {"do": "twice"},
    "short upload": {"do": "short_upload", "bytes": 7},
    "cut": {"do": "cut", "bytes": 40},
    "stall": {"do": "stall", "bytes": 40, "ms": 300},
    "close": {"do": "close"},
    "500": {"do": "status", "status": 500, "code": "InternalError"},
    "503": {"do": "status", "status": 503, "code": "SlowDown", "retry_after": 0},
    "500 after the fact": {"do": "status", "status": 500, "code": "InternalError", "forward": True},
    "403": {"do": "status", "status": 403, "code": "AccessDenied"},
}

FIRST = [("a", 1, "u"), ("b", 2, "v"), ("a", 3, "w"), ("c", 4, "w")]
MORE = [("a", 5, "x"), ("d", 6, "u")]


def write_csv(path, rows):
    path.write_text("k,x,s\n" + "".join("{},{},{}\n".format(*row) for row in rows))
    return str(path)


def rows_of(place, name):
    """The rows of a dataset, sorted; None: there is no such dataset. Past the proxy."""
    result = place.ktk("read", name, "--json", through_proxy=False)
    if result.code == 3:
        return None
    assert result.code == 0, result.err
    found = [json.loads(line) for line in result.out.splitlines()]
    return sorted((row["k"], row["x"], row["s"]) for row in found)


class Operation:
    """Something that ktk does to the dataset `name`; one object for each way to fail."""

    def __init__(self, place, folder):
        self.place = place
        self.name = "d"
        self.first = write_csv(folder / "first.csv", FIRST)
        self.more = write_csv(folder / "more.csv", MORE)
        self.place.good("write", "d", self.first, "-p", "k", "--index", "x", through_proxy=False)

    happens_first = False  # what readers see is done before the rest, which may fail

    def prepare(self, n):
        """Before the n-th run; past the proxy."""

    def run(self):
        """The operation itself."""
        raise NotImplementedError

    def old(self):
        return sorted(FIRST)

    def new(self):
        """The rows afterwards."""
        return sorted(FIRST)

    def check_result(self, result):
        """What a success must have printed."""

    def again(self, has_happened):
        """The next run, which must succeed."""
        result = self.run()
        assert result.code == 0, result.err
        self.check_result(result)


class Read(Operation):
    def run(self):
        return self.place.ktk("read", "d", "--json", "-w", "x in (1, 4)")

    def check_result(self, result):
        found = sorted(json.loads(line)["x"] for line in result.out.splitlines())
        assert found == [1, 4]


class Count(Operation):
    def run(self):
        return self.place.ktk("count", "d")

    def check_result(self, result):
        assert result.out == "4\n"


class Partitions(Operation):
    def run(self):
        return self.place.ktk("partitions", "d", "--json")

    def check_result(self, result):
        assert len(set(part for part in result.out.split('"') if part.endswith(".parquet"))) == 3


class Check(Operation):
    def run(self):
        return self.place.ktk("check", "d", "--deep")

    def check_result(self, result):
        assert result.out.startswith("0 errors, 0 warnings")


class Create(Operation):
    def prepare(self, n):
        self.name = "new{}".format(n)

    def run(self):
        return self.place.ktk("write", self.name, self.first, "-p", "k", "--index", "x,s")

    def old(self):
        return None

    def again(self, has_happened):
        result = self.run()
        assert result.code == (4 if has_happened else 0), result.err


class Append(Operation):
    def prepare(self, n):
        self.before = rows_of(self.place, "d")

    def run(self):
        return self.place.ktk("append", "d", self.more)

    def old(self):
        return self.before

    def new(self):
        return sorted(self.before + MORE)


class Delete(Operation):
    def prepare(self, n):
        if n > 1:
            self.place.good("append", "d", self.first, through_proxy=False)
        self.before = rows_of(self.place, "d")

    def run(self):
        return self.place.ktk("delete", "d", "-w", "k == 'a'")

    def old(self):
        return self.before

    def new(self):
        return [row for row in self.before if row[0] != "a"]


class IndexBuild(Operation):
    def run(self):
        return self.place.ktk("index", "build", "d", "s")

    def again(self, has_happened):
        super().again(has_happened)
        self.place.good("index", "verify", "d", through_proxy=False)


class Collect(Operation):
    """There is something to collect: the files of a version that has just ended."""

    def prepare(self, n):
        self.place.good("append", "d", self.more, through_proxy=False)
        self.place.good("delete", "d", "-w", "k in ('a', 'd')", through_proxy=False)

    def run(self):
        return self.place.ktk("gc", "d", "--yes", "--grace", "0s", "--history", "0s", "--short-grace")

    def old(self):
        return [row for row in sorted(FIRST) if row[0] != "a"]

    new = old

    def again(self, has_happened):
        super().again(has_happened)
        self.place.good("check", "d", "--deep", through_proxy=False)


class Copy(Operation):
    def prepare(self, n):
        self.name = "copy{}".format(n)

    def run(self):
        return self.place.ktk("copy", "d", self.name)

    def old(self):
        return None

    def again(self, has_happened):
        result = self.run()
        assert result.code == (4 if has_happened else 0), result.err


class Drop(Operation):
    happens_first = True

    def prepare(self, n):
        self.name = "gone{}".format(n)
        self.place.good("write", self.name, self.first, "-p", "k", through_proxy=False)

    def run(self):
        return self.place.ktk("drop", self.name, "--yes")

    def new(self):
        return None

    def again(self, has_happened):
        result = self.run()
        assert result.code in ((0, 3) if has_happened else (0,)), result.err


OPERATIONS = [Read, Count, Partitions, Check, Create, Append, Delete, IndexBuild, Collect, Copy, Drop]


def fail_once(operation, n, fault):
    """One run whose n-th request fails. Returns whether it had so many."""
    place = operation.place
    operation.prepare(n)
    place.proxy.set_rules(dict(fault, nth=n))
    result = operation.run()
    faults = place.faults()
    place.proxy.settle()
    found = rows_of(place, operation.name)
    if result.code == 0:
        operation.check_result(result)
        assert found == operation.new()
    else:
        result.check_error()
        assert faults, result.err
        may_have_happened = result.code == UNKNOWN_OUTCOME or operation.happens_first
        assert found == operation.old() or (may_have_happened and found == operation.new()), (result.code, result.err)
    place.proxy.set_rules()
    operation.again(found == operation.new() and operation.old() != operation.new())
    return bool(faults)


def run_all(kind, operation_class, name, start, folder):
    """All runs with one way to fail."""
    opening = opened(kind)
    place = next(opening)
    folder.mkdir()
    operation = operation_class(place, folder)
    for n in itertools.count(start, STRIDE):
        assert n < REQUESTS_MAX
        try:
            if not fail_once(operation, n, FAULTS[name]):
                break
        except AssertionError as error:
            raise AssertionError("{}, request {}: {}".format(name, n, error)) from error
    place.good("check", "d", "--deep", through_proxy=False)
    opening.close()


@pytest.mark.parametrize("kind", ["s3", "azure"])
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.__name__.lower())
def test_one_request_fails(kind, operation, tmp_path):
    Place(kind).proxy.close()  # skips the test if there is no server
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        runs = [
            pool.submit(run_all, kind, operation, name, 1 + position % STRIDE, tmp_path / str(position))
            for position, name in enumerate(FAULTS)
        ]
        for run in runs:
            run.result()
