"""What `doctor` says of a site."""

from __future__ import annotations

import pytest

from mailbot.cli.findings import Level
from mailbot.cli.servers import kvm_finding
from provisioner.api import Kvm


@pytest.mark.parametrize("kvm", Kvm)
def test_only_a_kvm_that_runs_nothing_is_not_well_and_doctor_says_what_helps(kvm: Kvm) -> None:
    finding = kvm_finding("north", kvm)
    assert finding.what == "site north, KVM"
    assert finding.level is (Level.FAIL if kvm is Kvm.USELESS else Level.OK)
    assert bool(finding.fix) is (finding.level is Level.FAIL)
