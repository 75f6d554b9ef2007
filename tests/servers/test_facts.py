"""What a client has to know of servers, one test for each thing."""
import collections
import os

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


def test_wrong_keys_are_told_in_one_line_and_asked_for_once(place, rows):
    wrong = "d3Jvbmcga2V5IHdyb25nIGtleSB3cm9uZyBrZXkgd3Jvbmcga2V5IHdyb25nIGtleQ=="
    place.good("write", "d", rows)
    place.proxy.set_rules()
    result = place.ktk("count", "d", AWS_SECRET_ACCESS_KEY=wrong, AZURE_STORAGE_KEY=wrong)
    result.check_error()
    assert "403" in result.err and wrong not in result.err
    assert collections.Counter(entry["sent"] for entry in place.proxy.log()) == {403: 1}


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
