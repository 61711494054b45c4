"""Who may do what by mail: evidence against what the action at risk needs.  Pure.

Order of judgement: exactly one clean sender (the parsers see to that), who that is, whether the mail
carries a token that was made for that very person, then what the action at risk needs on top (`[trust]` in the
configuration is the risk table).  `table` compares, `border` reads what our own mail server says
about a mail, `signatures` says which DKIM signatures are worth a check at all.
"""

from __future__ import annotations

from mailbot.rules import Proof
from mailbot.trust.border import read_border
from mailbot.trust.table import Checked, Evidence, Risk, cannot_tell, demanded, in_words, missing, needs, together

__all__ = [
    "Checked",
    "Evidence",
    "Proof",
    "Risk",
    "cannot_tell",
    "demanded",
    "in_words",
    "missing",
    "needs",
    "read_border",
    "together",
]
