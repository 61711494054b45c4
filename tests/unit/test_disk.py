"""Which amounts in a user's words are a wish for disk."""

from __future__ import annotations

import pytest

from parsers.request.disk import read_disk


@pytest.mark.parametrize(
    ("text", "gib"),
    [
        ("I need 40 GB because the traces are large.", 40),
        ("We need about 40GB of disk for the traces.", 40),
        ("I would need at least 40 GiB of storage.", 40),
        ("I require extra disk space: 40 GB, to store traces.", 40),
        ("Extra disk: 40 GB because of the traces", 40),
        ("Please give me 40 GB of disk space, since the database is 30 GB.", 40),
        ("Since the database is 30 GB, I need 40 GB.", 40),
        ("40 GB of disk space are needed for the dataset.", 40),
        ("Disk: 20 GB instead of 8 GB for the container images.", 20),
        ("The default 8 GB is not enough: I need 40 GB for images.", 40),
        ("I need 40 GB in total: 30 GB for data and 10 GB for logs", 40),
        ("I request a disk of 40 GB, as the index has 25 GB.", 40),
        ("we will need disk space for 40 GB of data", 40),
        ("it will need a bigger disk (30 GB) for the images", 30),
        ("8 GB are not enough. We need 1 TB of disk.", 1024),
        ("I need 0.5 TB for logs.", 512),
        ("I need 12,5 GB for logs.", 13),
        ("J'ai besoin de 40 Go de disque car les traces sont grosses.", 40),
        ("Il me faudrait environ 40 Go pour stocker les données.", 40),
        ("Espace disque supplémentaire : 20 Go pour les images", 20),
        ("Le disque de 8 Go ne suffit pas, 40 Go sont nécessaires pour les traces.", 40),
        ("Ich brauche 40 GB, weil die Messdaten groß sind.", 40),
        ("Wir benötigen ca. 40 GB Festplattenplatz für die Messdaten.", 40),
        ("Bitte 40 GB Platte für die Messdaten.", 40),
        ("Ich hätte gern eine Platte mit 40 GB, denn die Datenbank hat 30 GB.", 40),
        ("Für die Messdaten werden 40 GB Speicherplatz benötigt.", 40),
        ("Die 8 GB reichen nicht mehr: 40 GB sind nötig, damit die Abbilder Platz haben.", 40),
        ("Die Platte sollte 40 GB groß sein, da das Archiv 30 GB hat.", 40),
        ("Da die Datenbank 30 GB hat, brauche ich 40 GB.", 40),
        ("Wir brauchen insgesamt 40 GB: 30 GB für Daten und 10 GB für Protokolle", 40),
        ("Ich möchte 0,5 TB Festplatte für die Sicherungen.", 512),
    ],
)
def test_these_ask_for_so_much_disk_in_all(text: str, gib: int) -> None:
    reading = read_disk(text, 8)
    assert (reading.gib, reading.problem) == (gib, "")
    assert reading.reason
    assert f"read as {gib} GB of disk in total" in reading.notes[0]


@pytest.mark.parametrize(
    "text",
    [
        "I need an extra 12 GB for builds.",
        "12 GB more are needed.",
        "I need 12 GB of extra disk.",
        "Il me faut 12 Go de plus.",
        "Ich brauche 12 GB mehr.",
        "Wir benötigen weitere 12 GB.",
        "12 GB zusätzlich wären nötig. Ich brauche zusätzliche 12 GB.",
    ],
)
def test_more_comes_on_top_of_what_every_vm_has(text: str) -> None:
    reading = read_disk(text, 8)
    assert reading.gib == 20
    assert "8 GB that every VM has and the rest on top" in reading.notes[0]


@pytest.mark.parametrize(
    "text",
    [
        "I process 40 GB of data a day.",
        "I need to process 40 GB of data a day.",
        "We write 40 GB per day to the disk of another node, and need help.",
        "It downloads 40 GB every night.",
        "I need 16 GB of memory for the tests.",
        "I need 16 GB RAM.",
        "I need 40 GB of data from the archive.",
        "We have 40 GB of logs on another server.",
        "I do not need more than 20 GB of disk.",
        "The data of 40 GB live on the NFS storage, so the VM needs no extra disk.",
        "Pas besoin de disque supplémentaire, les 40 Go sont ailleurs.",
        "The disk image is 40 GB and I need help with it.",
        "I need 5 GB of disk.",
        "A 5G core network. I need from 5 to 10 of them. I have 3 To do items.",
        "I need a 10 Gb/s link and 10 GB/s of traffic.",
        "Je traite 40 Go de données par jour.",
        "Ich verarbeite 40 GB Daten pro Tag.",
        "Ich brauche 40 GB Daten aus dem Archiv.",
        "Ich brauche 16 GB Arbeitsspeicher.",
        "Wir brauchen die VM, um täglich 40 GB zu laden; sie schreibt 40 GB am Tag auf die Platte eines anderen Knotens.",
        "Die 40 GB Messdaten liegen auf einem anderen Server, ich brauche keine zusätzliche Platte.",
        "Ich brauche nicht mehr als 20 GB Platte.",
    ],
)
def test_these_ask_for_no_disk(text: str) -> None:
    reading = read_disk(text, 8)
    assert (reading.gib, reading.reason, reading.problem) == (None, None, "")


def test_an_amount_that_is_no_wish_is_still_noted() -> None:
    assert read_disk("I process 40 GB of data a day.", 8).notes == (
        '"I process 40 GB of data a day" was not read as a request for disk space',
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("I need 40 to 50 GB for traces.", "Several disk sizes"),
        ("I need 40-50 GB because of traces.", "Several disk sizes"),
        ("I need 20 GB for logs. I also need 40 GB for images.", "Several disk sizes"),
        ("I need extra disk space for the traces.", "not how much"),
        ("J'aurais besoin d'espace disque supplémentaire pour les traces.", "not how much"),
        ("Ich brauche 40 bis 50 GB für die Messdaten.", "Several disk sizes"),
        ("Ich brauche mehr Speicherplatz für die Messdaten.", "not how much"),
        ("Wir benötigen eine größere Platte für die Messdaten.", "not how much"),
    ],
)
def test_what_is_not_one_amount_is_asked_back(text: str, words: str) -> None:
    reading = read_disk(text, 8)
    assert reading.gib is None
    assert words in reading.problem
    assert "for example" in reading.problem
    assert reading.found


def test_the_reason_is_the_sentence_of_the_wish_and_the_next_one_where_it_says_no_why() -> None:
    assert (
        read_disk("A server. I need 40 GB because of traces. It is big.", 8).reason == "I need 40 GB because of traces"
    )
    assert read_disk("A server. I need 40 GB. Our traces are large.", 8).reason == "I need 40 GB. Our traces are large"


def test_a_bare_amount_has_no_reason_and_that_is_noted() -> None:
    reading = read_disk("40 GB", 8, labelled=True)
    assert (reading.gib, reading.reason) == (40, None)
    assert reading.notes == ('"40 GB" was read as 40 GB of disk in total; no reason is given for it',)


@pytest.mark.parametrize(
    ("text", "gib"),
    [
        ("20", 20),
        ("~20, because our data are large", 20),
        ("20 because our data are large", 20),
        ("about 20 für Messdaten", 20),
        ("20 more", 28),
        ("5", None),
        ("none", None),
        ("no extra disk, 8 will do", None),
    ],
)
def test_a_bare_number_after_a_label_is_in_gb(text: str, gib: int | None) -> None:
    reading = read_disk(text, 8, labelled=True)
    assert (reading.gib, reading.problem) == (gib, "")
    assert (f"read as {gib} GB of disk in total" in "".join(reading.notes)) is (gib is not None)


@pytest.mark.parametrize(
    "text", ["20480 MB", "20 to 30", "20-30", "20%", "20.000", "20 persons", "the usual one, or 20", "20\n\n30"]
)
def test_a_number_after_a_label_that_may_be_anything_is_asked_back(text: str) -> None:
    reading = read_disk(text, 8, labelled=True)
    assert reading.gib is None
    assert "for example" in reading.problem
    assert reading.found


def test_numbers_without_a_unit_ask_for_nothing_in_running_words() -> None:
    assert read_disk("20 students of 3 groups need a disk image.", 8).problem == ""


def test_a_long_reason_is_shortened() -> None:
    reason = read_disk("I need 40 GB because " + "of traces " * 100, 8).reason
    assert reason is not None
    assert len(reason) == 300
