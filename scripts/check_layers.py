#!/usr/bin/env python3
"""
The rules of the source tree that no compiler knows: which folder may include which (src/layers.txt), own header first,
file names that are used once, sizes, comments, calls that are not made, sources that are not built.

Usage: check_layers.py [ROOT]. Prints TAP; exit 1 if a rule is broken.
"""

import pathlib
import re
import sys

from tap import Report

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent).resolve()
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 800

# These see the library as its users do.
USERS = ("bench", "cli", "examples", "python/src")
PRODUCT = ("src", "include", "fuzz") + USERS
# Their sources must be built; python/ is a project of its own, which the wheel test builds.
BUILT_FOLDERS = ("src", "tests", "fuzz", "bench", "cli")

BANNED = "gets strcpy strcat stpcpy sprintf vsprintf strtok atoi atol atoll atof alloca".split()
# A library says nothing and ends no process.
BANNED_IN_LIBRARY = "printf vprintf fprintf vfprintf puts putchar perror abort exit _exit quick_exit system setlocale".split()

TOKENS = re.compile(r'(?P<line>//[^\n]*)|(?P<block>/\*.*?\*/)|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)


class Source:
    """One file: `text` as it is, `code` without comments and the insides of literals, line for line."""

    def __init__(self, path):
        self.path = path
        self.name = path.relative_to(ROOT).as_posix()
        self.text = path.read_text(encoding="utf-8")
        self.line_comments = []
        self.code = TOKENS.sub(self.blank, self.text)
        self.includes = [(match.group(1) == '"', match.group(2)) for match in INCLUDE.finditer(self.text)]

    def blank(self, match):
        if match.group("line") is not None:
            self.line_comments.append(self.line_of(match.start()))
            return ""
        if match.group("block") is not None:
            return " " + "\n" * match.group().count("\n")
        return '""'

    def line_of(self, position):
        return self.text.count("\n", 0, position) + 1

    def at(self, line):
        return "{}:{}".format(self.name, line)


def sources(*folders):
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.[ch]")):
            if "subprojects" not in path.parts:
                yield Source(path)


def read_layers():
    layers = {}
    for line in (ROOT / "src/layers.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, _, below = line.partition(":")
            layers[name.strip()] = set(below.split())
    return layers


def layer_order(layers):
    """The file itself must describe a downward order: each layer names only layers above its line."""
    known = set()
    for layer, below in layers.items():
        for name in sorted(below - known):
            yield "src/layers.txt: '{}' may not use '{}', which comes later or is unknown".format(layer, name)
        known.add(layer)
    for path in sorted((ROOT / "src").iterdir()):
        if path.is_dir() and path.name not in layers:
            yield "src/{} is not in src/layers.txt".format(path.name)


def downward(library, layers):
    for source in library:
        layer = source.path.relative_to(ROOT / "src").parts[0]
        for is_quoted, name in source.includes:
            target = name.split("/")[0]
            if is_quoted and not (ROOT / "src" / name).is_file():
                yield '{}: "{}" is no header of src/'.format(source.name, name)
            elif is_quoted and target != layer and target not in layers[layer]:
                yield '{}: "{}": layer \'{}\' may not use \'{}\''.format(source.name, name, layer, target)


def users(user_sources):
    for source in user_sources:
        for is_quoted, name in source.includes:
            if is_quoted and not (source.path.parent / name).is_file():
                yield '{}: "{}": only <kartothek/…> and headers of the same folder may be included'.format(source.name, name)


def public_headers():
    for source in sources("include"):
        for is_quoted, name in source.includes:
            if is_quoted:
                yield '{}: "{}" must be in angle brackets'.format(source.name, name)


def own_header_first(library):
    for source in library:
        if source.path.suffix != ".c":
            continue
        folder = source.path.parent.relative_to(ROOT / "src").as_posix()
        own = "{}/{}.h".format(folder, source.path.stem)
        first = source.includes[0] if source.includes else (False, "nothing")
        if (ROOT / "src" / own).is_file() and first != (True, own):
            yield '{}: the first include must be "{}"'.format(source.name, own)


def unique_names(library):
    seen = {}
    for source in library:
        other = seen.setdefault(source.path.name, source.name)
        if other != source.name:
            yield "{} and {} have the same name".format(other, source.name)


def functions(source):
    """First and last line of each function: a block at the outermost level behind a ')'."""
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda match: "\n" * match.group().count("\n"), source.code, flags=re.M)
    code = re.sub(r'extern\s+""\s*\{', lambda match: "\n" * match.group().count("\n"), code)
    depth = 0
    start = 0  # behind the end of the declaration before
    is_function = False
    for match in re.finditer(r"[{};]", code):
        if match.group() == "{":
            if depth == 0:
                is_function = code[: match.start()].rstrip().endswith(")")
            depth += 1
        elif match.group() == "}":
            depth = max(depth - 1, 0)
            if depth == 0 and is_function:
                head = start + len(code[start:]) - len(code[start:].lstrip())
                yield code.count("\n", 0, head) + 1, code.count("\n", 0, match.start()) + 1
        if depth == 0 and match.group() != "{":
            start = match.end()


def long_functions(product):
    for source in product:
        for first, last in functions(source):
            if last - first + 1 > FUNCTION_LINES_MAX:
                yield "{}: a function of {} lines".format(source.at(first), last - first + 1)


def long_files(all_sources):
    for source in all_sources:
        count = source.text.count("\n")
        if count > FILE_LINES_MAX:
            yield "{} has {} lines".format(source.name, count)


def line_comments(all_sources):
    for source in all_sources:
        for line in source.line_comments:
            yield "{}: a // comment".format(source.at(line))


def banned_calls(product):
    for source in product:
        names = BANNED + (BANNED_IN_LIBRARY if source.name.startswith("src/") else [])
        for match in re.finditer(r"(?<![\w.>])({})\s*\(".format("|".join(names)), source.code):
            yield "{}: {}() is not to be called".format(source.at(source.code.count("\n", 0, match.start()) + 1), match.group(1))


def build_file(path):
    for folder in path.parents:
        if (folder / "meson.build").is_file():
            return folder / "meson.build"


def unbuilt(all_sources):
    """A target is named after its file, "test_" and "fuzz_" left out; a family of files by its prefix."""
    for source in all_sources:
        if source.path.suffix == ".c" and source.name.split("/")[0] in BUILT_FOLDERS:
            names = {name.split("/")[-1] for name in re.findall(r"'([^']*)'", build_file(source.path).read_text())}
            stem = source.path.stem
            families = tuple(name for name in names if name.endswith("_") and name not in ("test_", "fuzz_", "replay_"))
            if not names & {source.path.name, stem, re.sub("^(test|fuzz)_", "", stem)} and not stem.startswith(families):
                yield "{} is not in {}".format(source.name, build_file(source.path).relative_to(ROOT))


def main():
    report = Report()
    layers = read_layers()
    library = list(sources("src"))
    user_sources = list(sources(*USERS))
    product = list(sources(*PRODUCT))
    all_sources = product + list(sources("tests"))

    report.check("the layers are in order", layer_order(layers))
    report.check("layers use only the layers below them", downward(library, layers))
    report.check("users of the library include only its public headers", users(user_sources))
    report.check("public headers include public headers", public_headers())
    report.check("each source includes its own header first", own_header_first(library))
    report.check("file names in src are unique", unique_names(library))
    report.check("no function is longer than {} lines".format(FUNCTION_LINES_MAX), long_functions(product))
    report.check("no file is longer than {} lines".format(FILE_LINES_MAX), long_files(all_sources))
    report.check("comments are /* */", line_comments(all_sources))
    report.check("no banned calls", banned_calls(product))
    report.check("every source is built", unbuilt(all_sources))
    report.finish()


if __name__ == "__main__":
    main()
