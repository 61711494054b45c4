#!/bin/sh
# Writes requirements.lock anew from pyproject.toml: exact versions with hashes, for every supported Python, without addresses.
# libvirt-python and bonsai are not in it: Debian's packages of them need no compiler.
set -eu
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
/usr/bin/python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet uv
"$work/venv/bin/python" - >"$work/requirements.in" <<'PYTHON'
import re
import tomllib

with open("pyproject.toml", "rb") as file:
    project = tomllib.load(file)
wanted = [
    *project["build-system"]["requires"],
    *project["project"]["dependencies"],
    *(name for extra in project["project"]["optional-dependencies"].values() for name in extra),
    *project["dependency-groups"]["dev"],
    "editables",
]
print("\n".join(name for name in wanted if not re.match(r"(libvirt-python|bonsai)\b", name)))
PYTHON
"$work/venv/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
    --output-file requirements.lock "$work/requirements.in"
