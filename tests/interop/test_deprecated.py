"""What kartothek 5.3 calls deprecated is what our table has, with its texts; and calls of both warn of the same."""
import json
import pathlib
import re
import subprocess
import sys

from kartothek._deprecated import DEPRECATED, _text

FACTS = (pathlib.Path(__file__).parent / "warning_facts.py").read_text()

# Stands in for the original's decorators before its modules are imported, so that they tell what they are told.
RECORD = """
import importlib, json, pkgutil, sys, warnings
warnings.simplefilter("ignore")
import deprecation
import kartothek
from kartothek.utils import migration_helpers as helpers
found, required = {}, []
def path_of(function):
    return function.__module__.partition(".")[2] + "." + function.__qualname__
def if_set(text, *names):
    def decorate(function):
        found.setdefault(path_of(function), {}).update({name: text.format(parameter=name) for name in names})
        return function
    return decorate
def function_itself(**kwargs):
    def decorate(function):
        found.setdefault(path_of(function), {})[""] = str(deprecation.DeprecatedWarning(function.__name__, "5.3", "6.0", kwargs["details"]))
        return function
    return decorate
helpers.deprecate_parameters_if_set = if_set
helpers.deprecate_parameters = lambda *args: lambda function: function
deprecation.deprecated = function_itself
for info in pkgutil.walk_packages(kartothek.__path__, "kartothek."):
    if not any(part in ("cli", "testing") for part in info.name.split(".")):
        importlib.import_module(info.name)
print(json.dumps(found))
"""

#: what the original warns of in every call, for it must be given
ALWAYS = {
    ("io_components.metapartition.MetaPartition.apply", "func"),
    ("io_components.metapartition.MetaPartition.load_dataframes", "store"),
    ("io_components.write.persist_common_metadata", "partition_list"),
}

#: functions that do not warn here, or are not here
NOT_HERE = {"io_components.write.update_metadata"}

#: no decorator of the original warns of these; the functions themselves do
FROM_WITHIN = {
    ("io.dask.delayed.merge_datasets_as_delayed", None),
    ("io.dask.delayed.read_table_as_delayed", None),
    ("io_components.metapartition.MetaPartition.merge_dataframes", None),
}


def test_the_table_is_that_of_the_original(kartothek_5_3):
    theirs = {
        (path, parameter or None): text
        for path, rules in kartothek_5_3.run(RECORD, None).items()
        if not path.rpartition(".")[2].startswith("_") or path.endswith(".__init__")
        for parameter, text in rules.items()
        if path not in NOT_HERE and (path, parameter) not in ALWAYS
    }
    ours = {
        (path, parameter): _text(kind, parameter, path.rpartition(".")[2]).partition("\nAffected")[0]
        for path, rules in DEPRECATED.items()
        for parameter, kind in rules.items()
        if (path, parameter) not in FROM_WITHIN
    }
    assert len(theirs) > 80
    assert ours == theirs


def about(case, warned):
    """
    Those that are of the parameter (or the function) of a case: the original also warns of parameters that are not given where a decorator of its own
    fills them in, and of what its functions call.
    """
    path, _, parameter = case.partition(" ")
    function = path.rpartition(".")[2]
    kept = []
    for category, text in warned:
        named = re.search("`{1,2}(\\w+)`{1,2}", text)
        affected = re.search("\nAffected Kartothek function: (\\w+)$", text)
        if affected is not None:
            keep = (named.group(1), affected.group(1)) == (parameter, function)
        elif named is not None and category == "DeprecationWarning":
            keep = named.group(1) == function
        else:
            keep = True
        kept += [[category, text]] if keep else []
    return kept


def test_calls_warn_of_the_same(kartothek_5_3, tmp_path):
    table = {path: list(rules) for path, rules in DEPRECATED.items() if path != "core.dataset.DatasetMetadataBase.__init__"}
    program = FACTS + "\nprint(json.dumps(facts({!r})))\n".format(table)
    answers = []
    for name in ("theirs", "ours"):
        (tmp_path / name).mkdir()
        store = "hfs://{}".format(tmp_path / name)
        if name == "theirs":
            answers.append(kartothek_5_3.run(program, store))
        else:
            done = subprocess.run([sys.executable, "-c", program], input=json.dumps(store).encode(), stdout=subprocess.PIPE, check=True)
            answers.append(json.loads(done.stdout.decode().strip().split("\n")[-1]))
    theirs, ours = answers
    assert list(theirs) == list(ours) and len(ours) > 90
    assert {case: (ours[case], about(case, theirs[case])) for case in ours if ours[case] != about(case, theirs[case])} == {}
