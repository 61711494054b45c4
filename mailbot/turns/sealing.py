"""Raw mails as they are stored: encrypted, because the mails of people quote our tokens and codes.

AES-SIV (RFC 5297) with a key made from a seal key: the same mail always gives the same bytes, and a
copy of the database without the key file tells nothing of what people wrote.  A replaced key stays in the list (at the end)
until everything was sealed again (`reseal`).
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from mailbot.ports import Store
from mailbot.tokens import TokenKeys

_MARK = b"mailbot-sealed-1\0"


def seal(keys: TokenKeys, raw: bytes) -> bytes:
    """The mail, compressed and encrypted with the first key."""
    # Level 1: a tenth larger than by default in half the time, and every turn of a mail waits for it.
    return _MARK + _cipher(keys.keys[0]).encrypt(zlib.compress(raw, 1), [_MARK])


def unseal(keys: TokenKeys, stored: bytes) -> bytes:
    """The mail again, by whichever key.  Raises LookupError where none of them is the right one."""
    for key in keys.keys:
        try:
            return zlib.decompress(_cipher(key).decrypt(stored.removeprefix(_MARK), [_MARK]))
        except (InvalidTag, ValueError):
            continue
    msg = "none of the keys opens this mail: it was stored under a key that is no longer there"
    raise LookupError(msg)


@dataclass(frozen=True, slots=True)
class Resealed:
    """How many stored mails were encrypted again, and how many no key opens."""

    mails: int
    unreadable: int


def reseal(store: Store, keys: TokenKeys, at_once: int = 200) -> Resealed:
    """Encrypt with the first key what was stored under another one.  May run twice, and while the bot runs."""
    after, mails, unreadable = "", 0, 0
    while page := store.raw_mails(after, at_once):
        changed: dict[str, bytes] = {}
        for sha256, stored in page:
            try:
                fresh = seal(keys, unseal(keys, stored))
            except LookupError:
                unreadable += 1
                continue
            if fresh != stored:
                changed[sha256] = fresh
        store.replace_raw_mails(changed)
        mails, after = mails + len(changed), page[-1][0]
    return Resealed(mails, unreadable)


def _cipher(key: bytes) -> AESSIV:
    return AESSIV(hashlib.sha512(b"mailbot-raw-mail\0" + key).digest())
