#!/usr/bin/env bash
# Installs the Debian (Ubuntu) packages that building and testing electra needs, and only those that are missing.
# With everything there it does nothing and needs no network.
#
#     scripts/dependencies.sh          what build and tests need
#     scripts/dependencies.sh --ci     also clang, for .ci/run
#     scripts/dependencies.sh --fuzz   also clang and its run-time libraries, for scripts/fuzz.sh
set -euo pipefail

packages=(
    build-essential cmake ninja-build pkg-config                              # the build
    libutf8proc-dev libjansson-dev libarchive-dev libxxhash-dev               # Unicode, JSON, archives, checksums
    libprotobuf-c-dev protobuf-c-compiler                                     # TensorBoard events
    libcmocka-dev                                                             # the tests
)
case ${1:-} in
"") ;;
--ci) packages+=(clang) ;;
--fuzz) packages+=(clang libclang-rt-dev) ;; # since LLVM 14 libFuzzer comes in a package of its own
*) echo "usage: scripts/dependencies.sh [--ci|--fuzz]" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null; then
    echo "dependencies: this is no Debian or Ubuntu; please install what these packages hold: ${packages[*]}" >&2
    exit 1
fi

missing=()
for package in "${packages[@]}"; do
    if [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" != installed ]; then
        missing+=("$package")
    fi
done
if [ ${#missing[@]} -eq 0 ]; then
    echo "dependencies: all there"
    exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "dependencies: please run as root: apt-get install ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi
echo "dependencies: installing ${missing[*]}"
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0)
"${apt[@]}" update </dev/null
"${apt[@]}" install -y --no-install-recommends "${missing[@]}" </dev/null
echo "dependencies: all there"
