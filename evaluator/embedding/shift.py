"""One piece of work that workers on Ray were called for: who began, who was lost, and when it is over."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

POLL_SECONDS = 0.5
PATIENCE = 120.0  # seconds without anybody at work, after which those for whom there is no room are not waited for


class Shift:
    """One piece of work that workers were called for, and what became of each.

    begun, lost: The workers that opened the module, and those of them that died.
    complaints: Why others stopped, a sentence each.
    processor_seconds: Processor time, in seconds, of each that found nothing left to do.
    first: When the first began, in seconds by `time.monotonic`.
    """

    def __init__(self, ray: Any, actors: Sequence[Any], calls: Sequence[tuple[Any, Any]]):
        self.ray, self.actors = ray, list(actors)
        self.calls: dict[
            Any, tuple[Any, bool]
        ] = {}  # what was not answered yet: whose it is, and whether it is the work itself
        for actor, (opening, work) in zip(actors, calls, strict=True):
            self.calls[opening] = actor, False
            self.calls[work] = actor, True
        self.begun: list[Any] = []
        self.lost: list[Any] = []
        self.complaints: list[str] = []
        self.processor_seconds: list[float] = []
        self.over: list[Any] = []
        self.finished = False
        self.first: float | None = None
        self.idle_since = time.monotonic()

    def goes_on(self) -> bool:
        """Whether anybody is at work, or may soon be; the first who finds nothing left to do ends it for all who have no room."""
        if any(actor not in self.over for actor in self.begun):
            self.idle_since = time.monotonic()
            return True
        all_over = len(self.over) == len(self.actors)
        return not (self.finished or all_over or time.monotonic() - self.idle_since > PATIENCE)

    def wait(self) -> None:
        """Take in the next answer, or return after `POLL_SECONDS`."""
        ready, _ = self.ray.wait(list(self.calls), timeout=POLL_SECONDS)
        for call in ready:
            actor, is_work = self.calls.pop(call)
            if actor in self.over:
                continue
            try:
                answer = self.ray.get(call)
            except self.ray.exceptions.RayActorError:
                if actor in self.begun:
                    self.lost.append(actor)
                else:
                    self.complaints.append("it died before it had opened the module")
                self.over.append(actor)
                continue
            except self.ray.exceptions.RayError as error:
                answer = str(error).strip().splitlines()[-1]
            if isinstance(answer, str):
                self.complaints.append(answer)
                self.over.append(actor)
            elif is_work:
                self.finished = True
                self.processor_seconds.append(round(answer, 3))
                self.over.append(actor)
            else:
                self.first = self.first or time.monotonic()
                self.begun.append(actor)

    def without_room(self) -> Iterator[Any]:
        """Those that never began."""
        yield from (actor for actor in self.actors if actor not in self.begun)
