#!/bin/sh
# Writes locks/ from pyproject.toml: exact versions with hashes, for every supported Python, without addresses.
# Each file holds only what those before it do not: run (a service), build (a wheel), demo, tests.
# What is in them keeps its version; with --upgrade everything becomes as new as it can be.
# libvirt-python and bonsai are in none: Debian's packages of them need no compiler.
set -eu
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
/usr/bin/python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet uv
"$work/venv/bin/python" - "$work" <<'PYTHON'
import re
import sys
import tomllib
from pathlib import Path

with open("pyproject.toml", "rb") as file:
    project = tomllib.load(file)
optional, groups = project["project"]["optional-dependencies"], project["dependency-groups"]
wanted = {"run": [*project["project"]["dependencies"], *(name for extra in optional.values() for name in extra)]}
wanted |= {group: [name for name in groups[group] if isinstance(name, str)] for group in ("build", "demo", "tests")}
so_far = []
for number, (name, lines) in enumerate(wanted.items()):
    so_far += [line for line in lines if not re.match(r"(libvirt-python|bonsai)\b", line)]
    Path(sys.argv[1], f"{number}-{name}.in").write_text("\n".join(so_far) + "\n")
PYTHON

compile() {
    "$work/venv/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header "$@"
}

# All together first, so that no file asks for another version than the next one.
[ "${1:-}" = --upgrade ] || cat locks/*.txt >"$work/all.txt"
compile --output-file "$work/all.txt" "$work"/3-tests.in
for wanted in "$work"/?-*.in; do
    compile --constraint "$work/all.txt" --output-file "${wanted%.in}.txt" "$wanted"
done
"$work/venv/bin/python" - "$work" <<'PYTHON'
import re
import sys
from pathlib import Path

known = set()
for path in sorted(Path(sys.argv[1]).glob("?-*.txt")):
    entries = re.findall(r"^\S+==.*(?:\n    .*)*\n", path.read_text(), re.MULTILINE)
    new = [entry for entry in entries if entry not in known]
    known.update(new)
    Path("locks", path.name.partition("-")[2]).write_text("".join(new))
PYTHON
