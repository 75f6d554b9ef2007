"""The 2019 tutorial, its code blocks word for word, with real storefact."""
import re

import pandas as pd
import pytest
from conftest import ROOT

storefact = pytest.importorskip("storefact")

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


@pytest.fixture(scope="module")
def namespace():
    pytest.importorskip("dask")
    code = blocks()
    if code is None:
        pytest.skip("../shared/tutorial.md is absent")
    names = {}
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


def test_the_example_is_the_tutorial(namespace):
    """examples/tutorial.py holds every block of the text, so that the demo shows the real thing."""
    example = (ROOT / "examples" / "tutorial.py").read_text()
    for block in blocks():
        for part in block.strip().split("\n\n"):
            line = part.strip()
            assert line in example or "read_table(" in line or line == "dfd[0].compute()" or "compute()" in line
