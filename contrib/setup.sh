#!/bin/sh
# Makes everything ready to run and demonstrate mailbot on Debian 12 or 13: packages and .venv.
# The word says for what: "run" for a service, "demo" (the default) with an IMAP server, "tests" with other servers too, "package"
# with what builds the Debian package and boots a Debian for it.
# May run at any time; does nothing where nothing is missing. Starts no service.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# A folder such as /opt/mailbot belongs to root, and so shall the program in it: its user must not be able to change it.
if [ ! -w . ]; then
    if [ "$(id -u)" -eq 0 ] || ! command -v sudo >/dev/null 2>&1; then
        say "$(pwd) cannot be written by $(id -un): run this as the folder's owner"
        exit 77
    fi
    exec sudo contrib/setup.sh "$@"
fi

# Each word takes what stands above the next one's heading, and the locks up to its own: a machine that only runs mailbot
# gets neither a mail server nor tools for tests.
case "${1:-demo}" in
    run) until="^# The demonstration" locks="run build" ;;
    demo) until="^# The tests" locks="run build demo" ;;
    tests) until="^# The package" locks="run build demo tests" ;;
    package) until="^# Nothing comes below this" locks="run build demo tests" ;;
    *) say "usage: contrib/setup.sh [run|demo|tests|package]"; exit 64 ;;
esac

release=$(. /etc/os-release && printf '%s' "${VERSION_ID:-}")
listed() { sed "/$until/,\$d; s/#.*//; s/^$release://; /^[0-9]*:/d; /^[[:space:]]*\$/d" contrib/debian-packages.txt; }

missing_packages() {
    for package in $(listed); do
        status=$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null || true)
        [ "$status" = "ii " ] || printf '%s ' "$package"
    done
}

install_packages() {
    if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null 2>&1; then
        say "These Debian packages are missing, and there is no sudo to install them: $*"
        exit 69
    fi
    say "Installing Debian packages: $*"
    # A package must not start a service of its own here: demo and tests start what they need, where they need it.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
        trap 'exit 130' INT TERM
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
    fi
    apt="env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300"
    # shellcheck disable=SC2086 -- words on purpose
    as_root $apt install -y --no-install-recommends "$@" >&2 || {
        as_root $apt update >&2
        as_root $apt install -y --no-install-recommends "$@" >&2
    }
}

missing=$(missing_packages)
if [ -n "$missing" ]; then
    # shellcheck disable=SC2086 -- one word a package
    install_packages $missing
fi

stamp=.venv/.made-from
want=$({ cat pyproject.toml locks/*.txt; /usr/bin/python3 --version; pwd; } | sha256sum)
case "$(cat "$stamp" 2>/dev/null || true)" in
    # What is there for the tests is enough for the demonstration, too.
    "$want $locks"*) ;;
    *)
        say "Making .venv"
        # Debian's own python: the only one that sees python3-libvirt, which needs no compiler.
        [ -x .venv/bin/python ] || /usr/bin/python3 -m venv --system-site-packages .venv
        wanted=""
        for lock in $locks; do wanted="$wanted --requirement locks/$lock.txt"; done
        # shellcheck disable=SC2086 -- words on purpose
        .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes $wanted
        .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
        # Compiled once here: some environments forbid it later, and every start would pay for it.
        .venv/bin/python -m compileall -q .venv/lib mailbot parsers provisioner migrations >/dev/null || true
        printf '%s\n' "$want $locks" >"$stamp"
        ;;
esac
