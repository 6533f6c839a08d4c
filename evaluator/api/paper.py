"""A table for a paper."""

from collections.abc import Sequence
from pathlib import Path

from evaluator import schema
from evaluator.api import inputs
from evaluator.errors import UsageError
from evaluator.files import write_whole
from evaluator.report import paper_table, paper_text
from evaluator.report import published as of_papers
from evaluator.report.build import BuiltReport, ranked_boards
from evaluator.report.collect import collect
from evaluator.report.overview import overview
from evaluator.report.text import as_sentence
from evaluator.reproduction import printed
from evaluator.tables import KINDS


def write_table(
    places: str | Path | Sequence[str | Path],
    out: str | Path | Sequence[str | Path] = "table.tex",
    *,
    published: str | Sequence[str] = (),
    doubt: str = "interval",
    suite_means: bool = False,
) -> BuiltReport:
    """A table of scores for a paper, modules in rows and tasks in columns, (n_modules, n_tasks); the same results give the same bytes.

    Bold is a score only where its module is significantly better than every other one that was measured; caveats are marks
    with footnotes.

    Args:
        places: Result files, or folders of them.
        out: One file or several, whose names end in .tex (booktabs, siunitx and threeparttable), .md or .csv.
        published: Papers whose printed numbers stand below, as in `write_report`.
        doubt: What stands behind each score: `interval` (95 %), `std` (over trainings) or `none`.
        suite_means: Whether each suite has its mean, for modules that have all of its tasks.

    Returns:
        What was written (`.written`, paths), and what could not be used (`.problems`, sentences).

    Raises:
        UsageError: A place is not there or holds no result that can be used, or a name ends otherwise; or there is no such paper.

    >>> _ = ev.run("hear_ssl.melspec", "demo/calls", protocol="knn", out="mine")
    >>> write_table("mine", "table.md").written[0].name
    'table.md'
    """
    files = inputs.places_of(out)
    for path in files:
        if path.suffix.lower() not in KINDS:
            raise UsageError(f"out={path}: a table ends with {', '.join(KINDS)}, not {path.suffix!r}")
        if not path.absolute().parent.is_dir():
            raise UsageError(f"out={path}: there is no folder {path.parent}; make it, or give another one")
    if doubt not in paper_table.DOUBTS:
        raise UsageError(schema.unknown("doubt", doubt, paper_table.DOUBTS))
    papers = printed.papers(inputs.names_of(published))
    collection = collect(inputs.places_of(places))
    boards, problems = ranked_boards(collection)
    problems += of_papers.unmatched(boards, papers)
    everything = overview(boards)
    table = paper_table.make(everything, papers, doubt, suite_means)
    for path in files:
        text = paper_text.as_text(table, KINDS[path.suffix.lower()])
        write_whole(path, text.encode("utf-8", errors="backslashreplace"))
    return BuiltReport(files, list(map(as_sentence, [*problems, *everything.missing])))
