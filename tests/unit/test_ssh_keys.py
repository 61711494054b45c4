from __future__ import annotations

import base64
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.ssh_keys import KeyProblem, fingerprint, is_host_key, parse_all, parse_public_key


def generated(folder: Path, *options: str) -> str:
    """Let ssh-keygen make a key; gives its public line."""
    path = folder / "key"
    subprocess.run(
        ["ssh-keygen", "-q", "-N", "", "-C", "alice@laptop", "-f", str(path), *options],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return (folder / "key.pub").read_text()


def wire(*parts: bytes) -> str:
    return base64.b64encode(b"".join(struct.pack(">I", len(part)) + part for part in parts)).decode()


@pytest.fixture(scope="module")
def ed25519(tmp_path_factory: pytest.TempPathFactory) -> str:
    return generated(tmp_path_factory.mktemp("key"), "-t", "ed25519").strip()


@pytest.mark.parametrize(
    ("options", "kind", "bits"),
    [
        (("-t", "ed25519"), "ssh-ed25519", 256),
        (("-t", "rsa", "-b", "2048"), "ssh-rsa", 2048),
        (("-t", "ecdsa", "-b", "256"), "ecdsa-sha2-nistp256", 256),
        (("-t", "ecdsa", "-b", "521"), "ecdsa-sha2-nistp521", 521),
    ],
)
def test_a_usual_key_is_taken_and_its_fingerprint_is_openssh_s(
    tmp_path: Path, options: tuple[str, ...], kind: str, bits: int
) -> None:
    line = generated(tmp_path, *options)
    key = parse_public_key(line)
    said = subprocess.run(["ssh-keygen", "-lf", str(tmp_path / "key.pub")], check=True, capture_output=True, text=True)
    assert (key.type, key.bits, key.comment) == (kind, bits, "alice@laptop")
    assert key.line == " ".join(line.split()[:2])
    assert key.fingerprint == said.stdout.split()[1] == fingerprint(line)


def test_an_rsa_key_of_1024_bits_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyProblem, match="1024 bits"):
        parse_public_key(generated(tmp_path, "-t", "rsa", "-b", "1024"))


def test_a_certificate_is_refused(tmp_path: Path) -> None:
    generated(tmp_path, "-t", "ed25519")
    signed = ["ssh-keygen", "-q", "-s", str(tmp_path / "key"), "-I", "alice", "-n", "root", str(tmp_path / "key.pub")]
    subprocess.run(signed, check=True)
    with pytest.raises(KeyProblem, match="certificate"):
        parse_public_key((tmp_path / "key-cert.pub").read_text())


def test_dsa_is_refused() -> None:
    with pytest.raises(KeyProblem, match="DSA"):
        parse_public_key(f"ssh-dss {wire(b'ssh-dss', b'1', b'2', b'3', b'4')}")


def test_options_are_refused(ed25519: str) -> None:
    for options in ('command="reboot"', "no-pty", 'from="*",restrict', "cert-authority"):
        with pytest.raises(KeyProblem, match="options"):
            parse_public_key(f"{options} {ed25519}")


def test_a_second_line_is_refused(ed25519: str) -> None:
    for between in ("\n", "\r\n", "\r", "\v", "\f", "\x85", "\u2028"):
        with pytest.raises(KeyProblem, match=r"more than one line|control"):
            parse_public_key(f"{ed25519}{between}{ed25519}")


def test_control_characters_are_refused(ed25519: str) -> None:
    for character in ("\0", "\x1b", "\x7f", "\b"):
        with pytest.raises(KeyProblem):
            parse_public_key(f"{ed25519}{character}")


def test_a_private_key_is_refused_with_a_warning() -> None:
    with pytest.raises(KeyProblem, match="private key"):
        parse_public_key("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk=\n-----END OPENSSH PRIVATE KEY-----")


def test_a_wrapped_or_cut_key_is_refused(ed25519: str) -> None:
    kind, data = ed25519.split()[:2]
    for damaged in (data[:-1], data[:-8], data[:20], data + "AAAA", data.replace("A", "-", 1), data[:-2] + "é="):
        with pytest.raises(KeyProblem):
            parse_public_key(f"{kind} {damaged}")


def test_a_type_that_its_data_denies_is_refused(ed25519: str) -> None:
    with pytest.raises(KeyProblem, match="otherwise"):
        parse_public_key(f"ssh-rsa {ed25519.split()[1]}")


def test_a_key_of_absurd_length_is_refused() -> None:
    with pytest.raises(KeyProblem, match="longer"):
        parse_public_key("ssh-rsa " + "A" * 100_000)


def test_hardware_keys_are_checked_and_kept_as_they_are(ed25519: str) -> None:
    point = base64.b64decode(ed25519.split()[1])[-32:]
    kind = "sk-ssh-ed25519@openssh.com"
    line = f"{kind} {wire(kind.encode(), point, b'ssh:')}"
    assert parse_public_key(line).line == line
    for parts in ([point], [point, b""], [point[:-1], b"ssh:"], [point, b"ssh:", b"more"]):
        with pytest.raises(KeyProblem):
            parse_public_key(f"{kind} {wire(kind.encode(), *parts)}")


def test_a_hardware_key_on_an_unknown_curve_is_refused() -> None:
    kind = "sk-ecdsa-sha2-nistp256@openssh.com"
    with pytest.raises(KeyProblem):
        parse_public_key(f"{kind} {wire(kind.encode(), b'nistp384', b'x', b'ssh:')}")
    with pytest.raises(KeyProblem):
        parse_public_key(f"{kind} {wire(kind.encode(), b'nistp256', b'not a point', b'ssh:')}")


def test_a_comment_is_reduced_to_plain_words(ed25519: str) -> None:
    key = parse_public_key(f"{' '.join(ed25519.split()[:2])} al\u202eice@lap\u00e9top   ")
    assert key.comment == "alice@laptop"


def test_many_keys_are_sorted_into_usable_and_refused(ed25519: str) -> None:
    keys, problems = parse_all([ed25519, "nonsense", ed25519, ""])
    assert [key.line for key in keys] == [" ".join(ed25519.split()[:2])]
    assert [problem.split(":")[0] for problem in problems] == ["Key 2", "Key 4"]


def test_host_keys_are_plain_keys(ed25519: str) -> None:
    assert is_host_key(ed25519)
    assert not is_host_key("ssh-ed25519 AAAA")
    assert not is_host_key("")


def sentence_of(line: str) -> str:
    """The refusal of a line, or nothing where it is taken."""
    try:
        return "" if "\n" not in parse_public_key(line).line else "a newline got through"
    except KeyProblem as problem:
        return str(problem)


@given(st.text())
def test_any_text_gives_a_key_or_a_sentence(text: str) -> None:
    assert sentence_of(text).endswith((".", "?"))


@given(st.binary(max_size=200))
def test_any_data_behind_a_known_type_gives_a_key_or_a_sentence(data: bytes) -> None:
    for kind in ("ssh-ed25519", "ssh-rsa", "sk-ecdsa-sha2-nistp256@openssh.com"):
        body = struct.pack(">I", len(kind)) + kind.encode() + data
        said = sentence_of(f"{kind} {base64.b64encode(body).decode()}")
        assert said == "" or said.endswith((".", "?"))
