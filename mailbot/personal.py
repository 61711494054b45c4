"""What is kept about one person, for who answers for it: had, and erased.  A person is an id of the directory, not a login."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from secrets import token_hex

from mailbot import journal
from mailbot.archive import About, Erased, Whom
from mailbot.operator import Refused, acting
from mailbot.turns.context import TurnContext

NO_ID = "none"
"""What is written for the id of tickets that never got one: they are from before the directory was asked for it."""


def person(context: TurnContext, login: str, ids: Collection[str] = ()) -> Whom:
    """Who is meant by a login: the one person who has it or had it, or the one with those ids.

    Logins are given again. Where two ids have had one, and it is not said which, nothing is chosen: they may be two people, or
    one whom the directory of today knows by an id of another kind.
    Raises Refused with all of them, DirectoryUnavailable.
    """
    known = dict(_known(context, login))
    wanted = tuple("" if one == NO_ID else one for one in ids)
    for one in wanted:
        if one not in known:
            raise Refused(f"nobody with the id {one or NO_ID} has or had the login {login}{_listed(known)}")
    if not wanted and len(known) > 1:
        raise Refused(f"{len(known)} people have or had the login {login}: say which with --id{_listed(known)}")
    return Whom(login, wanted or tuple(known) or ("",))


def _known(context: TurnContext, login: str) -> Iterator[tuple[str, str]]:
    """The id of everyone who has the login or had it, with words that tell them apart."""
    now = context.directory.by_login(login)
    if now is not None:
        yield now.id, f"{now.name}, who has it now"
    for one in context.store.archive.namesakes(login):
        has_it = ", who has it now" if now is not None and one.person_id == now.id else ""
        which = ", ".join(f"#{number}" for number in one.tickets)
        yield one.person_id, f"{one.name or 'no name'}{has_it}, ticket{'s' if len(one.tickets) > 1 else ''} {which}"


def _listed(known: Mapping[str, str]) -> str:
    return "".join(f"\n  --id {one or NO_ID}  {words}" for one, words in known.items())


def export(context: TurnContext, whom: Whom, addresses: Collection[str] = ()) -> About:
    """All that is kept about a person; `addresses` are further ones of theirs.  Raises DirectoryUnavailable."""
    return context.store.archive.about(whom, (*addresses, *_addresses(context, whom)))


def erase(context: TurnContext, whom: Whom, as_admin: str, addresses: Collection[str] = ()) -> Erased:
    """Erase what is kept about a person, whose tickets are all over; `addresses` are further ones of theirs.

    Raises Refused, DirectoryUnavailable: the directory may know addresses from which they wrote.
    """
    by, login = acting(context, as_admin), whom.login
    known = (*addresses, *_addresses(context, whom))
    done = context.store.archive.erase(whom, f"erased-{token_hex(4)}", by, context.clock.now(), known)
    if done.open:
        which = ", ".join(f"#{number}" for number in done.open)
        raise Refused(f"{login} still has open tickets ({which}): see `mailbot list --user {login}`")
    if not any((done.tickets, done.letters, done.mails)):
        raise Refused(f"nothing is stored about {login}")
    journal.person_erased(tickets=done.tickets, lines=done.lines, letters=done.letters, mails=done.mails, who=by.who)
    return done


def _addresses(context: TurnContext, whom: Whom) -> Iterator[str]:
    """The addresses that the directory has for a person; none where it knows nobody, or cannot tell whether it is they."""
    for found in (context.directory.by_id(one) for one in whom.ids if one):
        if found is not None:
            yield from (found.email, *found.aliases)
