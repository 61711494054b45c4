"""What `doctor` looks at of how senders are proven: our border, name servers, OpenPGP keys."""

from __future__ import annotations

import os
from collections.abc import Iterator

from mailbot.adapters.senders.border_probe import believed, forged_mail
from mailbot.adapters.senders.openpgp import OpenPgp
from mailbot.adapters.senders.resolver import Resolver, ResolverUnavailable
from mailbot.cli.findings import Finding
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
        return Finding(what, False, f"a mail to {config.smtp.from_address} could not be tried: {error}", "see smtp")
    finally:
        postman.close()
    if answer is None:
        mend = "look where mail to that address goes, then try again"
        return Finding(what, False, f"a mail to {config.smtp.from_address} did not arrive in {seconds:.0f} s", mend)
    if answer:
        said = f"a forged Authentication-Results of {trust.authserv_id} inside a mail would be believed"
        mend = (
            "have your mail server remove such headers from mail that comes in, or set trust.relays; "
            'until then set trust.authserv_id = ""'
        )
        return Finding(what, False, said, mend, os.EX_CONFIG)
    return Finding(what, True, f"a forged Authentication-Results of {trust.authserv_id} inside a mail is not believed")


def _names(config: Config) -> Finding:
    trust = config.trust
    resolver = Resolver(trust.dns_servers, trust.dns_port, trust.dns_seconds)
    lacking = []
    for domain in sorted({admin.address.rpartition("@")[2].lower() for admin in config.admins}):
        try:
            if dmarc_policy(resolver.txt(f"_dmarc.{domain}")) is None:
                lacking.append(domain)
        except ResolverUnavailable as error:
            return Finding("names", False, f"no answer from name servers: {error}", "check trust.dns_servers")
    said = f"; no DMARC record for {', '.join(lacking)}" if lacking else ""
    return Finding("names", True, f"name servers answer{said}")


def _openpgp(config: Config) -> Finding:
    trust = config.trust
    if trust.openpgp_home is None:
        return Finding("openpgp", True, "not used")
    try:
        lacking = OpenPgp(trust.openpgp_home, trust.openpgp_signers).lacking()
    except ConfigurationError as error:
        return Finding("openpgp", False, str(error), "install gpg and the extra `openpgp`", os.EX_CONFIG)
    if lacking:
        mend = f"gpg --homedir {trust.openpgp_home} --import KEY"
        return Finding("openpgp", False, f"there is no key {', '.join(lacking)}", mend, os.EX_CONFIG)
    return Finding("openpgp", True, f"the keys of all {len(trust.openpgp_signers)} signers are there")
