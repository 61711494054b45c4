"""Access tokens from a token endpoint: client credentials (RFC 6749 section 4.4) or a refresh token (section 6)."""

from __future__ import annotations

import http.client
import json
import os
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from urllib.parse import urlencode, urlsplit

from mailbot import journal
from mailbot.adapters.logins import LoginGate
from mailbot.adapters.transport import Secret, secret_from_file, tls_context
from mailbot.errors import MailServerUnavailable
from parsers.translatable import say

SPARE_SECONDS = 120.0
"""A token that ends sooner than this is not begun with."""
USUAL_SECONDS = 3600.0
"""How long a token is believed to last where the answer does not say (RFC 6749 section 5.1 only recommends it)."""
LONGEST_ANSWER = 65536
_PASSING = frozenset({"temporarily_unavailable", "server_error", "slow_down"})


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """Which endpoint gives tokens, and to whom.  With `refresh_token_file` a refresh token is used, else the client's own rights."""

    url: str
    client_id: str
    client_secret: Secret | None = field(default=None, repr=False)
    scope: str = ""
    refresh_token_file: Path | None = None
    ca_file: Path | None = None
    timeout_seconds: float = 20


class TokenSource:
    """Gives the access token that is in force, a new one shortly before it ends.  Any thread may ask; one at a time asks the server."""

    def __init__(self, settings: TokenSettings, clock: Callable[[], float] = monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._gate = LoginGate(clock)
        self._token = ""
        self._ends_at = 0.0

    def __call__(self) -> str:
        """The token.  Raises MailServerUnavailable, permanent where a person must act."""
        with self._lock:
            if not self._token or self._clock() >= self._ends_at - SPARE_SECONDS:
                self._renew()
            return self._token

    def _renew(self) -> None:
        form = self._form()
        # What the server refused once is not sent again many times a minute; another secret is sent at once.
        proof = f"{form.get('client_secret', '')} {form.get('refresh_token', '')}"
        self._gate.check(proof)
        status, answer = self._post(form)
        token = answer.get("access_token")
        if status != http.client.OK or not isinstance(token, str) or not token:
            self._refused(status, answer, proof)
        self._gate.accepted()
        self._token, self._ends_at = str(token), self._clock() + _seconds(answer.get("expires_in"))
        renewed = answer.get("refresh_token")
        if isinstance(renewed, str) and renewed not in {"", form.get("refresh_token")}:
            self._keep(renewed)

    def _form(self) -> dict[str, str]:
        settings = self._settings
        form = {"client_id": settings.client_id, "grant_type": "client_credentials"}
        if settings.scope:
            form["scope"] = settings.scope
        if settings.client_secret is not None:
            form["client_secret"] = settings.client_secret()
        if settings.refresh_token_file is not None:
            form |= {"grant_type": "refresh_token", "refresh_token": secret_from_file(settings.refresh_token_file)()}
        return form

    def _post(self, form: Mapping[str, str]) -> tuple[int, dict[str, object]]:
        url, timeout = urlsplit(self._settings.url), self._settings.timeout_seconds
        host, port = url.hostname or "", url.port
        connection = (
            http.client.HTTPSConnection(
                host, port, timeout=timeout, context=tls_context("oauth2", self._settings.ca_file)
            )
            if url.scheme == "https"
            else http.client.HTTPConnection(host, port, timeout=timeout)
        )
        try:
            headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
            connection.request("POST", url.path or "/", urlencode(form), headers)
            response = connection.getresponse()
            return response.status, _object(response.read(LONGEST_ANSWER))
        except (OSError, http.client.HTTPException) as error:
            # Not chained: the request that failed carries the secrets.
            why = getattr(error, "strerror", None) or type(error).__name__
            raise MailServerUnavailable(say("Token endpoint {host}: {reason}", host=host, reason=why)) from None
        finally:
            connection.close()

    def _refused(self, status: int, answer: Mapping[str, object], proof: str) -> None:
        """Say what the endpoint said (RFC 6749 section 5.2), without anything that we sent."""
        code, told = str(answer.get("error", "")), str(answer.get("error_description", "")).partition("\n")[0][:300]
        host = urlsplit(self._settings.url).hostname
        said = f"{code or status}{f' ({told})' if told else ''}"
        words = say("Token endpoint {host} gives no token: {said}", host=host or "", said=said)
        permanent = 400 <= status < 500 and status not in {408, 429} and code not in _PASSING
        if permanent:
            self._gate.refused(proof, words)
        raise MailServerUnavailable(words, permanent=permanent)

    def _keep(self, token: str) -> None:
        """Remember a refresh token that took another one's place; where that cannot be, the old one works for some weeks more."""
        path = self._settings.refresh_token_file
        if path is None:
            return
        try:
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        except OSError as error:
            journal.trouble(about=f"the new refresh token cannot be kept in {path}", error=error)
            return
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(f"{token}\n")
            Path(name).replace(path)
        except OSError as error:
            with suppress(OSError):
                Path(name).unlink()
            journal.trouble(about=f"the new refresh token cannot be kept in {path}", error=error)


def _seconds(said: object) -> float:
    return float(said) if isinstance(said, int | float) and said > 0 else USUAL_SECONDS


def _object(body: bytes) -> dict[str, object]:
    """A JSON object; an empty one where the body is none, such as a proxy's page."""
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
