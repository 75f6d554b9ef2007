"""What a client has to know of servers, one test for each thing."""
import datetime
import http.server
import json
import os
import re
import shutil
import subprocess
import threading

import pytest

DOCUMENT = r"\.by-dataset-metadata\.json$"
COMMIT = {"method": "PUT", "path": DOCUMENT, "header": "if-match"}
ROWS = "k,x\na,1\nb,2\n"


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(ROWS)
    return str(path)


def append(place, rows, *rules, **options):
    """A dataset of two rows, to which two more are added while the rules hold."""
    place.good("write", "d", rows, **options)
    place.proxy.set_rules(*rules)
    result = place.ktk("append", "d", rows, **options)
    log = place.proxy.log()
    place.proxy.set_rules()
    return result, log


def count(place):
    return int(place.good("count", "d", through_proxy=False).out)


def puts_of_document(log):
    return [entry for entry in log if entry["method"] == "PUT" and entry["path"].endswith(".by-dataset-metadata.json")]


def test_etags_go_in_the_form_that_the_server_takes(s3, rows):
    """Ceph's servers hand out quoted ETags and take bare ones alone. That is found out by the first swap and then known."""
    result, log = append(s3, rows, {"do": "status", "status": 412, "code": "PreconditionFailed", "header": "if-match", "value": '^"'})
    assert result.code == 0, result.err
    sent = [entry["if_match"] for entry in log if entry["if_match"]]
    assert [etag.startswith('"') for etag in sent] == [True] + [False] * (len(sent) - 1)
    assert count(s3) == 4


@pytest.mark.parametrize("do", ["lost_reply", "twice"])
def test_a_commit_whose_answer_is_not_heard_is_found(place, rows, do):
    """The put was carried out, and the client hears nothing, or that its condition is not met: by what it put itself."""
    result, log = append(place, rows, dict(COMMIT, do=do, first=1))
    assert result.code == 0, result.err
    assert [entry["fault"] for entry in puts_of_document(log)] == [do]
    assert count(place) == 4


def test_a_trial_of_conditions_that_comes_twice_is_no_refusal(place, rows):
    """Else its writer would go by claims, where others swap."""
    result, log = append(place, rows, {"do": "twice", "method": "PUT", "path": r"/_ktk/probe/"})
    assert result.code == 0, result.err
    assert len([entry for entry in log if entry["fault"] == "twice"]) >= 4
    assert all(entry["if_match"] for entry in puts_of_document(log)) and not any("/claim/" in entry["path"] for entry in log)
    assert count(place) == 4


def test_a_commit_goes_out_on_a_connection_of_its_own(place, rows):
    """libcurl sends again by itself what is lost on a connection that was used before."""
    _, log = append(place, rows)
    assert [entry["on_connection"] for entry in puts_of_document(log)] == [0]


@pytest.mark.parametrize("status, code", [(412, "PreconditionFailed"), (409, "ConditionalRequestConflict"), (404, "NoSuchKey"), (500, "UnknownError")])
def test_who_loses_a_race_reads_again(place, rows, status, code):
    result, log = append(place, rows, dict(COMMIT, do="status", status=status, code=code, first=1))
    assert result.code == 0, result.err
    assert [entry["fault"] for entry in puts_of_document(log)] == ["status", None]
    lost = log.index(puts_of_document(log)[0])
    assert any(entry["method"] in ("GET", "HEAD") and entry["path"].endswith(".by-dataset-metadata.json") for entry in log[lost:])
    assert count(place) == 4


def test_a_store_that_ignores_conditions_is_refused(s3, rows):
    keys = {"access": os.environ["AWS_ACCESS_KEY_ID"], "secret": os.environ["AWS_SECRET_ACCESS_KEY"]}
    s3.proxy.set_rules({"do": "drop_conditions", "keys": keys})
    result = s3.ktk("write", "d", rows)
    result.check_error()
    assert "does not make a put conditional" in result.err and "concurrency=single-writer" in result.err
    assert s3.ktk("count", "d", through_proxy=False).code == 3
    s3.good("write", "d", rows, url=s3.url(concurrency="single-writer"))
    s3.good("append", "d", rows, url=s3.url(concurrency="single-writer"))
    assert count(s3) == 4


def test_an_answer_before_the_body_was_read_counts(place, tmp_path):
    path = tmp_path / "large.csv"
    path.write_text("x\n" + "".join("{}\n".format(i * 7919 % 999983 * 65537) for i in range(999983)))
    early = {"do": "status", "early": True, "method": "PUT", "path": r"\.parquet$"}
    place.proxy.set_rules(dict(early, status=403, code="AccessDenied"))
    result = place.ktk("write", "d", str(path))
    result.check_error()
    assert "403" in result.err
    assert len(place.faults()) == 1
    place.proxy.set_rules(dict(early, status=503, code="SlowDown", first=1))
    place.good("write", "d", str(path))
    assert len(place.faults()) == 1


def test_connections_that_have_died_are_no_failures(place, rows):
    result, log = append(place, rows, {"do": "close"})
    assert result.code == 0, result.err
    assert {entry["on_connection"] for entry in log} == {0}
    place.proxy.set_rules({"do": "close"})
    assert place.good("count", "d").out == "4\n"


def test_a_list_needs_no_content_type(place, rows):
    """What its body is follows from what was asked."""
    place.good("write", "d", rows)
    place.proxy.set_rules({"do": "set_header", "name": "Content-Type", "query": "prefix="})
    assert "\nd" in "\n" + place.good("ls").out
    assert place.faults()


WRONG = "d3Jvbmcga2V5IHdyb25nIGtleSB3cm9uZyBrZXkgd3Jvbmcga2V5IHdyb25nIGtleQ=="
WRONG_KEYS = [
    ("s3", "wrong key", {"AWS_SECRET_ACCESS_KEY": WRONG}),
    ("s3", "unknown key", {"AWS_ACCESS_KEY_ID": "nobody"}),
    ("s3", "somebody else's", {"AWS_ACCESS_KEY_ID": "S3_OTHER_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY": "S3_OTHER_SECRET_ACCESS_KEY"}),
    ("azure", "wrong key", {"AZURE_STORAGE_KEY": WRONG}),
    ("azure", "ended", {"AZURE_STORAGE_KEY": "", "AZURE_STORAGE_SAS_TOKEN": "sv=2021-12-02&se=2001-01-01T00%3A00%3A00Z&sr=c&sp=rl&sig=" + WRONG}),
]


@pytest.mark.parametrize("kind, keys", [(kind, keys) for kind, _, keys in WRONG_KEYS], ids=["-".join(case[:2]) for case in WRONG_KEYS])
def test_wrong_keys_are_told_in_one_line_and_asked_for_once(kind, keys, rows, request):
    place = request.getfixturevalue(kind)
    keys = {name: os.environ.get(value, value) for name, value in keys.items()}
    place.good("write", "d", rows)
    for arguments in (["count", "d"], ["append", "d", rows], ["ls"]):
        place.proxy.set_rules()
        result = place.ktk(*arguments, **keys)
        result.check_error()
        assert "403" in result.err and not any(name.endswith(("KEY", "TOKEN")) and value and value in result.err for name, value in keys.items())
        assert [entry["sent"] for entry in place.proxy.log()] == [403], (arguments, result.err)


@pytest.fixture
def clock(tmp_path):
    """An environment in which a program's clock is wrong by so many seconds."""
    source, library = tmp_path / "clock.c", tmp_path / "clock.so"
    source.write_text(CLOCK)
    subprocess.run([shutil.which("cc") or "gcc", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    return lambda seconds: {"LD_PRELOAD": str(library), "CLOCK_WRONG_BY": str(seconds)}


CLOCK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
int clock_gettime(clockid_t clock, struct timespec *now) {
    int (*real)(clockid_t, struct timespec *) = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, now);
    if (clock == CLOCK_REALTIME) {
        now->tv_sec += atol(getenv("CLOCK_WRONG_BY"));
    }
    return result;
}
"""
DAY = 86400


def refuse_tomorrow(place, **fields):
    """Azurite takes any time: what Azure does about tomorrow's requests is done before it."""
    tomorrow = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
    rule = {"do": "status", "status": 403, "code": "AuthenticationFailed", "header": "x-ms-date", "value": tomorrow.strftime(", %d ")}
    place.proxy.set_rules(dict(rule, **fields))


@pytest.mark.parametrize("seconds", [-DAY, DAY])
def test_a_wrong_clock_is_set_by_the_services(s3, rows, clock, seconds):
    """The service tells its time when it refuses; what is signed by that is taken, puts with conditions too."""
    s3.good("write", "d", rows)
    s3.proxy.set_rules()
    s3.good("append", "d", rows, **clock(seconds))
    sent = [entry["sent"] for entry in s3.proxy.log()]
    assert sent[0] == 403 and 403 not in sent[1:]
    assert count(s3) == 4


def test_a_wrong_clock_is_set_by_azures(azure, rows, clock):
    azure.good("write", "d", rows)
    refuse_tomorrow(azure)
    azure.good("append", "d", rows, **clock(DAY))
    sent = [entry["sent"] for entry in azure.proxy.log()]
    assert sent[0] == 403 and 403 not in sent[1:]
    assert count(azure) == 4


def test_a_wrong_clock_is_one_error_where_the_service_does_not_tell_its_time(place, rows, clock):
    place.good("write", "d", rows)
    if place.kind == "azure":
        refuse_tomorrow(place, without_date=True)
    else:
        place.proxy.set_rules({"do": "set_header", "name": "Date"})
    result = place.ktk("count", "d", **clock(DAY))
    result.check_error()
    assert re.search("403 (RequestTimeTooSkewed|AuthenticationFailed)", result.err)
    assert [entry["sent"] for entry in place.proxy.log()] == [403]


class Keys(http.server.BaseHTTPRequestHandler):
    """The keys of a container, which end two seconds after they were asked for; the first ones are of nobody that the server knows."""

    def do_GET(self):
        name = os.environ["AWS_ACCESS_KEY_ID"] if self.server.asked >= self.server.unknown else "nobody{}".format(self.server.asked)
        self.server.asked += 1
        end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=2)
        keys = {"AccessKeyId": name, "SecretAccessKey": os.environ["AWS_SECRET_ACCESS_KEY"]}
        text = json.dumps(dict(keys, Expiration=end.strftime("%Y-%m-%dT%H:%M:%SZ"))).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *arguments):
        pass


@pytest.fixture
def container():
    """(the server, an environment in which keys come from it alone)"""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Keys)
    server.asked = server.unknown = 0
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    url = "http://127.0.0.1:{}/keys".format(server.server_address[1])
    none = dict.fromkeys(["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"], "")
    files = dict.fromkeys(["AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"], os.devnull)
    yield server, dict(none, AWS_CONTAINER_CREDENTIALS_FULL_URI=url, **files)
    server.shutdown()
    server.server_close()


def test_keys_that_end_are_fetched_anew_before(s3, rows, container):
    """Each answer takes a while, so that the keys of the beginning are not good to the end."""
    server, environ = container
    s3.good("write", "d", rows)
    s3.proxy.set_rules({"do": "stall", "bytes": 0, "ms": 700})
    s3.good("append", "d", rows, **environ)
    requests = len(s3.proxy.log())
    assert requests >= 8 and server.asked >= 3, (requests, server.asked)
    assert not [entry for entry in s3.proxy.log() if entry["sent"] in (400, 403)]
    assert count(s3) == 4


@pytest.mark.parametrize("unknown, sent", [(1, [403, 200]), (99, [403, 403])])
def test_keys_that_the_service_does_not_take_are_fetched_anew_once(s3, rows, container, unknown, sent):
    server, environ = container
    s3.good("write", "d", rows)
    s3.proxy.set_rules()
    server.unknown = unknown
    result = s3.ktk("count", "d", **environ)
    assert [entry["sent"] for entry in s3.proxy.log()][: len(sent)] == sent and server.asked >= 2
    if unknown == 1:
        assert result.out == "2\n", result.err
    else:
        result.check_error()
        assert "InvalidAccessKeyId" in result.err and len(s3.proxy.log()) <= 4


def test_an_empty_object_has_no_end(place, rows, monkeypatch):
    """Its last bytes are a status 416 here, an empty answer there; for a reader it is a file without an end."""
    place.good("write", "d", rows)
    key = json.loads(place.good("partitions", "d", "--json").out)[0]["file"]
    KeyValueStore = pytest.importorskip("kartothek.core.store").KeyValueStore
    for name in ("AZURE_STORAGE_KEY", "AZURE_STORAGE_CONNECTION_STRING"):
        monkeypatch.setenv(name, place.environment.get(name, ""))
    KeyValueStore(place.url(through_proxy=False)).put(key, b"")
    place.proxy.set_rules()
    result = place.ktk("read", "d")
    result.check_error()
    assert key in result.err and "416" not in result.err


def test_throttling_is_waited_out(place, rows):
    result, log = append(place, rows, {"do": "status", "status": 503, "code": "SlowDown", "retry_after": 1, "method": "GET", "path": DOCUMENT, "first": 2})
    assert result.code == 0, result.err
    assert [entry["sent"] for entry in log if entry["method"] == "GET" and entry["path"].endswith(".json")][:3] == [503, 503, 200]
    assert count(place) == 4


def test_a_turned_bit_of_a_file_is_seen(place, rows):
    place.good("write", "d", rows)
    place.proxy.set_rules({"do": "flip", "bytes": 30, "path": r"table/.*\.parquet$", "method": "GET"})
    result = place.ktk("read", "d", "--json")
    assert place.faults()
    assert result.code != 0 or result.out == '{"k":"a","x":1}\n{"k":"b","x":2}\n', result.out


def test_a_bit_turned_on_its_way_to_the_server_is_refused(place, rows):
    """By the signature, which is over the body's digest, or where that is not so by a digest beside it."""
    place.proxy.set_rules({"do": "flip_upload", "bytes": 30, "path": r"table/.*\.parquet$", "method": "PUT"})
    result = place.ktk("write", "d", rows)
    result.check_error()
    assert [entry["sent"] for entry in place.faults()] == [400]
    assert place.ktk("count", "d", through_proxy=False).code != 0


PLAIN = {"do": "decode_keys", "query": "encoding-type"}
AWKWARD = ["a b", "a%20b", "a+b", "a/b", "a&b<c>", "ü€", "a'b=c"]


@pytest.mark.parametrize("rules", [[], [PLAIN]], ids=["encoded", "not encoded"])
def test_keys_of_lists_are_decoded_where_the_answer_says_that_they_are_encoded(s3, tmp_path, rules):
    """Keys of partitions have percent signs of their own."""
    path = tmp_path / "rows.csv"
    path.write_text("k,x\n" + "".join('"{}",{}\n'.format(key, x) for x, key in enumerate(AWKWARD)))
    s3.good("write", "d", str(path), "-p", "k")
    s3.proxy.set_rules(*rules)
    assert s3.good("check", "d", "--deep").out.startswith("0 errors, 0 warnings")
    assert len(s3.faults()) == len([entry for entry in s3.proxy.log() if "prefix=" in entry["query"]]) * len(rules)
    s3.good("drop", "d", "--yes")
    assert s3.good("ls", through_proxy=False).out == "0 datasets\n"


def test_a_list_needs_no_count_of_its_keys(s3, rows):
    s3.good("write", "d", rows)
    s3.proxy.set_rules({"do": "rewrite", "pattern": "<KeyCount>.*?</KeyCount>|<MaxKeys>.*?</MaxKeys>", "to": "", "query": "prefix="})
    assert "\nd" in "\n" + s3.good("ls").out
    assert s3.faults()


# Requests that remove many files.
BATCHES = {"s3": "^delete=", "azure": "comp=batch"}


@pytest.mark.parametrize("rule", [
    {"status": 501, "code": "NotImplemented"},
    {"status": 405, "code": "MethodNotAllowed"},
    {"status": 400, "code": "MalformedXML"},
    {"status": 200, "code": "InternalError"},
])
def test_files_go_one_by_one_where_none_go_together(place, rows, rule):
    """A service that does not know the request is asked once; one that answers something else has removed nothing."""
    place.good("write", "d", rows, "-p", "k")
    place.good("delete", "d", "-w", "k in ('a', 'b')")
    place.grow_old()
    place.proxy.set_rules(dict(rule, do="status", method="POST", query=BATCHES[place.kind]))
    place.good("gc", "d", "--yes", "--grace", "0s", "--history", "0s", "--short-grace")
    log = place.proxy.log()
    place.proxy.set_rules()
    assert [entry["fault"] for entry in log if entry["method"] == "POST"] == ["status"]
    assert sum(entry["method"] == "DELETE" and entry["path"].endswith(".parquet") for entry in log) == 2
    assert "0 files" in place.good("gc", "d", "--grace", "0s", "--history", "0s", "--short-grace").out


def test_a_removal_whose_answer_is_lost_is_sent_again(place, rows):
    """What is gone already is named as gone the second time, too."""
    place.good("write", "d", rows, "-p", "k")
    place.good("delete", "d", "-w", "k in ('a', 'b')")
    place.grow_old()
    place.proxy.set_rules({"do": "lost_reply", "method": "POST", "query": BATCHES[place.kind], "first": 1})
    place.good("gc", "d", "--yes", "--grace", "0s", "--history", "0s", "--short-grace")
    log = place.proxy.log()
    place.proxy.set_rules()
    assert [entry["fault"] for entry in log if entry["method"] == "POST"] == ["lost_reply", None]
    assert not [entry for entry in log if entry["method"] == "DELETE" and entry["path"].endswith(".parquet")]
