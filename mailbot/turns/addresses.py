"""The addresses of machines on bridges, as turns hand them out: which ranges a ticket is to hold one of, and which are full."""

from __future__ import annotations

from collections.abc import Iterator

from mailbot.model import AddressRange, Ticket, Turn
from mailbot.turns.context import TurnContext
from parsers.translatable import Translatable, say


def held_at(context: TurnContext, *hosts: str | None) -> tuple[AddressRange, ...] | None:
    """For `Turn.addresses`: one address of each range of these hosts, and no other; None where no host has a bridge."""
    if not context.bridges:
        return None
    found = dict.fromkeys(one for host in hosts for one in _ranges(context, host))
    return tuple(found)


def _ranges(context: TurnContext, host: str | None) -> Iterator[AddressRange]:
    bridge = context.bridges.get(host or "")
    for each in bridge.ranges if bridge else ():
        yield AddressRange(_site(host or ""), each)


def _site(host: str) -> str:
    """Hosts of one site share its addresses: they are named after it."""
    return host.partition("/")[0]


def at_host(context: TurnContext, ticket: Ticket, host: str) -> tuple[str, ...]:
    """The addresses of a ticket's machine at a host; none in a libvirt network, which hands out its own."""
    bridge = context.bridges.get(host)
    return bridge.chosen(context.store.addresses(ticket.id)) if bridge and ticket.id else ()


def have(context: TurnContext, ticket: Ticket, host: str) -> None:
    """Give a ticket an address at a host where it has none: its range is another one by now, or it was no bridge then.

    Raises NoAddress.
    """
    if host in context.bridges and not at_host(context, ticket, host):
        held = held_at(context, host)
        context.store.commit(Turn(context.clock.now(), about_ticket=ticket.id, addresses=held))


def full(context: TurnContext) -> dict[str, Translatable]:
    """The hosts with a range that has no address left, each with a sentence."""
    if not context.bridges:
        return {}
    taken = context.store.taken_addresses()
    return {
        host: say(
            "The bridge {bridge} at {site} has no free address left: {range} are all taken.",
            bridge=bridge.name,
            site=host,
            range=f"{each.first}-{each.last}",
        )
        for host, bridge in context.bridges.items()
        for each in bridge.ranges
        if each.is_full(taken.get(_site(host), frozenset()))
    }
