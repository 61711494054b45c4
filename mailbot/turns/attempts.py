"""Reading a mail is an attempt too, on record before it is made: a mail that ends the bot itself is not read for ever.

The reader is a child, and what costs it its life is a mail in quarantine.  This is for what no child can keep away: the
kernel ends the daemon, the machine goes down.  One note a pass says that mails are being read.  A pass that finds the
note of an earlier one, which never came to its end, goes carefully: each mail is on record before it is read.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from mailbot.model import MailKey
from mailbot.ports import Store

DEATHS = 2
"""So often a mail may have been the one that was being read when the bot ended; then it is put in quarantine unread."""


@dataclass
class Attempts:
    """The attempts of one pass over one folder."""

    store: Store
    position: MailKey
    _began: bool = field(default=False, init=False)
    _careful: bool = field(default=False, init=False)
    _last: tuple[str, int] = field(default=("", 0), init=False)
    """The mail that was being read when an earlier pass ended, and how often that was so."""

    @property
    def _note(self) -> str:
        return f"reading:{self.position.account}:{self.position.folder}"

    @property
    def careful(self) -> bool:
        """Whether an earlier pass ended while mails were read: then none is read before the one in front of it is done with."""
        return self._careful

    def is_fatal(self, key: MailKey) -> bool:
        """Whether the mail ended the bot too often; puts the attempt to read it on record otherwise."""
        if not self._began:
            self._begin()
        if not self._careful:
            return False
        which = f"{key.uidvalidity}:{key.uid}"
        deaths = self._last[1] if self._last[0] == which else 0
        if deaths >= DEATHS:
            return True
        self.store.put_note(self._note, json.dumps([which, deaths + 1]))
        return False

    def _begin(self) -> None:
        self._began = True
        earlier = self.store.note(self._note)
        if earlier is None:
            self.store.put_note(self._note, json.dumps(["", 0]))
            return
        which, deaths = json.loads(earlier)
        self._careful, self._last = True, (which, deaths)

    def over(self) -> None:
        """The pass has come to its end."""
        if self._began:
            self.store.put_note(self._note, None)
