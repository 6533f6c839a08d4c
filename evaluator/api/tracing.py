"""Results asked again, and results held against themselves."""

from pathlib import Path

from evaluator.api import inputs
from evaluator.api.comparing import load_results
from evaluator.embedding.embed import Progress, no_progress
from evaluator.errors import UsageError
from evaluator.experiment import rerun as asking
from evaluator.experiment import verify as verifying
from evaluator.experiment.options import RunOptions
from evaluator.experiment.rerun import Rerun
from evaluator.experiment.run import Failure, run_many
from evaluator.experiment.verify import Verification
from evaluator.files import writable_folder
from evaluator.results import on_disk
from evaluator.results.result import Result


def rerun(
    result: Result | str | Path,
    *,
    data: str | Path | None = None,
    cache: str | Path | None = None,
    out: str | Path | None = None,
    device: str = "auto",
    python: str = "",
    worker_timeout: float = 600.0,
    rehash: bool = False,
    progress: Progress = no_progress,
) -> Rerun:
    """Ask the question of a result again, and say whether the answer is equal.

    Module, weights, options, layers, task, split, protocol, seeds, channel and pace are the result's own: its JSON holds the whole
    task and protocol. Equal means equal in everything but `environment` and `seconds`, predictions (n_times, n_clips, n_classes)
    bit for bit.

    Args:
        result: A result, or its JSON file.
        data: Folder in which the dataset lies now, or the recordings of a task of your own; None for where they lay.
        cache: Folder of embeddings; None for $HEAR_EVAL_CACHE, else ~/.cache/hear-eval. An empty one embeds everything again.
        out: Folder in which the new result is written; None to write none.
        device: "auto", "cpu", "cuda", ...
        python: Another interpreter than the one that the module ran in.
        worker_timeout: Seconds that one call of a module in a process of its own may take.
        rehash: Whether to read every audio file anew, whatever is remembered of it.
        progress: Called with a title and a total, gives what is called with the number of steps done.

    Raises:
        UsageError: It cannot be asked again: a fusion, an object, a file or data that is not there.
        EvaluationError: The result cannot be used, or the run fails.

    >>> again = rerun(ev.run("hear_ssl.melspec", "demo/calls", protocol="knn")[0])
    >>> again.equal, again.differences
    (True, ())
    """
    before = result if isinstance(result, Result) else _one(inputs.path_of(result))
    folder = None if out is None else writable_folder("--out", inputs.path_of(out))
    options = RunOptions(
        inputs.folder_of_data(data), inputs.folder_of_cache(cache), device, progress=progress, rehash=rehash
    )
    request = asking.request_of(before, options, python, worker_timeout)
    failures: list[Failure] = []
    done = [each.result for each in run_many([request], failures.append)]
    if failures:
        raise failures[0].error
    path = None if folder is None else on_disk.write(done[0], folder)
    return asking.compared(before, done[0], path)


def verify(*places: str | Path) -> list[Verification]:
    """Hold results against themselves: predictions' hash, file name, task's and protocol's hashes, scores, interval, edits.

    Scores are computed again from the predictions (n_times, n_clips, n_classes). A file that cannot be read is a problem, no
    error.

    Args:
        places: JSON files of results, and folders that hold some at any depth.

    Returns:
        What was found of each file, `ok` or with `problems`.

    Raises:
        UsageError: A place is not there, or holds no result.

    >>> _ = ev.run("hear_ssl.melspec", "demo/calls", protocol="knn", out="mine")
    >>> [(each.ok, each.problems) for each in verify("mine")]
    [(True, ())]
    """
    found = list(verifying.verify([inputs.path_of(place) for place in places]))
    if not found:
        raise UsageError(f"{', '.join(map(str, places)) or 'nothing'}: no result of a run; make some with run")
    return found


def _one(path: Path) -> Result:
    """The result in a JSON file."""
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; give the JSON file of one result")
    (result,) = load_results(path)
    return result
