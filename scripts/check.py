#!/usr/bin/env python3
"""
Everything `make check` does, step by step; the last line is "N passed, N failed, N skipped".

A step builds something and runs tests; each test counts once. A skip is printed with its reason, here and again at the end.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree

from environments import ROOT, environment, find_python, meson_build, run, say

GOLDEN = ROOT.parent / "shared" / "golden"
SANITIZE = {
    "ASAN_OPTIONS": "detect_leaks=1:allocator_may_return_null=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
}


class Totals:
    def __init__(self):
        self.passed = 0
        self.failures = []
        self.skips = []

    def add(self, name, outcome, reason=""):
        if outcome == "passed":
            self.passed += 1
        elif outcome == "skipped":
            self.skips.append((name, reason))
            print("SKIPPED: {}: {}".format(name, reason), flush=True)
        else:
            self.failures.append(name)
            print("FAILED: {}".format(name), flush=True)

    def finish(self):
        """Say it all again, the sum last; the exit status."""
        for name, reason in self.skips:
            print("SKIPPED: {}: {}".format(name, reason))
        for name in self.failures:
            print("FAILED: {}".format(name))
        print("{} passed, {} failed, {} skipped".format(self.passed, len(self.failures), len(self.skips)))
        return 1 if self.failures or self.passed == 0 else 0


def add_tap(totals, name, text):
    """Count the lines of a TAP report; a report cut short counts as a failure."""
    lines = 0
    told = ""
    for comment, outcome, title in re.findall(r"^(?:# SKIPPED: (.*)|(not ok|ok) \d+(?: - | )?(.*))$", text, re.M):
        if not outcome:
            told = comment
            continue
        # cmocka puts the name of a skipped test where TAP has the reason, which the test itself tells in a line before.
        skip = re.search(r"# ?SKIP\s*(.*)", title, re.I)
        title = title.split("#")[0].strip()
        if skip and not title:
            title, reason = skip.group(1), told
        else:
            reason = skip.group(1) if skip else ""
        full = "{}: {}".format(name, title) if title else name
        totals.add(full, "skipped" if skip else "passed" if outcome == "ok" else "failed", reason or "no reason is given")
        lines += 1
        told = ""
    plan = re.search(r"^1\.\.(\d+)", text, re.M)
    if plan is None or int(plan.group(1)) != lines:
        totals.add("{}: complete report".format(name), "failed")


def meson_test(totals, folder, label, suites=(), timeout_multiplier=1, names=(), environ=None, without=()):
    """Run a build's tests, all or those of some suites, `without` some others, or names, and count their cases. How many seconds each took."""
    log = folder / "meson-logs" / "{}.json".format(label)
    if log.exists():
        log.unlink()
    command = ["meson", "test", "-C", folder, "--no-rebuild", "--logbase", label, "--print-errorlogs", "--timeout-multiplier", timeout_multiplier]
    for suite in suites:
        command += ["--suite", suite]
    for suite in without:
        command += ["--no-suite", suite]
    command += names
    done = subprocess.run([str(part) for part in command], env=dict(os.environ, **SANITIZE, **(environ or {})), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = done.stdout.decode("utf-8", "replace")
    if done.returncode != 0:
        print(text)
    failed, seconds = False, {}
    for line in log.read_text().splitlines() if log.exists() else []:
        test = json.loads(line)
        name = "{}/{}".format(label, test["name"].split(":")[-1])
        seconds[test["name"].split()[-1]] = test["duration"]
        output = test.get("stdout", "")
        before = len(totals.failures)
        if re.search(r"^1\.\.\d+", output, re.M):
            add_tap(totals, name, output)
        elif test["result"] == "SKIP":
            told = re.search(r"^# SKIPPED: (.*)", output, re.M)
            totals.add(name, "skipped", told.group(1) if told else "see its output")
        else:
            totals.add(name, "passed" if test["result"] == "OK" else "failed")
        if test["result"] not in ("OK", "SKIP"):
            failed = True
            # cmocka reports a skipped test as "not ok ... # SKIP", which is a failure to meson alone.
            is_skip = test["result"] == "FAIL" and re.search(r"^not ok .*# ?SKIP", output, re.M)
            if len(totals.failures) == before and not is_skip:
                totals.add("{}: ended as {}".format(name, test["result"]), "failed")
    if done.returncode != 0 and not failed:
        totals.add("{}: meson test".format(label), "failed")
    return seconds


def pytest(totals, interpreter, label, folders, environ=None):
    """Run pytest and count its cases."""
    report = interpreter.parent.parent / "report.xml"
    if report.exists():
        report.unlink()
    command = [interpreter, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml", report, *folders]
    done = subprocess.run([str(part) for part in command], env=dict(os.environ, **(environ or {})), cwd=str(ROOT / "tests"))
    if not report.exists():
        totals.add("{}: pytest".format(label), "failed")
        return
    for case in xml.etree.ElementTree.parse(report).getroot().iter("testcase"):
        name = "{}/{}.{}".format(label, case.get("classname", "").split(".")[-1], case.get("name"))
        if case.find("failure") is not None or case.find("error") is not None:
            totals.add(name, "failed")
        elif case.find("skipped") is not None:
            skipped = case.find("skipped")
            # A test that is expected to fail has done so.
            totals.add(name, "passed" if skipped.get("type") == "pytest.xfail" else "skipped", skipped.get("message") or "")
        else:
            totals.add(name, "passed")
    if done.returncode not in (0, 1):
        totals.add("{}: pytest ended with {}".format(label, done.returncode), "failed")


def step_format(totals, build):
    say("formatter")
    files = subprocess.check_output(["git", "ls-files", "*.c", "*.h"], cwd=str(ROOT)).decode().split()
    done = subprocess.run(["clang-format-19", "--dry-run", "-Werror"] + files, cwd=str(ROOT))
    totals.add("format of the C sources", "passed" if done.returncode == 0 else "failed")


def step_lint(totals, build):
    """Takes minutes, so it is a command of its own: `make lint`."""
    folder = build / "release"
    meson_build(folder, ["-Dwerror=true"], what="with gcc")
    done = subprocess.run([str(ROOT / "scripts" / "lint.sh"), str(folder)])
    totals.add("lint", "passed" if done.returncode == 0 else "failed")


def step_gcc(totals, build):
    folder = build / "release"
    meson_build(folder, ["-Dwerror=true"], what="with gcc")
    say("tests of the library and of ktk")
    meson_test(totals, folder, "gcc")


def step_sanitizers(totals, build):
    folder = build / "sanitized"
    options = ["-Dwerror=true", "-Dbuildtype=debugoptimized", "-Db_ndebug=false", "-Db_sanitize=address,undefined", "-Db_lundef=false"]
    meson_build(folder, options, env={"CC": "clang-19"}, what="with clang, address and undefined behaviour sanitizers")
    say("the same tests under the sanitizers, fuzz corpora replayed")
    meson_test(totals, folder, "clang")


def step_threads(totals, build):
    """Takes long and concerns only what runs in parallel, so it is a command of its own: `make threads`."""
    folder = build / "threads"
    options = ["-Dwerror=true", "-Dbuildtype=debugoptimized", "-Db_ndebug=false", "-Db_sanitize=thread", "-Db_lundef=false", "-Dcli=disabled", "-Dbench=false"]
    meson_build(folder, options, env={"CC": "clang-19"}, what="with clang's thread sanitizer")
    say("the tests of what runs in parallel under the thread sanitizer")
    meson_test(totals, folder, "threads", ["base", "parquet", "query", "update"], timeout_multiplier=10)


def step_memory(totals, build):
    """Takes long and needs every write to be seen (base/foreign.h), so it is a command of its own: `make memory`."""
    folder = build / "memory"
    options = ["-Dwerror=true", "-Dbuildtype=debugoptimized", "-Db_ndebug=false", "-Db_sanitize=memory", "-Db_lundef=false", "-Dcli=disabled", "-Dbench=false"]
    meson_build(folder, options, env={"CC": "clang-19"}, what="with clang's memory sanitizer")
    say("the tests of the library under the memory sanitizer, fuzz corpora replayed")
    suites = ["base", "codec", "arrow", "predicate", "parquet", "store", "dataset", "query", "update", "fuzz"]
    # What goes through libraries that were built without the sanitizer is left out: it takes all that they write for unwritten.
    meson_test(totals, folder, "memory", suites, timeout_multiplier=10, without=["foreign"])


WITH_STORES = ["storefact", "minimalkv", "setuptools<80", "pytest"]
PROVIDERS = ["s3fs==2026.9.0", "boto3==1.43.117", "azure-storage-blob"]
FOR_DOCUMENTATION = ["nbclient", "nbformat", "ipykernel", "mypy"]


def python_environments(build):
    """(label, interpreter or None, what it holds): the corners, which `make check` runs"""
    yield "pandas3", sys.executable, ["pandas>=3", "pyarrow", "dask", "distributed"] + WITH_STORES + FOR_DOCUMENTATION
    yield "pandas2-no-pyarrow", sys.executable, ["pandas>=2,<3", "numpy<2.3", "dask", "distributed"] + WITH_STORES
    yield "pandas1.3", find_python(["3.9", "3.10"]), ["pandas==1.3.5", "numpy<1.24", "dask==2021.11.2", "distributed==2021.11.2", "storefact", "setuptools<80", "pytest"]


def matrix_environments():
    """What `make matrix` runs beside them: Python 3.9 to 3.13, each pandas with and without pyarrow, Dask old and new"""
    old_dask = ["dask==2021.11.2", "distributed==2021.11.2"]
    new_dask = ["dask", "distributed"]
    yield "pandas1.3-pyarrow", find_python(["3.9"]), ["pandas==1.3.5", "numpy<1.24", "pyarrow<15"] + old_dask + WITH_STORES
    yield "pandas1.5", find_python(["3.10"]), ["pandas==1.5.3", "numpy<2", "dask<2023", "distributed<2023"] + WITH_STORES
    yield "pandas1.5-pyarrow", find_python(["3.11"]), ["pandas==1.5.3", "numpy<2", "pyarrow<18", "dask<2023", "distributed<2023"] + WITH_STORES
    yield "pandas2-pyarrow", find_python(["3.12"]), ["pandas>=2,<3", "numpy<2.3", "pyarrow"] + new_dask + WITH_STORES
    yield "pandas3-no-pyarrow", find_python(["3.13"]), ["pandas>=3", "minimalkv", "pytest"] + new_dask
    yield "pandas3-no-dask", find_python(["3.13"]), ["pandas>=3", "pyarrow", "pytest"]


def run_python_tests(totals, build, environments):
    """The package's tests in each environment that there is an interpreter for."""
    ktk = build / "release" / "cli" / "ktk"
    for label, python, requirements in environments:
        if python is None:
            totals.add(label, "skipped", "needs a Python that was found neither on the PATH nor below pyenv")
            continue
        try:
            interpreter = environment(build, label, python, requirements)
        except SystemExit as error:
            totals.add("{}: environment: {}".format(label, error), "failed")
            continue
        say("tests of the Python package: {}".format(label))
        pytest(totals, interpreter, label, [ROOT / "python" / "tests"], {"KTK": str(ktk)})


def step_python(totals, build):
    run_python_tests(totals, build, python_environments(build))


def step_matrix(totals, build):
    """Takes long and makes many environments, so it is a command of its own: `make matrix`."""
    meson_build(build / "release", ["-Dwerror=true"], what="with gcc")
    run_python_tests(totals, build, [*python_environments(build), *matrix_environments()])


def step_python_sanitize(totals, build):
    """Builds the library a third time, so it is a command of its own: `make python-sanitize`. The interpreter itself is not sanitized."""
    label, python, requirements = next(python_environments(build))
    interpreter = environment(build, label, python, requirements)
    folder = build / "python-sanitized"
    shutil.rmtree(folder, ignore_errors=True)
    say("building the Python package with gcc's address and undefined behaviour sanitizers")
    options = ["-Db_sanitize=address,undefined", "-Db_lundef=false", "-Dbuildtype=debugoptimized", "-Db_ndebug=false"]
    pip = [interpreter, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "--target", folder, ROOT / "python"]
    run(pip + ["--config-settings=setup-args=" + option for option in options], env=dict(os.environ, CC="gcc"), quiet=True)
    libraries = [subprocess.check_output(["gcc", "-print-file-name=" + name]).decode().strip() for name in ("libasan.so", "libubsan.so")]
    say("tests of the Python package under the sanitizers")
    # Leaks are looked for by test_leaks.py: the interpreter itself keeps much to its end.
    environ = {
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
        "UBSAN_OPTIONS": SANITIZE["UBSAN_OPTIONS"],
        "LD_PRELOAD": ":".join(libraries),
        "PYTHONMALLOC": "malloc",
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    names = (
        *("bad_input", "conversions", "dataset", "errors", "frames", "history", "index", "interrupt", "parquet", "progress"),
        *("stores", "stub", "tables", "update", "upkeep"),
    )
    pytest(totals, interpreter, "python-sanitize", [ROOT / "python" / "tests" / "test_{}.py".format(name) for name in names], environ)


def old_pyarrow(build):
    """An interpreter with the oldest pyarrow of kartothek 5.3; None, and its tests are skipped, where there can be none."""
    python = find_python(["3.8"])
    try:
        return python and environment(build, "pyarrow0.17", python, ["pyarrow==0.17.1", "numpy<1.20"], with_package=False)
    except SystemExit as error:
        say("pyarrow 0.17.1 cannot be installed here: {}".format(error))
        return None


def step_interop(totals, build):
    """What we write, read by the real originals; what they wrote is compared in the Python and C tests."""
    if not GOLDEN.is_dir():
        totals.add("interop", "skipped", "../shared/golden is absent, and with it the set-up of the originals")
        return
    originals = build / "originals"
    say("making the originals' environments (kartothek 5.3.0, plateau 4.6.2)")
    done = subprocess.run(["sh", str(GOLDEN / "setup_originals.sh"), str(originals)], stdout=subprocess.DEVNULL)
    if done.returncode not in (0, 3):
        totals.add("interop: set-up of the originals", "failed")
        return
    release = build / "release"
    meson_build(release, ["-Dwerror=true"], what="with gcc")
    label, python, requirements = next(python_environments(build))
    interpreter = environment(build, label, python, requirements)
    say("what we write, read by the originals")
    tests = [ROOT / "tests" / "interop" / name for name in ("test_originals.py", "test_core.py", "test_cubes.py", "test_deprecated.py", "test_dtypes.py", "test_old_readers.py", "test_plateau.py")]
    environ = {"KTK_ORIGINALS": str(originals), "KTK": str(release / "cli" / "ktk"), "KTK_LIBRARY": str(release / "src" / "libkartothek.so")}
    pytest(totals, interpreter, "interop", tests, dict(environ, KTK_PYARROW_0_17=str(old_pyarrow(build) or "")))
    say("plateau's own test suites with ours")
    pytest(totals, interpreter, "suites", [ROOT / "tests" / "interop" / "test_suites_plateau.py"], environ)
    label, python, requirements = next(matrix_environments())
    if python is None:
        totals.add("suites: kartothek's own", "skipped", "needs a Python for pandas 1.3.5 and pyarrow")
        return
    interpreter = environment(build, label, python, requirements)
    say("kartothek's own test suites with ours")
    tests = [ROOT / "tests" / "interop" / name for name in ("test_dtypes.py", "test_suites_kartothek.py")]
    pytest(totals, interpreter, "suites", tests, environ)


def step_differential(totals, build):
    """Random programs through the real kartothek and ours, both with the pandas that the original needs."""
    kartothek = build / "originals" / "k53" / "bin" / "python"
    label, python, requirements = list(python_environments(build))[-1]
    if python is None or not kartothek.exists():
        totals.add("differential", "skipped", "needs kartothek 5.3.0 (Python 3.8) and a Python for pandas 1.3.5")
        return
    interpreter = environment(build, label, python, requirements)
    say("random programs through kartothek 5.3.0 and ours")
    pytest(totals, interpreter, "differential", [ROOT / "tests" / "interop" / "test_differential.py"], {"KTK_ORIGINALS": str(build / "originals")})


def step_peers(totals, build):
    """Parquet files in both directions between us and pyarrow, DuckDB and Polars."""
    requirements = ["pytest", "numpy", "pyarrow>=20", "duckdb>=1.3", "polars>=1.30"]
    try:
        interpreter = environment(build, "peers", sys.executable, requirements, with_package=False)
    except SystemExit as error:
        totals.add("peers", "skipped", "pyarrow, duckdb and polars cannot be installed here: {}".format(error))
        return
    meson_build(build / "release", ["-Dwerror=true"], what="with gcc")
    say("Parquet files exchanged with pyarrow, DuckDB and Polars")
    tests = sorted((ROOT / "tests" / "interop").glob("test_parquet_*.py"))
    pytest(totals, interpreter, "peers", tests, {"KTK_LIBRARY": str(build / "release" / "src" / "libkartothek.so")})


def start_server(totals, kind, state):
    """
    Its environment, after a start anew: Azurite gets slower the more it has held.

    Where it cannot start its tests are skipped, on CI that is a failure unless there is no Go to build it with.
    """
    is_failure = os.environ.get("CI") and (kind != "versitygw" or shutil.which("go"))
    command = [sys.executable, str(ROOT / "tests" / "servers" / "servers.py"), "--state", str(state)]
    for verb in ("install", "stop", "start"):
        done = subprocess.run(command + [verb, kind], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode != 0:
            reason = done.stderr.decode("utf-8", "replace").strip().split("\n")[-1]
            totals.add("servers: {}".format(kind), "failed" if is_failure else "skipped", reason)
            print(reason, flush=True)
            return {}
    return dict(shlex.split(line)[1].split("=", 1) for line in done.stdout.decode().splitlines())


# What each server is asked by the tests of the library, beside those below.
STORE_TESTS = {
    "radosgw": ("KTK_TEST_S3", ["store/contract_s3", "store/credentials_s3"]),
    "versitygw": ("KTK_TEST_S3", ["store/contract_s3", "store/credentials_s3"]),
    "azurite": ("KTK_TEST_AZURE", ["store/contract_azure", "store/credentials_azure"]),
}
# Tests of datasets whose store may be any.
DATASET_TESTS = [
    *("dataset/{}".format(name) for name in ("document_file", "snapshot", "store_source")),
    "query/filtered_read",
    *("update/{}".format(name) for name in ("commit", "compact", "conflict", "drop", "existing", "history", "index_follow", "index_verify")),
    *("update/{}".format(name) for name in ("join", "limits", "restore", "update", "writers", "written")),
    *("upkeep/{}".format(name) for name in ("check", "copy", "doctor", "gc", "gc_dropped", "tables")),
]


def library_with_server(totals, release, state, kind):
    """Whether it could be started."""
    variable, names = STORE_TESTS[kind]
    for part in (names, DATASET_TESTS):
        environ = start_server(totals, kind, state)
        if environ:
            environ["KTK_TEST_STORE"] = environ[variable]
            seconds = meson_test(totals, release, kind, names=part, timeout_multiplier=10, environ=environ)
            times = ("{} {:.0f}".format(name, seconds[name]) for name in sorted(seconds, key=seconds.get, reverse=True))
            say("{}, seconds: {}".format(kind, ", ".join(times)))
    return bool(environ)


def library_with_servers(totals, release, state):
    """All at a time: a server is busy with one thing while its tests are with the next. The kinds that could be started."""
    say("the contract of stores, credentials and tests of datasets on {}".format(", ".join(STORE_TESTS)))
    with concurrent.futures.ThreadPoolExecutor() as pool:
        started = {kind: pool.submit(library_with_server, totals, release, state, kind) for kind in STORE_TESTS}
        return [kind for kind in started if started[kind].result()]


def step_servers(totals, build):
    """What needs real servers: requests are counted, and there are faults between client and server."""
    release, state = build / "release", build / "servers"
    meson_build(release, ["-Dwerror=true"], what="with gcc")
    label, python, requirements = next(python_environments(build))
    interpreter = environment(build, label, python, requirements)
    is_all = "KTK_FAULTS" in os.environ
    try:
        started = list(STORE_TESTS) if is_all else library_with_servers(totals, release, state)
        kinds = [kind for kind in ("radosgw", "azurite") if kind in started]
        say("tests of S3 and Azure Blob stores, with faults in between")
        pytest(totals, interpreter, "servers", [ROOT / "tests" / "servers"], places(totals, build, kinds))
        if not is_all:
            python_with_servers(totals, build, places(totals, build, kinds))
    finally:
        subprocess.run([sys.executable, str(ROOT / "tests" / "servers" / "servers.py"), "--state", str(state), "stop"])


def places(totals, build, kinds):
    """What tests of servers are told: ktk, and servers that are new."""
    environ = {"KTK": str(build / "release" / "cli" / "ktk")}
    for kind in kinds:
        environ.update(start_server(totals, kind, build / "servers"))
    return environ


def originals_with_providers(build):
    """Their Pythons with what simplekv and minimalkv need for S3 and Azure, for the tests of datasets that we share there."""
    for name, versions, pins, packages in (("plateau", ["3.11"], "p46", PROVIDERS), ("kartothek", ["3.8"], "k53", ["boto", "azure-storage-blob"])):
        python, pinned = find_python(versions), GOLDEN / "make" / "requirements-{}.txt".format(pins)
        if python and pinned.exists():
            interpreter = environment(build, name + "-stores", python, ["-r{}".format(pinned), *packages], with_package=False)
            yield "KTK_{}_STORES".format(name.upper()), str(interpreter)


def python_with_servers(totals, build, environ):
    label, python, requirements = next(python_environments(build))
    interpreter = environment(build, "stores", python, [*requirements, *PROVIDERS, "boto"])
    say("the Python package, storefact, minimalkv and the originals in S3 and Azure")
    folder, interop = ROOT / "python" / "tests", ROOT / "tests" / "interop" / "test_shared_stores.py"
    for variable in ("KTK_TEST_S3", "KTK_TEST_AZURE"):
        if variable in environ:
            anywhere = [folder / "test_{}.py".format(name) for name in ("eager", "index", "tables", "update")]
            pytest(totals, interpreter, variable[len("KTK_TEST_") :].lower(), anywhere, dict(environ, KTK_TEST_STORE=environ[variable]))
    environ = dict(environ, **dict(originals_with_providers(build)))
    pytest(totals, interpreter, "stores", [folder / "test_far_stores.py", folder / "test_tutorial.py"], environ)
    pytest(totals, interpreter, "stores-interop", [interop], environ)


def step_faults(totals, build):
    """Takes half an hour, so it is a command of its own: `make faults`."""
    os.environ["KTK_FAULTS"] = "all"
    step_servers(totals, build)


STEPS = {"format": step_format, "gcc": step_gcc, "sanitizers": step_sanitizers, "python": step_python, "interop": step_interop, "differential": step_differential, "peers": step_peers, "servers": step_servers, "lint": step_lint, "threads": step_threads, "memory": step_memory, "matrix": step_matrix, "python-sanitize": step_python_sanitize, "faults": step_faults}
ON_REQUEST = {"lint", "threads", "memory", "matrix", "python-sanitize", "faults"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.strip().split("\n")[0])
    parser.add_argument("--build", default="build", help="build folder (default: build)")
    parser.add_argument("--only", choices=sorted(STEPS), action="append", help="run these steps only")
    arguments = parser.parse_args()
    build = pathlib.Path(arguments.build).resolve()
    totals = Totals()
    for name, step in STEPS.items():
        if name not in ON_REQUEST if arguments.only is None else name in arguments.only:
            start = time.monotonic()
            step(totals, build)
            say("{} took {:.0f} s".format(name, time.monotonic() - start))
    return totals.finish()


if __name__ == "__main__":
    sys.exit(main())
