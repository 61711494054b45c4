"""Replies through mailbot and through three libraries with "the first line decides" on top, in one table.

    python -m bench.replies [FOLDER]

FOLDER is either `fixtures/mail` (the default: every `NAME.eml` has a `NAME.json` beside it) or a folder
with `expected.jsonl` (one object per mail: `file`, `class`, `kind`, `decision`, `new_text`) and `mail/`.
mail-parser-reply and email-reply-parser are no dependencies of the project: they are installed into a
temporary folder for the run, with pip as it is configured.
"""

from __future__ import annotations

import email
import email.policy
import importlib
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import quotequail
from inscriptis import get_text

from parsers import Command, Kind, ReadingRules, read, understand

ROOT = Path(__file__).resolve().parents[1]
OTHERS = ("mail-parser-reply", "email-reply-parser")
RULES = ReadingRules(
    now=datetime(2026, 11, 23, 9, 0, tzinfo=UTC), timezone=UTC, own_addresses=frozenset({"support@testbed.example"})
)
APPROVING = frozenset({"approve", "approved", "approuve", "approuvé"})
DENYING = frozenset({"deny", "denied", "refuse", "refusé"})


@dataclass(frozen=True, slots=True)
class Case:
    """One mail and what was meant; `words` is None where nobody wrote down the newest words."""

    raw: bytes
    machine: bool
    decision: str | None
    words: str | None
    is_decision: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What a reader says: the decision and the newest words; `silent` where it takes the mail for a machine's."""

    decision: str | None
    words: str
    silent: bool = False


def cases(folder: Path) -> Iterator[Case]:
    """Every mail of the folder with its expectation."""
    listed = folder / "expected.jsonl"
    if listed.exists():
        for line in listed.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            decision = row["decision"] if row["decision"] in ("approve", "deny") else None
            words = row["new_text"] if row["kind"] == "reply" else None
            machine = row["class"] in ("auto", "bounce")
            yield Case(
                (folder / "mail" / row["file"]).read_bytes(), machine, decision, words, row["kind"] == "decision"
            )
        return
    for path in sorted(folder.glob("**/*.eml")):
        wanted = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        replies = path.parent.name == "replies"
        words = (wanted["new_text"] or "") if replies and "new_text" in wanted else None
        yield Case(path.read_bytes(), wanted["kind"] == "automatic", wanted.get("decision"), words, replies)


def by_mailbot(raw: bytes) -> Answer:
    """The project's own reading."""
    understood = understand(read(raw, RULES), RULES)
    meaning = understood.meaning
    verb = str(meaning.verb) if isinstance(meaning, Command) else None
    words = (understood.mail.new_text or "") if understood.mail else ""
    silent = understood.kind in (Kind.AUTOMATIC, Kind.UNREADABLE)
    return Answer(verb if verb in ("approve", "deny") else None, words, silent)


def by_library(newest: Callable[[str], str]) -> Callable[[bytes], Answer]:
    """A library's newest words, their first line as the decision."""

    def answer(raw: bytes) -> Answer:
        words = newest(body(raw))
        first = next((line.strip() for line in words.splitlines() if line.strip()), "")
        word = first.lower().strip(" .!*,").partition(",")[0].partition(":")[0].strip()
        return Answer("approve" if word in APPROVING else "deny" if word in DENYING else None, words)

    return answer


def body(raw: bytes) -> str:
    """The readable text as the stdlib gives it."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    part = message.get_body(("plain", "html"))
    if part is None:
        return ""
    text = str(part.get_content())
    return get_text(text) if part.get_content_subtype() == "html" else text


def newest_of_quotequail(text: str) -> str:
    """What is above the first quote that quotequail sees."""
    found = quotequail.unwrap(text)
    return text if found is None else found.get("text_top", found.get("text_bottom", ""))


def libraries(folder: str) -> dict[str, Callable[[bytes], Answer]]:
    """Install what is no dependency, and wrap each library."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder, *OTHERS]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    sys.path.insert(0, folder)
    reply_parser = importlib.import_module("email_reply_parser").EmailReplyParser
    mail_reply_parser = importlib.import_module("mailparser_reply").EmailReplyParser(languages=["en", "fr", "de"])
    return {
        "mailbot": by_mailbot,
        "quotequail": by_library(newest_of_quotequail),
        "mail-parser-reply": by_library(lambda text: mail_reply_parser.read(text=text).latest_reply or ""),
        "email-reply-parser": by_library(lambda text: str(reply_parser.parse_reply(text))),
    }


def folded(text: str) -> str:
    return " ".join(text.split())


def measured(read_one: Callable[[bytes], Answer], all_cases: list[Case]) -> Counter[str]:
    """All figures of one reader."""
    figures: Counter[str] = Counter()
    started = time.perf_counter()
    for case in all_cases:
        try:
            answer = read_one(case.raw)
        except Exception:  # noqa: BLE001  a library's crash is a figure of this table
            figures["crashed"] += 1
            continue
        if case.machine:
            figures["machines acted on"] += not answer.silent and answer.decision is not None
        if case.is_decision:
            figures["wrong"] += answer.decision is not None and answer.decision != case.decision
            figures["missed"] += answer.decision is None and case.decision is not None
        if case.words is not None and not case.machine:
            figures["exact words"] += folded(answer.words) == folded(case.words)
    figures["mails/s"] = round(len(all_cases) / (time.perf_counter() - started))
    return figures


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "fixtures" / "mail"
    all_cases = list(cases(folder))
    decisions = sum(case.is_decision for case in all_cases)
    replies = sum(case.words is not None and not case.machine for case in all_cases)
    machines = sum(case.machine for case in all_cases)
    print(
        f"{len(all_cases)} mails: {decisions} that may decide, {machines} of machines, {replies} with known newest words\n"
    )
    columns = ("crashed", "wrong", "missed", "machines acted on", "exact words", "mails/s")
    print(f"{'':20}" + "".join(f"{column:>19}" for column in columns))
    with tempfile.TemporaryDirectory() as temporary:
        for name, read_one in libraries(temporary).items():
            figures = measured(read_one, all_cases)
            print(f"{name:20}" + "".join(f"{figures[column]:>19}" for column in columns))


if __name__ == "__main__":
    main()
