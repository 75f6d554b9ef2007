"""What is read from far is kept in a folder, and is not asked for again."""
import concurrent.futures
import random

import pytest

from test_requests import kind_of

ROWS = "k,x\n" + "".join("{},{}\n".format("abc"[n % 3], n) for n in range(300))


@pytest.fixture
def url(place, tmp_path):
    """Of a store with a dataset of three files and an index; read through a cache."""
    path = tmp_path / "rows.csv"
    path.write_text(ROWS)
    place.good("write", "d", str(path), "-p", "k", "--index", "x", through_proxy=False)
    return place.url(cache=str(tmp_path / "cache"), cache_bytes="100m")


def read(place, url, *options):
    place.proxy.set_rules()
    rows = sorted(place.good("read", "d", "--format", "csv", *options, url=url).out.splitlines())
    asked = [(entry["method"], kind_of(entry)) for entry in place.proxy.log()]
    return rows, sorted(request for request in asked if request[1] in ("file", "index"))


def test_files_are_got_once(place, url):
    wanted = read(place, place.url())[0]
    assert len(wanted) == 301
    assert read(place, url) == (wanted, [("GET", "file")] * 3)
    assert read(place, url) == (wanted, [])
    some = read(place, place.url(), "-w", "x == 7")[0]
    # An index has a name that may come again: it is looked at, and got once.
    assert read(place, url, "-w", "x == 7") == (some, [("GET", "index"), ("HEAD", "index")])
    assert read(place, url, "-w", "x == 7") == (some, [("HEAD", "index")])


def test_a_commit_is_seen(place, url, tmp_path):
    read(place, url)
    path = tmp_path / "more.csv"
    path.write_text("k,x\na,1000\n")
    place.good("append", "d", str(path), through_proxy=False)
    rows, asked = read(place, url)
    assert len(rows) == 302 and asked == [("GET", "file")]
    place.good("delete", "d", "-w", "k == 'b'", through_proxy=False)
    rows, asked = read(place, url)
    assert len(rows) == 202 and asked == []


def test_damaged_files_are_got_again(place, url, tmp_path):
    wanted = read(place, url)
    chance = random.Random(3)
    for path in (tmp_path / "cache").rglob("*"):
        if path.is_file():
            data = bytearray(path.read_bytes())
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            path.write_bytes(data if chance.randrange(2) else data[: len(data) // 2])
    assert read(place, url) == wanted
    assert read(place, url) == (wanted[0], [])


def test_ranges_of_a_large_file_are_got_once(place, tmp_path):
    numbers = random.Random(5)
    path = tmp_path / "rows.csv"
    path.write_text("a,b,c,d\n" + "".join("{},{},{},{}\n".format(n, *(numbers.randrange(2**62) for _ in "bcd")) for n in range(200000)))
    place.good("write", "d", str(path), through_proxy=False)
    url = place.url(cache=str(tmp_path / "cache"))
    for options in (("-c", "a"), ("-c", "a,c", "-w", "a > 100000 and a < 100500")):
        wanted = read(place, place.url(), *options)[0]
        first, second = read(place, url, *options), read(place, url, *options)
        assert first[0] == second[0] == wanted and second[1] == []


def test_processes_share_a_cache_that_is_too_small(place, url, tmp_path):
    """Files come and go under everybody's hands."""
    wanted = read(place, place.url())[0]
    folder = tmp_path / "cache"
    small = place.url(cache=str(folder), cache_bytes="12k")
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(place.good, "read", "d", "--format", "csv", url=small) for _ in range(16)]
        for run in runs:
            assert sorted(run.result().out.splitlines()) == wanted
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files and sum(path.stat().st_size for path in files) < 2 * 12 * 1024
    assert not [path for path in files if path.name.startswith(".tmp-")]
