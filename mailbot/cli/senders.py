"""What `doctor` looks at of how senders are proven: our border, name servers, OpenPGP keys."""

from __future__ import annotations

import os
from collections.abc import Iterator

from mailbot.adapters.senders.border_probe import believed, forged_mail
from mailbot.adapters.senders.openpgp import OpenPgp
from mailbot.adapters.senders.resolver import Resolver, ResolverUnavailable
from mailbot.cli.findings import Finding, fail, ok
from mailbot.config import Config
from mailbot.errors import ConfigurationError, LetterRefused, MailServerUnavailable
from mailbot.trust.signatures import dmarc_policy
from mailbot.wiring import imap_settings, make_postman

_WAIT_SECONDS = 60.0


def senders(config: Config, seconds: float = _WAIT_SECONDS) -> Iterator[Finding]:
    """Every way of proof that the configuration names, tried."""
    if config.trust.authserv_id:
        yield _border(config, seconds)
    if config.trust.check_dkim:
        yield _names(config)
    if config.trust.openpgp_home is not None:
        yield _openpgp(config)


def _border(config: Config, seconds: float) -> Finding:
    """A forged result in a mail to ourselves must not be believed."""
    what, trust = "border", config.trust
    letter, domain = forged_mail(config.smtp.from_address, config.smtp.message_ids, trust)
    postman = make_postman(config)
    try:
        answer = believed(postman, imap_settings(config), letter, domain, trust=trust, seconds=seconds)
    except (LetterRefused, MailServerUnavailable) as error:
        return fail(what, f"a message to {config.smtp.from_address} could not be sent: {error}", "see smtp")
    finally:
        postman.close()
    if answer is None:
        fix = "look where mail to that address goes, then try again"
        return fail(what, f"a message to {config.smtp.from_address} did not arrive in {seconds:.0f} s", fix)
    if answer:
        said = f"a forged Authentication-Results of {trust.authserv_id} inside a message would be believed"
        fix = (
            "have your mail server remove such headers from mail that comes in, or set trust.relays; "
            'until then set trust.authserv_id = ""'
        )
        return fail(what, said, fix, os.EX_CONFIG)
    return ok(what, f"a forged Authentication-Results of {trust.authserv_id} inside a message is not believed")


def _names(config: Config) -> Finding:
    trust = config.trust
    resolver = Resolver(trust.dns_servers, trust.dns_port, trust.dns_seconds)
    lacking = []
    for domain in sorted({admin.address.rpartition("@")[2].lower() for admin in config.admins}):
        try:
            if dmarc_policy(resolver.txt(f"_dmarc.{domain}")) is None:
                lacking.append(domain)
        except ResolverUnavailable as error:
            return fail("names", f"no answer from name servers: {error}", "check trust.dns_servers")
    said = f"; no DMARC record for {', '.join(lacking)}" if lacking else ""
    return ok("names", f"name servers answer{said}")


def _openpgp(config: Config) -> Finding:
    trust = config.trust
    if trust.openpgp_home is None:
        return ok("openpgp", "not used")
    try:
        lacking = OpenPgp(trust.openpgp_home, trust.openpgp_signers).lacking()
    except ConfigurationError as error:
        return fail("openpgp", str(error), "install gpg and the extra `openpgp`", os.EX_CONFIG)
    if lacking:
        fix = f"gpg --homedir {trust.openpgp_home} --import KEY"
        return fail("openpgp", f"there is no key {', '.join(lacking)}", fix, os.EX_CONFIG)
    return ok("openpgp", f"the keys of all {len(trust.openpgp_signers)} signers exist")
