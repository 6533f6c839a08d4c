"""A clip on a page: a short piece of audio as a data URI, and its spectrogram."""

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from evaluator.audio import decode, lengths
from evaluator.audio.clip import Clip, named
from evaluator.audio.clip_rule import ClipRule
from evaluator.errors import EvaluationError
from evaluator.report import spectrogram
from evaluator.report.recordings import inside
from evaluator.report.spectrogram import Spectrogram

MAX_BYTES = 150_000  # of a clip's audio as a data URI
MAX_SECONDS = 10.0  # of a clip
# What MP3 and browsers can play, in Hz: https://www.iso.org/standard/22412.html (MPEG-1), 26797 (MPEG-2), and MPEG-2.5.
_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_SMALL_RATE = 16_000  # Hz, of what would be too large at its own rate


@dataclass(frozen=True)
class SoundOptions:
    """How the sound of clips is put on a page.

    max_bytes: Size of the sound's data URI beyond which MP3 is taken, then a lower rate, and then less of the clip.
    max_seconds: How many seconds of a clip, from its start.
    log_frequency: Whether spectrograms have a logarithmic axis of frequency.
    channel, expand: Which channel is heard, and how many times slower than life (`ClipRule`).
    """

    max_bytes: int = MAX_BYTES
    max_seconds: float = MAX_SECONDS
    log_frequency: bool = False
    channel: str = "mix"
    expand: float | None = None


@dataclass(frozen=True)
class ClipSound:
    """The sound of a clip.

    audio: Data URI of mono sound: FLAC, or MP3 where that would be too large.
    spectrogram: Of what can be heard, over the full band of the recording.
    seconds: Length of the sound.
    sample_rate: Of the sound, in Hz.
    whole: Whether that is the whole clip.
    exact: Whether the sound is the clip's samples to 16 bits; else it is MP3.
    """

    audio: str
    spectrogram: Spectrogram
    seconds: float
    sample_rate: int
    whole: bool
    exact: bool

    @property
    def picture(self) -> str:
        """The spectrogram's picture as a data URI."""
        return _uri("image/png", self.spectrogram.picture)

    @property
    def n_bytes(self) -> int:
        """What it adds to a page."""
        return len(self.audio) + len(self.picture)


def clip_sound(name: str, folder: Path | None, options: SoundOptions | None = None) -> ClipSound | str:
    """A clip's sound and spectrogram, or a sentence that says why they cannot be had.

    Mono, at the rate of the recording up to 48 kHz and at its level (samples beyond full scale are clipped), without the
    task's own cutting and padding.

    Args:
        name: Of the clip, as `Clip.name` gives it and results hold it.
        folder: Of the data that its path is relative to; None if it is not known.
        options: How much of it, and how.
    """
    if folder is None:
        return "where the recordings lie is not known; give their folder with --data"
    options = options or SoundOptions()
    try:
        clip = named(name)
        path = inside(folder, clip.path)
        rule = ClipRule(channel=options.channel, expand=options.expand)
        found = lengths.measure(path)
        rate = max(1, round(found.sample_rate / rule.slower(found.expansion)))
        start = partial(_start, path, clip, rule, options.max_seconds)
        samples, whole = start(rate)
        sound = _sound(samples, rate, options.max_bytes, start)
        seen = samples[: max(1, round(sound.seconds * rate))]
        drawn = spectrogram.draw(seen, rate, options.log_frequency)
        return ClipSound(sound.uri, drawn, sound.seconds, sound.sample_rate, whole and sound.whole, sound.exact)
    except (EvaluationError, OSError, ValueError) as error:
        return str(error)


def _start(path: Path, clip: Clip, rule: ClipRule, max_seconds: float, sample_rate: int) -> tuple[np.ndarray, bool]:
    """The start of a clip, (n_samples,), and whether it is the whole clip."""
    known = clip.end is not None and round(clip.end - (clip.start or 0), 6) <= max_seconds
    stretch = clip if known else Clip(clip.path, (), clip.start, None)
    samples = decode.read_clip(path, stretch, replace(rule, seconds=max_seconds + 1 / sample_rate), sample_rate)
    n_max = round(max_seconds * sample_rate)
    return samples[:n_max], len(samples) <= n_max


@dataclass(frozen=True)
class _Sound:
    """Audio as a data URI; whether all samples are in it, and whether they are exact to 16 bits."""

    uri: str
    seconds: float
    sample_rate: int
    whole: bool = True
    exact: bool = False


def _sound(samples: np.ndarray, rate: int, max_bytes: int, at: Callable[[int], tuple[np.ndarray, bool]]) -> _Sound:
    """Audio of at most so many bytes: exact if that is enough, else MP3, else MP3 of less band, else of less time.

    Args:
        samples: (n_samples,), full scale 1.
        rate: Theirs, in Hz.
        max_bytes: Of the data URI.
        at: Gives the same sound at another rate in Hz.
    """
    import soundfile

    played = next((each for each in _RATES if each >= rate), _RATES[-1])
    if played != rate:
        samples = at(played)[0]
    seconds, uri = len(samples) / played, _encoded(samples, played, "FLAC")
    if len(uri) <= max_bytes:
        return _Sound(uri, seconds, played, exact=True)
    kind = "MP3" if "MP3" in soundfile.available_formats() else "FLAC"
    uri = _encoded(samples, played, kind)
    if len(uri) > max_bytes and played > _SMALL_RATE:
        samples, played = at(_SMALL_RATE)[0], _SMALL_RATE
        uri = _encoded(samples, played, kind)
    n_kept = len(samples)
    while len(uri) > max_bytes and n_kept > 1:
        n_kept = max(1, min(n_kept - 1, int(0.95 * n_kept * max_bytes / len(uri))))
        uri = _encoded(samples[:n_kept], played, kind)
    return _Sound(uri, n_kept / played, played, n_kept == len(samples), kind == "FLAC")


def _encoded(samples: np.ndarray, rate: int, kind: str) -> str:
    import soundfile

    target = io.BytesIO()
    whole = np.clip(np.round(samples * 32768.0), -32768, 32767).astype(np.int16)
    subtype, level = ("PCM_16", 1.0) if kind == "FLAC" else ("MPEG_LAYER_III", 0.4)
    soundfile.write(target, whole, rate, format=kind, subtype=subtype, compression_level=level)
    return _uri("audio/flac" if kind == "FLAC" else "audio/mpeg", target.getvalue())


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
