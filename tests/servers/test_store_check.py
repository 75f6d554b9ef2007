"""Whether datasets can be kept in a place on a server, as ktk tells it."""
import json
import os

WRONG = "d3Jvbmcga2V5IHdyb25nIGtleSB3cm9uZyBrZXkgd3Jvbmcga2V5IHdyb25nIGtleQ=="


def check(place, *arguments, **options):
    return place.ktk("store", "check", *arguments, **options)


def test_a_place_of_ones_own_is_safe_and_stays_empty(place):
    result = check(place, "--json")
    assert result.code == 0, result.err
    facts = json.loads(result.out)
    assert facts["provider"] == {"s3": "S3", "azure": "Azure Blob"}[place.kind]
    assert facts["credentials"] == "environment" and facts["clock_ahead_ms"] == 0
    assert (facts["region"] is None) == (place.kind == "azure")
    assert facts["safe"] and facts["conditions"] == "swap" and facts["problems"] == []
    left = {}
    for entry in place.proxy.log():
        if entry["method"] in ("PUT", "DELETE") and "ktk-store-check" in entry["path"]:
            left[entry["path"]] = entry["method"]
    assert left and set(left.values()) == {"DELETE"}


def test_a_server_that_ignores_conditions_is_not_safe(s3):
    keys = {"access": os.environ["AWS_ACCESS_KEY_ID"], "secret": os.environ["AWS_SECRET_ACCESS_KEY"]}
    s3.proxy.set_rules({"do": "drop_conditions", "keys": keys})
    result = check(s3, "--json")
    assert result.code == 5, result.err
    facts = json.loads(result.out)
    assert (facts["write"], facts["commit"], facts["conditions"], facts["safe"]) == (True, False, "none", False)
    assert check(s3, url=s3.url(concurrency="single-writer")).code == 0


def test_wrong_keys_are_one_line(place):
    result = check(place, AWS_SECRET_ACCESS_KEY=WRONG, AZURE_STORAGE_KEY=WRONG)
    result.check_error()
    assert result.code == 1 and "403" in result.err and WRONG not in result.err


def test_a_place_that_is_not_there_is_not_found(place):
    parts = place.url().split("?")
    scheme, _, path = parts[0].partition("://")
    gone = "nobody-made-this" if scheme == "s3" else path.split("/")[0] + "/nobody-made-this"
    result = check(place, url="{}://{}?{}".format(scheme, gone, parts[1]))
    assert result.code == 3 and "404" in result.err and result.err.count("\n") == 1


def test_a_host_that_does_not_answer_is_one_line(s3):
    result = check(s3, url="s3://bucket?endpoint=http://127.0.0.1:9")
    result.check_error()
    assert "127.0.0.1:9" in result.err
