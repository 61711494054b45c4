"""The lines by which clients introduce an older mail: what stands above and below them is the writer's, they are not."""

from __future__ import annotations

import re

import pytest
from quotequail import _patterns as known_to_the_library

from parsers.text.quoting import split

QUOTED = "> Please decide.\n>\n> approve"
INTRODUCTIONS = (
    "On Thu, Nov 26, 2026 at 09:30:12AM +0100, Testbed support wrote:",
    "Quoting Testbed support (2026-11-26 09:30:12)",
    "Testbed support, le 26/11/2026 09:30",
    "2026. 11. 26. 9:30 keltezéssel, Testbed support írta:",
    "2026-11-26 9:30 GMT+01:00 Testbed support\n<support@testbed.example>:",
    "Testbed support <support@testbed.example> hat am\n26.11.2026 09:30 CET geschrieben:",
    "Hallo Carol,\nam 26.11.26 um 09:30 schrieb Testbed support:",
    "Testbed support kirjoitti 26.11.2026 klo 9.30:",
    "Testbed support 於 2026年11月26日 09:30 寫道：",
    "Dne 26. 11. 26 v 9:30 Testbed support napsal(a):",
    "2026년 11월 26일 (목) 오전 9:30, Testbed support <support@testbed.example>님이 작성:",
    '"Testbed support" <support@testbed.example> – November 26, 2026 9:30 AM',
    "Testbed support <support@testbed.example>\n26.11.2026 09:30",
    "Testbed support ---26.11.2026 09:30:12---Hello Carol, please decide.",
)
HEADERS = (
    "Šalje: Testbed support <support@testbed.example>\nPoslano: četvrtak, 26. studenoga 2026. 09:30\nPrima: Carol\nPredmet: A machine",
    "Nuo: Testbed support <support@testbed.example>\nIšsiųsta: 2026 m. lapkričio 26 d. 09:30\nKam: Carol\nTema: A machine",
    "No: Testbed support <support@testbed.example>\nNosūtīts: ceturtdiena, 2026. gada 26. novembris 09:30\nKam: Carol\nTēma: A machine",
    "От: Testbed support <support@testbed.example>\nИзпратено: 26 ноември 2026 г. 09:30\nДо: Carol\nОтносно: A machine",
    "De: Testbed support <support@testbed.example>\nEnviat: dijous, 26 de novembre de 2026 9:30\nPer a: Carol\nTema: A machine",
    "Từ: Testbed support <support@testbed.example>\nĐã gửi: Thứ Năm, 26 tháng 11, 2026 9:30\nĐến: Carol\nChủ đề: A machine",
)


@pytest.mark.parametrize("between", ["\n", "\n\n"])
@pytest.mark.parametrize("introduction", INTRODUCTIONS)
def test_an_answer_above_ends_before_the_introduction(introduction: str, between: str) -> None:
    found = split(f"Deny: no room{between}{introduction}\n{QUOTED}")

    assert found.words.removesuffix("Hallo Carol,").rstrip() == "Deny: no room"
    assert found.quotes


@pytest.mark.parametrize("between", ["\n", "\n\n"])
@pytest.mark.parametrize("header", HEADERS)
def test_an_answer_above_ends_before_the_header_that_outlook_quotes(header: str, between: str) -> None:
    found = split(f"Deny: no room{between}{header}\n\nPlease decide.\n\napprove")

    assert found.words == "Deny: no room"


@pytest.mark.parametrize("introduction", INTRODUCTIONS)
def test_an_answer_below_is_all_there_is(introduction: str) -> None:
    found = split(f"{introduction}\n{QUOTED}\n\nDeny: no room")

    assert (found.words, found.below) == ("Deny: no room", "")


@pytest.mark.parametrize(
    "words",
    [
        "Only until 26.11.2026",
        "Bob <bob@testbed.example> - until 31.01.2027",
        "No: the date is wrong",
        "Bob <bob@testbed.example> must agree first",
        "8 GB, and see the mail of Dave",
    ],
)
def test_words_above_an_introduction_are_kept(words: str) -> None:
    found = split(f"Approve\n{words}\n26.11.2026 09:30, Testbed support wrote:\n{QUOTED}")

    assert found.words == f"Approve\n{words}"


def sample_of(pattern: str) -> str:
    """A line that a pattern of quotequail matches."""
    dated = pattern.replace("([0-9]{4}/[0-9]{1,2}/[0-9]{1,2}) (.* <.*@.*>)", "2026/11/23 Alice <alice@example.org>")
    plain = re.sub(r"\(\?:.*?\)\?|[$^?]|---\+", "", re.sub(r"\(\.\*\??\)", "Alice", dated)).replace("\\", "")
    return "---" * pattern.startswith("^---") + re.sub(r"\[(.).\]", r"\1", plain) + "---" * pattern.startswith("^---")


@pytest.mark.parametrize(
    "pattern", known_to_the_library.REPLY_PATTERNS + known_to_the_library.FORWARD_PATTERNS, ids=lambda text: text
)
def test_every_form_that_the_library_knows_ends_the_newest_words(pattern: str) -> None:
    line = sample_of(pattern)
    assert re.match(pattern, line)

    found = split(f"Thanks for all of it.\n{line}\nSome older words")

    assert (found.words, found.quotes) == ("Thanks for all of it.", True)
