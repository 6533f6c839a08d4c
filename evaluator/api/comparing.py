"""Results read back, beside each other, and together."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from evaluator.api.inputs import path_of
from evaluator.errors import EvaluationError, UsageError
from evaluator.results import alike, fusion, on_disk, table
from evaluator.results import compare as comparing
from evaluator.results import over_tasks as comparing_tasks
from evaluator.results.compare import Comparison
from evaluator.results.over_tasks import OverTasks
from evaluator.results.result import Result

Results = Result | str | Path | Sequence[Result | str | Path]
"""Results, or the JSON files and folders that hold some; one or several."""


def load_results(*places: str | Path | Sequence[str | Path]) -> list[Result]:
    """The results in JSON files and, at any depth, folders, in the order of their paths.

    Predictions come with them: probabilities (n_times, n_clips, n_classes) for each fold.

    JSON files that are something else (analyses, maps) are passed over; a result that is damaged or of another version is refused,
    and one that was edited bears a caveat.

    Raises:
        UsageError: A place is not there, or holds no result.
        EvaluationError: A result cannot be used; the sentence says why.

    >>> _ = ev.run("hear_ssl.melspec", "demo/calls", protocol="knn", out="mine")
    >>> [result.module for result in load_results("mine")]
    ['hear_ssl.melspec']
    """
    every = [each for place in places for each in ([place] if isinstance(place, (str, Path)) else place)]
    results = [_checked(path) for place in every for path in on_disk.paths_in(path_of(place))]
    if not results:
        raise UsageError(f"{', '.join(map(str, every)) or 'nothing'}: no result of a run; make some with run")
    return results


def compare(*results: Results, baselines: bool = False) -> list[Comparison]:
    """Every two modules on one task: is one really above the other, on the same test clips and over their groups if there are some.

    Args:
        results: Two or more, of one task.
        baselines: Whether modules are compared with baselines (constant, noise, untrained copies, ...) as well; these pairs are corrected
            for themselves. Where there are no two modules that are none, they are in any case.

    Returns:
        One comparison a pair, (n_pairs,), the best pair first; pairs with a baseline behind all others. Differences are in the unit of the
        score, p values are 0 to 1, corrected for being several (Holm).

    Raises:
        UsageError: They do not have the same test clips and metric.
        EvaluationError: A result cannot be used, or its score is not that of its predictions.

    >>> one, other = ev.run(["hear_ssl.melspec", "hear_ssl.majority"], "demo/calls", protocol="knn")
    >>> compare(one, other)[0].better
    'hear_ssl.melspec'
    """
    return comparing.compare(_loaded(results), baselines)


def compare_over_tasks(*results: Results, baselines: bool = False) -> OverTasks:
    """Every two modules on each of several tasks, and the mean difference over tasks: results, files or folders of them.

    Results are paired by task, protocol and profile. The mean is over the tasks, (n_tasks,), that both modules have; its interval and
    p are for new groups, or clips, of these tasks.

    Args:
        results: Of two modules or more, on one task or several.
        baselines: As that of `compare`.

    Returns:
        `by_task` (comparisons, as `compare` gives them), `means`, and `unpaired` (sentences about results and files that could not be
        used or compared).

    Raises:
        UsageError: No two results can be compared, or a place is not there.
        EvaluationError: So few files can be used that nothing is left to compare.

    >>> one, other = ev.run(["hear_ssl.melspec", "hear_ssl.majority"], "demo/calls", protocol="knn")
    >>> compare_over_tasks(one, other).by_task[0].better
    'hear_ssl.melspec'
    """
    problems: list[str] = []
    usable = _loaded(results, problems)
    if len(usable) < 2 and problems:
        raise EvaluationError(problems[0])
    compared = comparing_tasks.over_tasks(usable, baselines)
    return replace(compared, unpaired=[*compared.unpaired, *problems])


def fuse(*results: Results) -> Result:
    """The probabilities of several results averaged with equal weight, scored as one result.

    Probabilities (n_times, n_clips, n_classes) are averaged fold by fold.

    Args:
        results: Two or more, of one task, with the same test clips.

    Raises:
        UsageError: They do not have the same test clips and metric.
        EvaluationError: A result cannot be used.

    >>> both = ev.run(["hear_ssl.melspec", "hear_ssl.duration_loudness"], "demo/calls", protocol="knn")
    >>> fuse(both).module
    'fusion of hear_ssl.melspec and hear_ssl.duration_loudness'
    """
    return fusion.fuse(_loaded(results))


def fuse_by_task(*results: Results) -> tuple[list[Result], list[str]]:
    """A fusion, as `fuse` makes one, for each task, protocol and profile of results, files or folders of them.

    Probabilities (n_times, n_clips, n_classes) are averaged fold by fold.

    Args:
        results: Of two modules or more, on one task or several.

    Returns:
        The fusions, and a sentence for each result that is in none.

    Raises:
        UsageError: No two have the same task and test clips.
        EvaluationError: A result cannot be used.

    >>> both = ev.run(["hear_ssl.melspec", "hear_ssl.duration_loudness"], "demo/calls", protocol="knn")
    >>> [fused.task for fused in fuse_by_task(both)[0]]
    ['demo/calls']
    """
    return fusion.fuse_by_task(_loaded(results))


def to_frame(results: Results) -> Any:
    """One row a result, as a pandas DataFrame: module, task, protocol, score, its mark (a dagger for caveats), interval, caveats.

    Raises:
        UsageError: pandas is not installed, or a place holds no result.

    >>> frame = to_frame(ev.run("hear_ssl.melspec", "demo/calls", protocol="knn"))
    >>> list(frame.columns[:5])
    ['module', 'task', 'protocol', 'profile', 'metric']
    """
    return table.summary_frame(_loaded((results,)))


def _loaded(given: Sequence[Results], problems: list[str] | None = None) -> list[Result]:
    """Results, whatever they were given as; where `problems` is a list, a file that cannot be used becomes a sentence in it."""
    results: list[Result] = []
    for each in given:
        if isinstance(each, Result):
            results.append(each)
        elif not isinstance(each, (str, Path)):
            results += _loaded(each, problems)
        elif problems is None:
            results += load_results(each)
        else:
            results += _usable(path_of(each), problems)
    return results


def _usable(place: Path, problems: list[str]) -> Iterator[Result]:
    """The results at a place that can be used; a sentence to `problems` for each other one, and for a place without any."""
    paths = on_disk.paths_in(place)
    if not paths:
        problems.append(f"{place}: no result of a run")
    for path in paths:
        try:
            yield _checked(path)
        except EvaluationError as error:
            problems.append(str(error))


def _checked(path: Path) -> Result:
    """The result in a file, whose scores are those of its predictions."""
    result = on_disk.read(path)
    try:
        alike.refuse_another_score(result)
    except EvaluationError as error:
        raise EvaluationError(f"{path}: {error}") from error
    return result
