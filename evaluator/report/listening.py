"""The clips of a section that can be heard: those on which modules differ most, while there is room on the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluator.report import clips
from evaluator.report.budget import Drawer
from evaluator.report.page import Answer, Clip, Listed
from evaluator.results.result import Result


@dataclass(frozen=True)
class Listening:
    """How many clips of a task are wanted, and where their recordings lie; None for where the results say."""

    most: int
    data: Path | None

    def listed(self, titles: Sequence[str], found: Sequence[Result], drawer: Drawer) -> Listed:
        """The clips of a task and what the modules say of them; none for tasks that ask when, or if none are wanted."""
        disputed = clips.disagreeing(titles, found, self.most) if self.most else []
        folder = self.data or (Path(found[0].provenance["data"]) if found[0].provenance.get("data") else None)
        shown = [_clip(each, folder, drawer) for each in disputed]
        heading = (
            "Clips on which the modules differ most" if len(found) > 1 else "Clips that are surely taken for another"
        )
        return Listed(heading, clips.chosen_by(len(found), found[0].confusion is not None), shown)


def _clip(disputed: clips.Disputed, folder: Path | None, drawer: Drawer) -> Clip:
    group = f" Group {disputed.group}." if disputed.group else ""
    says = f"Truth: {', '.join(disputed.truth) or 'no label'}.{group}"
    answers = [_answer(each) for each in disputed.said]
    heard = clips.heard(disputed.name, folder)
    if isinstance(heard, str):
        return Clip(disputed.name, says, answers, trouble=f"Not to be heard: {heard}.")
    if not drawer.fits(len(heard.audio) + len(heard.picture), f"the sound of {disputed.name}"):
        return Clip(disputed.name, says, answers, trouble="Not to be heard, to keep this page small.")
    cut = "" if heard.whole else f"The first {heard.seconds:.1f} s."
    return Clip(disputed.name, says, answers, heard.audio, heard.picture, cut)


def _answer(said: clips.Said) -> Answer:
    labels = ", ".join(label for label, _ in said.labels)
    return Answer(said.title, labels, said.right, ", ".join(f"{chance:.2f}" for _, chance in said.labels))
