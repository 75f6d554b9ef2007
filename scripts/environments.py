"""Build folders and virtual environments, made once inside the build folder and remembered by what they hold."""
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def say(text):
    print("== " + text, flush=True)


def run(command, quiet=False, **options):
    """Run a command; on failure show its output and stop."""
    if quiet:
        options.update(stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    done = subprocess.run([str(part) for part in command], **options)
    if done.returncode != 0:
        if quiet:
            sys.stdout.write(done.stdout.decode("utf-8", "replace"))
        raise SystemExit("failed: " + " ".join(str(part) for part in command))
    return done


def find_python(versions):
    """An interpreter of one of the versions ("3.9"), on the PATH or below pyenv; None if there is none."""
    pyenv = pathlib.Path(os.environ.get("PYENV_ROOT", pathlib.Path.home() / ".pyenv"))
    for version in versions:
        candidates = [shutil.which("python" + version)]
        candidates += [str(path) for path in sorted(pyenv.glob("versions/{}.*/bin/python".format(version)))]
        test = "import sys, venv, ensurepip; sys.exit('%d.%d' % sys.version_info[:2] != '{}')".format(version)
        for candidate in candidates:
            if candidate and subprocess.run([candidate, "-c", test], capture_output=True).returncode == 0:
                return candidate
    return None


def package_state():
    """Changes whenever a source of the Python package or of the library changes."""
    digest = hashlib.sha256()
    for folder in ("include", "src", "python/src", "python/kartothek"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and (path.suffix in (".c", ".h", ".py") or path.name == "meson.build"):
                digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    for name in ("meson.build", "meson_options.txt", "python/meson.build", "python/pyproject.toml"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def wheel(build):
    """The package's wheel, built unless it is there for the present sources; one wheel serves every Python."""
    folder = build / "wheel"
    state = folder / "state"
    wheels = list(folder.glob("*.whl"))
    if wheels and state.exists() and state.read_text() == package_state():
        return wheels[0]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    builder = environment(build, "builder", sys.executable, ["wheel"], with_package=False)
    say("building the Python package")
    pip = [builder, "-m", "pip", "wheel", "-q", "--disable-pip-version-check", "--no-deps"]
    run(pip + ["-w", folder, ROOT / "python"], quiet=True)
    # The extension keeps to the limited API of 3.9; the build names the interpreter that it ran with.
    tags = [builder, "-m", "wheel", "tags", "--remove", "--python-tag", "cp39"]
    run(tags + [next(folder.glob("*.whl"))], quiet=True)
    state.write_text(package_state())
    return next(folder.glob("*.whl"))


def environment(build, name, python, requirements, with_package=True):
    """The interpreter of a virtual environment with the requirements and, unless told otherwise, our package."""
    folder = build / "venv" / name
    interpreter = folder / "bin" / "python"
    marker = folder / ".complete"
    wanted = json.dumps([str(python), list(requirements)])
    if not marker.exists() or marker.read_text().split("\n")[0] != wanted:
        say("making the Python environment '{}': {}".format(name, " ".join(requirements) or "empty"))
        shutil.rmtree(folder, ignore_errors=True)
        run([python, "-m", "venv", folder], quiet=True)
        if requirements:
            pip = [interpreter, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
            run(pip + list(requirements), quiet=True)
        marker.write_text(wanted + "\n")
    if with_package:
        built = wheel(build)
        if marker.read_text().split("\n")[1:2] != [package_state()]:
            pip = [interpreter, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
            run(pip + ["--force-reinstall", "--no-deps", built], quiet=True)
            marker.write_text(wanted + "\n" + package_state())
    return interpreter


def meson_build(folder, options=(), env=None, what="the library and ktk"):
    """Configure if that was not done, then build."""
    environ = dict(os.environ, **(env or {}))
    if not (folder / "build.ninja").exists():
        run(["meson", "setup", folder, ROOT, *options], env=environ, quiet=True)
    say("building {}".format(what))
    run(["ninja", "-C", folder], env=environ, quiet=True)
