"""Types: the package agrees with its own, stubs with what they are of, the documentation's programs with them, and wrong programs do not."""
import importlib
import json
import pathlib
import re
import subprocess
import sys

import pytest
from conftest import ROOT
from test_docs import blocks
from test_docstrings import BACK_ENDS

import kartothek

pytest.importorskip("mypy", reason="mypy is not installed")

#: the types of other packages take most of the time, and change with their versions
CONFIGURATION = """
[mypy]
ignore_missing_imports = True
warn_unused_ignores = True
warn_redundant_casts = True
implicit_reexport = False
strict_equality = True
""" + "".join("[mypy-{0}.*]\nfollow_imports = skip\n".format(name) for name in ("dask", "duckdb", "numpy", "pandas", "polars", "pyarrow"))

#: what wrong programs get to hear, each in its line
WRONG = """
import kartothek
from kartothek.core.dataset import DatasetMetadata
from kartothek.core.index import ExplicitSecondaryIndex
from kartothek.io_components.metapartition import MetaPartition
from kartothek.io_components.read import dispatch_metapartitions
from kartothek.io.eager import read_table, store_dataframes_as_dataset, update_dataset_from_dataframes
from kartothek.io.iter import read_dataset_as_dataframes__iterator

read_table("sales", 3)  # arg-type
read_table("sales", "hfs:///x", predicates=[("day", "==", 1)])  # list-item
read_table("sales", "hfs:///x", columns={"table": ["day"]})  # arg-type
store_dataframes_as_dataset("hfs:///x", "sales")  # call-arg
update_dataset_from_dataframes([], "hfs:///x", "sales", delete_scope={"day": 1})  # arg-type
read_dataset_as_dataframes__iterator("sales", "hfs:///x")[0]  # index
kartothek.open("hfs:///x", "sales").query(where=3)  # arg-type
kartothek.open("hfs:///x", "sales").count()  # attr-defined
with kartothek.open("hfs:///x", "sales").update() as update:
    update.delete(3)  # arg-type
kartothek.open("hfs:///x", "sales").compact(sort_by=3)  # arg-type
kartothek.check_store(3)  # arg-type
dataset = DatasetMetadata.load_from_store("sales", "hfs:///x", at=3)  # arg-type
dataset.load_index("day").partitions  # call-arg
dataset.partitions["label"].files[0]  # index
dataset.load_all_indices("hfs:///x").secondary_indices["day"].query()  # call-arg
ExplicitSecondaryIndex("day", {1: ["label"]}).observed_values(True, 3)  # call-arg
MetaPartition("label", tables=["table"])  # call-arg
MetaPartition("label").build_indices(["day"]).labels  # attr-defined
next(dispatch_metapartitions("sales", store=3))  # arg-type
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where mypy keeps what it has seen."""
    folder = tmp_path_factory.mktemp("mypy")
    (folder / "mypy.ini").write_text(CONFIGURATION)
    return folder


def run(folder, *command):
    done = subprocess.run([sys.executable, "-m", *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=str(folder))
    return done.stdout.decode()


def mypy(folder, *arguments):
    return run(folder, "mypy", "--cache-dir", folder, "--no-color-output", *arguments)


def test_package(folder):
    told = mypy(folder, "-p", "kartothek")
    assert told.startswith("Success"), told


def test_stubs_say_what_modules_have(folder):
    package = pathlib.Path(kartothek.__file__).parent.parent
    paths = [path.relative_to(package).with_suffix("") for path in package.glob("kartothek/**/*.pyi")]
    modules = sorted(".".join(path.parts) for path in paths if path.name != "_core")
    assert {module for module, _ in BACK_ENDS} < set(modules)
    for module in modules:
        importlib.import_module(module)
    # Helpers that have no underscore, and what a module imports, are not told.
    told = run(folder, "mypy.stubtest", "--mypy-config-file", "mypy.ini", "--ignore-missing-stub", *modules)
    assert told.startswith("Success: no issues found in {} modules".format(len(modules))), told


def notebook(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


PROGRAMS = {
    "readme": "\n".join(blocks("README.md", "python")),
    "package": "\n".join(blocks("python/README.md", "python")),
    "guide": "\n".join(blocks("docs/python.md", "python")),
    "flights": (ROOT / "examples" / "flights.py").read_text(),
    **{path.stem.replace("-", "_"): notebook(path) for path in sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))},
}


def test_programs_of_the_documentation(folder, tmp_path):
    for name, text in PROGRAMS.items():
        (tmp_path / "program_{}.py".format(name)).write_text(text, encoding="utf-8")
    told = mypy(folder, "--check-untyped-defs", "--disable-error-code", "var-annotated", tmp_path)
    assert told.startswith("Success"), told


def test_wrong_programs_are_found(folder, tmp_path):
    program = tmp_path / "wrong.py"
    program.write_text(WRONG)
    wanted = {(number, line.split("# ")[1]) for number, line in enumerate(WRONG.split("\n"), 1) if "# " in line}
    found = re.findall(r"wrong.py:(\d+): error: .*\[([a-z-]+)\]$", mypy(folder, program), re.M)
    assert {(int(number), code) for number, code in found} == wanted and len(wanted) == 19
