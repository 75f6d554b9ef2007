"""Cubes are found and described, and `kartothek.utils` helps, as with the original; on cubes that it wrote, sound and broken."""
import json
import pathlib
import subprocess
import sys

import pytest
from conftest import GOLDEN

FOLDER = pathlib.Path(__file__).parent

#: writes {cube: {dataset: [columns, partition keys, indices, metadata, table]}}, each dataset with two rows of integers
WRITE = """
import json, sys
import pandas as pd
from kartothek.io.eager import store_dataframes_as_dataset, update_dataset_from_dataframes
request = json.loads(sys.stdin.read())
for cube, datasets in request["cubes"].items():
    for name, (columns, keys, indices, metadata, table) in datasets.items():
        frame = pd.DataFrame({column: [0, 1] for column in columns})
        frame = frame.astype({column: "float64" for column in columns if column == request["real"].get(cube + "++" + name)})
        store_dataframes_as_dataset(
            store=request["store"], dataset_uuid=cube + "++" + name, dfs=[{"label": "l", "data": [(table, frame)]}], partition_on=keys,
            secondary_indices=indices, metadata=metadata, metadata_storage_format="msgpack" if cube == "packed" else "json",
        )
print("null")
"""

SEED = {"ktk_cube_is_seed": True, "ktk_cube_dimension_columns": ["x", "y"], "ktk_cube_partition_columns": ["p"]}
OLD = {"klee_is_seed": True, "klee_dimension_columns": ["x", "y"]}


def seed(columns="xypv", keys="p", indices="xy", metadata=SEED, table="table"):
    return [list(columns) if isinstance(columns, str) else columns, list(keys), list(indices), metadata, table]


def other(columns="xpw", keys="p", indices="", table="table"):
    return [list(columns), list(keys), list(indices), {"ktk_cube_is_seed": False}, table]


CUBES = {
    "sound": {"seed": seed(), "zone": other("xpiw", indices="i"), "free": other("yu", "")},
    "packed": {"seed": seed(), "zone": other()},
    "suppressed": {"seed": seed(indices="x", metadata=dict(SEED, ktk_cube_suppress_index_on=["y"]))},
    "no_seed": {"zone": other()},
    "two_seeds": {"seed": seed(), "zone": seed("xypw")},
    "no_dimensions": {"seed": seed(metadata={"ktk_cube_is_seed": True})},
    "table": {"seed": seed(table="t1")},
    "twice": {"seed": seed(), "zone": other("xpv"), "b": other("xpv")},
    "types": {"seed": seed(), "zone": other()},
    "no_key": {"seed": seed(keys="v")},
    "no_keys": {"seed": seed(keys="")},
    "hidden_key": {"seed": seed(), "zone": other(keys="w")},
    "no_dimension": {"seed": seed(), "zone": other("pw")},
    "half_seed": {"seed": seed("xpv", indices="x")},
    "no_index": {"seed": seed(indices="x")},
    "no_other_index": {"seed": seed("xypi", indices="xyi"), "zone": other("xpj"), "b": other("xpk", indices="k")},
    "more_keys": {"seed": seed(keys="pv"), "zone": other("xpiw", "pi")},
    "key_is_dimension": {"seed": seed(keys="px", indices="y")},
    "old": {"seed": seed(["x", "y", "p", "v", "KLEE_TS", "__hidden"], ["p", "KLEE_TS"], metadata=OLD)},
    "old_other": {"seed": seed(keys="pv", metadata=OLD)},
    "old_no_keys": {"seed": seed(keys="", metadata=OLD)},
    "old_one_key": {"seed": seed(metadata=OLD)},
    "old_named": {"seed": seed(metadata=dict(OLD, klee_partition_columns=["p"], klee_timestamp_column="KLEE_TS"))},
}

#: beginnings of the names of facts that differ, and why
DIFFERENT = {
    "keys packed++": "the document is named as it is stored",
    "columns table++": "the error says which tables there are",
}


@pytest.fixture(scope="module")
def facts(kartothek_5_3, tmp_path_factory):
    folder = tmp_path_factory.mktemp("broken")
    request = {"store": "hfs://{}".format(folder), "cubes": CUBES, "real": {"types++zone": "x"}}
    kartothek_5_3.run(WRITE, request)
    # a dataset whose schema is gone, and files that are no header
    (folder / "sound++gone.by-dataset-metadata.json").write_bytes((folder / "sound++zone.by-dataset-metadata.json").read_bytes().replace(b"sound++zone", b"sound++gone"))
    (folder / "sound++x.txt").write_text("")
    question = {"golden": "hfs://{}".format(GOLDEN / "stores" / "k53" / "cube"), "broken": "hfs://{}".format(folder), "cubes": list(CUBES)}
    text = (FOLDER / "cube_facts.py").read_text()
    theirs = kartothek_5_3.run(text, question)
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", text], input=json.dumps(question).encode(), stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout.decode().strip().split("\n")[-1]), theirs


def test_answers_as_the_original(facts):
    ours, theirs = facts
    assert list(ours) == list(theirs)
    assert len(ours) >= 3900
    different = {name: (ours[name], theirs[name]) for name in ours if ours[name] != theirs[name]}
    assert {name: pair for name, pair in different.items() if not name.startswith(tuple(DIFFERENT))} == {}
    assert all(any(name.startswith(beginning) for name in different) for beginning in DIFFERENT)


def test_cubes_are_broken_in_each_way(facts):
    ours, _ = facts
    told = {text for name, text in ours.items() if name.startswith(("discovered ", "datasets ")) and isinstance(text, str)}
    assert len({text.split('"')[0] for text in told}) >= 14
