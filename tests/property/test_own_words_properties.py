"""Own words around an approval: what may hang on it always stops it, and what a gateway or courtesy adds never does."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from parsers.reply.commands import read_command
from parsers.values import Command, ReadingRules, Verb

RULES = ReadingRules(now=datetime(2026, 11, 26, 9, 0, tzinfo=UTC), timezone=UTC)

WHO = st.sampled_from(["Bob", "Finance", "the board", "her supervisor", "Alice", "the other site"])
WHAT = st.sampled_from(
    ["must agree", "has the last word", "should see this", "is still away", "disagrees", "has to sign", "wants less"]
)
WHEN = st.sampled_from(
    ["from January", "next week", "in May", "for two weeks", "after the holidays", "until summer", "starting Monday"]
)
SIZE = st.sampled_from(["10 GB", "half the disk", "one month", "the usual size", "less memory"])
LIMITING = st.one_of(
    st.builds("{} {}.".format, WHO, WHAT),
    st.builds("{} if {} {}.".format, st.sampled_from(["Only", "Fine", "But", "Well,"]), WHO, WHAT),
    st.builds("{} {}, please.".format, st.sampled_from(["Build it", "Only", "Rather", "But"]), WHEN),
    st.builds("{} {}.".format, st.sampled_from(["Give her", "Use", "Just", "Not more than", "Max"]), SIZE),
    st.builds("{}{}".format, st.sampled_from(["Oops", "Wrong ticket", "My mistake", "Never mind", "Scrap that", "Nein", "No", "Hmm"]), st.sampled_from([".", "!", ", sorry."])),
    st.sampled_from(["Maar alleen tot januari.", "Tylko do stycznia.", "Sólo hasta enero.", "Solo fino a gennaio.", "Erst nach Ostern.", "Pas avant mars.", "Μόνο μέχρι τον Ιανουάριο."]),
)  # fmt: skip
LEAD = st.sampled_from(
    [
        "",
        "Carol\n\n",
        "Best regards,\nCarol\n\n",
        "Thanks!\n\n",
        "PS: ",
        "By the way: ",
        "Carol Admin\nSystems group\n\n",
    ]
)
GAP = st.sampled_from(["\n", "\n\n", "\n\n\n"])

BANNERS = st.sampled_from(
    [
        "[EXTERNAL]",
        "[EXT]",
        "CAUTION: This mail comes from outside of the institute. Do not open attachments\nof people whom you do not know.",
        "ACHTUNG: Diese E-Mail kommt von einem externen Absender.",
        "Attention : ce message provient de l'extérieur de l'organisme.",
        "You don't often get email from carol@testbed.example. Learn why this is important",
        "AVISO: mensaje de un remitente externo.",
    ]
)
ADDED = st.lists(
    st.sampled_from(
        [
            "Thanks for your patience!",
            "If you have questions, just write to me.",
            "Don't hesitate to ask, Alice.",
            "N'hésitez pas à me contacter.",
            "Carol Admin\nSystems group\nTel: +33 1 23 45 67 89",
            "Best regards,\nCarol",
            "Viele Grüße\nCarol",
            "Sent from my phone with K-9 Mail",
            "This message is confidential. If you are not the intended recipient, delete it.",
            "Please consider the environment before printing this e-mail.",
            "Have a nice weekend!",
            "https://www.testbed.example",
        ]
    ),
    max_size=4,
)


@settings(deadline=None)
@given(LEAD, LIMITING, GAP)
def test_words_on_which_an_approval_may_hang_stop_it(lead: str, limiting: str, gap: str) -> None:
    assert not isinstance(read_command(f"Approve{gap}{lead}{limiting}\n", RULES), Command)


@settings(deadline=None)
@given(st.lists(BANNERS, max_size=2), st.sampled_from(["", "Hi Bob,\n\n", "Alice,\n\n", "Hola,\n\n"]), ADDED)
def test_what_gateways_and_courtesy_put_around_a_command_never_changes_it(
    banners: list[str], greeting: str, added: list[str]
) -> None:
    body = "\n\n".join([*banners, f"{greeting}Approve", *added])
    read = read_command(body, RULES)

    assert isinstance(read, Command), read
    assert read == Command(Verb.APPROVE, read.line)
