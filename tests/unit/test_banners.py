"""What gateways write above a mail is cut; what people write there about senders and mails is their own words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from parsers.reply.commands import read_command
from parsers.text.banners import is_banner
from parsers.values import Command, ReadingRules, Unclear

RULES = ReadingRules(now=datetime(2026, 11, 26, 9, tzinfo=UTC), timezone=UTC)

OF_GATEWAYS = (
    "Sie erhalten nicht oft eine E-Mail von dave@example.org. Erfahren Sie, warum das wichtig ist",
    "U ontvangt niet vaak e-mail van dave@example.org. Meer informatie over waarom dit belangrijk is",
    "Du får inte ofta e-post från dave@example.org. Läs mer om varför det här är viktigt",
    "Nie otrzymujesz często wiadomości od dave@example.org. Dowiedz się, dlaczego jest to ważne",
    "ВНИМАНИЕ: письмо от внешнего отправителя",
    "Bu e-posta kurum dışından gönderildi.",
    "Proofpoint: external sender",
    "⚠ ACHTUNG ⚠ Externer Absender",
    "This sender failed our fraud detection checks and may not be who they appear to be.",
    "[EXTERNAL]",
    "EXTERNAL EMAIL",
    "External sender",
    "Externe E-Mail",
    "Mail externe à l'université",
    "Sent from outside the university",
    "[Non-University email]",
    "This email originated outside our organization.",
    "This message was sent from outside the university.",
    "This is an external email.",
    "This message is from an external sender.",
    "This e-mail was sent from an address outside of the institution",
    "The sender of this message is external to the university.",
    "The sender of this e-mail could not be verified.",
    "We could not verify the identity of the sender. Click here to learn more.",
    "CAUTION: This email originated from outside of the organization. Do not click links or open attachments unless you"
    " recognize the sender and know the content is safe.",
    "Warning: the sender of this message could not be validated and may not be the actual sender.",
    "Caution! This message was sent from outside your organization. Allow sender | Block sender | Report",
    "This sender might be impersonating a domain that is associated with your organization.",
    "*** Warning: external sender - verify before you click ***",
    "--- External mail: take care with links ---",
    "Be careful with this message\nThe sender has not authenticated this message, so it could not be verified.",
    "NOTICE: this mail comes from outside the network of the institution",
    "This email was sent from outside the company; never enter your password on a page that it links to.",
    "You don't often get email from i.meyer@lab.example. Learn why this is important",
    "Some people who received this message don't often get email from me@lab.example. Learn why this is important",
    "[Attention : message externe]",
    "ATTENTION : ce courriel provient de l'extérieur de l'établissement.",
    "Ce message provient de l'extérieur de l'organisation. Ne cliquez pas sur les liens.",
    "Ce courriel provient d'une adresse externe.",
    "Diese E-Mail kommt von außerhalb der Universität.",
    "VORSICHT: Externe E-Mail! Öffnen Sie Anhänge und Links nur, wenn der Absender bekannt ist.",
    "Diese Nachricht stammt von einem externen Absender.",
    "Este mensaje procede de fuera de la organización.",
    "Este correo electrónico se originó fuera de la universidad.",
    "Questo messaggio proviene dall'esterno dell'organizzazione.",
    "Let op: deze e-mail komt van buiten de organisatie.",
    "OBS! Detta mejl kommer från en extern avsändare.",
    "UWAGA: Ta wiadomość pochodzi z zewnątrz organizacji.",
    "Atenção: mensagem de remetente externo. Não clique em links.",
    "外部邮件：请谨慎处理",
)
OF_PEOPLE = (
    "The sender is not verified by us.",
    "The sender is not verified.",
    "Sender not verified",
    "Unverified sender.",
    "I could not verify the sender.",
    "We have not verified the sender yet.",
    "This email was not verified by our group.",
    "This sender has not been verified by us.",
    "The sender works outside the university.",
    "The requester has an external mail address at the moment.",
    "This message came from an external partner.",
    "This mail is from an external guest of Alice's.",
    "This sender is an external postdoc.",
    "The mail came from outside, she is at CERN this month.",
    "External people have no access to the mail server.",
    "Mails from outside do not reach it.",
    "This e-mail is about an external student.",
    "The message is suspicious.",
    "The e-mail looks like phishing to Dave.",
    "Warning, the message was not verified by the security office.",
    "Attention: external members of the organisation sign the charter.",
    "Attention, the sender is external.",
    "The organisation is external to us.",
    "Outside the university the mail server is not reachable.",
    "The message from outside was a test.",
    "Email from outside is fine.",
    "Only internal mail, nothing external.",
    "Unknown sender, known project.",
    "The sender is unknown to us but the supervisor vouches.",
    "The link in the message is external, use ours.",
    "No message of this sender was ever external to the collaboration.",
    "This is an external mail server.",
    "This message comes from the external visitors of the lab.",
    "The sender could be spoofed, says Dave.",
    "Phishing mails look just like this one.",
    "Ce message vient d'un collègue externe.",
    "L'expéditeur n'est pas vérifié par nos soins.",
    "L'expéditeur est externe, nous avons son accord oral.",
    "Ce courriel vient d'un partenaire extérieur à l'université.",
    "Der Absender ist extern, das klärt Bob.",
    "Diese Nachricht kam von einem externen Kollegen.",
    "Der Absender wurde von uns nicht überprüft, extern ist er auch.",
    "El remitente es externo a la universidad.",
    "Este mensaje es de un colega externo.",
    "Il mittente è esterno all'università.",
    "Questo messaggio è di un collaboratore esterno.",
    "How does an external sender know this?",
)


@pytest.mark.parametrize("banner", OF_GATEWAYS)
def test_what_a_gateway_says_is_passed_over(banner: str) -> None:
    assert is_banner(banner)
    assert read_command(f"{banner}\n\nApprove\n\nCarol", RULES) == read_command("Approve\n\nCarol", RULES)


@pytest.mark.parametrize("words", OF_PEOPLE)
def test_what_a_person_says_of_senders_and_mails_counts(words: str) -> None:
    assert not is_banner(words)
    assert isinstance(read_command(f"{words}\n\nApprove\n\nCarol", RULES), Unclear)
    assert isinstance(read_command(f"{words}\nApprove", RULES), Unclear)


@pytest.mark.parametrize("words", ["The sender is not verified by us.", "Ce message vient d'un collègue externe."])
def test_the_site_says_itself_what_its_gateway_writes(words: str) -> None:
    assert isinstance(
        read_command(f"{words}\n\nApprove", ReadingRules(now=RULES.now, timezone=UTC, banners=(words,))),
        Command,
    )
