"""Files are collected as garbage while others write and read: on a real server, with a grace that is a little longer than what they take."""
import concurrent.futures
import json
import time

SECONDS = 10
PATIENCE_SECONDS = 60
GRACE = "3s"
WRITERS = 4
READERS = 4


def rows_of(result):
    return {(row["k"], row["x"]) for row in map(json.loads, result.out.splitlines())}


def write_until(place, folder, writer, end):
    """
    Append a partition again and again, and delete the one before; the rows that stay, and those of which nobody knows.

    Where the answer to a commit does not come while others make more than 64, whose history is collected at once, it is told as unknown.
    """
    rows, unknown = set(), set()
    n = 0
    while time.monotonic() < end:
        n += 1
        key = "{}-{}".format(writer, n)
        path = folder / "{}.csv".format(key)
        path.write_text("k,x\n{},{}\n".format(key, n))
        done = place.ktk("append", "d", str(path))
        assert done.code in (0, 6), done.err
        (rows if done.code == 0 else unknown).add((key, n))
        if n > 1:
            old = ("{}-{}".format(writer, n - 1), n - 1)
            done = place.ktk("delete", "d", "-w", "k == '{}'".format(old[0]))
            assert done.code in (0, 4, 6), done.err  # 4: somebody else's change is in its way, and nothing is deleted
            if done.code != 4:
                rows.discard(old)
                unknown.discard(old)
            if done.code == 6:
                unknown.add(old)
    assert rows
    return rows, unknown


def read_until(place, end):
    """Every reader finds all files of the version that it began with."""
    count = 0
    while time.monotonic() < end:
        rows = rows_of(place.good("read", "d", "--json"))
        assert ("first", 0) in rows
        count += 1
    return count


def collect_until(place, end):
    """How many files were collected; on a slow machine the first of them are when the others have ended."""
    count = 0
    while time.monotonic() < end or (count == 0 and time.monotonic() < end + PATIENCE_SECONDS):
        done = place.good("gc", "d", "--yes", "--grace", GRACE, "--history", "0s", "--short-grace", "--json")
        count += json.loads(done.out)["removed"]["files"]
        time.sleep(0.1)
    return count


def test_collection_disturbs_nobody(place, tmp_path):
    first = tmp_path / "first.csv"
    first.write_text("k,x\nfirst,0\n")
    place.good("write", "d", str(first), "-p", "k")
    end = time.monotonic() + SECONDS
    with concurrent.futures.ThreadPoolExecutor(WRITERS + READERS + 1) as pool:
        writers = [pool.submit(write_until, place, tmp_path, writer, end) for writer in range(WRITERS)]
        readers = [pool.submit(read_until, place, end) for _ in range(READERS)]
        collector = pool.submit(collect_until, place, end)
        rows, unknown = (set().union(*sets) for sets in zip(*(writer.result() for writer in writers)))
        assert all(reader.result() > 0 for reader in readers)
        assert collector.result() > 0
    assert rows_of(place.good("read", "d", "--json")) - unknown == {("first", 0)} | rows
    assert place.good("check", "d", "--deep").out.startswith("0 errors, 0 warnings")
