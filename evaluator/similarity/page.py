"""How alike modules are, as a section of a page: on the report, or on one of its own that opens offline."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from evaluator.files import write_whole
from evaluator.report import render, themed
from evaluator.report.page import FurtherSection
from evaluator.report.page_parts import Details, PageTable
from evaluator.report.text import as_sentence, count_of
from evaluator.similarity.analysis import Analysis, MeanTable
from evaluator.similarity.figures import figures_of
from evaluator.tables import TableCell

_HOW = [
    "Every two clips are ranked by how unlike a module, a layer, a descriptor or a label finds them; r is Spearman's correlation of two "
    "rankings, and significant where a Mantel test, corrected for the false discovery rate, says so at 5 %. Linear CKA compares the "
    "embeddings themselves.",
    "A high r with a descriptor says that the embedding orders clips as the descriptor does, not that it was made from it; descriptors "
    "go along with each other and with the labels. Means over tasks hold values that are not significant too.",
]


def section(analysis: Analysis, numbers: Mapping[str, int] | None = None, anchor: str = "similarity") -> FurtherSection:
    """The figures of an analysis, its tables (n_embeddings, n_variables) folded, and how to read them.

    Args:
        analysis: What is shown.
        numbers: Of modules on the page, by name, for their looks; None for their order.
        anchor: In addresses.
    """
    tasks = ", ".join(each.task for each in analysis.datasets)
    n_clips = sum(len(each.clips) for each in analysis.datasets)
    drawn = [
        {
            "title": title,
            "caption": caption,
            "svg": themed.inline(figure, f"{title} {caption} {_told(name, analysis)}".strip()),
        }
        for name, (title, caption, figure) in figures_of(analysis, numbers).items()
    ]
    notes = [as_sentence(note) for each in analysis.datasets for note in each.notes]
    return FurtherSection(
        anchor,
        f"How alike modules are on {tasks}"
        if len(tasks) <= 60
        else f"How alike modules are on {count_of(len(analysis.datasets), 'task')}",
        [f"{count_of(n_clips, 'clip')} of {tasks}."],
        markup=render.markup(Path(__file__).parent, "similarity.html", figures=drawn, how=[*_HOW, *notes]),
        details=[
            Details(
                "All numbers",
                (),
                [
                    _table("Spearman's r of embeddings", analysis.mean_between()),
                    _table("Linear CKA of embeddings", analysis.mean_cka()),
                    _turned("Spearman's r with descriptors and labels", analysis.mean_variables()),
                ],
            )
        ],
    )


def write(analysis: Analysis, folder: Path) -> Path:
    """Write `similarity.html`, whole, into an existing folder, with all (n_embeddings, n_variables) numbers; gives its path."""
    subtitle = "Files beside this page: similarity.json, representations.csv, variables.csv, and the figures."
    html = render.render_sections("How alike modules are", subtitle, [section(analysis)])
    write_whole(folder / "similarity.html", html.encode("utf-8", errors="replace"))
    return folder / "similarity.html"


def _told(name: str, analysis: Analysis) -> str:
    """For readers without the picture: which variable each embedding has most in common with, or the most and least alike pair."""
    if name.startswith("modules"):
        table = analysis.mean_between() if name == "modules-r" else analysis.mean_cka()
        pairs = [
            (float(table.values[cell]), f"{table.rows[cell[0]]} and {table.rows[cell[1]]}")
            for cell in zip(*np.triu_indices(len(table.rows), 1), strict=True)
            if not np.isnan(table.values[cell])
        ]
        if not pairs:
            return ""
        (least, few), (most, many) = min(pairs), max(pairs)
        return f"Most alike are {many}, {most:.2f}; least alike {few}, {least:.2f}."
    if name != "variables":
        return "The table below has the numbers."
    table = analysis.mean_variables()
    best = []
    for row, embedding in enumerate(table.rows):
        if not np.isnan(table.values[row]).all():
            column = int(np.nanargmax(table.values[row]))
            best.append(f"{embedding} most with {table.columns[column]}, {table.values[row, column]:.2f}")
    return f"{'; '.join(best[:12])}."


def _table(caption: str, table: MeanTable) -> PageTable:
    rows: list[list[TableCell]] = [
        [name, *map(_cell, values)] for name, values in zip(table.rows, table.values.tolist(), strict=True)
    ]
    return PageTable(caption, ["embedding", *table.columns], rows)


def _turned(caption: str, table: MeanTable) -> PageTable:
    """A row a variable, since these are more."""
    rows: list[list[TableCell]] = [
        [name, *map(_cell, values)] for name, values in zip(table.columns, table.values.T.tolist(), strict=True)
    ]
    return PageTable(caption, ["variable", *table.rows], rows)


def _cell(value: float) -> TableCell:
    return None if value != value else round(value, 3)
