"""Every document that is generated from the code: `make docs` writes them, `tests/test_house_rules.py` compares them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import typer

from contrib import sample_fleet, site_words, units
from mailbot import journal, metrics
from mailbot.cli.app import app
from mailbot.config import reference
from mailbot.letters.documentation import documentation as letters
from mailbot.lifecycle.circumstances import Circumstances
from mailbot.lifecycle.dates import announcements
from mailbot.lifecycle.moves import MOVES
from mailbot.lifecycle.notice import DAY, SLACK, plan
from mailbot.model import FINAL, Event, Ticket, TicketState
from mailbot.rules import Rules
from parsers.reply.document import documentation as commands

ROOT = Path(__file__).resolve().parents[1]

_CLI_HEAD = """# Command line

Generated from the program itself; `make docs` writes it again.

Exit codes are those of sysexits.h: 0 done · 64 wrong usage · 65 it cannot be done, the message says why · 66 a file cannot be
read · 69 a server does not answer · 70 a fault of the program · 74 reading or writing failed · 75 try again later · 78 the
configuration or the database's revision is wrong. `-c` may stand before or after the command."""


def command_line() -> str:
    """`docs/cli.md`: the help of every command."""
    return "\n".join((_CLI_HEAD, *_helps(typer.main.get_command(app), "mailbot", None), ""))


def _helps(command: Any, name: str, parent: Any) -> Iterator[str]:
    settings = {**command.context_settings, "terminal_width": 100, "max_content_width": 100}
    context = command.context_class(command, info_name=name, parent=parent, **settings)
    if parent is not None or not name:
        yield f"\n## `{context.command_path}`\n"
    else:
        yield ""
    yield f"```text\n{command.get_help(context).rstrip()}\n```"
    for inner, one in getattr(command, "commands", {}).items():
        yield from _helps(one, inner, context)


def moves() -> str:
    """The table of legal moves, in Markdown."""
    rows = ["| state | what happens | leads to |", "|---|---|---|"]
    for state, events in MOVES.items():
        final = "nothing: the state is final" if state in FINAL else "nothing yet"
        if not events:
            rows.append(f"| {state.value} | {final} | |")
        for event, targets in events.items():
            rows.append(f"| {state.value} | {_words(event)} | {_targets(state, targets)} |")
    return "\n".join(rows)


def picture() -> str:
    """The same moves as a state diagram."""
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> unconfirmed", "    [*] --> pending"]
    for state, events in MOVES.items():
        for event, targets in events.items():
            lines += [f"    {state.value} --> {t.value}: {_words(event)}" for t in _ordered(targets) if t is not state]
    lines += [f"    {state.value} --> [*]" for state in TicketState if state in FINAL]
    return "\n".join((*lines, "```"))


def _words(event: type[Event]) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", event.__name__).lower()


def _targets(state: TicketState, targets: frozenset[TicketState]) -> str:
    return ", ".join("stays" if target is state else target.value for target in _ordered(targets))


def _ordered(targets: frozenset[TicketState]) -> list[TicketState]:
    return [state for state in TicketState if state in targets]


def conversation(name: str) -> str:
    """A conversation, from the file that a test plays."""
    story = (ROOT / "fixtures" / "conversations" / f"{name}.md").read_text(encoding="utf-8")
    told = story.partition("\n")[2].partition("### In the end")[0].strip()
    return re.sub(r"^### (.+?)(?:: [a-z-]+)?$", r"**\1**", told, flags=re.MULTILINE)


def flow() -> str:
    """`docs/flow.md`."""
    return _with_parts("docs/flow.md", moves=moves(), picture=picture())


def readme() -> str:
    """`README.md`."""
    stories = {"conversation": "from-request-to-machine", "french": "written-in-french"}
    told = {part: conversation(name) for part, name in stories.items()}
    return _with_parts("README.md", **told, picture=picture())


def dates() -> str:
    """When a lease's letters and steps are due by the default rules, from the functions that act."""
    rows = ["| lease | warnings | stopped | announced again | removed | disk deleted |", "|---|---|---|---|---|---|"]
    rules, begin = Rules(), datetime(2027, 1, 4, 12, tzinfo=UTC)
    lease_rules = rules.lease
    for days in (365, 90, 30, 10, 3):
        ticket = Ticket(
            1, TicketState.ACTIVE, "alice", "", "", "", begin.date() + timedelta(days=days), 8, "", "", begin, begin,
            lease_from=begin,
        )  # fmt: skip
        due = plan(ticket, rules)
        stopped = replace(ticket, ended_at=due.stop_at, remove_at=due.stop_at + timedelta(days=lease_rules.grace_days))
        again = announcements(stopped, Circumstances(due.stop_at, rules, ()))
        warned = ", ".join(f"-{(due.stop_at - at - SLACK) / DAY:.3g}" for at in due.warnings)
        told = ", ".join(f"+{(at - due.stop_at) / DAY:.3g}" for at in again)
        gone = lease_rules.grace_days, lease_rules.grace_days + lease_rules.keep_disk_days
        rows.append(f"| {days} days | {warned} | 0 | {told} | +{gone[0]} | +{gone[1]} |")
    return "\n".join(rows)


def lease() -> str:
    """`docs/lease.md`."""
    return _with_parts("docs/lease.md", dates=dates())


def simulation() -> str:
    """`docs/simulate.md`."""
    return _with_parts("docs/simulate.md", life=f"```text\n{sample_fleet.one_life()}\n```")


def _with_parts(file: str, **parts: str) -> str:
    """A document with its generated parts written anew; the rest of it is written by hand."""
    text = (ROOT / file).read_text(encoding="utf-8")
    for name, part in parts.items():
        marks = f"<!-- generated: {name} -->", f"<!-- end: {name} -->"
        before, found, rest = text.partition(marks[0])
        _, ended, after = rest.partition(marks[1])
        if not (found and ended):
            raise SystemExit(f"{file} has no place for {name}")
        text = f"{before}{marks[0]}\n{part}\n{marks[1]}{after}"
    return text


DOCUMENTS: Mapping[str, Callable[[], str]] = {
    "README.md": readme,
    "mailbot/examples/config.example.toml": reference.example_file,
    "mailbot/examples/mailbot@.service": units.several,
    "mailbot/examples/mailbot-once.service": units.once,
    "mailbot/examples/mailbot-report.service": units.report,
    "docs/cli.md": command_line,
    "docs/commands.md": commands,
    "docs/configuration.md": reference.reference,
    "docs/flow.md": flow,
    "docs/lease.md": lease,
    "docs/letters.md": letters,
    "docs/log.md": journal.reference,
    "docs/metrics.md": metrics.reference,
    "docs/simulate.md": simulation,
    "docs/timeline.svg": sample_fleet.timeline,
    "templates_email/site-words.json": site_words.written,
}


def main() -> None:
    for name, write in DOCUMENTS.items():
        path, text = ROOT / name, write()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"written {name}")


if __name__ == "__main__":
    main()
