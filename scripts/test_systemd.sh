#!/usr/bin/env bash
# Boots real systemd, installs the package that `make deb` built, and takes it through a service's life:
# scripts/test_systemd_guest.sh has the steps, docs/operations.md the commands that are run as well.
#
#   UBPD_SYSTEMD_DIR  where the Debian it boots is kept between runs; default: /var/tmp/ubpd-systemd
#   UBPD_SYSTEMD_BY   nspawn or unshare, to choose; default: what works, nspawn first
#   UBPD_DEB          the package; default: the newest in .build-static
#   KEEP=1            keep the container's files and journal
#
# Exit status: 0 all held, 1 something did not, 77 this machine cannot boot a container.
set -euo pipefail
cd "$(dirname "$0")/.."

CACHE=${UBPD_SYSTEMD_DIR:-/var/tmp/ubpd-systemd}
# What the package needs of Debian, and what the steps look with.
PACKAGES=(
    systemd systemd-sysv dbus acl libssl3 liblz4-1 libsqlite3-0 libdnnl2 libstdc++6 libzstd1
    lz4 python3 python3-numpy sqlite3 procps
)

say() { printf 'test-systemd: %3d s: %s\n' "$SECONDS" "$*" >&2; }
cannot() { say "SKIPPED: $*"; exit 77; }

[[ $(id -u) == 0 ]] || cannot "this needs root"
for tool in debootstrap unshare nsenter chroot tar; do
    command -v "$tool" >/dev/null || cannot "there is no $tool; run scripts/setup.sh --systemd"
done

# --- The Debian that is booted

# mirror_of CODENAME: where this machine itself has that Debian from.
mirror_of() {
    apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' |
        awk -v codename="$1" '$2 == codename && $3 == "main" { print $1; exit }'
}

# Makes the tree once; later runs unpack it.
make_base() {
    local codename mirror tree=$CACHE/base.partial
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    mirror=$(mirror_of "$codename")
    [[ -n $mirror ]] || cannot "this machine's apt has no source of Debian '$codename'"
    say "making a Debian $codename in $BASE"
    rm -rf "$tree"
    mkdir -p "$CACHE"
    {
        debootstrap --variant=minbase "$codename" "$tree" "$mirror" &&
            chroot "$tree" env DEBIAN_FRONTEND=noninteractive \
                apt-get install -q -y --no-install-recommends "${PACKAGES[@]}" &&
            chroot "$tree" apt-get clean
    } </dev/null >"$CACHE/base.log" 2>&1 || {
        tail -n 5 "$CACHE/base.log" >&2
        cannot "the Debian could not be made; the whole log is $CACHE/base.log"
    }
    rm -rf "$tree"/var/lib/apt/lists/* "$tree"/usr/share/{doc,man,locale}/*
    : >"$tree/etc/machine-id"
    tar -C "$tree" -cf "$BASE.partial" .
    mv "$BASE.partial" "$BASE"
    rm -rf "$tree"
}

BASE=$CACHE/base-$(printf '%s\n' "${PACKAGES[@]}" | sha256sum | cut -c 1-12).tar
[[ -e $BASE ]] || make_base
if [[ ${1:-} == --prepare ]]; then exit 0; fi

DEB=${UBPD_DEB:-$(ls -t .build-static/ubpd_*.deb 2>/dev/null | head -n 1)}
[[ -n $DEB && -e $DEB ]] || { say "there is no package; run 'make deb' first"; exit 1; }

ROOT=$(mktemp -d "$CACHE/run.XXXXXX")
GUEST=""
KEEPER=""

stop_guest() {
    if [[ -n $GUEST ]]; then
        # SIGRTMIN+4: power off (systemd(1)).
        kill -s RTMIN+4 "$GUEST" 2>/dev/null || true
        for _ in {1..150}; do kill -0 "$GUEST" 2>/dev/null || break; sleep 0.1; done
        kill -KILL "$GUEST" 2>/dev/null || true
    fi
    [[ -z $KEEPER ]] || wait "$KEEPER" 2>/dev/null || true
    GUEST="" KEEPER=""
}

finish() {
    local status=$?
    stop_guest
    if [[ -n ${KEEP:-} ]]; then say "kept $ROOT"; else rm -rf "$ROOT"; fi
    exit "$status"
}
trap finish EXIT

say "unpacking $(basename "$BASE")"
tar -C "$ROOT" -xf "$BASE"
mkdir -p "$ROOT/test"
cp "$DEB" "$ROOT/test/ubpd.deb"
cp scripts/test_systemd_*.sh scripts/test_systemd_*.py "$ROOT/test/"
cp docs/operations.md "$ROOT/test/"
# The same again under a higher version, for the upgrade.
next_version() {
    local work=$ROOT/test/next
    dpkg-deb -R "$DEB" "$work"
    sed -i 's/^Version: .*/&+next/' "$work/DEBIAN/control"
    dpkg-deb --root-owner-group -Znone --build "$work" "$ROOT/test/ubpd-next.deb" >/dev/null
    rm -rf "$work"
}
next_version

# --- Two ways to boot it

LOG=$ROOT/console.log

boot_nspawn() {
    systemd-nspawn --quiet --directory="$ROOT" --boot --register=no --keep-unit --private-network \
        --machine="ubpd-$$" --console=pipe </dev/null >"$LOG" 2>&1 &
    KEEPER=$!
    local _
    for _ in {1..100}; do
        GUEST=$(pgrep -P "$KEEPER" -x systemd || true)
        [[ -z $GUEST ]] || return 0
        kill -0 "$KEEPER" 2>/dev/null || return 1
        sleep 0.1
    done
    return 1
}

# systemd as the first process of namespaces of its own. /tmp and /run are mounted, so that it
# cleans its own and not ours.
boot_unshare() {
    unshare --pid --mount --uts --ipc --net --cgroup --fork --kill-child --propagation private \
        bash -euc '
            mount --bind "$0" "$0" && cd "$0"
            mount -t proc proc proc
            mount -t tmpfs tmpfs run && mount -t tmpfs tmpfs tmp
            mount --rbind /sys sys && mount --rbind /dev dev
            hostname ubpd-test
            exec chroot . env container=chroot /lib/systemd/systemd --log-target=null
        ' "$ROOT" </dev/null >"$LOG" 2>&1 &
    KEEPER=$!
    local _
    for _ in {1..100}; do
        GUEST=$(pgrep -P "$KEEPER" || true)
        if [[ -n $GUEST && $(cat "/proc/$GUEST/comm" 2>/dev/null) == systemd ]]; then return 0; fi
        kill -0 "$KEEPER" 2>/dev/null || return 1
        sleep 0.1
    done
    return 1
}

# in_guest COMMAND...: runs it beside the container's systemd.
in_guest() {
    nsenter --target "$GUEST" --mount --uts --ipc --net --pid --cgroup --root --wdns=/ \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LC_ALL=C.UTF-8 "$@" </dev/null
}

is_up() {
    local state
    state=$(in_guest systemctl is-system-running 2>/dev/null || true)
    [[ $state == running || $state == degraded ]]
}

boot_by() {
    local _
    "boot_$1" || { GUEST=""; return 1; }
    for _ in {1..600}; do
        if is_up; then return 0; fi
        kill -0 "$GUEST" 2>/dev/null || break
        sleep 0.1
    done
    stop_guest
    return 1
}

BY=""
for way in ${UBPD_SYSTEMD_BY:-nspawn unshare}; do
    if [[ $way == nspawn ]] && ! command -v systemd-nspawn >/dev/null; then continue; fi
    if boot_by "$way"; then BY=$way && break; fi
    say "systemd does not come up by $way: $(tail -n 2 "$LOG" | tr '\n' ' ')"
done
[[ -n $BY ]] || cannot "systemd comes up neither by systemd-nspawn nor by unshare here"
say "booted by $BY: systemd $(in_guest systemctl --version | sed -n '1s/^systemd //p')"

if ! in_guest bash /test/test_systemd_guest.sh; then
    say "FAILED; the daemon's last words:"
    in_guest journalctl --no-pager -n 60 -u 'ubpd*' >&2 || true
    exit 1
fi
say "stopping the container"
stop_guest
say "all held"
