"""
The 2019 tutorial, its code blocks word for word, with real storefact; then with nothing changed but the store.

The other stores are the servers that KTK_TEST_S3 and KTK_TEST_AZURE name, by storefact and by minimalkv, by URL and as their real objects.
"""
import functools
import os
import re
import subprocess
import uuid

import pandas as pd
import pytest
import test_far_stores
from conftest import ROOT

from kartothek.io.eager import read_table

#: What the text says of its store.
FOLDER = 'partial(get_store_from_url, f"hfs://{dataset_dir.name}")'

#: The two defects of the text: it goes on with `df1`, and lacks an import.
BEFORE = {"from functools import partial": "df1 = df\n", "# This returns a list": "from kartothek.io.dask.delayed import read_table_as_delayed\n"}


def blocks():
    """The code blocks: of the tutorial itself where it is at hand, else of our copy of its code."""
    tutorial = ROOT.parent / "shared" / "tutorial.md"
    if tutorial.exists():
        return re.findall(r"```python\n(.*?)```", tutorial.read_text(), re.S)
    return None


def run(namespace, code):
    exec(compile(code, "tutorial", "exec"), namespace)


def run_tutorial(code, names):
    results = []
    for block in code:
        for start, line in BEFORE.items():
            if block.startswith(start):
                run(names, line)
        # A notebook shows the value of the last expression of a block; keep it.
        body, _, last = block.rstrip().rpartition("\n\n") if "read_table(" in block else (block, "", "")
        run(names, body)
        if last:
            results.append(eval(last, names))
        elif block.rstrip().endswith("dfd[0].compute()"):
            results.append(names["dfd"][0].compute())
    names["results"] = results
    return names


def s3_url(package):
    """A bucket of its own, which the store makes; storefact appends the key to every name, and speaks without TLS."""
    there = test_far_stores.server("s3")
    there.bucket = "tutorial-{}".format(uuid.uuid4().hex)
    return there.shared_url(query="create_if_missing=true" + ("" if package == "storefact" else "&force_bucket_suffix=false&is_secure=false"))


def azure_url(package):
    """A container of its own."""
    there = test_far_stores.server("azure")
    there.container = "tutorial-{}".format(uuid.uuid4().hex)
    return there.shared_url().replace("create_if_missing=false", "create_if_missing=true")


def by_url(package, url_of):
    url = url_of(package)
    return functools.partial(pytest.importorskip(package).get_store_from_url, url), url


def by_object(package, url_of):
    """A function that the library does not see through: it gets the object itself."""
    pytest.importorskip("s3fs" if url_of is s3_url else "azure.storage.blob")
    factory, url = by_url(package, url_of)
    return lambda: factory(), url


def azure_of_minimalkv():
    """Its URLs cannot name another endpoint than Azure's."""
    there = test_far_stores.server("azure")
    there.container = "tutorial-{}".format(uuid.uuid4().hex)
    return lambda: there.of("minimalkv"), there.shared_url()


#: name: a function that gives a factory, and the same store as a URL for ktk
STORES = {
    "folder": None,
    "s3-storefact-url": lambda: by_url("storefact", s3_url),
    "s3-minimalkv-url": lambda: by_url("minimalkv", s3_url),
    "s3-minimalkv": lambda: by_object("minimalkv", s3_url),
    "azure-storefact-url": lambda: by_url("storefact", azure_url),
    "azure-minimalkv-url": lambda: by_url("minimalkv", azure_url),
    "azure-storefact": lambda: by_object("storefact", azure_url),
    "azure-minimalkv": azure_of_minimalkv,
}


@pytest.fixture(scope="module", params=[name for name in STORES if name.split("-")[0] in ("folder", *test_far_stores.THERE)])
def namespace(request):
    pytest.importorskip("dask")
    pytest.importorskip("storefact")
    code = blocks()
    if code is None:
        pytest.skip("../shared/tutorial.md is absent")
    if STORES[request.param] is None:
        names = run_tutorial(code, {})
        names["url"] = "hfs://{}".format(names["dataset_dir"].name)
        return names
    factory, url = STORES[request.param]()
    changed = [block.replace(FOLDER, "the_store") for block in code]
    assert sum(one != other for one, other in zip(changed, code)) == 1
    if "storefact" in request.param and request.param.startswith("s3"):
        url += "&is_secure=false"
    return run_tutorial(changed, {"the_store": factory, "url": url})


def test_read_table_gives_what_kartothek_gives(namespace):
    frame = namespace["results"][0]
    assert list(frame.columns) == ["bool", "date", "floats", "ints", "label", "reporter"]
    assert len(frame) == 40
    assert isinstance(frame.index, pd.RangeIndex)
    assert [str(frame[c].dtype) for c in ["bool", "date", "floats", "ints"]] == ["bool", "datetime64[ns]", "float64", "int64"]
    text = "str" if pd.__version__ >= "3" else "object"
    assert str(frame["label"].dtype) == text and str(frame["reporter"].dtype) == text
    want = pd.concat([namespace["df"], namespace["df2"]], ignore_index=True)
    for column in frame.columns:
        assert frame[column].tolist() == want[column].tolist()


def test_read_table_as_delayed_gives_the_first_frame_in_file_order(namespace):
    assert len(namespace["dfd"]) == 2
    frame = namespace["results"][-1]
    assert list(frame.columns) == ["date", "ints", "floats", "bool", "label", "reporter"]
    assert len(frame) == 20
    for column in frame.columns:
        assert frame[column].tolist() == namespace["df"][column].tolist()


def test_partitioned_dataset_has_a_partition_per_frame_and_date(namespace):
    from kartothek.core.dataset import DatasetMetadata

    dataset = DatasetMetadata.load_from_store("partitioned_dataset", namespace["store_factory"])
    assert len(dataset.partitions) == 8
    assert dataset.partition_keys == ["date"]
    assert dataset.tables == ["table"]
    for i, (label, partition) in enumerate(dataset.partitions.items()):
        assert re.fullmatch(r"date=2020-01-0{}%2000%3A00%3A00/[0-9a-f]{{32}}".format(i % 4 + 1), label)
        assert partition.files == {"table": "partitioned_dataset/table/{}.parquet".format(label)}


def test_ktk_reads_and_writes_there(namespace, tmp_path):
    program = os.environ.get("KTK")
    if program is None or not os.path.exists(program):
        pytest.skip("KTK does not name the built program")
    environ = dict(os.environ, KTK_STORE=namespace["url"])

    def ktk(*arguments):
        done = subprocess.run([program, *arguments], env=environ, cwd=str(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode()

    assert {"my_dataset", "partitioned_dataset"} <= set(ktk("ls").split())
    assert ktk("count", "partitioned_dataset", "--where", "date == 2020-01-02").strip() == "10"
    ktk("read", "my_dataset", "--output", "rows.csv")
    ktk("write", "by_ktk", "rows.csv", "--partition-on", "label")
    again = read_table(store=namespace["store_factory"], dataset_uuid="by_ktk", columns=["ints", "label"])
    want = pd.concat([namespace["df"], namespace["df2"]])
    assert sorted(zip(again["ints"], again["label"])) == sorted(zip(want["ints"], want["label"]))


def test_the_example_is_the_tutorial():
    """examples/tutorial.py holds every block of the text, so that the demo shows the real thing."""
    if blocks() is None:
        pytest.skip("../shared/tutorial.md is absent")
    example = (ROOT / "examples" / "tutorial.py").read_text()
    for block in blocks():
        for part in block.strip().split("\n\n"):
            line = part.strip()
            assert line in example or "read_table(" in line or line == "dfd[0].compute()" or "compute()" in line
