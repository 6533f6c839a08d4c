"""What is stored of clips of any lengths, had from a module that knows batches of equal length only."""

from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from evaluator.embedding.module import BATCH_TOLERANCE
from evaluator.embedding.spec import Module, ModuleFault, WorkerEnded
from evaluator.embedding.views import VIEWS, Row
from evaluator.errors import EvaluationError, UsageError

# Lengths, in seconds, to which a clip is zero-padded in turn when a module refuses it as it is; the last are those of windows
# that bird models take whole (BirdNET 3 s, Perch 5 s).
PADDED_LENGTHS = (0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)
PLAIN_BATCH = 16
N_COMPARED = 3  # clips of the first batch that are embedded alone as well
TIME_TOLERANCE = 1.0  # ms by which a frame's time may differ in a batch and alone, as in `timestamp_checks`


def taken(ask: Callable[[], Any], otherwise: Any) -> Any:
    """What a module answers, such as scenes (n_clips, size), or something else where it refuses.

    Raises:
        WorkerEnded: It is gone.
    """
    try:
        return ask()
    except WorkerEnded:
        raise
    except EvaluationError:
        return otherwise


# Of each open module by views: how it mixes the clips of a batch, a sentence; "" where it does not.
_learned: "WeakKeyDictionary[Any, dict[str, str]]" = WeakKeyDictionary()


class PlainModule:
    """One kind of views of clips of any lengths.

    Equally long clips share a batch, until a batch shows that the module mixes its clips; others run alone, for
    zero padding changes an embedding. A clip that the module refuses is zero-padded until it is taken.

    Args:
        module: An open HEAR module.
        views: Which kind, a key of `VIEWS`.

    Raises:
        UsageError: The module gives no frames, and they are wanted.
    """

    def __init__(self, module: Module, views: str):
        self.module = module
        self.ask = VIEWS[views]
        self.sample_rate: int = module.describe()["sample_rate"]
        # Whether it can be trusted with batches; None: not tried yet. What one task showed is known to the next.
        self.learned = _learned.setdefault(module, {})
        self.views = views
        self.remarks: dict[str, str] = {}  # of each kind the first sentence
        if mixed := self.learned.get(views):
            self.note("batch_dependent", mixed)
        if views != "scene" and not module.describe()["timestamp_embedding_size"]:
            _refuse_frames(module)

    @property
    def batches(self) -> bool | None:
        """Whether batches give the embeddings of clips (n_samples,) alone; None before the first was compared."""
        mixed = self.learned.get(self.views)
        return None if mixed is None else not mixed

    def rows(self, clips: Sequence[np.ndarray]) -> tuple[list[Row], list[float]]:
        """Views of each clip, and the seconds to which each had to be padded (0: it was not).

        Args:
            clips: Each (n_samples,), float32.

        Raises:
            EvaluationError: The module refuses a clip at every length.
        """
        row_of: dict[int, tuple[Row, float]] = {}
        same: dict[int, list[int]] = {}
        for number, clip in enumerate(clips):
            same.setdefault(len(clip), []).append(number)
        for numbers in same.values():
            size = PLAIN_BATCH if self.batches is not False else 1
            for first in range(0, len(numbers), size):
                some = numbers[first : first + size]
                row_of.update(zip(some, self.together([clips[n] for n in some]), strict=True))
        ordered = [row_of[number] for number in range(len(clips))]
        return [row for row, _ in ordered], [padded for _, padded in ordered]

    def together(self, clips: Sequence[np.ndarray]) -> list[tuple[Row, float]]:
        """Equally long clips as one batch, if the module can be trusted with it; else one by one."""
        if len(clips) > 1 and self.batches is not False:
            try:
                batch = self.twice(np.stack(clips))
            except WorkerEnded:
                raise
            except EvaluationError as error:
                if not out_of_memory(error):
                    return [self.alone(clip) for clip in clips]  # which of them it was, the single calls will tell
                batch = None
            if batch is None:  # outside the handler, where the error no longer holds on to anything
                middle = len(clips) // 2
                return self.together(clips[:middle]) + self.together(clips[middle:])
            if self.batches:
                return [(row, 0.0) for row in batch]
            if all(np.array_equal(clips[0], clip) for clip in clips):
                return [self.alone(clip) for clip in clips]  # equal clips cannot tell whether they are mixed
            alone = [self.alone(clip) for clip in clips[:N_COMPARED]]
            self.compare(batch[:N_COMPARED], [row for row, _ in alone])
            # The batch's own rows from the first: a resumed run, which compares another batch, gives the same bytes.
            if self.batches:
                return [(row, 0.0) for row in batch]
            return alone + [self.alone(clip) for clip in clips[N_COMPARED:]]
        return [self.alone(clip) for clip in clips]

    def twice(self, audio: np.ndarray) -> list[Row]:
        """Views of clips (n_clips, n_samples); asked again, as they are, where the first try fails.

        What fails for the moment (a busy GPU, a network drive) must not lead to another embedding. Several clips that do not fit
        into memory are not asked for again: fewer at once will do.

        Raises:
            EvaluationError: The module refuses them twice; what it says is that of the first try.
            WorkerEnded: It is gone.
        """
        try:
            return self.ask(self.module, audio)
        except WorkerEnded:
            raise
        except EvaluationError as refusal:
            if len(audio) > 1 and out_of_memory(refusal):
                raise
            try:
                rows = self.ask(self.module, audio)
            except WorkerEnded:
                raise
            except EvaluationError:
                raise refusal from None
            said = _said(refusal)
            self.note("second_try", f"clips that failed were answered at a second try; the module first said: {said}")
            return rows

    def note(self, kind: str, sentence: str) -> None:
        """Keep the first sentence of a kind."""
        self.remarks.setdefault(kind, sentence)

    def compare(self, batch: Sequence[Row], alone: Sequence[Row]) -> None:
        """Learn from the first batch whether its embeddings are those of the clips alone."""
        change = next((change for view in alone[0] if (change := _changed(view, batch, alone))), "")
        self.learned[self.views] = ""
        if change:
            mixed = f"the module's embeddings depend on the other clips of the batch ({change}): clips were embedded one by one"
            self.learned[self.views] = mixed
            self.note("batch_dependent", mixed)

    def alone(self, clip: np.ndarray) -> tuple[Row, float]:
        """One clip by itself, zero-padded at its end if the module takes it no other way."""
        try:
            return self.twice(clip[None])[0], 0.0
        except WorkerEnded:
            raise
        except EvaluationError as refusal:
            if out_of_memory(refusal):
                raise  # zeros would need more
            for seconds in PADDED_LENGTHS:
                n_missing = int(seconds * self.sample_rate) - len(clip)
                if n_missing <= 0:
                    continue
                try:
                    row = self.ask(self.module, np.pad(clip, (0, n_missing))[None])[0]
                except WorkerEnded:
                    raise
                except EvaluationError:
                    continue
                length = f"{len(clip) / self.sample_rate:.3g} s"
                said = _said(refusal)
                self.note(
                    "padded_clips", f"a clip of {length} was padded to {seconds:g} s, because the module says: {said}"
                )
                return row, seconds
            raise refusal


def _refuse_frames(module: Module) -> None:
    """Have a module without frames say so, before any clip is read.

    Raises:
        UsageError: Always; it names the module.
    """
    try:
        module.timestamps(np.zeros((1, 1), np.float32))
    except WorkerEnded:
        raise
    except EvaluationError as error:
        raise UsageError(str(error)) from error


def out_of_memory(error: EvaluationError) -> bool:
    """Whether a module fails because there is not enough memory, so that fewer clips at once may do."""
    return isinstance(error, ModuleFault) and error.out_of_memory


def _said(refusal: EvaluationError) -> str:
    """What the module itself said."""
    return refusal.cause if isinstance(refusal, ModuleFault) else str(refusal)


def _changed(view: str, batch: Sequence[Row], alone: Sequence[Row]) -> str:
    """How a view of clips in a batch differs from that of the clips alone, in words; "" where it does not."""
    pairs = [(one[view], other[view]) for one, other in zip(batch, alone, strict=True)]
    if any(one.shape != other.shape for one, other in pairs):
        return "another number of frames"
    difference = max(float(np.abs(one - other).max()) for one, other in pairs)
    if view == "times":
        return f"times shift by {difference:.2g} ms" if difference > TIME_TOLERANCE else ""
    scale = np.sqrt(np.mean([np.mean(np.square(other)) for _, other in pairs])) or 1.0
    return f"by {100 * difference / scale:.2g} % of their RMS" if difference > BATCH_TOLERANCE * scale else ""
