"""The same requests through `mailbot once` and through django-helpdesk, in turn, on the same Dovecot and SMTP server.

    python -m bench.beside_helpdesk [--mails 500] [--rounds 2]

django-helpdesk reads the mailbox mail by mail, stores a ticket for each and sends two letters (to who asked, and to one
address more), as mailbot does.  It is no dependency: it is installed into a temporary environment, with pip as it is
configured.  It runs with its defaults, and with SQLite's write-ahead log without a sync at each commit; mailbot always
syncs before a mail is moved.  The start, on an empty mailbox, is taken off.  Compare figures of one run alone.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from bench.once import fill, prepared, run_once
from contrib.demo import stage as stages

SETTINGS = """\
import os
FOLDER = os.environ["HELPDESK_FOLDER"]
SECRET_KEY, DEBUG, ALLOWED_HOSTS, USE_TZ, SITE_ID, ROOT_URLCONF = "x" * 50, False, ["*"], True, 1, "helpdesk_urls"
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
INSTALLED_APPS = [*(f"django.contrib.{app}" for app in
    "admin auth contenttypes sessions messages sites humanize staticfiles".split()), "rest_framework", "helpdesk"]
MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware", "django.contrib.messages.middleware.MessageMiddleware"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {
    "context_processors": ["django.contrib.auth.context_processors.auth", "django.template.context_processors.request",
        "django.contrib.messages.context_processors.messages"]}}]
OPTIONS = {"timeout": 30}
if os.environ["HELPDESK_WAL"]:
    OPTIONS["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{FOLDER}/db.sqlite3", "OPTIONS": OPTIONS}}
EMAIL_HOST, EMAIL_PORT = "127.0.0.1", int(os.environ["HELPDESK_SMTP"])
DEFAULT_FROM_EMAIL = SERVER_EMAIL = os.environ["HELPDESK_ADDRESS"]
MEDIA_ROOT, MEDIA_URL, STATIC_URL = f"{FOLDER}/media", "/media/", "/static/"
HELPDESK_TEAMS_MODE_ENABLED = False
HELPDESK_VALID_EXTENSIONS = [".txt", ".pdf", ".eml", ".html", ".htm", ".png"]
"""
URLS = """\
from django.urls import include, path
urlpatterns = [path("", include("helpdesk.urls", namespace="helpdesk"))]
"""
MAKE = """\
import os, sys
import django
django.setup()
from django.core.management import call_command
from helpdesk.models import Queue
call_command("migrate", verbosity=0)
call_command("loaddata", "emailtemplate", verbosity=0)
Queue.objects.create(title="vm", slug="vm", email_address=os.environ["HELPDESK_ADDRESS"], allow_email_submission=True,
    allow_public_submission=True, email_box_type="imap", email_box_host="127.0.0.1", email_box_port=int(sys.argv[1]),
    email_box_user="support", email_box_pass=sys.argv[2], email_box_imap_folder="INBOX", email_box_interval=0,
    new_ticket_cc="admin@testbed.example", enable_notifications_on_email_events=True, logging_type="none")
"""
COUNT = "import django; django.setup(); from helpdesk.models import Ticket; print(Ticket.objects.count())"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mails", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=2)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mailbot-bench-helpdesk-") as folder:
        python = installed(Path(folder))
        found: dict[str, list[float]] = {"django-helpdesk": [], "django-helpdesk, WAL": [], "mailbot": []}
        for _ in range(wanted.rounds):
            found["django-helpdesk"].append(helpdesk(python, wanted.mails, wal=""))
            found["django-helpdesk, WAL"].append(helpdesk(python, wanted.mails, wal="yes"))
            found["mailbot"].append(mailbot(wanted.mails))
    for name, rounds in found.items():
        told = {"program": name, "ms_per_mail": [round(one, 1) for one in rounds]}
        times = statistics.median(found["django-helpdesk"]) / statistics.median(rounds)
        print(json.dumps(told | {"times_as_fast": round(times, 2), "load": round(os.getloadavg()[0], 1)}))
    return 0


def installed(folder: Path) -> Path:
    """The Python of an environment that has django-helpdesk."""
    subprocess.run([sys.executable, "-m", "venv", folder / "environment"], check=True)
    python = folder / "environment" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "django-helpdesk"], check=True)
    (folder / "helpdesk_settings.py").write_text(SETTINGS)
    (folder / "helpdesk_urls.py").write_text(URLS)
    return python


def mailbot(mails: int) -> float:
    """Milliseconds a mail of `mailbot once`."""
    with prepared(mails, empty=True) as stage:
        start = run_once(stage)
        fill(stage, mails)
        whole = run_once(stage)
        assert stage.log.read_text().count(" letter_sent ") == 2 * mails
    return 1000 * (whole.seconds - start.seconds) / mails


def helpdesk(python: Path, mails: int, *, wal: str) -> float:
    """Milliseconds a mail of django-helpdesk's `get_email`."""
    with prepared(mails, empty=True) as stage, tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "PYTHONPATH": str(python.parents[2]),
            "DJANGO_SETTINGS_MODULE": "helpdesk_settings",
            "HELPDESK_FOLDER": folder,
            "HELPDESK_WAL": wal,
            "HELPDESK_SMTP": str(stage.smtp_port),
            "HELPDESK_ADDRESS": f"support@{stages.DOMAIN}",
        }
        make = [python, "-c", MAKE, str(stage.imap_port), stages.PASSWORD]
        subprocess.run(make, env=environment, check=True)
        start = get_email(python, environment)
        fill(stage, mails)
        whole = get_email(python, environment)
        done = subprocess.run([python, "-c", COUNT], env=environment, check=True, capture_output=True, text=True)
        assert int(done.stdout) == mails, done.stdout
    return 1000 * (whole - start) / mails


def get_email(python: Path, environment: Mapping[str, str]) -> float:
    """Seconds of one run."""
    began = time.monotonic()
    command = [python.with_name("django-admin"), "get_email", "--quiet"]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main())
