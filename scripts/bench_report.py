"""The Markdown tables of docs/performance.md, made of what bench.py measured."""
import json
import re
import sys

from bench_limits import BENCH

sys.path.insert(0, str(BENCH))
import run as harness  # noqa: E402

FILES = ("trips", "wide", "strings", "lineitem")
NAMES = {"polars": "Polars", "duckdb": "DuckDB", "datafusion": "DataFusion", "pandas-1.3": "pandas 1.3", "deltalake": "Delta"}

#: least ratios to the best peer, with one thread and with two
READ_GOALS = {"trips": (1.2, 1.3), "wide": (1.5, 1.3), "strings": (1.25, 1.6), "lineitem": (1.2, 1.3)}
ZSTD_GOALS = {"trips": (1.2, 1.3), "wide": (1.1, 1.1), "strings": (1.1, 1.1), "lineitem": (1.1, 1.1)}
FIRST_GOALS = {"trips": 2, "wide": 2, "strings": 1.5, "lineitem": 1.8}
WRITE_GOALS = {"trips": (1.4, 1.6), "wide": (1.8, 1.6), "strings": (1.2, 1.6), "lineitem": (1.4, 1.6)}
LIMIT_GOAL = 0.7  # share of the physical limit, with two threads
READ_MEMORY_MIB = 64  # beside the result
FILTERS = (
    ("1 % range of the sorted `id`, one row group, no page index", ("sorted1pct.trips.t2",), (5,)),
    ("the same, row groups of 1 Mi rows, 1 / 2 threads", ("sorted1pct.trips.rg1m.t1", "sorted1pct.trips.rg1m.t2"), (2, 2)),
    ("the same with page index", ("sorted1pct.trips.rg1m.idx.t2",), (2,)),
    ("`medallion == M04242` (0.01 %), one row group", ("streq.trips.t2",), (1.5,)),
    ("the same, row groups of 1 Mi rows, 1 / 2 threads", ("streq.trips.rg1m.t1", "streq.trips.rg1m.t2"), (1.5, 1.5)),
)
FRAME_GOAL = 1.3
OPEN_GOAL = 10  # against pyarrow
#: label, task, least ratio to the best peer, least ratio to kartothek and plateau
DATASETS = (
    ("import, whole process", "B.import", 3, 10),
    ("store 2 M rows as 20 partitions", "B.store.20parts", 1, 4),
    ("`partition_on` into 1,000 groups, 5 M rows", "B.partition.1000", 3, 10),
    ("`partition_on` into 10,000 groups", "B.partition.10000", 3, 10),
    ("read whole, 20 partitions", "B.read.whole.20parts", 1, 5),
    ("read one of 1,000 partitions", "B.read.primary.1of1000", 8, None),
    ("secondary index, `==`, 1 of 1 M values", "B.read.secondary.eq", 20, None),
    ("secondary index, `in` 1,000 of 1 M values", "B.read.secondary.in1000", 2, None),
    ("predicate on a plain column, 1 %", "B.read.pushdown.1pct", 1.5, None),
    ("row-wise `dispatch_by`", "B.dispatch.row.channel", None, 8),
)
DOCUMENTS = (
    ("open 10,000 partitions, JSON", "B.open.10000.json", None, 10),
    ("open 100,000 partitions, JSON", "B.open.100000.json", 10, 10),
    ("open 100,000 partitions, MessagePack", "B.open.100000.msgpack", None, 10),
    ("open 1,000,000 partitions, JSON", "B.open.1000000.json", 10, 10),
    ("open 1,000,000 partitions, MessagePack", "B.open.1000000.msgpack", None, 10),
    ("plan a query on 100,000 partitions", "B.plan.100000", 8, 50),
    ("append one partition to 10,000", "B.append.10000", 8, None),
    ("the same with a delete scope", "B.append_delete_scope.10000", 8, None),
    ("append one partition to 100,000", "B.append.100000", 8, None),
    ("the same with a delete scope", "B.append_delete_scope.100000", 8, None),
    ("build an index over 1,000 files", "B.index_build.1000", None, 10),
    ("collect 1,000 orphans among 100,000 files", "B.gc.100000", None, 5),
    ("graph of `dask.delayed`, 10,000 partitions", "B.dask.delayed.10000", None, 10),
)
OURS_BEFORE = ("kartothek", "plateau")


class Task:
    """The contenders of one task whose result is that of the majority."""

    def __init__(self, rows, dataset=False):
        wanted = harness.majority(rows)
        self.good = {}
        for name, row in rows.items():
            checked = row.get("checksum") is None or (row["rows"], row["checksum"]) == wanted
            if "median" in row and checked:
                self.good[name] = dict(row, first=min(row.get("first") or [row["median"]]))
        # Datasets are measured as their users meet them, from Python, where a task has both.
        ours = [name for name in self.good if name == "ours-python"] if dataset else []
        ours = ours or [name for name in self.good if name in harness.OURS]
        self.ours = self.good[min(ours, key=lambda name: self.good[name]["median"])] if ours else None
        self.wrong = sorted(name for name in rows if name not in self.good)

    def peers(self, key="median"):
        """Names, the fastest first."""
        return sorted((name for name in self.good if name not in harness.OURS), key=lambda name: self.good[name][key])

    def ratio(self, peer=None, key="median"):
        """How many times as fast as a peer (the best if none is named) we are; None: one of the two is missing."""
        peer = peer or next(iter(self.peers(key)), None)
        return self.good[peer][key] / self.ours[key] if self.ours and peer in self.good else None


def print_table(heads, rows):
    """The first column is text, so are those whose head ends in a blank; the others are figures."""
    print("\n| " + " | ".join(head.strip() for head in heads) + " |")
    print("|---" + "".join("|---" if head.endswith(" ") else "|---:" for head in heads[1:]) + "|")
    for row in rows:
        print("| " + " | ".join(str(value) for value in row) + " |")


def cell(values, goals=None, text="{:.2f}"):
    """Figures of one and two threads as "1.23 / 1.71", those that miss their goal in bold."""
    shown = []
    for at, value in enumerate(values):
        if value is not None:
            missed = goals is not None and at < len(goals) and goals[at] is not None and value < goals[at]
            shown.append(("**" + text + "**" if missed else text).format(value))
    return " / ".join(shown)


def numbers(values):
    return " / ".join("{:g}".format(value) for value in values if value is not None)


def best_names(tasks):
    return " / ".join(dict.fromkeys(NAMES.get(name, name) for name in (task.peers()[0] for task in tasks if task.peers())))


def mib(size_bytes):
    return round(size_bytes / (1 << 20))


def added_mib(row):
    return round((row["rss_peak_kb"] - row.get("rss_before_kb", 0)) / 1024)


class Limits:
    """Physical limits in seconds; docs/performance.md says what they are made of."""

    def __init__(self, found):
        self.found = found

    def codec(self, task, codec, work):
        key = "{}.{}.{}".format(task, codec, work)
        return min(self.found[kind][key] for kind in ("ours", "distribution")) / 1e3

    def rate(self, key):
        return max(self.found[kind][key] for kind in ("ours", "distribution")) * 1e9

    def read(self, task, codec, threads):
        memory = self.found["sizes"][task] / self.rate("memcpy.warm")
        return (self.codec(task, codec, "decompress") + memory) / threads

    def write(self, name, codec, threads, file_bytes):
        return (self.codec("read." + name, codec, "compress") + file_bytes / self.rate("pwrite.fresh")) / threads


class Report:
    def __init__(self, path):
        measured = json.loads(path.read_text())
        self.measured = measured
        self.tasks = {name: Task(rows, name.startswith("B.")) for name, rows in measured["tasks"].items()}
        self.limits = Limits(measured["limits"]) if measured.get("limits") else None

    def pair(self, name):
        """(threads, task) of the tasks of this name that were measured, of one thread first."""
        both = [(threads, self.tasks.get("{}.t{}".format(name, threads))) for threads in (1, 2)]
        return [(threads, task) for threads, task in both if task is not None and task.ours is not None]

    def speed(self, prefix, codecs, goals_of, first_goals, limit):
        """Rows of a table of reads or writes, one a file and codec."""
        for codec in codecs:
            for name in FILES:
                pair = self.pair("{}.{}.{}".format(prefix, name, codec))
                if not pair:
                    continue
                tasks = [task for _, task in pair]
                goals = [goals_of(name, codec)[threads - 1] for threads, _ in pair]
                shares = [limit(name, codec, threads, task) / task.ours["min"] for threads, task in pair] if self.limits else []
                label = "`{}`, {}, {}".format(name, codec, " / ".join("12"[threads - 1] for threads, _ in pair))
                yield [
                    label + (" threads" if pair[-1][0] == 2 else " thread"),
                    best_names(tasks),
                    cell([task.ratio() for task in tasks], goals),
                    numbers(goals),
                    cell([task.ratio("pyarrow") for task in tasks], text="{:.1f}"),
                    cell([task.ratio(key="first") for task in tasks], [first_goals.get(name)] * len(tasks)),
                    first_goals.get(name, ""),
                    cell([100 * share for share in shares], [100 * LIMIT_GOAL if threads == 2 else None for threads, _ in pair], "{:.0f} %"),
                ]

    HEADS = ["task", "best peer ", "best peer / ours", "goal", "pyarrow / ours", "first call: best peer / ours", "goal", "share of the limit"]

    def reading(self):
        def goals(name, codec):
            return (READ_GOALS if codec == "snappy" else ZSTD_GOALS)[name]

        rows = self.speed("A.read", ("snappy", "zstd"), goals, FIRST_GOALS, lambda name, codec, threads, _: self.limits.read("read." + name, codec, threads))
        print_table(self.HEADS, rows)
        rows = self.speed("A.read2", ("snappy",), lambda *_: (1.2, None), {}, lambda name, codec, threads, _: self.limits.read("read2." + name, codec, threads))
        print("\nTwo columns:")
        print_table(self.HEADS, rows)

    def reading_memory(self):
        rows = []
        for name in FILES:
            pair = self.pair("A.read.{}.snappy".format(name))
            if pair and self.limits:
                size = mib(self.limits.found["sizes"]["read." + name])
                good = pair[-1][1].good
                used = [added_mib(task.ours) for _, task in pair]
                shown = " / ".join("{}".format(value) if value <= size + READ_MEMORY_MIB else "**{}**".format(value) for value in used)
                others = [added_mib(good[peer]) if peer in good else "" for peer in ("polars", "pyarrow", "carquet")]
                rows.append(["`{}`".format(name), size, size + READ_MEMORY_MIB, shown] + others)
        print_table(["peak of the first call, MiB", "result", "at most", "ours, 1 / 2 threads", "Polars", "pyarrow", "carquet"], rows)

    def writing(self):
        def limit(name, codec, threads, task):
            return self.limits.write(name, codec, threads, task.ours["extra"]["bytes"])

        print_table(self.HEADS, self.speed("A.write", ("snappy", "zstd"), lambda name, _: WRITE_GOALS[name], {}, limit))
        rows = []
        for name in FILES:
            pair = self.pair("A.write.{}.snappy".format(name))
            if pair:
                sizes = {peer: row["extra"]["bytes"] for peer, row in pair[-1][1].good.items() if row.get("extra")}
                ours = pair[-1][1].ours["extra"]["bytes"]
                others = ["{:.3f}".format(ours / sizes[peer]) if peer in sizes else "" for peer in ("pyarrow", "duckdb", "polars", "carquet")]
                rows.append(["`{}`, {:.1f} MB".format(name, ours / 1e6)] + others + [" / ".join(str(added_mib(task.ours)) for _, task in pair)])
        heads = ["size of the file: ours / theirs", "pyarrow", "DuckDB", "Polars", "carquet", "memory beside the input, MiB, 1 / 2 threads"]
        print_table(heads, rows)

    def filters(self):
        peers = ("polars", "datafusion", "duckdb", "pyarrow")
        rows = []
        for label, names, goals in FILTERS:
            tasks = [self.tasks["A.filter." + name] for name in names if "A.filter." + name in self.tasks]
            if tasks:
                others = [cell([task.ratio(peer) for task in tasks], text="{:.1f}") for peer in peers]
                rows.append([label, best_names(tasks), cell([task.ratio() for task in tasks], goals), numbers(goals)] + others)
        print_table(["task", "best peer ", "best peer / ours", "goal"] + [NAMES.get(peer, peer) + " / ours" for peer in peers], rows)

    def opening(self):
        rows = []
        for name in ("trips", "wide"):
            task = self.tasks.get("A.count." + name)
            if task and task.ours:
                others = [cell([task.ratio(peer)], text="{:.1f}") for peer in ("carquet", "polars", "duckdb")]
                pyarrow = cell([task.ratio("pyarrow")], (OPEN_GOAL,), "{:.1f}")
                rows.append(["`{}`".format(name), harness.fmt(task.ours["median"]), pyarrow, OPEN_GOAL] + others)
        print_table(["open and count", "ours", "pyarrow / ours", "goal", "carquet / ours", "Polars / ours", "DuckDB / ours"], rows)

    def frames(self):
        rows = []
        for name in FILES:
            task = self.tasks.get("A.pandas.read." + name)
            if task and task.ours:
                others = [cell([task.ratio(peer)], text="{:.1f}") for peer in ("pandas", "polars", "pandas-1.3")]
                rows.append(["read `{}`".format(name), best_names([task]), cell([task.ratio()], (FRAME_GOAL,)), FRAME_GOAL] + others)
        print_table(["task", "best peer ", "best peer / ours", "goal", "pandas / ours", "Polars / ours", "pandas 1.3 / ours"], rows)

    def datasets(self, table):
        rows = []
        for label, name, best_goal, before_goal in table:
            task = self.tasks.get(name)
            if task and task.ours:
                others = [peer for peer in task.peers() if peer not in OURS_BEFORE]
                best = "{} {}".format(NAMES.get(others[0], others[0]), cell([task.ratio(others[0])], (best_goal,), "{:.1f}")) if others else ""
                before = [cell([task.ratio(peer)], (before_goal,), "{:.1f}") for peer in OURS_BEFORE]
                rows.append([label, harness.fmt(task.ours["median"]), best, best_goal or ""] + before + [before_goal or ""])
        whole = self.measured.get("import_and_open", {})
        if whole and table is DATASETS:
            ratio = cell([whole["kartothek"] / whole["ours"]], (5,), "{:.1f}") if "kartothek" in whole else ""
            rows.insert(0, ["import plus open of a small dataset, whole process", harness.fmt(whole["ours"]), "", "", ratio, "", 5])
        print_table(["task", "ours", "best other peer / ours ", "goal", "kartothek / ours", "plateau / ours", "goal"], rows)

    def concurrent(self):
        rows = []
        for name, row in self.measured["tasks"].get("B.concurrent.8x25", {}).items():
            extra = row.get("extra") or {}
            if extra:
                rate = extra["survived"] / row["median"]
                rows.append([NAMES.get(name, name), extra["acknowledged"], extra["survived"], "{:.1f}".format(rate)])
        print_table(["8 processes, 25 commits each ", "acknowledged", "in the dataset at the end", "commits a second, start of the processes included"], rows)

    def floors(self):
        rows = []
        for name in FILES:
            for codec in ("snappy", "zstd"):
                row = ["`{}`, {}".format(name, codec)]
                for work in ("decompress", "compress"):
                    for kind in ("distribution", "ours") if codec == "snappy" else ("distribution",):
                        row.append("{:.1f}".format(self.limits.found[kind]["read.{}.{}.{}".format(name, codec, work)]))
                if codec == "zstd":
                    row[2:2], row[4:] = [""], [""]
                rows.append(row)
        print_table(["ms, one thread", "decompress: Debian's", "decompress: ours", "compress: Debian's", "compress: ours"], rows)
        rates = [(name, self.limits.rate(name) / 1e9) for name in ("memcpy.warm", "memcpy.fresh.huge", "pwrite.fresh")]
        print("\nGB/s: " + ", ".join("{} {:.1f}".format(*rate) for rate in rates))

    def show(self):
        measured = self.measured
        versions = {name: row["version"] for rows in measured["tasks"].values() for name, row in rows.items() if row.get("version")}
        print("\nScale `{}`, {} processors, load {:.1f} before, {:.1f} after.".format(
            measured["scale"], measured["cpus"], measured["load_before"], measured.get("load_after", 0)))
        print(", ".join("{} {}".format(*item) for item in sorted(versions.items())) + ".")
        sections = [("Datasets, from Python", r"B\.(store|part|read|disp|import)", lambda: self.datasets(DATASETS))]
        sections += [("Datasets at scale, from Python", r"B\.(open|plan|append|index|gc|dask)", lambda: self.datasets(DOCUMENTS))]
        sections += [("Writers at the same time", r"B\.concurrent", self.concurrent), ("Reading whole files to Arrow", "A.read", self.reading)]
        sections += [("Memory of reading", "A.read", self.reading_memory), ("Writing from Arrow", "A.write", self.writing)]
        sections += [("Reading only what is needed", "A.filter", self.filters), ("Opening", "A.count", self.opening), ("DataFrames", "A.pandas", self.frames)]
        for title, prefix, section in sections:
            if any(re.match(prefix, name) for name in self.tasks):
                print("\n## " + title)
                section()
        if self.limits:
            print("\n## Physical limits")
            self.floors()
        for name, task in self.tasks.items():
            if task.wrong:
                print("\nLeft out of {}: {} (another result than the majority, or failed)".format(name, ", ".join(task.wrong)), end="")
        print()
