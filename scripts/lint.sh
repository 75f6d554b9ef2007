#!/bin/sh
# Format of all C sources, then clang-tidy and cppcheck over the library and its programs.
#
#   scripts/lint.sh BUILD     a build folder that was set up, with its compile_commands.json
#
# JOBS (the number of processors) limits how much runs at once. Exit 1 if anything is found; all three run.
set -eu

build=$(cd "${1:?usage: scripts/lint.sh BUILD}" && pwd -P)
cd "$(dirname "$0")/.."
root=$(pwd -P)
jobs=${JOBS:-$(nproc)}
result=0

echo "clang-format"
find bench cli examples fuzz include python/src src tests -name '*.[ch]' -print0 |
    xargs -0 clang-format-19 --dry-run -Werror || result=1

# Assertions tell clang-tidy what cannot be, so it sees them even where the build leaves them out.
echo "clang-tidy"
sed -n 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' "$build/compile_commands.json" | while read -r file; do
    (cd "$build" && realpath "$file")
done | sort -u | grep -E "^$root/(src|cli|bench)/" |
    xargs -P "$jobs" -n 4 clang-tidy-19 --quiet -p "$build" --extra-arg=-UNDEBUG --extra-arg=-Wno-unknown-warning-option \
        2>"$build/clang-tidy.log" || result=1
grep -v -E '^[0-9]+ warnings? (generated|treated)|^\[[0-9]+/|^Suppressed|^Use -header-filter' "$build/clang-tidy.log" || true

echo "cppcheck"
mkdir -p "$build/cppcheck"
# Its names of files are relative to the folder it runs in where they can be, and filters are not.
(cd "$build" && cppcheck --quiet --project=compile_commands.json --file-filter="$root/src/*" --file-filter="$root/cli/*" \
    --file-filter="$root/bench/*" --enable=warning,portability,performance --suppressions-list="$root/.cppcheck-suppressions" \
    --cppcheck-build-dir=cppcheck -j "$jobs" --error-exitcode=1) || result=1

exit $result
