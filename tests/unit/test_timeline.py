"""The picture of a fleet's future: everything is on it, no label meets another, and no name can bend it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import timedelta
from itertools import combinations

import pytest

from contrib.sample_fleet import ADMINS, DAY, FLEET, NOW, SCENARIO
from mailbot.cli.timeline import LABELLED_LANES, LETTER_WIDTH, WIDTH, Picture, draw
from mailbot.rules import Rules
from mailbot.simulate import House, Member, Scenario, simulate

SVG = "{http://www.w3.org/2000/svg}"


def drawn(members: tuple[Member, ...] = FLEET, scenario: Scenario = SCENARIO, title: str = "machines") -> ET.Element:
    future = simulate(members, scenario, NOW, House(Rules(), ADMINS))
    tickets = [member.ticket for member in members]
    picture = Picture(tickets, future.entries, scenario.outages, NOW, scenario.until, "Europe/Paris", title)
    return ET.fromstring(draw(picture))


def many(number: int) -> tuple[Member, ...]:
    return tuple(
        replace(FLEET[0], ticket=replace(FLEET[0].ticket, id=one, username=f"user{one}", end_date=end))
        for one in range(1, number + 1)
        for end in [FLEET[0].ticket.end_date + one * DAY]
    )


def texts(root: ET.Element) -> list[tuple[float, float, float, str]]:
    """Left, right and base line of every text."""
    found = []
    for text in root.iter(f"{SVG}text"):
        left = float(text.attrib["x"])
        found.append((left, left + len(text.text or "") * LETTER_WIDTH, float(text.attrib["y"]), text.text or ""))
    return found


def looks(root: ET.Element, look: str) -> list[ET.Element]:
    return [one for one in root.iter() if one.get("class") == look]


EDGES = [replace(SCENARIO, until=NOW + days * DAY) for days in (90, 140, 170, 201, 230)] + [SCENARIO]
"""Pictures that end at other places of the leases."""


@pytest.mark.parametrize("scenario", EDGES, ids=lambda one: f"{one.until:%m-%d}")
def test_no_label_meets_another_or_leaves_the_paper(scenario: Scenario) -> None:
    labels = texts(drawn(scenario=scenario))
    assert len(labels) > 30
    assert [label for label in labels if label[1] > WIDTH] == []
    crowded = [
        (one, two)
        for one, two in combinations(labels, 2)
        if abs(one[2] - two[2]) < 11 and one[0] < two[1] and two[0] < one[1]
    ]
    assert crowded == []


@pytest.mark.parametrize("scenario", EDGES, ids=lambda one: f"{one.until:%m-%d}")
def test_no_line_of_a_label_crosses_another_label(scenario: Scenario) -> None:
    root = drawn(scenario=scenario)
    labels = [label for label in texts(root) if label[0] > 176 and label[2] > 72]
    for line in looks(root, "lead"):
        x, top, bottom = float(line.attrib["x1"]), float(line.attrib["y1"]), float(line.attrib["y2"])
        crossed = [words for left, right, y, words in labels if left + 1 < x < right - 4 and top < y - 6 < bottom]
        assert crossed == []


def test_every_kind_of_thing_is_on_the_picture_and_in_the_legend() -> None:
    root = drawn()
    for look, least in {
        "running": 6,
        "stopped": 6,
        "kept": 6,
        "warning": 17,
        "answer": 2,
        "bounce": 2,
        "off": 2,
    }.items():
        assert len(looks(root, look)) >= least, look
    assert len(looks(root, "today")) == 1
    words = " ".join(words for *_place, words in texts(root))
    for said in (
        "60 days",
        "1 day",
        "stopped 1 Apr",
        "removed 15 Apr",
        "disk deleted 15 May",
        "extended",
        "today, 11 Jan",
    ):
        assert said in words


def test_every_mark_tells_its_moment_when_it_is_pointed_at() -> None:
    root = drawn()
    marks = [one for look in ("warning", "letter", "bounce") for one in looks(root, look)]
    tips = [tip.text or "" for mark in marks for tip in mark.findall(f"{SVG}title")]
    assert len(tips) == len(marks) - 3  # those of the legend say it in words
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d ", tip) for tip in tips)
    assert any("the bot was off" in tip for tip in tips)


def test_a_large_fleet_has_small_lanes_without_labels() -> None:
    few, lots = drawn(many(LABELLED_LANES)), drawn(many(40))
    assert looks(few, "lead")
    assert not looks(lots, "lead")
    assert float(lots.attrib["height"]) < 40 * 30 + 200


def test_no_name_bends_the_picture() -> None:
    bad = '</text><script>alert(1)</script>\u202e\x00"&'
    member = replace(FLEET[0], ticket=replace(FLEET[0].ticket, username=bad))
    root = drawn((member,), title=bad)
    assert list(root.iter(f"{SVG}script")) == []
    assert any("\\u202e" in words for *_place, words in texts(root))


def test_a_fleet_without_tickets_is_a_picture_too() -> None:
    assert drawn(()).tag == f"{SVG}svg"


def test_decades_have_lines_that_can_be_read() -> None:
    labels = texts(drawn(FLEET[:1], replace(SCENARIO, until=NOW + timedelta(days=20 * 365))))
    years = [label for label in labels if label[3].isdecimal()]
    assert 5 <= len(years) <= 20
