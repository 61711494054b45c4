"""What follows from where two hosts say that a machine runs: nothing that could have both of them run it on its one disk."""

from __future__ import annotations

from itertools import product

import libvirt
import pytest

from provisioner.libvirt_driver.migration import whereabouts_of
from provisioner.migration import Next, Whereabouts, next_step

W = Whereabouts


@pytest.mark.parametrize(
    ("here", "there", "then"),
    [
        (W.RUNS, W.OFF, Next.SEND),
        (W.MOVING, W.OFF, Next.WAIT),
        (W.MOVING, W.HALTED, Next.WAIT),
        (W.MOVING, W.RUNS, Next.WAIT),
        (W.HALTED, W.HALTED, Next.CLEAR),
        (W.HALTED, W.OFF, Next.RESUME),
        (W.RUNS, W.HALTED, Next.CLEAR),
        (W.OFF, W.HALTED, Next.CLEAR),
        (W.HALTED, W.RUNS, Next.LET_GO),
        (W.OFF, W.RUNS, Next.ARRIVED),
        (W.OFF, W.OFF, Next.STOPPED),
        (W.RUNS, W.RUNS, Next.TWICE),
        (W.MOVING, W.ENDING, Next.WAIT),
    ],
)
def test_each_pair_of_answers_has_one_consequence(here: Whereabouts, there: Whereabouts, then: Next) -> None:
    assert next_step(here, there) is then


@pytest.mark.parametrize(("here", "there"), list(product(W, W)))
def test_nothing_is_begun_or_destroyed_where_the_other_host_may_run_it(here: Whereabouts, there: Whereabouts) -> None:
    then = next_step(here, there)
    assert (then is Next.UNSETTLED) == (W.ENDING in {here, there} and W.MOVING not in {here, there})
    assert then is not Next.SEND or (here, there) == (W.RUNS, W.OFF)
    assert then is not Next.RESUME or (here, there) == (W.HALTED, W.OFF)
    assert then is not Next.LET_GO or (here, there) == (W.HALTED, W.RUNS)
    assert then is not Next.CLEAR or there is W.HALTED
    assert then is not Next.ARRIVED or (here is W.OFF and there is W.RUNS)


@pytest.mark.parametrize(
    ("state", "reason", "found"),
    [
        (libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_RUNNING_MIGRATED, W.RUNS),
        (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_STARTING_UP, W.HALTED),
        (libvirt.VIR_DOMAIN_PAUSED, libvirt.VIR_DOMAIN_PAUSED_USER, W.RUNS),
        (libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_SHUTOFF_DESTROYED, W.OFF),
        (libvirt.VIR_DOMAIN_SHUTDOWN, libvirt.VIR_DOMAIN_SHUTDOWN_UNKNOWN, W.ENDING),
    ],
)
def test_what_libvirt_says_of_a_machine_has_one_meaning(state: int, reason: int, found: W) -> None:
    """A QEMU that was told to end is VIR_DOMAIN_SHUTDOWN until it has gone, also one that only received and never ran."""
    assert whereabouts_of(state, reason) is found
