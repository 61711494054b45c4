"""Pictures of every letter, to look at: `python -m tests.pictures FOLDER` (or `make pictures FOLDER=…`).

Each letter that a conversation leads to, in every language, as a telephone (390) and a desk (700) show it, light and dark.
They are documents for whoever changes a letter and no golden files: browsers and fonts differ from machine to machine.
"""

from __future__ import annotations

import email
import sys
import tempfile
from email import policy
from email.message import EmailMessage
from pathlib import Path

from mailbot.letters.compose import compose
from mailbot.letters.languages import languages
from tests.browser import picture
from tests.trying import EVERY_LANGUAGE, SAMPLES

WIDTHS = (390, 700)


def main(folder: Path, only: str) -> None:
    """Write the pictures of the letters whose name begins with `only` ("" for all)."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        for sample in SAMPLES:
            for language in languages() if sample.name.startswith(only) else ():
                mail = compose(sample.spoken(language).item, sample.ticket, EVERY_LANGUAGE, sample.now)
                message = email.message_from_bytes(mail.data, policy=policy.default)
                part = message.get_body(("html",)) if isinstance(message, EmailMessage) else None
                for width in WIDTHS if part else ():
                    for dark in (False, True):
                        html = str(part.get_content()) if part else ""
                        image = picture(Path(made), f"{sample.name}.{language}", html, width, dark=dark)
                        image.rename(folder / image.name)
            sys.stdout.write(f"{sample.name}\n" if sample.name.startswith(only) else "")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "")
