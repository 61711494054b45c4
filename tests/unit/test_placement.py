from __future__ import annotations

from dataclasses import replace
from itertools import permutations

from provisioner.api import SiteHealth
from provisioner.placement import Need, choose

NEED = Need(memory_mib=2048, disk_gib=8)
GOOD = SiteHealth("b", reachable=True, free_memory_mib=8192, free_disk_gib=100, machines=3, image="debian")


def test_the_site_with_the_most_memory_left_is_chosen() -> None:
    assert choose([GOOD, replace(GOOD, site="a", free_memory_mib=9000)], NEED).site == "a"


def test_equal_sites_are_told_apart_by_disk_machines_and_name_in_any_order() -> None:
    sites = [
        replace(GOOD, site="z", free_disk_gib=101),
        replace(GOOD, site="y", machines=1),
        replace(GOOD, site="x"),
        GOOD,
    ]
    assert {choose(order, NEED).site for order in permutations(sites)} == {"z"}
    assert {choose(order, NEED).site for order in permutations(sites[1:])} == {"y"}
    assert {choose(order, NEED).site for order in permutations(sites[2:])} == {"b"}


def test_what_just_fits_fits() -> None:
    assert choose([replace(GOOD, free_memory_mib=2048, free_disk_gib=8)], NEED).site == "b"


def test_every_unfit_site_says_why() -> None:
    placement = choose(
        [
            replace(GOOD, site="off", reachable=False, problems=("No answer.",)),
            replace(GOOD, site="silent", reachable=False),
            replace(GOOD, site="sick", problems=("No base image.",)),
            replace(GOOD, site="small", free_memory_mib=2047),
            replace(GOOD, site="full", free_disk_gib=7),
            replace(GOOD, site="tried"),
        ],
        NEED,
        excluded=frozenset({"tried"}),
    )
    assert placement.site is None
    assert dict(placement.refusals) == {
        "off": "No answer.",
        "silent": "The site does not answer.",
        "sick": "No base image.",
        "small": "2047 MiB of memory are free, 2048 MiB are needed.",
        "full": "7 GiB of disk are free, 8 GiB are needed.",
        "tried": "The machine could not be built here before.",
    }
    assert "sick: No base image." in placement.why_not


def test_no_site_is_no_place() -> None:
    assert choose([], NEED).site is None
