#!/usr/bin/env bash
# Builds a Debian package of what was built before: packaging/build_deb.sh BINARIES OUT [VERSION]
#
#   BINARIES  directory of ubpd and ubpctl, linked with Swift's runtime (make static)
#   OUT       directory the package goes to; its path is printed
#   VERSION   of the package; default: what `ubpd --version` says
#
# Same sources, same bytes: times come from SOURCE_DATE_EPOCH, which defaults to the last commit's.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'deb: %s\n' "$*" >&2; }
BINARIES=$(realpath "$1") OUT=$2
for tool in dpkg-deb dpkg-shlibdeps strip; do
    command -v "$tool" >/dev/null || { say "there is no $tool; install dpkg-dev and binutils"; exit 1; }
done
if ldd "$BINARIES/ubpd" | grep -q libswiftCore; then
    say "$BINARIES/ubpd needs Swift's runtime on the target; run 'make static' first"
    exit 1
fi
VERSION=${3:-$("$BINARIES/ubpd" --version)}
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
ARCHITECTURE=$(dpkg --print-architecture)
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
TREE=$WORK/tree

umask 022
mkdir -p "$TREE/DEBIAN" "$WORK/bin" "$OUT"
for program in ubpd ubpctl; do
    strip --strip-unneeded -o "$WORK/bin/$program" "$BINARIES/$program"
done
make --no-print-directory -s install DESTDIR="$TREE" PREFIX=/usr SYSCONFDIR=/etc BINARIES="$WORK/bin" >&2

DOC=$TREE/usr/share/doc/ubpd
mkdir -p "$DOC"
cp packaging/debian/copyright "$DOC/copyright"
cp docs/operations.md docs/control.md "$DOC/"
{
    printf 'ubpd (%s) unstable; urgency=medium\n\n' "$VERSION"
    printf '  * Built from the sources; the history is in their repository.\n\n'
    printf ' -- ubpd maintainers <ubpd@localhost>  %s\n' "$(date -R -u -d "@$SOURCE_DATE_EPOCH")"
} | gzip -9n >"$DOC/changelog.gz"
mkdir -p "$TREE/usr/share/lintian/overrides"
cp packaging/debian/lintian-overrides "$TREE/usr/share/lintian/overrides/ubpd"
gzip -9n "$TREE"/usr/share/man/man?/*
chmod -R u=rwX,go=rX "$TREE"

# dpkg-shlibdeps wants a source tree around it.
mkdir -p "$WORK/source/debian"
printf 'Source: ubpd\n\nPackage: ubpd\nArchitecture: any\n' >"$WORK/source/debian/control"
SHLIBS=$(cd "$WORK/source" && dpkg-shlibdeps -O "$TREE"/usr/bin/* 2>"$WORK/shlibs.log" |
    sed -n 's/^shlibs:Depends=//p') || { cat "$WORK/shlibs.log" >&2; exit 1; }

SIZE=$(du -k -s --apparent-size "$TREE" | cut -f1)
sed -e "s|@VERSION@|$VERSION|" -e "s|@ARCHITECTURE@|$ARCHITECTURE|" -e "s|@SIZE@|$SIZE|" \
    -e "s|@SHLIBS@|$SHLIBS|" packaging/debian/control.in >"$TREE/DEBIAN/control"
cp packaging/debian/conffiles "$TREE/DEBIAN/conffiles"
install -m 755 packaging/debian/postinst packaging/debian/prerm packaging/debian/postrm "$TREE/DEBIAN/"
(cd "$TREE" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$TREE/DEBIAN/md5sums"
chmod 644 "$TREE/DEBIAN/control" "$TREE/DEBIAN/conffiles" "$TREE/DEBIAN/md5sums"
find "$TREE" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

PACKAGE=$OUT/ubpd_${VERSION}_$ARCHITECTURE.deb
dpkg-deb --root-owner-group -Zzstd -z3 --build "$TREE" "$PACKAGE" >&2
echo "$PACKAGE"
