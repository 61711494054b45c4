#!/bin/sh
# Builds dist/mailbot_VERSION_ARCH.deb for the Debian that this runs on, from what git has, in a folder that is removed again.
set -eu
cd "$(dirname "$0")/.."

for tool in dh dpkg-buildpackage; do
    command -v "$tool" >/dev/null || { echo "contrib/deb.sh needs $tool: apt-get install debhelper dpkg-dev python3-venv python3-libvirt" >&2; exit 69; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/mailbot"
# All that belongs to the repository; outside git (an export) all but what is made.
if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then git ls-files -z; else find . -type f -not -path './.*' -print0; fi |
    tar -c --null --files-from=- --ignore-failed-read 2>/dev/null | tar -x -C "$work/mailbot"
mv "$work/mailbot/contrib/debian" "$work/mailbot/debian"

. /etc/os-release
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
date=$(git log -1 --format=%cD 2>/dev/null || date -R -r pyproject.toml)
printf 'mailbot (%s~deb%s) unstable; urgency=medium\n\n  * See CHANGELOG.md.\n\n -- The mailbot team <root@localhost>  %s\n' \
    "$version" "$VERSION_ID" "$date" >"$work/mailbot/debian/changelog"
# Nothing is compiled: a compiler, which every build is said to need, is not.
(cd "$work/mailbot" && dpkg-buildpackage --build=binary --no-check-builddeps --no-sign >"$work/log" 2>&1) || { tail -50 "$work/log" >&2; exit 1; }
mkdir -p dist
cp "$work"/*.deb dist/
ls dist/*.deb
