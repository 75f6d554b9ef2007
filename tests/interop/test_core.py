"""`kartothek.core`, and what plans reads, answer as the original's do, on one dataset that the original wrote."""
import json
import pathlib
import subprocess
import sys

import pytest

FOLDER = pathlib.Path(__file__).parent

WRITE = """
import json, sys
import pandas as pd
from kartothek.io.eager import store_dataframes_as_dataset
store = json.loads(sys.stdin.read())
frame = pd.DataFrame({"k": [1, 1, 2, 3], "s": ["x", "y", "x", None], "r": [0.5, 1.5, 2.5, 3.5]})
store_dataframes_as_dataset(store=store, dataset_uuid="u", dfs=[frame], partition_on=["k"], secondary_indices=["s", "r"], metadata={"a": {"b": [1]}})
print("null")
"""

@pytest.mark.parametrize("program, least", [("core_facts.py", 150), ("dispatch_facts.py", 15), ("backend_facts.py", 80)])
def test_answers_as_the_original(kartothek_5_3, tmp_path, program, least):
    (tmp_path / "s").mkdir()
    text = (FOLDER / program).read_text()
    request = {"store": "hfs://{}".format(tmp_path / "s"), "uuid": "u"}
    kartothek_5_3.run(WRITE, request["store"])
    theirs = kartothek_5_3.run(text, request)
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", text], input=json.dumps(request).encode(), stdout=subprocess.PIPE, check=True)
    ours = json.loads(done.stdout.decode().strip().split("\n")[-1])
    assert list(ours) == list(theirs)
    assert len(ours) >= least
    assert {name: (ours[name], theirs[name]) for name in ours if ours[name] != theirs[name]} == {}
