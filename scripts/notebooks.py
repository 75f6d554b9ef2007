#!/usr/bin/env python3
"""
Run the notebooks of the documentation and keep what they give, as it is read on the web; `make notebooks` does it with the package as it is.

What is different in each run (ids, times, folders) does not count: a notebook that gives the same otherwise is left as it is.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))

_DIFFERENT_EACH_TIME = [
    (r"/[^\s'\"<>]*/tmp[a-z0-9_]{8}", "<folder>"),
    (r"\b[0-9a-f]{32}\b", "<id>"),
    (r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}", "<time>"),
    (r"20\d\d-\d\d-\d\dT\d\d%3A\d\d%3A\d\d\.\d{6}", "<time>"),
    (r"0x[0-9a-f]{6,}", "<address>"),
    (r"\bkartothek \d+\.\d+\.\d+\b", "kartothek <version>"),
]


def run(path):
    """The notebook with what its cells give now; an exception in a cell is one here. Whatever it writes goes to a folder of its own."""
    import nbclient
    import nbformat

    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(dict.fromkeys(("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"), folder))
        client = nbclient.NotebookClient(
            nbformat.read(str(path), as_version=4),
            timeout=300,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
            record_timing=False,
        )
        return client.execute()


def outputs(notebook):
    """
    What a reader sees below each cell: a list of texts a cell.

    HTML of others counts as being there, for its text says the same and its looks change with their versions.
    """
    return [[text for output in cell.outputs for text in _texts(output)] for cell in notebook.cells if cell.cell_type == "code"]


def _texts(output):
    if output.output_type == "stream":
        yield "{}: {}".format(output.name, stable(output.text))
    elif output.output_type == "error":
        yield "error: {}: {}".format(output.ename, output.evalue)
    else:
        for kind in sorted(output.data):
            is_foreign = kind != "text/plain" and "kartothek" not in output.data[kind]
            yield kind if is_foreign else "{}: {}".format(kind, stable(output.data[kind]))


def stable(text):
    """A text without what is different each time."""
    for pattern, word in _DIFFERENT_EACH_TIME:
        text = re.sub(pattern, word, text)
    return text


def refresh(path):
    """Run a notebook and keep what it gives; whether that was anything new."""
    import nbformat

    kept = nbformat.read(str(path), as_version=4)
    found = run(path)
    if outputs(found) == outputs(kept):
        return False
    number = 0
    for cell in found.cells:
        if cell.cell_type == "code":
            number += 1
            cell.execution_count = number
        cell.metadata.pop("execution", None)
    found.metadata["language_info"] = {"name": "python"}
    nbformat.write(found, str(path))
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.strip().split("\n")[0])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build", help="folder of the environments")
    parser.add_argument("--here", action="store_true", help="with this interpreter, which has all that is needed")
    options = parser.parse_args()
    if not options.here:
        from check import python_environments
        from environments import environment

        label, python, requirements = next(python_environments(options.build.resolve()))
        interpreter = environment(options.build.resolve(), label, python, requirements)
        return subprocess.call([str(interpreter), str(pathlib.Path(__file__).resolve()), "--here"])
    for path in NOTEBOOKS:
        print("{}: {}".format(path.name, "new" if refresh(path) else "as it was"), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
