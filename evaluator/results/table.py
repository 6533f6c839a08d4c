"""Results (`result.Result`) as tables: a row each, or a row for each test clip."""

from collections.abc import Sequence
from html import escape
from typing import Any

from evaluator.errors import UsageError
from evaluator.results.caveats import mark
from evaluator.scoring.metrics import METRICS

COLUMNS = (
    "module",
    "task",
    "protocol",
    "profile",
    "metric",
    "score",
    "ci_low",
    "ci_high",
    "interval_over",
    "n_units",
    "over_folds",
    "std",
    "chosen",
    "n_clips",
    "n_failed",
)


def pandas() -> Any:
    """The library pandas.

    Raises:
        UsageError: It is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise UsageError(f"tables in memory need pandas ({error}): pip install pandas") from error
    return pandas


def summary_rows(results: Sequence[Any]) -> list[dict[str, Any]]:
    """A row for each result: `COLUMNS`, `mark` (a dagger where the score has caveats), and these as one text, and by their kinds.

    Scores are in the metric's own unit; the table is (n_results, n_columns).
    """
    return [
        {
            **{name: getattr(each, name) for name in COLUMNS},
            "mark": mark(each.caveats),
            "caveats": "; ".join(caveat.text for caveat in each.caveats),
            "caveat_kinds": "; ".join(caveat.kind for caveat in each.caveats),
        }
        for each in results
    ]


def marked_rows(results: Sequence[Any]) -> list[dict[str, Any]]:
    """`summary_rows` for people, (n_results, n_columns): a score with caveats has its dagger beside the number."""
    rows = summary_rows(results)
    return [{**row, "score": f"{row['score']:.4g}{row.pop('mark')}"} for row in rows]


def summary_frame(results: Sequence[Any]) -> Any:
    """`summary_rows` as a pandas DataFrame, (n_results, n_columns)."""
    return pandas().DataFrame(summary_rows(results), columns=[*COLUMNS, "mark", "caveats", "caveat_kinds"])


def clip_frame(result: Any) -> Any:
    """A row for each test clip of each fold, as a pandas DataFrame.

    Columns: fold, clip, group, seconds; for tasks with labels also label, predicted and a probability for each class, mean over
    the times that probes were fitted (several labels are joined by `;`, and predicted where the probability is above 0.5). For measures
    without training: value, what the clip has as a query, or the number of its cluster.
    Its `attrs["caveats"]` has the result's caveats as sentences.
    """
    rows: list[dict[str, Any]] = []
    kind = METRICS[result.metric]
    for number, fold in enumerate(result.folds):
        targets, probabilities = result.test_targets[number], result.test_probabilities[number].mean(axis=0)
        for index, clip in enumerate(result.test_clips[number]):
            row: dict[str, Any] = {
                "fold": fold.name,
                "clip": clip,
                "group": result.test_groups[number][index],
                "seconds": float(result.test_seconds[number][index]),
            }
            if kind.by_class:
                row |= _labels(result, targets[index], probabilities[index])
            elif kind.of_measures:
                row["value"] = float(probabilities[index, 0])
            rows.append(row)
    frame = pandas().DataFrame(rows)
    frame.attrs["caveats"] = [caveat.text for caveat in result.caveats]
    return frame


def _labels(result: Any, target: Any, probabilities: Any) -> dict[str, Any]:
    single = result.confusion is not None
    predicted = [int(probabilities.argmax())] if single else [n for n, p in enumerate(probabilities) if p > 0.5]
    return {
        "label": ";".join(result.classes[n] for n in target.nonzero()[0]),
        "predicted": ";".join(result.classes[n] for n in predicted),
        **{f"p_{name}": float(p) for name, p in zip(result.classes, probabilities, strict=True)},
    }


def as_html(rows: Sequence[dict[str, Any]]) -> str:
    """Rows with the same columns, (n_rows, n_columns), as an HTML table, for notebooks."""
    if not rows:
        return "<p>nothing</p>"
    head = "".join(f"<th>{escape(str(name))}</th>" for name in rows[0])
    body = "".join(f"<tr>{''.join(f'<td>{escape(_cell(value))}</td>' for value in row.values())}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
