"""Access tokens from a token endpoint that stands in for Microsoft's and Google's: fetched, renewed, refused."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from mailbot.adapters.oauth2 import TokenSettings, TokenSource
from mailbot.adapters.transport import Auth
from mailbot.config import load
from mailbot.errors import ConfigurationError, MailServerUnavailable
from mailbot.wiring import imap_settings, smtp_settings

ROOT = Path(__file__).resolve().parents[2]
Answer = tuple[int, object]


class Endpoint:
    """A token endpoint: answers with what `answer` makes of the form that it gets, and keeps the forms."""

    def __init__(self) -> None:
        self.forms: list[dict[str, str]] = []
        self.answer: Callable[[dict[str, str]], Answer] = self.good
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                form = dict(parse_qsl(body, keep_blank_values=True))
                endpoint.forms.append(form)
                status, said = endpoint.answer(form)
                raw = said if isinstance(said, bytes) else json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/tenant/token"
        self._thread = threading.Thread(target=self.server.serve_forever)
        self._thread.start()

    def good(self, _form: dict[str, str]) -> Answer:
        return 200, {"token_type": "Bearer", "expires_in": 3600, "access_token": f"token {len(self.forms)}"}

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    endpoint = Endpoint()
    yield endpoint
    endpoint.close()


class Time:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def source(endpoint: Endpoint, time: Time, **more: Any) -> TokenSource:
    settings = {"client_secret": lambda: "hunter2", "scope": "https://mail.example/.default", **more}
    return TokenSource(TokenSettings(endpoint.url, "the client", **settings), time)


def test_the_client_s_own_rights_give_a_token_that_is_used_until_shortly_before_it_ends(endpoint: Endpoint) -> None:
    time = Time()
    tokens = source(endpoint, time)
    assert [tokens(), tokens()] == ["token 1", "token 1"]
    time.now += 3600 - 121
    assert tokens() == "token 1"
    time.now += 2
    assert tokens() == "token 2"
    assert (
        endpoint.forms
        == [
            {
                "grant_type": "client_credentials",
                "client_id": "the client",
                "client_secret": "hunter2",
                "scope": "https://mail.example/.default",
            }
        ]
        * 2
    )


def test_a_refresh_token_that_is_replaced_is_kept_for_the_next_time(endpoint: Endpoint, tmp_path: Path) -> None:
    file, time = tmp_path / "refresh", Time()
    file.write_text("first\n")
    endpoint.answer = lambda _: (200, {"access_token": "t", "expires_in": 60, "refresh_token": "second"})
    tokens = source(endpoint, time, refresh_token_file=file, client_secret=None)
    for _ in range(2):
        assert tokens() == "t"
    assert [form["refresh_token"] for form in endpoint.forms] == ["first", "second"]
    assert {form["grant_type"] for form in endpoint.forms} == {"refresh_token"}
    assert "client_secret" not in endpoint.forms[0]
    assert file.read_text() == "second\n"
    assert [path.name for path in tmp_path.iterdir()] == ["refresh"]


def test_a_refused_client_is_permanent_told_in_the_endpoint_s_words_and_not_tried_again_at_once(
    endpoint: Endpoint,
) -> None:
    endpoint.answer = lambda _: (
        401,
        {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid secret."},
    )
    time, secret = Time(), ["hunter2"]
    tokens = source(endpoint, time, client_secret=lambda: secret[0])
    for _ in range(3):
        with pytest.raises(MailServerUnavailable, match=r"invalid_client \(AADSTS7000215: Invalid secret") as caught:
            tokens()
        assert caught.value.permanent
        assert "hunter2" not in str(caught.value)
    assert len(endpoint.forms) == 1
    endpoint.answer = endpoint.good
    secret[0] = "another"
    assert tokens() == "token 2"


@pytest.mark.parametrize(
    "answer",
    [
        (503, {"error": "temporarily_unavailable"}),
        (429, {}),
        (200, b"<html>a proxy says hello</html>"),
        (200, {"token_type": "Bearer"}),
        (500, []),
    ],
)
def test_what_may_be_over_soon_is_passing(answer: Answer, endpoint: Endpoint) -> None:
    endpoint.answer = lambda _: answer
    tokens = source(endpoint, Time())
    with pytest.raises(MailServerUnavailable) as caught:
        tokens()
    assert not caught.value.permanent
    endpoint.answer = endpoint.good
    assert tokens() == "token 2"


def test_an_endpoint_that_is_away_is_passing_and_no_secret_is_told(endpoint: Endpoint) -> None:
    endpoint.close()
    with pytest.raises(MailServerUnavailable) as caught:
        source(endpoint, Time())()
    assert not caught.value.permanent
    assert "hunter2" not in repr(caught.value)
    assert caught.value.__cause__ is None
    endpoint.close = lambda: None  # type: ignore[method-assign]  # it is closed already


def configured(tmp_path: Path, oauth2: str) -> Path:
    example = (ROOT / "mailbot" / "examples" / "config.example.toml").read_text(encoding="utf-8")
    text = example.replace('password_file = "/etc/mailbot/mailbox.password"', "oauth2 = true", 1)
    text = text.replace('#username = ""', 'username = "support@example.org"\noauth2 = true', 1)
    path = tmp_path / "config.toml"
    path.write_text(text.replace("\n[oauth2]\n", f"\n[oauth2]\n{oauth2}\n"))
    return path


def test_mailbox_and_mail_server_log_in_with_tokens_of_one_endpoint(endpoint: Endpoint, tmp_path: Path) -> None:
    said = f'token_url = "{endpoint.url}"\nclient_id = "x"\nclient_secret = "y"'
    config = load(configured(tmp_path, said), {})
    imap, smtp = imap_settings(config), smtp_settings(config)
    assert (imap.auth, smtp.auth) == (Auth.OAUTH2, Auth.OAUTH2)
    assert imap.password() == "token 1"
    assert smtp.password is not None
    assert smtp.password() == "token 2"
    assert "y" not in repr(config.oauth2.client_secret)


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ("", "oauth2.token_url: is missing: mailbox.oauth2 asks for tokens"),
        ('token_url = "http://login.example/t"\nclient_id = "x"\nclient_secret = "y"', "does not begin with https://"),
        ('token_url = "https://login.example/t"\nclient_id = "x"', "oauth2.client_secret_file: is missing"),
    ],
)
def test_an_endpoint_that_cannot_be_used_is_found_at_start(said: str, wrong: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=wrong):
        load(configured(tmp_path, said), {})
