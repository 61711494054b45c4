"""A site that may hang, made to answer in time: each call is made elsewhere and waited for only so long.

A libvirt call cannot be interrupted.  When one does not come back, the caller gets `SiteUnreachable`
after the time limit, and so does every further call until the first has ended: there is never more
than one stuck call per site, and the other sites and the mail go on.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import partial
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar
from uuid import UUID

from parsers.translatable import say, words_of
from provisioner.api import Found, Provisioner, ProvisionerError, SiteHealth, SiteUnreachable, VmFacts, VmSpec

P = ParamSpec("P")
T = TypeVar("T")


class Calls(Protocol):
    """By which something's methods are called without being waited for."""

    def __call__(self, method: str, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Begin a call; what it gives or raises comes later."""


class InThread:
    """Calls in a thread of this process, one after the other."""

    def __init__(self, site: Provisioner) -> None:
        self._site = site
        self._jobs: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def __call__(self, method: str, /, *args: Any, **kwargs: Any) -> Future[Any]:
        if self._thread is None:
            # A daemon thread: a hypervisor that hangs must not keep the process from ending.
            self._thread = threading.Thread(target=self._serve, name=f"site-{self._site.site}", daemon=True)
            self._thread.start()
        answer: Future[Any] = Future()
        self._jobs.put((partial(getattr(self._site, method), *args, **kwargs), answer))
        return answer

    def _serve(self) -> None:
        while True:
            call, answer = self._jobs.get()
            try:
                result = call()
            except BaseException as error:  # noqa: BLE001 - handed to the caller, whatever it is
                answer.set_exception(error)
            else:
                answer.set_result(result)


class BoundedSite:
    """A `Provisioner` whose every call ends within `limit_seconds`; `calls` begins the calls of the site itself."""

    def __init__(self, site: str, calls: Calls, limit_seconds: float = 120.0) -> None:
        self._name = site
        self._calls = calls
        self._limit = limit_seconds
        self._turn = threading.Lock()
        self._last: Future[Any] | None = None

    @property
    def site(self) -> str:
        return self._name

    def ensure(self, spec: VmSpec) -> VmFacts:
        return self._bounded(Provisioner.ensure, spec)

    def prepare(self, spec: VmSpec) -> VmFacts:
        return self._bounded(Provisioner.prepare, spec)

    def facts(self, spec: VmSpec) -> VmFacts:
        return self._bounded(Provisioner.facts, spec)

    def request_stop(self, spec: VmSpec) -> VmFacts:
        return self._bounded(Provisioner.request_stop, spec)

    def power_off(self, spec: VmSpec) -> VmFacts:
        return self._bounded(Provisioner.power_off, spec)

    def start(self, spec: VmSpec) -> VmFacts:
        return self._bounded(Provisioner.start, spec)

    def console(self, spec: VmSpec) -> tuple[str, ...]:
        return self._bounded(Provisioner.console, spec)

    def install_keys(self, spec: VmSpec, *, alone: bool = False) -> tuple[str, ...]:
        return self._bounded(Provisioner.install_keys, spec, alone=alone)

    def wipe(self, spec: VmSpec) -> VmFacts:
        return self._bounded(Provisioner.wipe, spec)

    def retire(self, spec: VmSpec) -> VmFacts:
        return self._bounded(Provisioner.retire, spec)

    def leave(self, spec: VmSpec) -> None:
        self._bounded(Provisioner.leave, spec)

    def delete_disk(self, spec: VmSpec) -> VmFacts:
        return self._bounded(Provisioner.delete_disk, spec)

    def undo(self, spec: VmSpec) -> None:
        self._bounded(Provisioner.undo, spec)

    def health(self) -> SiteHealth:
        try:
            return self._bounded(Provisioner.health)
        except ProvisionerError as error:
            # Whatever it was: one site that cannot say how it is must not keep the others from being asked.
            reachable = not isinstance(error, SiteUnreachable)
            return SiteHealth(self.site, reachable=reachable, problems=(words_of(error),))

    def inventory(self) -> tuple[Found, ...]:
        return self._bounded(Provisioner.inventory)

    def leftovers(self, known: frozenset[UUID]) -> tuple[str, ...]:
        return self._bounded(Provisioner.leftovers, known)

    def _bounded(self, method: Callable[Concatenate[Provisioner, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        answer = self._begun(method.__name__, *args, **kwargs)
        if not wait((answer,), self._limit).done:
            seconds = f"{self._limit:.0f}"
            msg = say("The site {site} did not answer within {seconds} seconds.", site=self.site, seconds=seconds)
            raise SiteUnreachable(msg)
        try:
            result: T = answer.result()
        except ProvisionerError:
            raise
        except Exception as error:
            raise ProvisionerError(f"{self.site}: {type(error).__name__}: {error}") from error
        return result

    def _begun(self, method: str, *args: Any, **kwargs: Any) -> Future[Any]:
        with self._turn:
            if self._last is not None and not self._last.done():
                msg = say("The site {site} has not answered an earlier call yet.", site=self.site)
                raise SiteUnreachable(msg, begun=False)
            self._last = self._calls(method, *args, **kwargs)
            return self._last
