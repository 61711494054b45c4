"""A browser without a screen that shows letters: where things stand, and pictures of them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html import escape
from pathlib import Path

_MEASURE = """
<script>
addEventListener("load", () => {
const found = {};
for (const frame of document.querySelectorAll("iframe")) {
  const inside = frame.contentDocument;
  const offer = inside.querySelector(".offer a");
  const ink = inside.querySelector(".ink");
  found[frame.id] = {
    offer: offer ? Math.round(offer.getBoundingClientRect().top) : null,
    wide: inside.documentElement.scrollWidth,
    ink: getComputedStyle(ink).color,
    card: getComputedStyle(inside.querySelector(".card")).backgroundColor,
  };
}
const told = document.createElement("pre");
told.id = "told";
told.textContent = JSON.stringify(found);
document.body.append(told);
});
</script>
"""


def browser() -> str:
    """The browser's program; a machine for tests has one (`contrib/debian-packages.txt`)."""
    program = shutil.which("chromium")
    assert program, "chromium is missing: contrib/setup.sh tests"
    return program


def measured(folder: Path, letters: dict[str, str], width: int, *, dark: bool) -> dict[str, dict[str, object]]:
    """Show every letter at that width, in one start of the browser; where the first thing to answer stands, in CSS pixels."""
    frames = "".join(
        f'<iframe id="{name}" width="{width}" height="3000" style="border:0" srcdoc="{escape(html)}"></iframe>'
        for name, html in letters.items()
    )
    page = folder / f"letters-{width}-{'dark' if dark else 'light'}.html"
    page.write_text(f'<!DOCTYPE html><meta charset="utf-8"><body>{frames}{_MEASURE}', encoding="utf-8")
    done = _run(folder, dark, "--dump-dom", page.as_uri())
    told = re.search(r'<pre id="told">(.*?)</pre>', done, re.DOTALL)
    assert told, done[-2000:]
    return dict(json.loads(told[1].replace("&gt;", ">").replace("&lt;", "<").replace("&amp;", "&")))


def picture(folder: Path, name: str, html: str, width: int, *, dark: bool) -> Path:
    """The letter as a picture."""
    page, image = folder / f"{name}.html", folder / f"{name}-{width}{'-dark' if dark else ''}.png"
    page.write_text(
        f'<!DOCTYPE html><meta charset="utf-8"><body style="margin:0"><iframe width="{width}" height="1400" style="border:0" srcdoc="{escape(html)}"></iframe>',
        encoding="utf-8",
    )
    _run(folder, dark, f"--screenshot={image}", f"--window-size={max(width, 500)},1400", page.as_uri())
    return image


def _run(folder: Path, dark: bool, *arguments: str) -> str:
    command = [
        browser(), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
        f"--user-data-dir={folder / 'profile'}", *(["--blink-settings=preferredColorScheme=0"] if dark else []),
        *arguments,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
