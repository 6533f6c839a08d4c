"""The ledger of sample rates: how the clips of a result were recorded, and what of that the module heard."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recorded:
    """Clips whose files are alike.

    sample_rate: Of the files, in Hz.
    channels: How many they have.
    expansion: How many times slower than life they play.
    n_clips: How many clips they hold.
    """

    sample_rate: int
    channels: int
    expansion: float
    n_clips: int


@dataclass(frozen=True)
class Hearing:
    """How clips were recorded, and what of them the module heard.

    sample_rate: That the module takes, in Hz; 0 where nobody knows it, as of vectors that were computed elsewhere.
    channel: What became of several channels, of `clip_rule.CHANNELS` or a number.
    expand: How many times slower than life the module heard them; None for as the files play.
    recorded: Files that are alike, those of most clips first.
    unheard: Share of the power, 0 to 1, that the module's sample rate cannot hold: mean over clips.
    """

    sample_rate: int
    channel: str
    expand: float | None
    recorded: list[Recorded]
    unheard: float

    def __str__(self) -> str:
        """In a sentence without its full stop."""
        files = ", ".join(_counted(each) for each in self.recorded)
        several = any(each.channels > 1 for each in self.recorded)
        how = f", channel: {self.channel}" if several or self.channel != "mix" else ""
        slowly = "" if self.expand is None else f", {pace(self.expand)}"
        lost = ""
        if self.unheard >= 0.001:
            lost = f"; {100 * self.unheard:.3g} % of their power lies above {self.sample_rate / 2000:g} kHz and is not heard"
        heard = (
            f"heard at {_kilohertz(self.sample_rate)}"
            if self.sample_rate
            else "heard elsewhere, at a rate that is not known"
        )
        return f"sound: {files}, {heard}{how}{slowly}{lost}"


def pace(expand: float) -> str:
    """How slowly clips are heard, in words.

    Args:
        expand: How many times slower than life: at 10, a call at 50 kHz is heard at 5 kHz.
    """
    return "at life's pace" if expand == 1 else f"{expand:g} times slower than life"


def _counted(each: Recorded) -> str:
    channels = f" in {each.channels} channels" if each.channels > 1 else ""
    expanded = f" that play {each.expansion:g} times slower than life" if each.expansion != 1 else ""
    return f"{each.n_clips} clip{'s' * (each.n_clips != 1)} of {_kilohertz(each.sample_rate)}{channels}{expanded}"


def _kilohertz(rate: int) -> str:
    return f"{rate / 1000:g} kHz"
