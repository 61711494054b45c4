from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import pycdlib
import pytest

from provisioner.announcement import announcement_mark, read_announcement
from provisioner.api import VmSpec
from provisioner.cloud_init import meta_data, user_data
from provisioner.domain_xml import Seen
from provisioner.fake import fake_host_key
from provisioner.first_boot import SCRIPTS, seed_lines
from provisioner.seed import iso_image, seed_image
from provisioner.ssh_keys import fingerprint
from tests.hypervisor import make_key, make_spec


@pytest.fixture
def spec(tmp_path: Path) -> VmSpec:
    return make_spec("alice", make_key(tmp_path)[1])


def read_back(image: bytes) -> tuple[str, dict[str, bytes], dict[str, bytes]]:
    """Label, files by Rock Ridge name, files by Joliet name."""
    iso = pycdlib.PyCdlib()
    iso.open_fp(BytesIO(image))
    by_kind: list[dict[str, bytes]] = []
    for option in ("rr_path", "joliet_path"):
        files = {}
        for name in ("meta-data", "user-data", "mailbot"):
            out = BytesIO()
            iso.get_file_from_iso_fp(out, **{option: f"/{name}"})
            files[name] = out.getvalue()
        by_kind.append(files)
    label = iso.pvd.volume_identifier.decode().strip()
    iso.close()
    return label, by_kind[0], by_kind[1]


def test_a_seed_has_the_label_and_both_files_under_both_kinds_of_names(spec: VmSpec) -> None:
    label, rock_ridge, joliet = read_back(seed_image(spec))
    assert label == "cidata"
    files = {"meta-data": meta_data(spec), "user-data": user_data(spec), "mailbot": seed_lines(spec)}
    assert rock_ridge == joliet == files


def test_the_same_machine_gives_the_same_bytes_at_any_time(spec: VmSpec) -> None:
    first = seed_image(spec)
    time.sleep(1.1)  # the image's dates have whole seconds
    assert seed_image(spec) == first
    assert seed_image(replace(spec, disk_gib=9)) == first
    assert seed_image(replace(spec, name="bob-vm")) != first


def test_another_reader_finds_the_files_too(spec: VmSpec, tmp_path: Path) -> None:
    image = tmp_path / "seed.img"
    image.write_bytes(seed_image(spec))
    assert shutil.which("blkid", path="/usr/sbin:/sbin:/usr/bin")
    said = subprocess.run(
        ["/usr/sbin/blkid", "-p", "-o", "export", str(image)], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert "LABEL=cidata" in said
    assert "TYPE=iso9660" in said


def test_files_of_any_content_survive() -> None:
    files = {"meta-data": b"", "user-data": bytes(range(256)) * 300, "mailbot": b"\n"}
    assert read_back(iso_image(files))[1] == files


def test_user_data_gives_root_the_keys_and_nobody_else_anything(spec: VmSpec) -> None:
    text = user_data(spec).decode()
    assert text.startswith("#cloud-config\n")
    config = json.loads(text.split("\n", 1)[1])
    assert config["ssh_authorized_keys"] == list(spec.ssh_keys)
    assert config["disable_root"] is False
    assert config["users"] == []
    assert config["ssh_pwauth"] is False
    assert (config["hostname"], config["fqdn"]) == ("alice-vm", "alice-vm.testbed.example")


def test_meta_data_ties_the_instance_to_the_machine(spec: VmSpec) -> None:
    assert json.loads(meta_data(spec)) == {"instance-id": str(spec.machine_id), "local-hostname": "alice-vm"}


def announcement(spec: VmSpec, *hosts: str) -> str:
    mark = announcement_mark(spec)
    lines = [f"{mark} begin", *(f"{mark} host {host}" for host in hosts)]
    lines += [f"{mark} root {fingerprint(key)}" for key in spec.ssh_keys] + [f"{mark} end"]
    return "\r\n".join(["", *lines, ""])


def test_what_the_seeds_own_script_prints_is_understood(spec: VmSpec, tmp_path: Path) -> None:
    # The script runs here with its paths turned to a directory, once, as the guest's shell would run it.
    script = json.loads(user_data(spec).decode().split("\n", 1)[1])["bootcmd"][0][-1]
    for folder in ("ssh", "root"):
        (tmp_path / folder).mkdir()
    host_key = make_key(tmp_path, "host")[1]
    (tmp_path / "ssh/ssh_host_ed25519_key.pub").write_text(f"{host_key} root@alice-vm\n")
    (tmp_path / "root/authorized_keys").write_text("".join(f"{key}\n" for key in spec.ssh_keys))
    script = script.replace("/etc/ssh/", f"{tmp_path}/ssh/").replace("/root/.ssh/", f"{tmp_path}/root/")
    script = (
        script.replace(">/dev/ttyS0", "")
        .replace("-lt 1560", "-lt 1")
        .replace("sleep 60", "true")
        .replace("sleep 5", "true")
    )
    printed = subprocess.run(["/bin/sh", "-c", script], check=True, capture_output=True, text=True).stdout
    expected = Seen((host_key,), tuple(map(fingerprint, spec.ssh_keys)))
    assert read_announcement(printed, spec) == expected


def test_an_announcement_is_found_between_other_words(spec: VmSpec) -> None:
    host = fake_host_key(spec.machine_id)
    console = f"[ 12.3] kernel: hello{announcement(spec, host)}Debian login: ".replace("\r", "")
    assert read_announcement(console, spec) == Seen((host,), tuple(map(fingerprint, spec.ssh_keys)))


def test_a_machine_whose_own_server_showed_it_one_of_its_keys_serves(spec: VmSpec) -> None:
    host, other, mark = fake_host_key(spec.machine_id), fake_host_key(uuid4()), announcement_mark(spec)
    text = announcement(spec, host).replace("\r", "")
    roots = tuple(map(fingerprint, spec.ssh_keys))
    for served, serves in ((host, True), (other, False)):
        console = text.replace(f"{mark} end", f"{mark} serves {served}\n{mark} end")
        assert read_announcement(console, spec) == Seen((host,), roots, serves)


def test_a_line_that_the_kernel_cut_into_is_left_out(spec: VmSpec) -> None:
    host = fake_host_key(spec.machine_id)
    console = announcement(spec, host, host[:30] + "[ 12.3] usb 1-1: new device" + host[30:]).replace("\r", "")
    found = read_announcement(console, spec)
    assert found is not None
    assert found.host_keys == (host,)


def test_half_an_announcement_or_that_of_another_machine_is_none(spec: VmSpec) -> None:
    text = announcement(spec, fake_host_key(spec.machine_id)).replace("\r", "")
    other = make_spec("bob", spec.ssh_keys[0])
    assert read_announcement(text, other) is None
    assert read_announcement(re.sub(r"\S+ end", "", text), spec) is None
    assert read_announcement(announcement(spec).replace("\r", ""), spec) is None
    assert read_announcement("", spec) is None


@pytest.mark.parametrize(
    "pattern",
    [
        "{m} begin",
        "{m} end",
        "{m} begin\n{m} end",
        "{m} begin\n{m} host x",
        "{m} host x",
        "{m} begin\n\n\n{m} x\n{m} end",
    ],
)
def test_a_guest_that_floods_its_console_costs_what_it_printed_and_no_more(spec: VmSpec, pattern: str) -> None:
    # Four megabytes: what looks at each line more than once does not come to an end here.
    flood = pattern.format(m=announcement_mark(spec)) + "\n"
    assert read_announcement(flood * ((4 << 20) // len(flood)), spec) is None


def test_an_announcement_is_found_behind_a_flood(spec: VmSpec) -> None:
    mark = announcement_mark(spec)
    flood = f"{mark} begin\n{mark} end\n" * 3000 + f"{mark} begin\n" * 3000
    host = fake_host_key(spec.machine_id)
    found = read_announcement(flood + announcement(spec, host).replace("\r", ""), spec)
    assert found == Seen((host,), tuple(map(fingerprint, spec.ssh_keys)))


def test_our_own_image_reads_the_same_from_lines(spec: VmSpec) -> None:
    assert seed_lines(spec).decode("ascii").splitlines() == [
        f"machine {spec.machine_id}",
        "host alice-vm",
        "fqdn alice-vm.testbed.example",
        f"key {spec.ssh_keys[0]}",
    ]


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_images_scripts_are_shell(name: str) -> None:
    subprocess.run(["/bin/sh", "-n"], input=SCRIPTS[name], text=True, check=True)
