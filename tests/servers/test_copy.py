"""Datasets are copied from one kind of store to another, whatever their URLs."""
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
