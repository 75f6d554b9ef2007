"""Datasets are copied from one kind of store to another, whatever their URLs."""
import pytest

ROWS = "k,x\na,1\nb,2\nc,3\n"


def read(place, name, url):
    return place.good("read", name, "--format", "csv", url=url).out


def test_a_dataset_goes_round_from_a_folder_over_a_server_and_back(place, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(ROWS)
    first, last = str(tmp_path / "first"), str(tmp_path / "last")
    place.good("write", "d", str(path), "--partition-on", "k", url=first)
    wanted = sorted(read(place, "d", first).splitlines())
    assert len(wanted) == 4
    place.good("copy", "d", "--to", place.url(), url=first)
    assert sorted(read(place, "d", place.url()).splitlines()) == wanted
    place.good("copy", "d", "e", url=place.url())
    place.good("copy", "e", "--to", last, url=place.url())
    assert sorted(read(place, "e", last).splitlines()) == wanted
    place.good("check", "e", "--deep", url=last)


def test_a_dataset_goes_from_s3_to_azure(s3, azure, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(ROWS)
    s3.good("write", "d", str(path), "--partition-on", "k")
    both = {"AZURE_STORAGE_CONNECTION_STRING": "", "AZURE_STORAGE_KEY": azure.environment["AZURE_STORAGE_KEY"]}
    s3.good("copy", "d", "--to", azure.url(), **both)
    assert sorted(read(azure, "d", azure.url()).splitlines()) == sorted(read(s3, "d", s3.url()).splitlines())
    assert azure.good("count", "d").out == "3\n"


def test_a_copy_that_is_refused_midway_leaves_no_dataset(place, tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(ROWS)
    folder = str(tmp_path / "first")
    place.good("write", "d", str(path), "--partition-on", "k", url=folder)
    place.proxy.set_rules({"do": "status", "status": 403, "code": "AccessDenied", "method": "PUT", "path": r"k(=|%3D)c/.*\.parquet$"})
    result = place.ktk("copy", "d", "--to", place.url(), url=folder)
    result.check_error()
    assert "403" in result.err and place.faults()
    place.proxy.set_rules()
    assert place.ktk("count", "d").code == 3


def test_a_service_copies_by_itself(place, tmp_path):
    """No file comes here and goes back; it is looked at for its size."""
    path = tmp_path / "rows.csv"
    path.write_text(ROWS)
    place.good("write", "d", str(path), "--partition-on", "k", "--index", "x", through_proxy=False)
    place.proxy.set_rules()
    place.good("copy", "d", "--to", place.url(folder="/other"))
    files = [entry for entry in place.proxy.log() if entry["path"].endswith(".parquet")]
    assert sorted((entry["method"], entry["bytes"], entry["answer_bytes"] < 1000) for entry in files) == [("HEAD", 0, True)] * 4 + [("PUT", 0, True)] * 4
    assert read(place, "d", place.url(folder="/other")) == read(place, "d", place.url())


@pytest.mark.parametrize("status, code", [(200, "InternalError"), (403, "AccessDenied"), (501, "NotImplemented"), (404, "NoSuchKey"), (409, "Conflict")])
def test_what_a_service_does_not_copy_is_got_and_put(place, tmp_path, status, code):
    """An error in an answer of 200, which has begun before the copy ended, is one, too."""
    path = tmp_path / "rows.csv"
    path.write_text(ROWS)
    place.good("write", "d", str(path), "--partition-on", "k", through_proxy=False)
    header = {"s3": "x-amz-copy-source", "azure": "x-ms-copy-source"}[place.kind]
    place.proxy.set_rules({"do": "status", "status": status, "code": code, "header": header, "nth": 2})
    place.good("copy", "d", "e")
    assert len(place.faults()) == 1
    files = [entry for entry in place.proxy.log() if entry["path"].endswith(".parquet")]
    assert [entry["method"] for entry in files].count("GET") >= 1
    assert read(place, "e", place.url()) == read(place, "d", place.url())
    place.good("check", "e", "--deep")
