"""What is odd about files and about what is heard of clips, in sentences that a check and a result share."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from evaluator.audio.clip_rule import ClipRule
from evaluator.audio.errors import AudioError
from evaluator.audio.facts import FileFacts
from evaluator.audio.levels import ODDITIES


def of_clips(kind: str, names: Sequence[str]) -> str:
    """A kind of `levels.ODDITIES`, and the clips that show it by their names, (n_clips,), one or more."""
    return f"{_counted(len(names), 'clip')} {_agreeing(ODDITIES[kind], len(names))}; {names[0]} for one"


def headers(facts: Mapping[str, FileFacts | AudioError]) -> Iterator[tuple[str, list[str]]]:
    """How many files have a header that is wrong and were read nevertheless, what is wrong with one, and their paths.

    Args:
        facts: Of files, by path.
    """
    odd = {path: one.remark for path, one in facts.items() if isinstance(one, FileFacts) and one.remark}
    if odd:
        path, remark = next(iter(odd.items()))
        have = "has a header that is" if len(odd) == 1 else "have headers that are"
        were = "was" if len(odd) == 1 else "were"
        yield f"{_counted(len(odd), 'file')} {have} wrong, and {were} read to the true end; {path}: {remark}", list(odd)


def paces(facts: Mapping[str, FileFacts | AudioError], rule: ClipRule) -> str:
    """Whether files say that they play at different paces and are heard so; "" if they are not.

    Args:
        facts: Of files, by path; each says its factor, at 10 of which a call at 50 kHz lies at 5 kHz in the file.
        rule: Of their clips, with the pace that clips are heard at.
    """
    known = [one for one in facts.values() if isinstance(one, FileFacts)]
    factors = Counter(one.expansion for one in known)
    if rule.expand is not None or set(factors) <= {1.0}:
        return ""
    listed = ", ".join(f"{n} x {factor:g}" for factor, n in sorted(factors.items()))
    what = "files say (GUANO) how many times slower than life they play"
    if len(factors) == 1:
        return f"all {what} ({listed}), and are heard so; `--expand` (`expand` in YAML) sets another pace"
    return (
        f"{what} ({listed}), and are heard at these different paces; bring them to one with `--expand "
        f"{max(factors):g}` (`expand` in YAML)"
    )


def _counted(n: int, thing: str) -> str:
    return f"{n} {thing}{'s' * (n != 1)}"


def _agreeing(plural: str, n: int) -> str:
    """A sentence about several, or about one."""
    if n != 1:
        return plural
    for many, one in {"lose": "loses", "have": "has", "are": "is"}.items():
        if plural.startswith(f"{many} "):
            plural = one + plural.removeprefix(many)
    return plural.replace("their power when their channels", "its power when its channels")
