"""What owners ask of their machines and are answered by letter: how one is, what it wrote to its console, who may log in."""

from __future__ import annotations

from dataclasses import replace

from mailbot.errors import DirectoryUnavailable
from mailbot.machines.health import why_away
from mailbot.machines.progress import NoKeys, Site, Sites, again, further_addresses, keys_of, spec_of, where
from mailbot.model import Action, Effect, Facts, Letter, OutboxItem, Ticket, TicketState, Turn
from mailbot.ports import Settled
from mailbot.turns.context import TurnContext
from parsers.translatable import NOTHING, Translatable, as_data, as_one, from_data, say, words_of
from provisioner.api import ProvisionerError, SiteUnreachable, VmFacts, VmPhase, VmSpec

OFF = frozenset({VmPhase.STOPPED, VmPhase.DISK_KEPT, VmPhase.ABSENT})


def report(context: TurnContext, sites: Sites, item: OutboxItem, ticket: Ticket) -> None:
    """Answer `status` with what the hypervisor says now; one that does not answer is said to be so."""
    try:
        site = _answering(context, sites, ticket)
        letter = told(context, site, spec_of(context, site, ticket), item, ticket)
    except ProvisionerError as error:
        silent = say("its site does not answer at the moment ({error})", error=words_of(error))
        letter = _letter(item, {"machine": as_data(silent)})
    _answer(context, item, letter, from_data(letter.facts["machine"]))


def _answering(context: TurnContext, sites: Sites, ticket: Ticket) -> Site:
    """The site of the ticket's machine.  Raises ProvisionerError where it is not to be asked now."""
    site = where(sites, ticket)
    silent = why_away(context, ticket.site or "")
    if silent:
        raise SiteUnreachable(silent)
    return site


def console(context: TurnContext, sites: Sites, item: OutboxItem, ticket: Ticket) -> None:
    """Answer `console` with the last lines that the machine wrote, or why there are none."""
    try:
        site = _answering(context, sites, ticket)
        spec = spec_of(context, site, ticket)
        off = site.provisioner.facts(spec).phase in OFF
        facts: Facts = {"lines": [] if off else list(site.provisioner.console(spec))}
        why = say("it is switched off.") if off else NOTHING
    except SiteUnreachable:
        facts, why = {}, say("its site does not answer at the moment.")
    except ProvisionerError as error:
        facts, why = {}, _sentence(error)
    _answer_with(context, item, facts, why, "the console was read")


def rekey(context: TurnContext, sites: Sites, item: OutboxItem, ticket: Ticket) -> None:
    """Let the keys that the directory has now log in as root; whatever keeps them out is told, and nothing tried again.

    A new owner's are the only ones then.
    """
    alone = item.effect.letter is Letter.VM_YOURS
    try:
        site = where(sites, ticket)
        spec = spec_of(context, site, ticket, keys_of(context, ticket))
        facts: Facts = {"fqdn": spec.names.fqdn, "keys": list(site.provisioner.install_keys(spec, alone=alone))}
        why = NOTHING
    except DirectoryUnavailable as error:
        again(context, item, words_of(error))
        return
    except SiteUnreachable:
        raise  # done as soon as the site answers
    except (ProvisionerError, NoKeys) as error:
        facts, why = {}, _sentence(error)
    _answer_with(context, item, facts, why, "the keys were installed")


def _answer_with(context: TurnContext, item: OutboxItem, facts: Facts, why: Translatable, done: str) -> None:
    """The letter with what was found, or with why nothing was."""
    if why:
        facts = {"why": as_data(why)}
    _answer(context, item, _letter(item, facts), why or done)


def _sentence(error: Exception) -> Translatable:
    """What a host or the machine said; what is not ours of it stays in its own words."""
    return say("“{words}”", words=words_of(error))


def _answer(context: TurnContext, item: OutboxItem, letter: Effect, proof: str) -> None:
    now = context.clock.now()
    context.store.settle_with(
        Settled(item, done=True, proof=proof), Turn(now=now, about_ticket=item.ticket_id, effects=(letter,))
    )


def told(context: TurnContext, site: Site, spec: VmSpec, item: OutboxItem, ticket: Ticket) -> Effect:
    """The letter that a row about a machine carries, with what the hypervisor says now."""
    seen = site.provisioner.facts(spec)
    facts = {
        "machine": as_data(_in_words(seen)),
        "fqdn": spec.names.fqdn,
        **_addresses(spec, seen.address),
    }
    if ticket.state is TicketState.ACTIVE and seen.phase in OFF:
        # What the lease says is not what is there: the sentence on top must not say that it runs.
        facts["state"] = as_data(_NOT_RUNNING[seen.phase])
    if any(one.action is Action.REINSTALL for one in context.store.waiting(ticket.id)):
        facts["state"] = as_data(_BEING_INSTALLED)
    return _letter(item, facts)


def _addresses(spec: VmSpec, address: str | None) -> Facts:
    if not address:
        return {}
    further = further_addresses(spec, address)
    return {"address": address, **({"further": list(further)} if further else {})}


_NOT_RUNNING = {
    VmPhase.STOPPED: say(
        "The machine is switched off. It is still yours; reply «{start}» to switch it on.", start=say("start")
    ),
    VmPhase.DISK_KEPT: say("The machine is no longer at its site, but its disk is. Please ask the support team."),
    VmPhase.ABSENT: say("The machine is no longer at its site. Please ask the support team."),
}
_BEING_INSTALLED = say("The machine is being reinstalled on a new disk. You will get a message when you can log in.")


def _letter(item: OutboxItem, facts: Facts) -> Effect:
    effect = item.effect
    return replace(effect, action=Action.LETTER, key=f"{effect.key}:letter", facts={**effect.facts, **facts})


def _in_words(facts: VmFacts) -> Translatable:
    words = {
        VmPhase.ABSENT: say("it does not exist"),
        VmPhase.DISK_KEPT: say("it is removed; its disk is kept"),
        VmPhase.STOPPED: say("it is stopped"),
        VmPhase.BOOTING: say("it is switched on"),
        VmPhase.READY: say("it is running and answers"),
    }[facts.phase]
    waits = facts.phase is VmPhase.BOOTING and facts.waiting_for
    return as_one(words, facts.waiting_for, by="; ") if waits else words
