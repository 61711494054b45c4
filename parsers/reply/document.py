"""docs/commands.md, written from the tables that read commands."""

from __future__ import annotations

from parsers.reply.grammar import ALWAYS, BY_CONFIGURATION, grammar
from parsers.reply.words import RULES


def documentation() -> str:
    """docs/commands.md, written from the tables that read."""
    always = [
        f"| `{_in_cell(rule.form)}` | {rule.does} | "
        + " | ".join(", ".join(language.listed.get(rule.verb, ())) for language in ALWAYS)
        + " |"
        for rule in RULES
    ]
    others = [
        f"| {rule.verb} | "
        + " | ".join(", ".join(language.listed.get(rule.verb, ())) for language in BY_CONFIGURATION)
        + " |"
        for rule in RULES
    ]
    return "\n".join([_HEAD, *always, "", _TAIL, "", _OTHERS, *others, ""])


def _in_cell(form: str) -> str:
    return form.replace("|", "\\|")


_HEAD = """# Commands by reply

This page is written from the tables in `parsers/reply/` by `make docs`; a test compares the two.

A command is the first line of what you write yourself. Quoted text, signatures and the subject never count. A
greeting above it is ignored. The line must contain one command and nothing else except the polite words below;
`release alice-vm` may name the machine. Anything that is not clearly one command changes nothing; mailbot answers
with the words that it read.

| write | it does | English | French |
|---|---|---|---|"""

_OTHERS = """## German, Spanish and Italian

These are read where the site's `languages` name the language.

| command | German (`de`) | Spanish (`es`) | Italian (`it`) |
|---|---|---|---|"""

_ALWAYS = grammar(())

_TAIL = "\n".join(
    [
        "Words are read without regard to capitals, accents, bold, quotation marks and a dot or exclamation mark at the end. A question mark makes a",
        "line a question, never a command.",
        "",
        f"- Before DATE: {', '.join(_ALWAYS.until)}.",
        f"- Before PERIOD (`6 months`, `1 year`, `30 days`): {', '.join(_ALWAYS.period)}.",
        f"- Before N: {', '.join(_ALWAYS.disk)}; after it nothing or {', '.join(sorted(_ALWAYS.disk_units))}.",
        f"- Before REASON, if you like: {', '.join(_ALWAYS.reason)}. Without a reason on the line, the lines below it are the reason.",
        f"- Politeness before a command: {', '.join(_ALWAYS.before)}.",
        f"- Before `deny` also: {', '.join([word for word in _ALWAYS.before_denial if word not in _ALWAYS.before])}.",
        f"- Politeness after a command: {', '.join(_ALWAYS.after)}.",
        "",
        "All your own words count, those below the quote too. A sentence that limits, conditions or takes back the command makes the mail unclear",
        "and is named in the answer; beside `approve` and `proceed` so does any sentence that is not known to be harmless. Greetings, closings,",
        "signatures, disclaimers and banners of mail gateways change nothing.",
        "If the text and the HTML form of your mail give different commands, nothing is decided.",
    ]
)
