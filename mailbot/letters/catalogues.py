"""What Babel does for languages other than English: their gettext catalogues, and their forms of days and numbers.

Babel and its data take 5 MB, so only who writes in such a language imports this.  Catalogues are compiled in memory, so
that nothing has to be built and no compiled file can be older than its source.
"""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from datetime import date
from importlib.resources.abc import Traversable
from io import BytesIO

from babel.dates import format_date
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

_SHORT_DAY: Mapping[str, str] = {"de": "EEE, d. MMM"}


def compiled(catalogue: Traversable, code: str) -> gettext.GNUTranslations:
    """The messages of a catalogue, a `.po` file."""
    with catalogue.open("rb") as source:
        messages = read_po(source, locale=code)
    machine_readable = BytesIO()
    write_mo(machine_readable, messages)
    machine_readable.seek(0)
    return gettext.GNUTranslations(machine_readable)


def short_day(day: date, code: str) -> str:
    """`lun. 31 janv.`."""
    return str(format_date(day, _SHORT_DAY.get(code, "EEE d MMM"), locale=code))


def one_decimal(number: float, code: str) -> str:
    """`1,5`, and `12` where there is nothing behind the comma."""
    return str(format_decimal(number, "0.#", locale=code))
