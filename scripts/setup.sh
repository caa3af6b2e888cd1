#!/usr/bin/env bash
# Installs what the build and the tests need beside Swift; says nothing when it is all there. With
# --systemd also what `make deb` and `make test-systemd` need.
#
# The Debian packages are the libraries that ubpd links (liblz4, libcrypto, SQLite, oneDNN) and the tools
# that the tests and the demo compare it with. Runs as root, or through sudo.
set -euo pipefail

PACKAGES=(
    liblz4-dev libssl-dev libsqlite3-dev libdnnl-dev
    lz4 pkg-config python3 python3-lz4 sqlite3 make groff-base
    python3-prometheus-client
)

if [[ ${1:-} == --systemd ]]; then
    PACKAGES+=(dpkg-dev binutils debootstrap systemd systemd-container util-linux procps)
fi

say() { printf 'setup: %s\n' "$*" >&2; }

installed() { [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

install_packages() {
    local root=() log
    if ! command -v apt-get >/dev/null; then
        say "there is no apt-get here; install what corresponds to: $*"
        exit 1
    fi
    if [[ $(id -u) != 0 ]]; then
        root=(sudo)
        if ! command -v sudo >/dev/null; then
            say "this needs root, and there is no sudo; as root, run: apt-get install $*"
            exit 1
        fi
    fi
    say "installing $*"
    # What the two tools say is of interest only when they fail.
    log=$(mktemp)
    if ! {
        "${root[@]}" apt-get update -q &&
            "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
                apt-get install -q -y --no-install-recommends "$@"
    } </dev/null >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        say "apt-get could not install them; the whole log is $log"
        exit 1
    fi
    rm "$log"
}

if ! command -v swift >/dev/null; then
    say "no swift in PATH; install Swift 6.3 or newer, see https://www.swift.org/install/linux/"
    exit 1
fi

missing=()
if command -v dpkg-query >/dev/null; then
    for package in "${PACKAGES[@]}"; do
        installed "$package" || missing+=("$package")
    done
else
    say "there is no dpkg here; trusting that these are installed: ${PACKAGES[*]}"
fi

has_numpy() { python3 -c 'import numpy' 2>/dev/null; }
is_debians() { [[ $1 == /usr/bin/python3 || $1 == /bin/python3 ]]; }

# A python3 that comes before Debian's in PATH does not see Debian's numpy.
python=$(command -v python3 || echo /usr/bin/python3)
if is_debians "$python" && ! has_numpy; then missing+=(python3-numpy); fi
if ((${#missing[@]})); then install_packages "${missing[@]}"; fi

if ! has_numpy && ! is_debians "$python"; then
    say "$python has no numpy; installing it with pip"
    python3 -m pip install --quiet --user numpy </dev/null >&2 || true
fi
if ! has_numpy; then
    say "$python has no numpy, which the tests and the demo need; install it, or put /usr/bin"
    say "first in PATH and run: apt-get install python3-numpy"
    exit 1
fi
