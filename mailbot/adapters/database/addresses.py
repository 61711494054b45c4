"""Addresses of machines on bridges: free functions over a connection that is in a transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from sqlalchemy import Connection, bindparam, delete, select
from sqlalchemy.sql.dml import ReturningInsert

from mailbot.adapters.database.inserting import dialect_of, insert
from mailbot.adapters.database.tables import ADDRESSES
from mailbot.errors import NoAddress
from mailbot.model import FINAL, AddressRange, Ticket, Turn
from parsers.translatable import say

_A = ADDRESSES.c
_ALL = select(_A.site, _A.address)
_AT = select(_A.address).where(_A.site == bindparam("of_site"))
_OF = select(_A.site, _A.address).where(_A.ticket_id == bindparam("wanted")).order_by(_A.site, _A.address)
_FREE = delete(ADDRESSES).where(_A.ticket_id == bindparam("wanted"))
_FREE_ONE = _FREE.where(_A.site == bindparam("of_site"), _A.address == bindparam("this"))


@cache
def _take(dialect: str) -> ReturningInsert[tuple[str]]:
    # Gives the address only where it was taken: the number of rows is not to be had of an INSERT with every driver.
    return insert(dialect, ADDRESSES).on_conflict_do_nothing().returning(_A.address)


def settle(connection: Connection, turn: Turn, ticket: Ticket | None) -> None:
    """Have a ticket hold one address of each range that its turn names, and no other; none once it is over.

    One that it has already stays, so that a machine that is built again has the same.  Raises NoAddress where a range is full.
    """
    if ticket is not None and turn.ticket is not None and ticket.state in FINAL:
        connection.execute(_FREE, {"wanted": ticket.id})
    elif ticket is not None and turn.addresses is not None:
        _hold(connection, ticket, turn.addresses, turn.has_already)


def _hold(connection: Connection, ticket: Ticket, ranges: Sequence[AddressRange], has_already: Sequence[str]) -> None:
    held = [(row.site, row.address) for row in connection.execute(_OF, {"wanted": ticket.id})]
    for each in ranges:
        if not any(each.holds(*one) for one in held):
            wanted = [one for one in has_already if each.range.holds(one)]
            held.append((each.site, _taken(connection, ticket, each, wanted)))
    given_back = [one for one in held if not any(each.holds(*one) for each in ranges)]
    for site, address in given_back:
        connection.execute(_FREE_ONE, {"wanted": ticket.id, "of_site": site, "this": address})


def _taken(connection: Connection, ticket: Ticket, wanted: AddressRange, rather: Sequence[str]) -> str:
    """One of the addresses that it would `rather` have, or the first free one of the range from where the machine's id points.

    Tried again where somebody else is as fast.
    """
    if ticket.machine_id is None:
        raise NoAddress(
            say(
                "The machine of ticket #{ticket} is from a time before the site had addresses of its own.",
                ticket=ticket.id,
            )
        )
    while True:
        others = frozenset(connection.execute(_AT, {"of_site": wanted.site}).scalars())
        free = (one for one in rather if one not in others)
        address = next(free, None) or wanted.range.free(ticket.machine_id, others)
        if address is None:
            taken = say("All addresses {first}-{last} of the site {site} are taken.", first=str(wanted.range.first))
            raise NoAddress(taken.given(last=str(wanted.range.last), site=wanted.site))
        row = {"site": wanted.site, "address": address, "ticket_id": ticket.id}
        if connection.execute(_take(dialect_of(connection)), row).scalar() is not None:
            return address


def of_ticket(connection: Connection, ticket_id: int) -> list[str]:
    """The addresses that a ticket holds."""
    return [row.address for row in connection.execute(_OF, {"wanted": ticket_id})]


def taken(connection: Connection) -> Mapping[str, frozenset[str]]:
    """Every address that is held, by site."""
    found: dict[str, set[str]] = {}
    for row in connection.execute(_ALL):
        found.setdefault(row.site, set()).add(row.address)
    return {site: frozenset(addresses) for site, addresses in found.items()}
