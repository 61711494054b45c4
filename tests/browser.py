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


_LOOK = """
<script>
addEventListener("load", () => {
const frame = document.getElementById("page"), inside = frame.contentDocument, root = inside.documentElement;
const shown = [...inside.querySelectorAll("h1, h2, p, td, svg")].map((one) => one.getBoundingClientRect());
const told = document.createElement("pre");
told.id = "told";
told.textContent = JSON.stringify({
  wide: root.scrollWidth,
  titles: [...inside.querySelectorAll("h2")].map((one) => one.textContent),
  lost: [...inside.querySelectorAll("nav a")].filter((one) => !inside.querySelector(one.getAttribute("href"))).length,
  fetched: frame.contentWindow.performance.getEntriesByType("resource").length,
  unseen: shown.filter((one) => one.width === 0 || one.height === 0).length,
  ink: getComputedStyle(inside.body).color,
  paper: getComputedStyle(inside.body).backgroundColor,
});
document.body.append(told);
});
</script>
"""


def page_seen(folder: Path, html: str, width: int, *, dark: bool = False) -> dict[str, object]:
    """A whole page at that width: how wide it gets, its titles, what leads nowhere, what it fetched, what has no size, its colours."""
    frame = f'<iframe id="page" width="{width}" height="2000" style="border:0" srcdoc="{escape(html)}"></iframe>'
    page = folder / f"page-{width}-{'dark' if dark else 'light'}.html"
    page.write_text(f'<!DOCTYPE html><meta charset="utf-8"><body>{frame}{_LOOK}', encoding="utf-8")
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
