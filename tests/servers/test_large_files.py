"""Files that are larger than the memory they take: in parts, which are taken back when something fails."""
import base64
import os
import subprocess
import sys

import pytest

from make_place import uploads_of
from places import KTK

MIB = 1 << 20
SIZE = int(os.environ.get("KTK_TEST_LARGE_MIB", "256")) * MIB


def lines_of(size):
    """Text that no codec makes smaller."""
    for _ in range(size // (4 * MIB)):
        yield base64.encodebytes(os.urandom(3 * MIB // 57 * 57))


def write_text(path, size):
    """Rows of such text."""
    with open(path, "wb") as file:
        file.write(b"t\n")
        file.writelines(lines_of(size))
    return str(path)


def write_json(path, size):
    """The same as JSON lines."""
    with open(path, "wb") as file:
        for text in lines_of(size):
            file.write(b'{"t": "' + text[:-1].replace(b"\n", b'"}\n{"t": "') + b'"}\n')
    return str(path)


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """A folder with a dataset "d" of one large file."""
    folder = tmp_path_factory.mktemp("large")
    text = write_text(folder / "rows.csv", SIZE)
    subprocess.run([KTK, "--store", str(folder / "lake"), "write", "d", text], check=True, stdout=subprocess.DEVNULL)
    os.unlink(text)
    return str(folder / "lake")


#: A process of its own: what a child is said to have had at most begins with what its parent has.
LAUNCH = """
import os, resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
os.write(1, str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss).encode())
sys.exit(code)
"""


def peak(place, *arguments, url=None):
    """The most memory that a run of ktk had, in bytes."""
    command = [sys.executable, "-I", "-S", "-c", LAUNCH, KTK, "--store", url or place.url(False), *arguments]
    return int(subprocess.run(command, env=place.environment, stdout=subprocess.PIPE, check=True).stdout) * 1024


def data_file(lake, name):
    (found,) = (os.path.join(lake, name, "table", file) for file in os.listdir(os.path.join(lake, name, "table")) if file.endswith(".parquet"))
    assert os.path.getsize(found) > SIZE * 0.9
    return found


def test_a_large_file_goes_there_and_back_within_64_mib(place, lake):
    least = peak(place, "ls")
    assert peak(place, "copy", "d", "--to", place.url(False), url=lake) < least + 64 * MIB
    assert peak(place, "copy", "d", "back-" + place.kind, "--to", lake) < least + 64 * MIB
    with open(data_file(lake, "d"), "rb") as ours, open(data_file(lake, "back-" + place.kind), "rb") as back:
        while True:
            piece = ours.read(MIB)
            assert piece == back.read(MIB)
            if not piece:
                break


def test_a_large_file_is_read_within_112_mib(place, lake, tmp_path):
    """Row groups of it take some 84 MiB, stored and again in memory: they are read in pieces. A Parquet file that is written has its own memory."""
    least = peak(place, "ls")
    peak(place, "copy", "d", "--to", place.url(False), url=lake)
    assert peak(place, "hash", "d") < least + 112 * MIB
    assert peak(place, "count", "d", "-w", "t < 'h'") < least + 112 * MIB
    assert peak(place, "read", "d", "-o", str(tmp_path / "rows.csv")) < least + 112 * MIB
    assert peak(place, "read", "d", "-w", "t < 'h'", "-o", str(tmp_path / "rows.parquet")) < least + (112 + 64) * MIB


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_large_dataset_is_written_and_grows_within_128_mib(place, lake, tmp_path, kind):
    if kind == "parquet":
        rows = data_file(lake, "d")
    else:
        rows = {"csv": write_text, "jsonl": write_json}[kind](tmp_path / ("rows." + kind), SIZE)
    assert peak(place, "write", kind, rows) < 128 * MIB
    assert peak(place, "append", kind, rows) < 128 * MIB
    count = int(place.good("count", kind, through_proxy=False).out)
    assert count == 2 * (SIZE // (4 * MIB)) * -(-(3 * MIB // 57 * 57) // 57)
    place.good("drop", kind, "--yes", through_proxy=False)


def uploads(place):
    bucket = place.folder.split("/", 1)[0]
    keys = (place.environment["AWS_ACCESS_KEY_ID"], place.environment["AWS_SECRET_ACCESS_KEY"])
    return [line for line in uploads_of(place.server, bucket, *keys).split("<Key>")[1:] if place.folder.split("/", 1)[1] in line]


JOIN = {"s3": {"method": "POST", "query": "uploadId="}, "azure": {"query": "comp=blocklist"}}
NO_UPLOAD = {"do": "status", "status": 404, "code": "NoSuchUpload", **JOIN["s3"]}


def test_parts_that_are_joined_without_an_answer(place, tmp_path):
    """The list of the parts is sent again, and a service that knows the upload no more does not make a failure of it."""
    text = write_text(tmp_path / "rows.csv", 20 * MIB)
    place.proxy.set_rules({"do": "lost_reply", "first": 1, **JOIN[place.kind]})
    place.good("write", "d", text)
    assert [entry["fault"] for entry in place.faults()] == ["lost_reply"]
    if place.kind == "s3":
        # Ceph remembers for a while what it has joined, others do not.
        place.proxy.set_rules({"do": "lost_reply", "first": 1, **JOIN["s3"]}, NO_UPLOAD)
        place.good("append", "d", text)
        assert [entry["fault"] for entry in place.faults()] == ["lost_reply", "status"]
        assert uploads(place) == []
    place.proxy.set_rules()
    place.good("check", "d", "--deep")


def test_parts_that_nobody_joined_are_no_file(place, tmp_path):
    if place.kind != "s3":
        pytest.skip("only uploads of S3 have an end that may be unknown")
    place.proxy.set_rules(NO_UPLOAD)
    result = place.ktk("write", "d", write_text(tmp_path / "rows.csv", 20 * MIB))
    assert place.faults()
    result.check_error()
    assert "put it again" in result.err
    assert place.ktk("count", "d").code == 3, "there is no such dataset"
    assert uploads(place) == []


OF_PARTS = {"query": "(uploads|uploadId=|comp=block)"}


@pytest.mark.parametrize("number", [1, 2, 4])
def test_a_request_of_a_large_file_that_fails(place, tmp_path, number):
    """What fails once is got over; what is refused ends the write, and leaves neither a file nor a part."""
    text = write_text(tmp_path / "rows.csv", 20 * MIB)
    # Of several parts on their way the answers are looked at in order: a time in one may be old by then, and is no sign of a wrong clock.
    place.proxy.set_rules({"do": "status", "status": 403, "code": "AccessDenied", "nth": number, "without_date": True, **OF_PARTS})
    result = place.ktk("write", "refused", text)
    assert place.faults()
    result.check_error()
    assert place.ktk("count", "refused").code == 3, "there is no such dataset"
    place.proxy.set_rules({"do": "reset", "nth": number, **OF_PARTS})
    place.good("write", "d", text)
    assert place.faults()
    rows = len(open(text, "rb").read().splitlines()) - 1
    assert place.good("count", "d").out == "{}\n".format(rows)
    place.good("check", "d", "--deep")
    if place.kind == "s3":
        assert uploads(place) == []
