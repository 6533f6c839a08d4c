"""What a result took: seconds by stage, audio, memory. It lies in `environment`, outside of what decides whether results are equal."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from evaluator.files import describe_bytes
from evaluator.results.result import Result

BILL = "took"  # its name in `environment`
STAGES = {
    "list": "listing clips, folds and files",
    "open": "importing and loading the module",
    "workers": "embedding in other processes",
    "read": "decoding",
    "embed": "in the module",
    "keep": "storing embeddings and looking at some again",
    "fit": "probes",
    "score": "scores and intervals",
}
_SHARED = ("list", "open")  # once for several results, in the bill of each


@dataclass(frozen=True)
class Bill:
    """What a result took.

    wall, processor: Seconds by stage (`STAGES`); processor time is that of all threads, and of the processes of modules, together; its
        `embed` holds what is `keep` in wall time.
    audio_seconds: Of all clips that were used, as the module hears them.
    embedded_seconds: Of those that were embedded now; the others came from the store.
    peak_bytes: The most memory that the processes held up to the result's end, with all that they did before; 0 if not known.
    """

    wall: Mapping[str, float]
    processor: Mapping[str, float]
    audio_seconds: float
    embedded_seconds: float
    peak_bytes: int

    @property
    def audio_per_second(self) -> float | None:
        """Seconds of audio that were embedded in a second of wall time, reading and keeping included; None where there were none."""
        took = sum(self.wall.get(stage, 0.0) for stage in ("workers", "read", "embed", "keep"))
        return self.embedded_seconds / took if self.embedded_seconds and took > 0 else None

    def as_plain(self) -> dict[str, Any]:
        """All but `wall`, which is the result's `seconds`, as values that JSON holds."""
        plain = {name: value for name, value in asdict(self).items() if name != "wall"}
        plain["processor"] = {stage: round(seconds, 4) for stage, seconds in self.processor.items()}
        return {**plain, **{name: round(plain[name], 3) for name in ("audio_seconds", "embedded_seconds")}}


def bill_of(result: Result) -> Bill | None:
    """The bill of a result, in seconds and bytes; None where an earlier version made it, or it was fused of others."""
    plain: Any = result.environment.get(BILL)
    try:
        return Bill(
            dict(result.seconds),
            {str(stage): float(seconds) for stage, seconds in plain["processor"].items()},
            float(plain["audio_seconds"]),
            float(plain["embedded_seconds"]),
            int(plain["peak_bytes"]),
        )
    except (TypeError, KeyError, ValueError, AttributeError):  # it counts for nothing but to be shown
        return None


def in_a_line(bills: Sequence[Bill], processor: float, wall: float, peak_bytes: int) -> str:
    """What a command took: its own seconds of processor and wall time, by stage as far as results tell, audio and memory.

    Args:
        bills: Of the results that it made.
        processor, wall: Seconds from its begin to its end.
        peak_bytes: The most memory that it held; 0 if not known.
    """
    stages = {stage: sum(each.processor.get(stage, 0.0) for each in bills) for stage in STAGES if stage not in _SHARED}
    by_workers = stages.pop("workers")  # whose time is not this command's
    parts = [
        f"{stage} {seconds:.1f}" for stage, seconds in stages.items() if any(stage in each.processor for each in bills)
    ]
    rest = f" ({', '.join(parts)}, the rest {max(0.0, processor - sum(stages.values())):.1f})" if parts else ""
    rest += f" and {by_workers:.1f} s by workers" if by_workers else ""
    embedded = sum(each.embedded_seconds for each in bills)
    waited = sum(each.embedded_seconds / each.audio_per_second for each in bills if each.audio_per_second)
    audio = f"; {embedded:.0f} s of audio embedded, {embedded / waited:.0f} a second" if waited else ""
    memory = f"; at most {describe_bytes(peak_bytes)} of memory" if peak_bytes else ""
    return f"{processor:.1f} s of processor time{rest}, {wall:.1f} s of wall time{audio}{memory}"
