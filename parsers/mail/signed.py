"""A mail that is signed as a whole (PGP/MIME, RFC 3156), cut into the bytes that are verified and the signature.

The words of such a mail are read out of the very bytes that a signature is checked over: reading and checking both call
`signed_entity`, so that no trick with boundaries can make them look at different parts.  For that the form is narrow: one
plain boundary, nothing before the first part or after the last, no lone carriage return.  A mail that is not of this form
is read like any other, and its signature proves nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_SIGNED_BYTES = 2 * 1024 * 1024
_LONGEST_HEADER = 64 * 1024
_LONGEST_PART_HEADER = 4 * 1024
_LONE_CR_OR_NUL = re.compile(rb"\r(?!\n)|\x00")
# Anchored and bounded: these read what anybody sends, and must take a time that grows with its length alone.
_FIELD = re.compile(rb"(?m)^[!-9;-~]{1,200}[ \t]{0,20}:[^\r\n]*(?:\r\n[ \t][^\r\n]*)*(?:\r\n|\Z)")
_KIND = re.compile(
    rb"content-type:[ \t]*multipart/signed((?:[ \t]*;[ \t]*[a-z-]+=(?:[^\s\";=]+|\"[^\"\\]*\"))+)[ \t]*;?\Z",
    re.IGNORECASE,
)
_PARAMETER = re.compile(rb";[ \t]*([a-z-]+)=(?:\"([^\"]*)\"|([^\s;]+))", re.IGNORECASE)
_BOUNDARY = re.compile(rb"[A-Za-z0-9'()+_,./:=?-]{1,70}\Z")
_SIGNATURE = re.compile(rb"-----BEGIN PGP SIGNATURE-----\r\n[!-~ \t\r\n]*?\r\n-----END PGP SIGNATURE-----\s*\Z")
_SIGNATURE_KIND = re.compile(rb"content-type:[ \t]*application/pgp-signature\b", re.IGNORECASE)
_ENCODED = re.compile(rb"content-transfer-encoding:[ \t]*(?!7bit|8bit)", re.IGNORECASE)
#: What Thunderbird writes there, for programs that know no MIME.
_PREAMBLE = b"This is an OpenPGP/MIME signed message (RFC 4880 and 3156)\r\n"


@dataclass(frozen=True, slots=True)
class Signed:
    """`entity`: the signed part with CRLF, header and body; `signature`: armoured; `header`: the mail's own fields but Content-*."""

    entity: bytes
    signature: bytes
    header: bytes

    def as_mail(self) -> bytes:
        """The mail as it would be without the signature around it: its own header, and the content of the signed part.

        Of the part's header only the Content-* fields count: others there are copies, or somebody's wish.
        """
        head, body = _parted(b"\r\n" + self.entity if self.entity.startswith(b"\r\n") else self.entity)
        content = b"".join(field for field in _FIELD.findall(head + b"\r\n") if field.lower().startswith(b"content-"))
        return self.header + b"MIME-Version: 1.0\r\n" + content + b"\r\n" + body


def signed_entity(raw: bytes) -> Signed | None:
    """The parts of a mail that is signed as a whole, None where it is not, or not in the one form that counts."""
    if len(raw) > MAX_SIGNED_BYTES or b"multipart/signed" not in raw[:_LONGEST_HEADER].lower():
        return None
    raw = raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    if _LONE_CR_OR_NUL.search(raw):
        return None
    head, body = _parted(raw)
    boundary = _boundary(head)
    if boundary is None:
        return None
    body = b"\r\n" + body.removeprefix(_PREAMBLE).removeprefix(b"\r\n")
    pieces = body.split(b"\r\n--" + boundary)
    if len(pieces) != 4 or pieces[0] or pieces[3][:2] != b"--" or pieces[3][2:].strip():
        return None
    if any(piece[:2] != b"\r\n" for piece in pieces[1:3]):
        return None
    signature = _signature(pieces[2][2:])
    header = b"".join(
        field
        for field in _FIELD.findall(head + b"\r\n")
        if not field.lower().startswith((b"content-", b"mime-version"))
    )
    return None if signature is None else Signed(pieces[1][2:], signature, header)


def _parted(raw: bytes) -> tuple[bytes, bytes]:
    head, _, body = raw.partition(b"\r\n\r\n")
    return head, body


def _boundary(head: bytes) -> bytes | None:
    """The boundary that the one Content-Type names in plain ASCII; None where anything about it is odd."""
    if len(head) > _LONGEST_HEADER:
        return None
    fields = _FIELD.findall(head + b"\r\n")
    kinds = [
        re.sub(rb"\r\n(?=[ \t])", b"", field).rstrip() for field in fields if field.lower().startswith(b"content-type")
    ]
    found = _KIND.match(kinds[0]) if len(kinds) == 1 else None
    if found is None or any(_ENCODED.match(field) for field in fields):
        return None
    parameters = [(name.lower(), quoted or plain) for name, quoted, plain in _PARAMETER.findall(found.group(1))]
    values = dict(parameters)
    if len(values) != len(parameters) or values.get(b"protocol", b"").lower() != b"application/pgp-signature":
        return None
    boundary = values.get(b"boundary", b"")
    return boundary if _BOUNDARY.match(boundary) else None


def _signature(part: bytes) -> bytes | None:
    head, body = _parted(part)
    if len(head) > _LONGEST_PART_HEADER:
        return None
    if not any(_SIGNATURE_KIND.match(field) for field in _FIELD.findall(head + b"\r\n")):
        return None
    if any(_ENCODED.match(field) for field in _FIELD.findall(head + b"\r\n")):
        return None
    found = _SIGNATURE.match(body.lstrip())
    return found.group() if found else None
