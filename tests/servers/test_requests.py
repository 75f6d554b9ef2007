"""How many requests things take: exactly, as the proxy's log has them."""
import collections
import random

import pytest

KINDS = [
    ("/_ktk/probe/", "probe"),
    ("/_ktk/v/", "version"),
    ("/_ktk/schema/", "schema copy"),
    (".by-dataset-metadata.json", "document"),
    ("/_common_metadata", "schema"),
    (".by-dataset-index.parquet", "index"),
    (".parquet", "file"),
]
ROWS = "k,x\na,1\nb,2\na,3\n"


def kind_of(entry):
    if entry["query"] == "delete=" or "comp=batch" in entry["query"]:
        return "batch"
    return next((kind for end, kind in KINDS if end in entry["path"]), "list" if "prefix=" in entry["query"] else entry["path"])


def requests_of(place, *arguments):
    """What a run of ktk asks, as a Counter of "METHOD kind", conditional puts apart."""
    place.proxy.set_rules()
    place.good(*arguments)
    found = collections.Counter()
    for entry in place.proxy.log():
        condition = "conditional " if entry["if_match"] or entry["if_none_match"] else ""
        found["{}{} {}".format(condition, entry["method"], kind_of(entry))] += 1
    return found


def write(place, tmp_path, text=ROWS, *options):
    path = tmp_path / "rows.csv"
    path.write_text(text)
    place.good("write", "d", str(path), *options)
    return str(path)


OPEN_AND_PLAN = {"GET document": 1}


def test_a_query_that_reads_no_file(place, tmp_path):
    """The document names all files; its schema tells the types of what they are compared with."""
    write(place, tmp_path, ROWS, "-p", "k")
    assert requests_of(place, "read", "d", "-w", "k == 'c'") == OPEN_AND_PLAN


def test_the_schema_of_many_columns_is_a_request_of_its_own(place, tmp_path):
    """A document does not grow by more than 4 KiB."""
    names = ["column_{}".format(hash((7, number)) % 10**12) for number in range(600)]
    write(place, tmp_path, ",".join(["k", *names]) + "\na" + ",1" * len(names) + "\n", "-p", "k")
    assert requests_of(place, "read", "d", "-w", "k == 'c'") == {"GET document": 1, "GET schema": 1}


def test_an_index_is_one_request(place, tmp_path):
    write(place, tmp_path, ROWS, "-p", "k", "--index", "x")
    assert requests_of(place, "read", "d", "-w", "x == 9") == dict(OPEN_AND_PLAN, **{"GET index": 1})


def test_a_small_file_is_one_request(place, tmp_path):
    write(place, tmp_path, ROWS, "-p", "k")
    assert requests_of(place, "read", "d", "-w", "k == 'b'") == dict(OPEN_AND_PLAN, **{"GET file": 1})
    assert requests_of(place, "read", "d") == dict(OPEN_AND_PLAN, **{"GET file": 2})


def test_columns_of_a_large_file(place, tmp_path):
    """The end of the file, and one range for columns that lie together; those that lie far apart are two. Azure gives no end of a file
    whose size is not known, so that there it takes one request more."""
    end = {"s3": 1, "azure": 2}[place.kind]
    numbers = random.Random(7)
    names = "abcdefgh"
    lines = (",".join(str(numbers.randrange(2**62)) for _ in names) for _ in range(200000))
    write(place, tmp_path, "\n".join([",".join(names), *lines]) + "\n")
    for columns, ranges in (("a,b", 1), ("a,g", 2)):
        assert requests_of(place, "read", "d", "-c", columns, "-o", str(tmp_path / "out.parquet")) == dict(OPEN_AND_PLAN, **{"GET file": end + ranges})


def without_probes(requests):
    """What a store does about conditions is tried out once for each store that is opened."""
    return {request: count for request, count in requests.items() if not request.endswith(" probe")}


def test_a_commit_is_one_look_and_one_put(place, tmp_path):
    """The update begins with the document; its commit keeps the new one as a version, and puts it, if the other is still there."""
    path = write(place, tmp_path, ROWS, "-p", "k")
    commit = {"GET document": 1, "PUT version": 1, "conditional PUT document": 1}
    assert without_probes(requests_of(place, "delete", "d", "-w", "k == 'b'")) == commit
    assert without_probes(requests_of(place, "append", "d", path)) == dict(commit, **{"PUT file": 2})


def test_a_commit_that_came_too_late_reads_the_document_once_more(place, tmp_path):
    path = write(place, tmp_path)
    place.proxy.set_rules({"do": "status", "status": 412, "code": "PreconditionFailed", "method": "PUT", "path": r"\.json$", "header": "if-match", "nth": 1})
    place.good("append", "d", path)
    log = [entry["method"] for entry in place.proxy.log() if kind_of(entry) == "document"]
    assert log[0] == "GET" and log[-2:] == ["GET", "PUT"] and "HEAD" not in log[-2:], log
    assert place.good("count", "d").out.strip() == "6"


def test_files_of_an_update_go_out_together(place, tmp_path):
    """Each put takes a second here, and those at the same time have connections of their own."""
    place.proxy.set_rules({"do": "delay", "ms": 1000, "path": r"table/.*\.parquet$", "method": "PUT"})
    write(place, tmp_path, "k,x\n" + "".join("{},1\n".format(k) for k in range(12)), "-p", "k")
    puts = [entry for entry in place.proxy.log() if entry["method"] == "PUT" and kind_of(entry) == "file"]
    assert len(puts) == 12 and len({entry["connection"] for entry in puts}) >= 6


def file_requests(place, method):
    """Those for data files, in the order in which they were answered."""
    return [entry for entry in place.proxy.log() if entry["method"] == method and kind_of(entry) == "file"]


@pytest.fixture
def eager(place, monkeypatch):
    """kartothek.io.eager with the keys of the place."""
    module = pytest.importorskip("kartothek.io.eager")
    for name, value in place.environment.items():
        monkeypatch.setenv(name, value)
    return module


def frames(count):
    pandas = pytest.importorskip("pandas")
    return [pandas.DataFrame({"x": [number]}) for number in range(count)]


def test_frames_go_out_together_and_without_conditions(place, eager):
    """Nobody else can have the labels that the library makes. The third put is kept on its way, and others overtake it."""
    place.proxy.set_rules({"do": "delay", "ms": 2000, "path": r"table/.*\.parquet$", "method": "PUT", "nth": 3})
    eager.store_dataframes_as_dataset(store=place.url(), dataset_uuid="d", dfs=frames(12))
    puts = file_requests(place, "PUT")
    assert len(puts) == 12 and not any(entry["if_none_match"] or entry["if_match"] for entry in puts)
    assert [entry["fault"] for entry in puts].index("delay") >= 5


def test_frames_under_given_labels_replace_nothing(place, eager):
    """A label that somebody chose may be somebody else's, too."""
    place.proxy.set_rules()
    eager.store_dataframes_as_dataset(store=place.url(), dataset_uuid="d", dfs=[{"label": "l", "data": [("table", frames(1)[0])]}])
    assert [entry["if_none_match"] for entry in file_requests(place, "PUT")] == ["*"]


def test_partitions_are_read_ahead(place, eager):
    """A get of each; the fifth is kept on its way, and one at least behind it overtakes it. The first one is looked at alone."""
    from kartothek.io.iter import read_dataset_as_dataframes__iterator

    eager.store_dataframes_as_dataset(store=place.url(through_proxy=False), dataset_uuid="d", dfs=frames(24))
    place.proxy.set_rules({"do": "delay", "ms": 2000, "path": r"table/.*\.parquet$", "method": "GET", "nth": 5})
    read = [int(tables["table"]["x"][0]) for tables in read_dataset_as_dataframes__iterator("d", place.url())]
    gets = file_requests(place, "GET")
    assert read == list(range(24)) and len(gets) == 24
    assert [entry["fault"] for entry in gets].index("delay") >= 5, "they are noted when they are answered: 4 is its turn"
    place.proxy.set_rules()
    first = read_dataset_as_dataframes__iterator("d", place.url())
    next(first)
    first.close()
    assert len(file_requests(place, "GET")) == 1


def test_conditions_are_tried_out_once(place, tmp_path):
    path = write(place, tmp_path)
    probes = {request: count for request, count in requests_of(place, "append", "d", path).items() if request.endswith(" probe")}
    # A server that wants the ETag without its quotes is asked once more.
    assert probes in (
        {"conditional PUT probe": 4, "DELETE probe": 1},
        {"conditional PUT probe": 5, "HEAD probe": 1, "DELETE probe": 1},
    )


def test_a_filter_that_leaves_one_percent_fetches_little(place, tmp_path):
    """What is fetched of a file: its end, and of each column the pages that may hold matching rows, with what is cheap between them."""
    rows, page_rows, end_bytes = 600000, 20000, 1088 * 1024
    values = random.Random(1)
    path = tmp_path / "rows.csv"
    path.write_text("k,x\n" + "".join("{},{!r}\n".format(k, values.random()) for k in range(rows)))
    place.proxy.set_rules()
    place.good("write", "d", str(path))
    size = sum(entry["bytes"] for entry in place.proxy.log() if entry["method"] == "PUT" and kind_of(entry) == "file")
    place.proxy.set_rules()
    found = place.good("read", "d", "-w", "k >= 300000 and k < 306000", "--format", "csv").out
    assert len(found.splitlines()) == 6001
    fetched = sum(entry["answer_bytes"] for entry in place.proxy.log() if kind_of(entry) == "file")
    needed = size * (rows // 100 + 2 * page_rows) // rows
    ends = end_bytes * (1 if place.kind == "s3" else 2)
    assert size > 4 * end_bytes and fetched <= ends + 1.5 * needed, (size, fetched, needed)


def test_many_files_are_removed_in_one_request(place, tmp_path):
    """A thousand in S3, 256 in Azure. Documents of old commits are removed before files."""
    count = {"s3": 2500, "azure": 600}[place.kind]
    path = tmp_path / "rows.csv"
    path.write_text("k,x\n" + "".join("{},1\n".format(k) for k in range(count + 1)))
    place.good("write", "d", str(path), "-p", "k", through_proxy=False)
    place.good("delete", "d", "-w", "k > 0", through_proxy=False)
    place.grow_old()
    requests = requests_of(place, "gc", "d", "--yes", "--grace", "0s", "--history", "0s", "--short-grace")
    removals = {"DELETE version": 1, "POST batch": 3}
    assert place.good("count", "d", through_proxy=False).out == "1\n"
    assert {request: n for request, n in requests.items() if request.split()[0] in ("DELETE", "POST")} == removals
    assert requests["GET list"] == {"s3": 3, "azure": 1}[place.kind], requests
