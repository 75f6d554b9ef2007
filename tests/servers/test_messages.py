"""What a user is told who got something wrong: one line that says what, where, and what to look at, and nothing that is secret."""
import os
import uuid

import make_place
import pytest

WRONG = "d3Jvbmcga2V5IHdyb25nIGtleSB3cm9uZyBrZXkgd3Jvbmcga2V5IHdyb25nIGtleQ=="


def told(place, *arguments, **options):
    result = place.ktk(*arguments, **options)
    result.check_error()
    assert WRONG not in result.err
    return result.err


def other_folder(place, name):
    """The URL of another bucket or container on the same server."""
    parts = place.folder.split("/")
    parts[{"s3": 0, "azure": 1}[place.kind]] = name
    return place.url(through_proxy=False).replace(place.folder, "/".join(parts))


@pytest.mark.parametrize("arguments", [["ls"], ["store", "check"], ["write", "d", os.devnull]])
def test_a_wrong_bucket(place, tmp_path, arguments):
    rows = tmp_path / "rows.csv"
    rows.write_text("k,x\na,1\n")
    arguments = [str(rows) if part == os.devnull else part for part in arguments]
    text = told(place, *arguments, url=other_folder(place, "no-such-place"))
    assert "no-such-place" in text and ("NoSuchBucket" in text or "ContainerNotFound" in text)


def test_a_dataset_of_a_wrong_bucket(place):
    text = told(place, "count", "d", url=other_folder(place, "no-such-place"))
    assert "dataset 'd' does not exist" in text and "no such " + {"s3": "bucket", "azure": "container"}[place.kind] in text
    assert "there is neither 'd.by-dataset-metadata.json' nor" in told(place, "count", "d")


def test_wrong_keys(place):
    text = told(place, "ls", AWS_SECRET_ACCESS_KEY=WRONG, AZURE_STORAGE_KEY=WRONG)
    assert "cannot list: status 403" in text and "(keys: environment)" in text


def readers(place):
    """Where somebody else may read and do nothing more: the URL, and his keys."""
    if place.kind == "azure":
        account, key = place.account_path[1:], place.environment["AZURE_STORAGE_KEY"]
        signature = make_place.reading_signature(account, place.folder.split("/")[1], key)
        return place.url(), {"AZURE_STORAGE_KEY": "", "AZURE_STORAGE_SAS_TOKEN": signature}
    bucket = "readers-" + uuid.uuid4().hex[:12]
    keys = (place.environment["AWS_ACCESS_KEY_ID"], place.environment["AWS_SECRET_ACCESS_KEY"])
    assert make_place.make_bucket(place.server, bucket, *keys) == 200
    other = place.environment["S3_OTHER_ACCESS_KEY_ID"]
    assert make_place.let_read(place.server, bucket, *keys, other) in (200, 204)
    keys = {"AWS_ACCESS_KEY_ID": other, "AWS_SECRET_ACCESS_KEY": place.environment["S3_OTHER_SECRET_ACCESS_KEY"]}
    return other_folder(place, bucket), keys


def test_keys_that_may_only_read(place, tmp_path):
    rows = tmp_path / "rows.csv"
    rows.write_text("k,x\na,1\nb,2\n")
    url, keys = readers(place)
    place.good("write", "d", str(rows), "-p", "k", url=url)
    assert place.good("ls", url=url, **keys).out.startswith("d")
    assert place.good("count", "d", url=url, **keys).out == "2\n"
    assert place.good("read", "d", "-w", "k == 'b'", "--format", "csv", url=url, **keys).out.splitlines()[1:] == ["b,2"]
    checked = place.ktk("store", "check", url=url, **keys)
    said = {line.split()[0]: line.split()[1] for line in checked.out.splitlines()}
    assert checked.code == 5 and [said[what] for what in ("list", "read", "write", "delete", "commit")] == ["yes", "yes", "no:", "no:", "no:"]
    for arguments in (["append", "d", str(rows)], ["write", "e", str(rows)], ["drop", "d", "--yes"], ["delete", "d", "-w", "k == 'a'"]):
        assert "status 403" in told(place, *arguments, url=url, **keys)
    assert place.good("count", "d", url=url).out == "2\n"


def test_no_keys(place):
    none = dict.fromkeys(["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AZURE_STORAGE_KEY", "AZURE_STORAGE_SAS_TOKEN"], "")
    files = dict.fromkeys(["AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"], os.devnull)
    text = told(place, "ls", AWS_EC2_METADATA_DISABLED="true", AZURE_POD_IDENTITY_AUTHORITY_HOST="http://127.0.0.1:1", **none, **files)
    assert "there are no keys for" in text and {"s3": "AWS_ACCESS_KEY_ID", "azure": "AZURE_STORAGE_KEY"}[place.kind] in text


def test_no_server(place):
    text = told(place, "ls", url=place.url(through_proxy=False).replace(place.server, "http://127.0.0.1:1"))
    assert "'127.0.0.1:1'" in text and "connect" in text


def test_tls_where_there_is_none(place):
    text = told(place, "ls", url=place.url(through_proxy=False).replace("http://", "https://"))
    assert place.server.split("/")[-1] in text and "does it speak HTTP without TLS?" in text


def test_a_scheme_that_is_not_known(place):
    scheme = place.url().partition("://")[0]
    text = told(place, "ls", url=place.url().replace(scheme + "://", scheme + "a://", 1))
    assert '"{}a"; there are hfs'.format(scheme) in text


def test_an_endpoint_without_its_scheme(place):
    host = place.server.split("/")[-1]
    assert "not '{}".format(host) in told(place, "ls", url=place.url(through_proxy=False).replace(place.server, host))
