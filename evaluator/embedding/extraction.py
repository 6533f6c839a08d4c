"""What becomes of the clips of a task: which have a key, what a store lacks of them, and what failed."""

from dataclasses import dataclass, field

from evaluator.audio.decode import AudioError, FileFacts, clip_key, clip_seconds
from evaluator.datasets.recordings import Recordings
from evaluator.embedding.store import Store


@dataclass(frozen=True)
class Help:
    """What other processes did before an extraction looked itself (`workers.py`).

    Attributes:
        n_workers: How many took part.
        n_lost: How many of them died.
        threads: Of each.
        start_seconds: Until the first had opened the module.
        seconds: From then on until there was nothing left for them.
        processor_seconds: Of each that was not lost, without those of a module in a process of its own.
    """

    n_workers: int
    n_lost: int
    threads: int
    start_seconds: float
    seconds: float
    processor_seconds: list[float] = field(default_factory=list)


@dataclass
class Extraction:
    """What became of the clips of a task.

    Attributes:
        keys: Store key of each clip that could be embedded, by its number in the manifest.
        failed: Why the others could not, by number.
        refused: Of those that failed, the ones that the module refused, by number, with the file of its traceback ("" for none);
            the other files could not be read.
        absent: Of those that failed, the numbers of such that a table of vectors has no row of.
        silent: Numbers of clips whose samples are all 0.
        padded: Numbers of clips that the module took only after zero-padding.
        odd: Numbers of clips whose levels are odd, by the kind of `levels.ODDITIES`.
        unheard: Share of the power, 0 to 1, that is gone at the module's sample rate: mean over the clips with a key.
        remarks: Kind and sentence of what is to be known of how the module had to be run.
        change: How far embeddings were from the stored ones when they were asked for again, in standard deviations between clips.
        seen: What that means; "" where nothing is wrong.
        n_embedded: Clips embedded now; the others came from the store.
        embedded_seconds: Of audio that they are, at the module's pace; of an ensemble, by each member.
        seconds: Wall time spent waiting for audio ("read") and in the module ("embed"), and until workers had done theirs ("workers").
        read_processor: Processor time that reading took here, in seconds.
        help: What workers did, each time that they were called for.
    """

    keys: dict[int, str] = field(default_factory=dict)
    failed: dict[int, str] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)
    absent: set[int] = field(default_factory=set)
    silent: list[int] = field(default_factory=list)
    padded: list[int] = field(default_factory=list)
    odd: dict[str, list[int]] = field(default_factory=dict)
    unheard: float = 0.0
    remarks: list[tuple[str, str]] = field(default_factory=list)
    change: float = 0.0
    seen: str = ""
    n_embedded: int = 0
    embedded_seconds: float = 0.0
    seconds: dict[str, float] = field(default_factory=lambda: {"read": 0.0, "embed": 0.0})
    read_processor: float = 0.0
    help: list[Help] = field(default_factory=list)

    def count_in(self, other: "Extraction") -> None:
        """Add what another one cost, in clips and seconds, and who helped."""
        self.n_embedded += other.n_embedded
        self.embedded_seconds += other.embedded_seconds
        self.read_processor += other.read_processor
        for stage, seconds in other.seconds.items():
            self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds
        self.help += other.help


def keyed(recordings: Recordings) -> Extraction:
    """The key of each clip whose file can be read, (n_clips,), and why the others have none; nothing is embedded yet."""
    done = Extraction()
    for number in _by_path(recordings):
        clip = recordings.clips[number]
        facts = recordings.facts[clip.path]
        try:
            if isinstance(facts, AudioError):
                raise facts
            done.keys[number] = clip_key(facts, clip, recordings.rule)
        except AudioError as error:
            done.failed[number] = str(error)
    return done


def recall(done: Extraction, store: Store) -> None:
    """Note what the store remembers of the clips with a key, such as which are silent (all samples 0) or were padded."""
    for number, key in sorted(done.keys.items()):
        clip = store.clips[key]
        if clip.silent:
            done.silent.append(number)
        if clip.padded_to:
            done.padded.append(number)
        for kind in clip.odd:
            done.odd.setdefault(kind, []).append(number)
        done.unheard += clip.unheard / len(done.keys)


def seconds_of(recordings: Recordings, number: int) -> float:
    """Length of a clip after the clip rule, in seconds; 0 where its file cannot be read."""
    clip = recordings.clips[number]
    facts = recordings.facts[clip.path]
    return clip_seconds(facts, clip, recordings.rule) if isinstance(facts, FileFacts) else 0.0


def _by_path(recordings: Recordings) -> list[int]:
    """The clips' numbers in the order of path and start."""
    clips = recordings.clips
    return sorted(range(len(clips)), key=lambda n: (clips[n].path, clips[n].start or 0.0))
