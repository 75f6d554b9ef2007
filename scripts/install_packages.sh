#!/bin/sh
# Install the Debian packages that a set of jobs needs and that are missing; says what it does.
#
#   scripts/install_packages.sh build|check|radosgw|npm …
set -eu

packages() {
    case $1 in
    build)
        echo gcc libc6-dev make meson ninja-build pkg-config python3 python3-dev python3-venv \
            libzstd-dev libsnappy-dev libdeflate-dev liblz4-dev libbrotli-dev \
            libxxhash-dev libcurl4-openssl-dev libssl-dev libexpat1-dev libsmartcols-dev libcmocka-dev
        ;;
    check)
        echo g++ clang-19 libclang-rt-19-dev llvm-19 clang-format-19 clang-tidy-19 cppcheck universal-ctags mandoc zsh
        ;;
    radosgw)
        echo radosgw ceph-mon ceph-osd ceph-common
        ;;
    npm)
        echo nodejs npm
        ;;
    *)
        echo "unknown set of packages: $1" >&2
        exit 2
        ;;
    esac
}

missing=
for set in "$@"; do
    wanted=$(packages "$set")
    for package in $wanted; do
        if ! dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed'; then
            missing="$missing $package"
        fi
    done
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
        echo "missing packages, and neither root nor sudo to install them:$missing" >&2
        exit 1
    }
    as_root=sudo
fi
echo "installing Debian packages:$missing"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq
# shellcheck disable=SC2086
$as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
