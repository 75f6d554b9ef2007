"""`kartothek.core` answers as the original's does, on one dataset that the original wrote."""
import json
import pathlib
import subprocess
import sys

PROGRAM = (pathlib.Path(__file__).parent / "core_facts.py").read_text()

WRITE = """
import json, sys
import pandas as pd
from kartothek.io.eager import store_dataframes_as_dataset
store = json.loads(sys.stdin.read())
frame = pd.DataFrame({"k": [1, 1, 2, 3], "s": ["x", "y", "x", None], "r": [0.5, 1.5, 2.5, 3.5]})
store_dataframes_as_dataset(store=store, dataset_uuid="u", dfs=[frame], partition_on=["k"], secondary_indices=["s", "r"], metadata={"a": {"b": [1]}})
print("null")
"""

def test_core_answers_as_the_original(kartothek_5_3, tmp_path):
    (tmp_path / "s").mkdir()
    request = {"store": "hfs://{}".format(tmp_path / "s"), "uuid": "u"}
    kartothek_5_3.run(WRITE, request["store"])
    theirs = kartothek_5_3.run(PROGRAM, request)
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", PROGRAM], input=json.dumps(request).encode(), stdout=subprocess.PIPE, check=True)
    ours = json.loads(done.stdout.decode().strip().split("\n")[-1])
    assert list(ours) == list(theirs)
    assert len(ours) > 150
    wrong = {name: (ours[name], theirs[name]) for name in ours if ours[name] != theirs[name]}
    assert wrong == {}
