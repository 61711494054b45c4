"""docs/commands.md, written from the tables that read commands."""

from __future__ import annotations

from parsers.reply import words


def documentation() -> str:
    """docs/commands.md, written from the tables that read."""
    rows = [
        f"| `{_in_cell(rule.form)}` | {rule.does} | {_also(rule.english)} | {_also(rule.french)} |"
        for rule in words.RULES
    ]
    return "\n".join([_HEAD, *rows, "", _TAIL, ""])


def _in_cell(form: str) -> str:
    return form.replace("|", "\\|")


def _also(phrases: tuple[str, ...]) -> str:
    return ", ".join(phrases)


_HEAD = """# Commands by reply

This page is written from the tables in `parsers/reply/words.py` by `make docs`; a test compares the two.

A command is the first line of what you write yourself. Quoted words, signatures and the subject never command.
A greeting line above it is passed over. The line must be a command and nothing else, but for the politeness below.
What is not clearly one command changes nothing; mailbot answers with the words that it read.

| write | it does | English | French |
|---|---|---|---|"""

_TAIL = "\n".join(
    [
        "Words are read without regard to capitals, accents, bold, quotation marks and a dot or exclamation mark at the end. A question mark makes a",
        "line a question, never a command.",
        "",
        f"- Before DATE: {', '.join(words.UNTIL_WORDS)}.",
        f"- Before PERIOD (`6 months`, `1 year`, `30 days`): {', '.join(words.PERIOD_WORDS)}.",
        f"- Before N: {', '.join(words.DISK_WORDS)}; after it nothing or {', '.join(words.DISK_UNITS)}.",
        f"- Before REASON, if you like: {', '.join(words.REASON_WORDS)}. Without a reason on the line, the lines below it are the reason.",
        f"- Politeness before a command: {', '.join(words.BEFORE)}.",
        f"- Before `deny` also: {', '.join(words.BEFORE_DENY_ONLY)}.",
        f"- Politeness after a command: {', '.join(words.AFTER)}.",
        "",
        "All your own words count, those below the quote too. A sentence that limits, conditions or takes back the command makes the mail unclear",
        "and is named in the answer; beside `approve` and `proceed` so does any sentence that is not known to be harmless. Greetings, closings,",
        "signatures, disclaimers and banners of mail gateways change nothing.",
        "If the text and the HTML form of your mail give different commands, nothing is decided.",
    ]
)
