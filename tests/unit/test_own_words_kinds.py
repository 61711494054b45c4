"""Kinds of mails that helpdesk programs are known to stumble over: what of them is the writer's, and what is not."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from parsers import ReadingRules, read, understand
from parsers.reply.commands import read_command
from parsers.values import Command, Kind, Request, Unclear, Understanding, Verb

RULES = ReadingRules(now=datetime(2026, 11, 23, 9, 0, tzinfo=UTC), timezone=UTC)
HEAD = (
    "From: {sender}\nTo: support@testbed.example\nSubject: {subject}\nMessage-ID: <1@testbed.example>\n"
    "In-Reply-To: <2@mailbot.testbed.example>\nContent-Type: text/plain; charset=utf-8\n{more}\n{text}\n"
)
QUOTED = "> Approve a virtual machine for Alice Martin (alice)?\n>\n> Reply «deny <reason>» to refuse it"


def understood(
    text: str, subject: str = "Re: decide", sender: str = "Carol Admin <carol@testbed.example>", more: str = ""
) -> Understanding:
    return understand(read(HEAD.format(text=text, subject=subject, sender=sender, more=more).encode(), RULES), RULES)


BANNERS = (
    "[WARNING: External]",
    "This message originated from a non-university account.",
    "This email has been scanned by the mail service of the university.",
    "Vous n'obtenez pas souvent d'e-mail à partir de carol@testbed.example. Pourquoi est-ce important ?",
    "UWAGA: wiadomość spoza organizacji.",
    "注意：此邮件来自外部发件人。",
    "Warning: Unusual sender <carol@testbed.example>\nMake sure you trust this sender before taking any actions.",
    "ATTENTION\nCe message a été émis depuis l'extérieur de l'établissement.\nN'ouvrez ni pièce jointe ni lien sans être sûr de l'expéditeur.",
    "CUIDADO\nEste correo ha sido enviado desde fuera de la universidad.\nNo abra archivos adjuntos de remitentes desconocidos.",
    "Von außerhalb der Organisation gesendet:\nBitte prüfen Sie den Absender, bevor Sie Anhänge öffnen.",
)


@pytest.mark.parametrize("banner", BANNERS)
def test_a_gateways_banner_and_its_advice_are_passed_over(banner: str) -> None:
    assert isinstance(read_command(f"{banner}\n\nApprove\n\nCarol", RULES), Command)


@pytest.mark.parametrize(
    "words",
    [
        "Please be careful: he must not get more than 8 GB.",
        "He works outside the university, so give him 4 GB only.",
        "This is an external sender, better wait.",
        "External member of the organisation: only until March.",
        "Attention, messages from outside say he left the company.",
        "Caution: I do not know the sender.",
        "Unverified sender, please check with Bob.",
        "[EXTERNAL]\nI did not open your mail, do nothing.",
        "Message from outside: stop.",
    ],
)
def test_what_a_person_says_with_the_words_of_a_banner_is_asked_about(words: str) -> None:
    assert isinstance(read_command(f"{words}\n\nApprove", RULES), Unclear)


@pytest.mark.parametrize(
    "words",
    [
        "The data are confidential, at most 8 GB.",
        "This is for a charity, so only until March.",
        "My working hours are short this week, so please wait for Dave.",
        "Data protection has to sign first.",
        "Mailing list traffic is not allowed on it.",
        "Liability must be clarified before.",
        "Confidential data are not allowed, so no.",
        "Our office is closed next week, build it after that.",
        "GDPR: not for personal data.",
        "The privacy officer objects.",
        "If you are not sure, wait.",
        "Sent from my iPhone, so please wait for my mail from the desk.",
        "Unsubscribe him first.",
        "Digitally signed forms are missing.",
        "The privacy policy was not signed by her.",
        "Registered in the wrong project.",
        "Before printing the contract, nothing happens.",
        "Antivirus is required on it.",
        "Vertraulichkeit muss erst geklärt werden.",
        "Siège social: demander d'abord",
    ],
)
def test_what_a_person_says_with_the_words_of_a_disclaimer_is_asked_about(words: str) -> None:
    assert isinstance(read_command(f"approve\n\n{words}", RULES), Unclear)


@pytest.mark.parametrize(
    "words",
    [
        "This message is confidential.",
        "*Confidential*\nIf this is not for you, forget it.",
        "Le informazioni contenute in questo messaggio sono riservate.",
        "Este mensaje puede contener información confidencial. Si no es usted el destinatario, elimínelo.",
        "My working hours may not be your working hours.",
        "Example GmbH, Sitz der Gesellschaft: Berlin, HRB 12345, Geschäftsführer: Max Mustermann",
        "Example University is a registered charity No. 123456.",
        "Informationen zum Datenschutz finden Sie unter https://example.edu/datenschutz",
        "Virenfrei. www.example.com",
        "I try to check email only twice a day. For urgent matters please call.",
    ],
)
def test_a_disclaimer_is_still_one(words: str) -> None:
    assert isinstance(read_command(f"approve\n\nCarol\n\n{words}", RULES), Command)


@pytest.mark.parametrize(
    "closing",
    [
        "V/R,", "Have a great weekend", "Belle journée,", "Très bonne journée à vous,", "Avec mes meilleures salutations,", "À bientôt,",
        "Mit kollegialen Grüßen", "Danke und Gruß", "Schönen Tag noch", "Bis bald", "Un caro saluto", "Grazie e saluti", "Buon lavoro",
        "Muchas gracias y un saludo,", "Que tenga un buen día", "Hasta luego",
    ],
)  # fmt: skip
def test_a_closing_in_many_forms_blocks_nothing_and_is_no_reason(closing: str) -> None:
    assert isinstance(read_command(f"Approve\n\n{closing}\nCarol Admin", RULES), Command)
    denied = read_command(f"Deny: the project is over\n{closing}\nCarol", RULES)
    assert isinstance(denied, Command)
    assert denied.reason == "the project is over"


@pytest.mark.parametrize(
    "closing",
    [
        "Have a nice day, and reduce the disk to 4 GB",
        "Bis bald, aber erst nach der Prüfung",
        "Thanks\nnot before Monday",
    ],
)
def test_what_follows_a_closing_counts(closing: str) -> None:
    assert isinstance(read_command(f"approve\n\n{closing}", RULES), Unclear)


@pytest.mark.parametrize(
    "signature",
    [
        "Carol Admin <carol@testbed.example>",
        "*Carol Admin*\n*Head of IT*\nT: 0123 456",
        "Excuse typos, sent on the go.",
        "Typed with thumbs",
    ],
)
def test_a_signature_in_many_forms_blocks_nothing(signature: str) -> None:
    assert isinstance(read_command(f"approve\n\n{signature}", RULES), Command)


@pytest.mark.parametrize("mark", ["--", "-- ", "____"])
def test_a_postscript_below_the_signature_counts(mark: str) -> None:
    assert understood(f"approve\n\n{mark}\nCarol\n\nPS: only until March").kind is Kind.UNCLEAR
    assert understood(f"approve\n\n{mark}\nCarol\nnever on Fridays").kind is Kind.DECISION


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Deny.\nReason: ask again in January", "ask again in January"),
        ("Deny, sorry: there is no room", "there is no room"),
        ("deny see https://testbed.example/rules?x=1 for why", "see https://testbed.example/rules?x=1 for why"),
    ],
)
def test_a_reason_is_what_it_says_and_not_what_introduces_it(text: str, reason: str) -> None:
    said = read_command(text, RULES)
    assert isinstance(said, Command)
    assert said.reason == reason


INTRODUCTIONS = (
    "Excerpts from Testbed's message of November 23, 2026 9:12 am:",
    "Testbed said the following on 23/11/26 09:12:",
    "De la part de Testbed le 23 novembre 2026 :",
    "W dniu 23.11.2026 o 09:12, Testbed pisze:",
    "23.11.2026 09:12, Testbed пишет:",
    "2026年11月23日(月) 9:12 Testbed <support@testbed.example>:",
    "23 Kas 2026 Pzt 09:12 tarihinde Testbed <support@testbed.example> şunu yazdı:",
)


@pytest.mark.parametrize("between", ["\n", "\n\n"])
@pytest.mark.parametrize("intro", INTRODUCTIONS)
def test_an_introduction_of_many_programs_ends_the_answer(intro: str, between: str) -> None:
    assert understood(f"Approve{between}{intro}\n{QUOTED}").kind is Kind.DECISION


@pytest.mark.parametrize(
    "text",
    [
        "Hi there,\nThanks for getting in touch! I'm away from my desk right now.",
        "Please note that I am on sick leave. Your mail will not be forwarded.",
        "Sehr geehrte Damen und Herren,\n\nich bin derzeit nicht im Büro und ab dem 30. November wieder erreichbar.",
        "Vielen Dank für Ihre Nachricht. Ich befinde mich bis zum 5. Dezember im Urlaub.",
        "Ich bin in Elternzeit.",
        "Merci pour votre message. Actuellement en déplacement, je vous répondrai dès mon retour.",
        "Gracias por su mensaje. Actualmente me encuentro de vacaciones y responderé a mi regreso.",
        "Grazie per il messaggio. Sarò assente fino a lunedì.",
        "Your message has been received. A member of our team will reply within two working days.",
        "Hemos recibido su consulta y le responderemos lo antes posible.",
    ],
)
def test_a_note_of_absence_or_receipt_without_any_mark_is_a_machines(text: str) -> None:
    assert understood(text).kind is Kind.AUTOMATIC
    assert understood(f"Approve\n\n{text}").kind is not Kind.AUTOMATIC


@pytest.mark.parametrize(
    "header",
    ["X-Automatic-Reply: yes", "X-Precedence: auto_reply", "Preference: auto_reply", "X-Mailer: vacation 1.2.7", "X-OTRS-Loop: 1",
     "X-RT-Loop-Prevention: rt", "X-MS-Exchange-Generated-Message-Source: Mailbox Rules Agent"],
)  # fmt: skip
def test_a_header_that_only_machines_write_is_believed(header: str) -> None:
    assert understood("Approve", more=f"{header}\n").kind is Kind.AUTOMATIC


@pytest.mark.parametrize(
    "header", ["X-Mailer: Automail Desktop 3", "X-Automatic-Signature: x", "X-Precedence: normal", "X-Autosave: yes"]
)
def test_a_header_that_only_looks_like_it_is_not(header: str) -> None:
    assert understood("Approve", more=f"{header}\n").kind is Kind.DECISION


TEMPLATE = "username: alice\nexpiration date: 31/03/2027\nintended usage: A web server for our results.\n"


def usage(text: str, sender: str = "Alice Martin <alice.martin@testbed.example>") -> str | None:
    meaning = understood(text, subject="Persistent Virtual Machine Creation", sender=sender).meaning
    assert isinstance(meaning, Request)
    return meaning.fields.intended_usage


@pytest.mark.parametrize(
    "signature",
    [
        "Alice", "\nAlice", "\nAlice Martin\nPhD student\nLORIA", "\nCarol Admin\nHead of IT\nExample University", "\n*Alice Martin*\n_PhD student_",
        "\nBob MEIER\nIngénieur de recherche\nInria\nTél. +33 3 83 00 00 00", "\nBob Meier, M.Sc.\nWissenschaftlicher Mitarbeiter\nLehrstuhl für Informatik",
        "\nEva Martín\nInvestigadora\nUniversidad de Ejemplo", "\nAlice Martin <alice.martin@testbed.example>",
    ],
)  # fmt: skip
def test_a_signature_without_a_closing_is_no_usage(signature: str) -> None:
    assert usage(f"{TEMPLATE}{signature}") == "A web server for our results."


@pytest.mark.parametrize(
    "words",
    [
        "Apache",
        "\nApache\nGitLab",
        "\nJenkins CI\nnightly builds",
        "\nGrafana Loki\nfor the logs of our group's switches, which nobody else collects so far.",
    ],
)
def test_a_name_of_a_program_is_usage(words: str) -> None:
    assert usage(f"{TEMPLATE}{words}") == f"A web server for our results.\n{words}"


def test_a_login_below_its_label_is_no_signature() -> None:
    text = "expiration date: 31/03/2027\nintended usage: A web server.\nusername:\nAlice\n"
    meaning = understood(
        text, subject="Persistent Virtual Machine Creation", sender="Alice <a@testbed.example>"
    ).meaning
    assert isinstance(meaning, Request)
    assert meaning.fields.username == "alice"


def test_a_wish_for_disk_below_the_template_is_read() -> None:
    text = "username: alice\nintended usage: A web server.\nexpiration date: 31/03/2027\n\nI need 40 GB of disk.\n"
    meaning = understood(text, subject="Persistent Virtual Machine Creation").meaning
    assert isinstance(meaning, Request)
    assert meaning.fields.disk_gib == 40


@pytest.mark.parametrize(
    "template",
    [
        "Benutzername: alice\nVerwendungszweck: A web server.\nAblaufdatum: 31.03.2027",
        "nombre de usuario: alice\nuso previsto: A web server.\nfecha de caducidad: 31/03/2027",
        "nome utente: alice\nuso previsto: A web server.\ndata di scadenza: 31/03/2027",
    ],
)
def test_labels_in_other_languages_are_read(template: str) -> None:
    meaning = understood(template, subject="Persistent Virtual Machine Creation").meaning
    assert isinstance(meaning, Request)
    assert (meaning.fields.username, meaning.fields.intended_usage) == ("alice", "A web server.")
    assert str(meaning.fields.expiration_date) == "2027-03-31"


def test_thanks_for_everything_go_with_a_release() -> None:
    said = read_command("Release, thanks for everything!", RULES)
    assert isinstance(said, Command)
    assert said.verb is Verb.RELEASE


@pytest.mark.parametrize(
    "below",
    [
        "Cordialement,\n\nAlice Martin\nDoctorante\nLogin: amartin2",
        "Best regards\nA. Somebody\nUsername: somebody-else\nPhone: 12 34",
        "Alice Martin\nUniversity of Nowhere\nlogin: alice-x",
        "I may send e-mails outside working hours; there is no need to reply outside yours.",
    ],
)
@pytest.mark.parametrize(
    "form", [TEMPLATE, "username\nalice\nexpiration date\n31.03.2027\nintended usage\nA web server for our results.\n"]
)
def test_what_stands_below_a_whole_template_adds_nothing_to_it(form: str, below: str) -> None:
    meaning = understood(f"{form}\n{below}\n", subject="Persistent Virtual Machine Creation").meaning
    assert isinstance(meaning, Request)
    assert (meaning.fields.username, meaning.problems) == ("alice", ())
    assert meaning.fields.intended_usage == "A web server for our results."


def test_a_usage_may_begin_a_paragraph_with_a_message() -> None:
    words = "A broker for our sensors.\n\nThis message broker keeps what they send for a day."
    text = f"username: alice\nexpiration date: 07.08.2027\nintended usage: {words}\n"
    meaning = understood(text, subject="Persistent Virtual Machine Creation").meaning
    assert isinstance(meaning, Request)
    assert meaning.fields.intended_usage == words
    assert meaning.fields.expiration_date == date(2027, 8, 7)
