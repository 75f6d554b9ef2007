"""
A column of each dtype of pandas is stored, read back, and read by the other, as with the originals; what differs is listed with its reason.
The dtypes of kartothek 5.3 are those of pandas 1, of plateau those of pandas 3: either is compared where that pandas is at hand.
"""
import json
import pathlib
import subprocess
import sys

import pandas as pd
import pytest

from kartothek.io.eager import read_dataset_as_dataframes, read_table

PROGRAM = (pathlib.Path(__file__).parent / "dtype_facts.py").read_text()

#: what neither can store is refused with our text, and a TypeError
REFUSED = {"categories-of-intervals", "categories-of-periods", "sparse", "complex", "unlike", "bytes-and-ints"}

#: kartothek 5.3's pyarrow writes no durations, and takes intervals of times for structs when it has made microseconds of nanoseconds; both come back here
DURATIONS = {"durations-" + unit for unit in ("s", "ms", "us", "ns")}
BETTER = DURATIONS | {"interval-times"}

#: stored without pandas' name for them, which readers before pandas 1.5 fail on; read from plateau's files, they are what they were
ARROW = {"arrow-int32", "arrow-double", "arrow-bool", "arrow-timestamp-ms"}


@pytest.fixture(scope="module", params=["k53", "p46"])
def both(request, tmp_path_factory, kartothek_5_3, plateau_4_6):
    """(what the original says, what it reads of ours, what we say, what we read of its), and which it is."""
    original = {"k53": kartothek_5_3, "p46": plateau_4_6}[request.param]
    old_pandas, old_here = request.param == "k53", int(pd.__version__.split(".")[0]) < 2
    if old_pandas != old_here and (old_pandas or int(pd.__version__.split(".")[0]) < 3):
        pytest.skip("dtypes of pandas {} are others than those of the original".format(pd.__version__))
    folders = {name: str(tmp_path_factory.mktemp(name)) for name in ("theirs", "ours", "again")}
    theirs, _ = original.run(PROGRAM, {"own": folders["theirs"], "others": []})
    ours, read = here({"own": folders["ours"], "others": [folders["theirs"]]})
    _, of_ours = original.run(PROGRAM, {"own": folders["again"], "others": [folders["ours"]]})
    return theirs, of_ours[folders["ours"]], ours, read[folders["theirs"]], request.param


def here(argument):
    done = subprocess.run([sys.executable, "-c", PROGRAM], input=json.dumps(argument).encode(), stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout.decode().strip().split("\n")[-1])


def test_what_is_stored_comes_back_as_with_the_original(both):
    theirs, _, ours, _, name = both
    assert list(ours) == list(theirs) and len(ours) >= 40
    for column in REFUSED:
        assert isinstance(theirs[column], str) and ours[column] == "TypeError", column
    differ = {column for column in set(theirs) - REFUSED if ours[column] != theirs[column]}
    assert differ == {"k53": BETTER, "p46": ARROW}[name]
    if name == "k53":
        assert all(isinstance(ours[column], list) and ours[column][0] == ours[column][1] for column in BETTER)


def test_files_of_the_original_give_its_frames(both):
    theirs, _, _, read, name = both
    written = {column: entry[1] for column, entry in theirs.items() if isinstance(entry, list)}
    assert len(written) >= 30
    # Files that it writes and cannot read back hold what was stored.
    assert read == {column: found if isinstance(found, list) else theirs[column][0] for column, found in written.items()}


def test_the_original_reads_the_same_frames_of_our_files(both):
    _, of_ours, ours, _, name = both
    written = {column: entry[1] for column, entry in ours.items() if isinstance(entry, list)}
    assert len(written) >= 30 and set(of_ours) == set(written)
    differ = {column for column, found in written.items() if of_ours[column] != found}
    assert differ == {"k53": DURATIONS, "p46": set()}[name]


#: a dataset of plateau with dtypes that kartothek 5.3 has in single files alone
DATASET = """
import json, sys
import pandas as pd
from plateau.io.eager import store_dataframes_as_dataset
frame = pd.DataFrame({"k": [0, 0, 1], "p": pd.period_range("2020-01", periods=3, freq="M"), "i": pd.interval_range(0, 3)})
store_dataframes_as_dataset(store="hfs://" + json.loads(sys.stdin.read()), dataset_uuid="u", dfs=[frame], partition_on=["k"])
print("null")
"""


def test_periods_and_intervals_of_datasets_of_plateau(plateau_4_6, tmp_path):
    plateau_4_6.run(DATASET, str(tmp_path))
    store = "hfs://{}".format(tmp_path)
    want = pd.DataFrame({"p": pd.period_range("2020-01", periods=3, freq="M"), "i": pd.interval_range(0, 3)})
    pd.testing.assert_frame_equal(read_table("u", store, columns=["p", "i"]), want)
    parts = [part["table"][["p", "i"]] for part in read_dataset_as_dataframes("u", store)]
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), want)
