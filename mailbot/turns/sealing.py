"""Raw mails as they are stored: encrypted, because the mails of people quote our tokens and codes.

AES-SIV (RFC 5297) with a key made from a token key: the same mail always gives the same bytes, and a
copy of the database without the key file tells nothing of what people wrote.  A replaced key must stay
in the list (at the end) for as long as its mails are to be read.
"""

from __future__ import annotations

import hashlib
import zlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from mailbot.tokens import TokenKeys

_MARK = b"mailbot-sealed-1\0"


def seal(keys: TokenKeys, raw: bytes) -> bytes:
    """The mail, compressed and encrypted with the first key."""
    return _MARK + _cipher(keys.keys[0]).encrypt(zlib.compress(raw), [_MARK])


def unseal(keys: TokenKeys, stored: bytes) -> bytes:
    """The mail again, by whichever key.  Raises LookupError where none of them is the right one."""
    for key in keys.keys:
        try:
            return zlib.decompress(_cipher(key).decrypt(stored.removeprefix(_MARK), [_MARK]))
        except (InvalidTag, ValueError):
            continue
    msg = "none of the token keys opens this mail: it was stored under a key that is no longer there"
    raise LookupError(msg)


def _cipher(key: bytes) -> AESSIV:
    return AESSIV(hashlib.sha512(b"mailbot-raw-mail\0" + key).digest())
