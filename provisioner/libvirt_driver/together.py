"""Several calls over one connection at the same time: over a slow link they cost a few round trips instead of one each.

libvirt passes the calls of several threads over one connection without waiting for an answer in between
(https://libvirt.org/kbase/internals/rpc.html), and works on a few of them at once.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

_MOST: Final = 64

_T = TypeVar("_T")


def together(calls: Iterable[Callable[[], _T]]) -> list[_T]:
    """Make all calls and give what they gave, in their order; raises what the first of them raised that did.

    In threads of their own, which do not keep the process from ending where a host hangs.
    """
    waiting = list(enumerate(calls))
    todo: queue.SimpleQueue[tuple[int, Callable[[], _T]]] = queue.SimpleQueue()
    for one in waiting:
        todo.put(one)
    found: dict[int, _T] = {}
    raised: dict[int, BaseException] = {}
    workers = [
        threading.Thread(target=_work, args=(todo, found, raised), daemon=True) for _ in range(min(_MOST, len(waiting)))
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if raised:
        raise raised[min(raised)]
    return [found[number] for number, _ in waiting]


def _work(
    todo: queue.SimpleQueue[tuple[int, Callable[[], _T]]], found: dict[int, _T], raised: dict[int, BaseException]
) -> None:
    while True:
        try:
            number, call = todo.get_nowait()
        except queue.Empty:
            return
        try:
            found[number] = call()
        except BaseException as error:  # noqa: BLE001 - handed to the caller, whatever it is
            raised[number] = error
