"""What a forecast says on standard output."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from evaluator.commands._console import print_table
from evaluator.files import describe_bytes

if TYPE_CHECKING:
    from evaluator.embedding.trial import Estimate
    from evaluator.experiment.forecast import Forecast

HEAD = (
    "module",
    "task",
    "clips",
    "audio h",
    "stored",
    "download",
    "disk",
    "memory",
    "processor s to embed",
    "wall s to embed",
)
UNKNOWN = "unknown"
_NOTE = (
    "Seconds of processor time (all threads together) and of wall time to embed what is not stored, in brackets if all were as the fastest "
    "and as the slowest batch of a trial; memory as the command held it up to the end of each trial. Not forecast: fitting and scoring probes."
)


def print_forecasts(made: "Sequence[Forecast]") -> None:
    """A table, (n_forecasts, n_columns), what is missing, and the sum."""
    print_table(HEAD, [_row(each) for each in made])
    for sentence in dict.fromkeys(sentence for each in made for sentence in each.lacks):
        print(f"missing: {sentence}")
    for sentence in dict.fromkeys(_unknown(each) for each in made if each.lacks or each.download_bytes is None):
        print(f"note: {sentence}")
    for each in made:
        if each.why and not each.lacks:
            print(f"note: {each.module}, {each.task}: no trial, for {each.why}")
        if each.trial is not None and each.trial.n_failed:
            failed = f"{each.trial.n_failed} of {each.trial.n_tried + each.trial.n_failed} clips of the trial"
            print(f"note: {each.module}, {each.task}: {failed} cannot be embedded, such as {each.trial.why_failed}")
        if each.trial is not None and each.trial.too_long_seconds:
            hours = f"{each.trial.too_long_seconds / 3600:.3g} h of audio"
            print(
                f"note: {each.module}, {each.task}: {hours} in clips too long to be tried are told at the rate of the shorter ones"
            )
    opened = {each.module: each.open_processor for each in made if each.open_processor is not None}
    trials = [each.trial for each in made if each.trial is not None]
    if trials:
        embed, stored = sum(trial.processor.mean for trial in trials), sum(trial.store_bytes for trial in trials)
        low, high = (sum(getattr(trial.processor, end) for trial in trials) for end in ("low", "high"))
        print(
            f"in all{_of_how_many(made)}: {embed:.1f} s of processor time to embed ({low:.1f} to {high:.1f}), {sum(opened.values()):.1f} to open "
            f"{len(opened)} module{'s' * (len(opened) != 1)}; {describe_bytes(stored)} of disk"
        )
    print(f"note: {_NOTE}")


def _unknown(each: "Forecast") -> str:
    """Which facts cannot be known of what is not here, of (n_clips,) clips, and what tells them."""
    if not each.lacks:
        why = "the module is not ours; what it fetches as it is loaded, it fetched for the trial"
        return f"{each.module}: unknown: size of the download, since {why}"
    facts = [
        *(["how many clips"] if each.n_clips is None else []),
        *(["hours of audio"] if each.audio_seconds is None else []),
        *(["size of the download"] if each.download_bytes is None else []),
        *("what is stored", "disk", "memory", "time"),
    ]
    return (
        f"{each.module}: unknown: {', '.join(facts)}, since {each.why}; once what is missing is here, the same --plan tells them by a "
        "trial"
    )


def _of_how_many(made: "Sequence[Forecast]") -> str:
    """How many of the runs the sum is of, where some could not be tried."""
    unknown = sum(each.trial is None and not each.unchanged for each in made)
    return f", without {unknown} of {len(made)} that could not be tried" if unknown else ""


def _row(each: "Forecast") -> tuple[str, ...]:
    named = each.module, each.task, UNKNOWN if each.n_clips is None else str(each.n_clips)
    hours = UNKNOWN if each.audio_seconds is None else f"{each.audio_seconds / 3600:.3g}"
    download = UNKNOWN if each.download_bytes is None else describe_bytes(each.download_bytes)
    if each.unchanged:
        return (*named, hours, "unchanged", "0 B", "0 B", "", "0", "0")
    trial = each.trial
    if trial is None:
        return (*named, hours, UNKNOWN, download, *[UNKNOWN] * 4)
    memory = describe_bytes(trial.peak_bytes) if trial.peak_bytes else UNKNOWN
    times = _seconds(trial.processor), _seconds(trial.wall)
    return (*named, hours, str(trial.n_stored), download, describe_bytes(trial.store_bytes), memory, *times)


def _seconds(estimate: "Estimate") -> str:
    """In seconds: the mean, with the spread behind it."""
    if not estimate.mean:
        return "0"
    return f"{estimate.mean:.3g} ({estimate.low:.3g} to {estimate.high:.3g})"


def as_plain(each: "Forecast") -> dict[str, Any]:
    """A forecast as values that JSON holds, in seconds and bytes."""
    return {**asdict(each), "lacks": list(each.lacks)}
