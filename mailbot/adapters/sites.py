"""A site that may hang, made to answer in time: each call runs in a thread of its own and is waited for only so long.

A libvirt call cannot be interrupted.  When one does not come back, the caller gets `SiteUnreachable`
after the time limit, and so does every further call until the first has ended: there is never more
than one stuck thread per site, and the other sites and the mail go on.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from parsers.translatable import say, words_of
from provisioner.api import Found, Provisioner, ProvisionerError, SiteHealth, SiteUnreachable, VmFacts, VmSpec

T = TypeVar("T")


class BoundedSite:
    """A `Provisioner` whose every call ends within `limit_seconds`."""

    def __init__(self, site: Provisioner, limit_seconds: float = 120.0) -> None:
        self._site = site
        self._limit = limit_seconds
        self._jobs: queue.SimpleQueue[tuple[Callable[[], object], queue.SimpleQueue[object]]] = queue.SimpleQueue()
        self._busy = threading.Lock()
        self._thread: threading.Thread | None = None

    @property
    def site(self) -> str:
        return self._site.site

    def ensure(self, spec: VmSpec) -> VmFacts:
        return self._bounded(lambda: self._site.ensure(spec))

    def prepare(self, spec: VmSpec) -> VmFacts:
        return self._bounded(lambda: self._site.prepare(spec))

    def facts(self, spec: VmSpec) -> VmFacts:
        return self._bounded(lambda: self._site.facts(spec))

    def request_stop(self, spec: VmSpec) -> VmFacts:
        return self._bounded(lambda: self._site.request_stop(spec))

    def power_off(self, spec: VmSpec) -> VmFacts:
        return self._bounded(lambda: self._site.power_off(spec))

    def start(self, spec: VmSpec) -> VmFacts:
        return self._bounded(lambda: self._site.start(spec))

    def console(self, spec: VmSpec) -> tuple[str, ...]:
        return self._bounded(lambda: self._site.console(spec))

    def install_keys(self, spec: VmSpec, *, alone: bool = False) -> tuple[str, ...]:
        return self._bounded(lambda: self._site.install_keys(spec, alone=alone))

    def wipe(self, spec: VmSpec) -> VmFacts:
        return self._bounded(lambda: self._site.wipe(spec))

    def retire(self, spec: VmSpec) -> VmFacts:
        return self._bounded(lambda: self._site.retire(spec))

    def leave(self, spec: VmSpec) -> None:
        self._bounded(lambda: self._site.leave(spec))

    def delete_disk(self, spec: VmSpec) -> VmFacts:
        return self._bounded(lambda: self._site.delete_disk(spec))

    def undo(self, spec: VmSpec) -> None:
        self._bounded(lambda: self._site.undo(spec))

    def health(self) -> SiteHealth:
        try:
            return self._bounded(self._site.health)
        except ProvisionerError as error:
            # Whatever it was: one site that cannot say how it is must not keep the others from being asked.
            reachable = not isinstance(error, SiteUnreachable)
            return SiteHealth(self.site, reachable=reachable, problems=(words_of(error),))

    def inventory(self) -> tuple[Found, ...]:
        return self._bounded(self._site.inventory)

    def leftovers(self, known: frozenset[UUID]) -> tuple[str, ...]:
        return self._bounded(lambda: self._site.leftovers(known))

    def _bounded(self, call: Callable[[], T]) -> T:
        if not self._busy.acquire(blocking=False):
            msg = say("The site {site} has not answered an earlier call yet.", site=self.site)
            raise SiteUnreachable(msg, begun=False)
        answer: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._start()
        self._jobs.put((call, answer))
        try:
            result = answer.get(timeout=self._limit)
        except queue.Empty:
            msg = say(
                "The site {site} did not answer within {seconds} seconds.", site=self.site, seconds=f"{self._limit:.0f}"
            )
            raise SiteUnreachable(msg) from None
        if isinstance(result, ProvisionerError):
            raise result
        if isinstance(result, BaseException):
            raise ProvisionerError(f"{self.site}: {type(result).__name__}: {result}") from result
        return result  # type: ignore[return-value]

    def _start(self) -> None:
        if self._thread is None:
            # A daemon thread: a hypervisor that hangs must not keep the process from ending.
            self._thread = threading.Thread(target=self._serve, name=f"site-{self.site}", daemon=True)
            self._thread.start()

    def _serve(self) -> None:
        while True:
            call, answer = self._jobs.get()
            try:
                result: object = call()
            except BaseException as error:  # noqa: BLE001 - handed to the caller, whatever it is
                result = error
            self._busy.release()
            answer.put(result)
