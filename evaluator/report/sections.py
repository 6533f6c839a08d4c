"""A section of the page: all about one board, within its share of the page's bytes; what does not fit is named."""

import re
from collections.abc import Sequence
from dataclasses import replace

from evaluator.report import curves, figures, per_class, text
from evaluator.report.board import Board, Place
from evaluator.report.budget import Drawer
from evaluator.report.drawing import MOST_MODULES
from evaluator.report.listening import Listening
from evaluator.report.overview import ranks
from evaluator.report.page import Amount, Drawn, Folded, Grid, Line, Section
from evaluator.results import on_disk
from evaluator.results.result import Result
from evaluator.scoring.metrics import METRICS

MOST_CONFUSIONS = 4  # modules, best first: eight drawings are as many as a reader looks through
_MOST_GROUPS = 100  # in a table on the page
_CHARACTERS_OF_NAME = 60


def anchor(number: int, board: Board) -> str:
    """The section's name in addresses and file names: its number keeps it unique, whatever the task is called."""
    words = re.sub(r"[^A-Za-z0-9]+", "-", f"{board.task}-{board.protocol}-{board.profile}").strip("-")
    return f"{number + 1}-{words[:_CHARACTERS_OF_NAME]}"


def lines(board: Board) -> list[Line]:
    """The board's places as they are read."""
    return [
        _line(board.metric, place, sum(surely)) for place, surely in zip(board.places, board.surely_better, strict=True)
    ]


def _line(metric: str, place: Place, ahead: int) -> Line:
    head, shown = place.head, METRICS[metric].shown
    low, high = (shown(value) for value in (head.ci_low, head.ci_high))
    return Line(
        place,
        ranks(place),
        Amount(shown(head.score), _sorted_by(head.score)),
        Amount(f"{low} – {high}", _sorted_by(head.ci_low)),
        Amount("–" if head.std is None else shown(head.std), head.std),
        ahead,
    )


def _sorted_by(value: float) -> float | None:
    return None if value != value else value


def read(board: Board) -> list[Result]:
    """The results of the board's places; of those behind the best `MOST_MODULES` without their predictions.

    With 100 modules on a large task, all predictions together would not fit into memory.
    """
    found = []
    for number, place in enumerate(board.places):
        result = on_disk.read(place.head.path)
        found.append(result if number < MOST_MODULES else replace(result, test_targets=[], test_probabilities=[]))
    return found


def section(name: str, title: str, board: Board, drawer: Drawer, listening: Listening) -> Section:
    """The section of a board.

    Args:
        name: Its anchor.
        title: Its heading.
        board: With one place at least.
        drawer: Puts figures where they go.
        listening: Which clips are wanted, and where their sounds lie.
    """
    found = read(board)
    titles = [place.title for place in board.places]
    drawn = _overall(drawer, board, found)
    folded = [*_classes(drawer, titles, found), *_groups(drawer, titles, found), *_lengths(drawer, found[0])]
    heard = listening.listed(titles[:MOST_MODULES], found[:MOST_MODULES], drawer)
    failed = text.failures(titles, found)
    if failed:
        table = Grid("Failures", ["clip", "why", "modules"], [list(each) for each in failed])
        folded.append(Folded(f"{len(failed)} clip{'s' * (len(failed) > 1)} that could not be used", (), [table]))
    shared, names, values = text.origins(found)
    return Section(
        anchor=name,
        title=title,
        metric=text.metric_name(board.metric),
        caption=text.caption(board),
        asked=text.asked(board, found),
        notes=list(dict.fromkeys([*map(text.ended, board.notes), *text.notes(titles, found)])),
        lines=lines(board),
        figures=drawn,
        folded=folded,
        heard=heard,
        left_out=left_out(drawer.left_out),
        shared=shared,
        parting=_parting(titles, names, values),
    )


def _parting(titles: Sequence[str], names: Sequence[str], values: Sequence[Sequence[str]]) -> Grid | None:
    if not names:
        return None
    rows = [[title, *row] for title, row in zip(titles, values, strict=True)]
    return Grid("What differs between the modules", ["module", *names], rows)


def left_out(names: Sequence[str]) -> list[str]:
    """A sentence about figures and clips for which there was no room; none if there are none."""
    if not names:
        return []
    return [
        f"Left out, to keep this page small: {', '.join(dict.fromkeys(names))}. A report of this task's results alone has them, "
        "or one of fewer modules; --format svg writes figures beside the page."
    ]


def _overall(drawer: Drawer, board: Board, found: Sequence[Result]) -> list[Drawn]:
    titles, heads = [place.title for place in board.places], [place.head for place in board.places]
    ends = ([head.ci_low for head in heads], [head.ci_high for head in heads])
    intervals = "its 95 % interval; a ring marks what counts."
    layers = "Layers." if curves.are_layers(found) else "Settings."
    return [
        *drawer.draw(
            "scores",
            "Scores",
            f"with their 95 % intervals{', best first' if len(heads) > 1 else ''}.",
            figures.scores(titles, [head.score for head in heads], *ends, board.metric),
        ),
        *drawer.draw(
            "layers",
            layers,
            f"The score of each {'layer' if layers == 'Layers.' else 'setting'} that was judged, with {intervals}",
            curves.layer_curves(titles, found),
        ),
        *drawer.draw(
            "shots",
            "Number of shots.",
            f"The score with so many training clips of each class, the mean of many draws, with {intervals}",
            curves.shot_curves(titles, found),
        ),
    ]


def _classes(drawer: Drawer, titles: Sequence[str], found: Sequence[Result]) -> list[Folded]:
    """The score of each class, and the confusions of the best."""
    best = found[:MOST_MODULES]
    measure = per_class.class_measure(found[0])
    if not measure:
        return []
    head, rows = per_class.recall_rows(titles[: len(best)], best)
    drawer.files.table(lambda kind: (head, rows), f"{drawer.name}-classes")
    title = f"{measure.capitalize()} of each class"
    drawn = drawer.draw("classes", f"{title}.", _of_best(best, found), figures.recalls(titles[: len(best)], best))
    folded = [Folded(title, drawn, [Grid(f"{title} in %", head, rows, naming=1)])]
    confusions: list[Drawn] = []
    for number, result in enumerate(found[:MOST_CONFUSIONS]):
        for normalised, of in ((True, "in % of each true class"), (False, "in clips")):
            name = f"confusion-{number + 1}-{'share' if normalised else 'count'}"
            confusions += drawer.draw(name, f"{titles[number]}: confusions", of, figures.confusion(result, normalised))
    if confusions:
        of = f", by the best {MOST_CONFUSIONS} of {len(found)} modules" if len(found) > MOST_CONFUSIONS else ""
        folded.append(Folded(f"Which classes are taken for which{of}", confusions, paired=True))
    return folded


def _groups(drawer: Drawer, titles: Sequence[str], found: Sequence[Result]) -> list[Folded]:
    """Scores of each individual, site or recording, where the dataset knows them."""
    best = found[:MOST_MODULES]
    titles = titles[: len(best)]
    head, rows = per_class.group_rows(titles, best)
    if not rows:
        return []
    drawer.files.table(lambda kind: (head, rows), f"{drawer.name}-groups")
    measure = text.metric_name(per_class.group_measure(best[0]))
    drawn = drawer.draw("groups", f"{measure} of each group.", _of_best(best, found), figures.by_group(titles, best))
    tables = [
        Grid(f"{measure} over {len(rows)} groups; --format csv has each one's", *per_class.spread_rows(titles, best))
    ]
    if len(rows) <= _MOST_GROUPS:
        tables = [replace(tables[0], caption=f"{measure} over groups"), Grid(f"{measure} of each group", head, rows)]
    n_small = per_class.n_small_groups(best[0])
    small = f"; {n_small} more have fewer than {per_class.LEAST_OF_GROUP} test clips" if n_small else ""
    return [Folded(f"Scores of {len(rows)} groups (recordings, individuals, sites){small}", drawn, tables)]


def _lengths(drawer: Drawer, result: Result) -> list[Folded]:
    drawn = drawer.draw("lengths", "Lengths", "of the test clips.", figures.lengths(result))
    return [Folded("How long the clips are", drawn)] if drawn else []


def _of_best(best: Sequence[Result], found: Sequence[Result]) -> str:
    return f"The best {len(best)} of {len(found)} modules." if len(best) < len(found) else ""
