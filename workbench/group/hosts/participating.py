"""All processes of this machine in a training that another one has begun."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from workbench.devices.gpus import gpus_to_share
from workbench.errors import WorkbenchError
from workbench.group.hosts.joining import Invitation, Participant


def participate(invitation: Invitation, processes: int, say: Callable[[str], None], first: int = 0) -> str:
    """Take part until the training ends: why it has, in words.

    Args:
        processes: how many; 0 for one of each GPU, or one.
        say: called with what the user is to know, from any thread.
        first: the number of the first of them among those of this machine.

    Raises:
        WorkbenchError: they may not take part, or the other machine is lost.
    """
    count = processes or max(1, len(gpus_to_share()))
    participants = [Participant(invitation, first + number, say) for number in range(count)]
    ended: list[str] = []
    errors: list[WorkbenchError] = []

    def run(participant: Participant) -> None:
        try:
            ended.append(participant.run())
        except WorkbenchError as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(each,), daemon=True) for each in participants]
    with _going(participants, say):
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.5)  # a signal is handled in between
    if errors:
        raise errors[0]
    return ended[0]


@contextmanager
def _going(participants: list[Participant], say: Callable[[str], None]) -> Iterator[None]:
    """Ctrl-C and SIGTERM: the training goes on, or stops, without these; a second one ends them at once."""

    def go(number: int, frame: object) -> None:
        if participants[0].why_go:
            raise KeyboardInterrupt
        for participant in participants:
            participant.why_go = f"{signal.Signals(number).name} came"
        say("leaving, as soon as the training can do without this process (Ctrl-C again: at once)")

    before = {number: signal.signal(number, go) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
