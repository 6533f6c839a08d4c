"""Reproduced tables as files: TABLE.md and TABLE.tex for people, TABLE.csv with one line a cell, and tables.json."""

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from evaluator import tables
from evaluator.files import finite, sweep, write_whole
from evaluator.reproduction import cells, notes
from evaluator.reproduction.cells import MARK, PERCENT, Cell, OurScore, decimals
from evaluator.reproduction.finished import UNKNOWN
from evaluator.reproduction.plan import Plan
from evaluator.reproduction.recipe import RecipeTable
from evaluator.reproduction.replacing import describe_options, describe_row, is_replaced
from evaluator.results.caveats import DAGGER, mark

TableRows = list[list[tables.TableCell]]
REPLACED_TITLE, REASONS_TITLE = "Other modules than the recipe's", "Known reasons for differences"
_MAX_CELLS = 6  # that a caveat names
PROFILE_TITLES = {"published": "ours as published", "clean": "ours clean"}


def write(plan: Plan, out: Path) -> dict[str, str]:
    """Write every table of a plan below `out/reproduce-PAPER/`, whole; gives each file's text by its path.

    A table has a line for each row and a cell for each column, (n_rows, n_columns); numbers are in percent.

    Args:
        plan: Its runs marked as far as they are done.
        out: Folder of results.
    """
    folder = out / f"reproduce-{plan.recipe.name}"
    folder.mkdir(parents=True, exist_ok=True)
    sweep(folder)
    written, documents = {}, []
    for table in plan.recipe.tables:
        reproduced = cells.make_cells(plan, table, out)
        documents.append({"table": table.name, "title": table.title, "cells": [asdict(cell) for cell in reproduced]})
        texts = {kind: _page(plan, table, reproduced, kind) for kind in ("md", "tex")}
        texts["csv"] = tables.as_text(*_long_form(plan, table, reproduced), "csv")
        for kind, text in texts.items():
            path = folder / f"{table.name}.{kind}"
            write_whole(path, text.encode("utf-8", errors="backslashreplace"))
            written[str(path)] = text
    document = {"paper": plan.recipe.name, "citation": plan.recipe.citation, "tables": documents}
    path, text = folder / "tables.json", json.dumps(finite(document), indent=1, default=str) + "\n"
    write_whole(path, text.encode())
    return {**written, str(path): text}


def _page(plan: Plan, table: RecipeTable, reproduced: Sequence[Cell], kind: str) -> str:
    """A table with its legend, how much of it there is, and its footnotes, as Markdown or LaTeX."""
    parts = [tables.as_text(*_grid(plan, table, reproduced), kind), _as_lines(_legend(plan, table, reproduced), kind)]
    for title, listed in zip(
        (REPLACED_TITLE, REASONS_TITLE), notes.table_notes(table, plan.recipe.footnotes), strict=True
    ):
        if listed:
            parts.append(f"{title}:\n\n{_as_lines([str(note) for note in listed], kind)}")
    return "\n".join(parts)


def _as_lines(sentences: Sequence[str], kind: str) -> str:
    """Sentences as a list in Markdown, or as a table of one column that breaks lines in LaTeX; text stays text."""
    text = tables.as_text([""], [[sentence] for sentence in sentences], kind)
    if kind == "tex":
        return text.replace(r"\begin{tabular}{l}", r"\begin{tabular}{p{0.9\linewidth}}", 1)
    return "".join(f"* {line[2:-2].strip()}\n" for line in text.splitlines()[2:])


def _grid(plan: Plan, table: RecipeTable, reproduced: Sequence[Cell]) -> tuple[list[str], TableRows]:
    """Head and rows as the paper prints them."""
    listed = [note for each in notes.table_notes(table, plan.recipe.footnotes) for note in each]
    texts = {
        (cell.row, cell.column): _as_text(cell) + notes.marks(listed, cell.row, cell.column) for cell in reproduced
    }
    head = ["", *(column + notes.marks(listed, "", column) for column in table.columns)]
    rows: TableRows = [
        [row + notes.marks(listed, row, ""), *(texts[row, column] for column in table.columns)] for row in table.rows
    ]
    return head, rows


def _as_text(cell: Cell) -> str:
    """The numbers of a cell: printed / ours in each profile with its interval; `-` for one that is not there."""
    digits = decimals(cell.printed)
    ours = [_number(each, digits) + MARK * cell.differs[profile] for profile, each in cell.ours.items()]
    return " / ".join([cell.printed or "-", *ours])


def _number(ours: OurScore, digits: int) -> str:
    if ours.score is None:
        return "-"
    value, low, high = (f"{PERCENT * each:.{digits}f}" for each in (ours.score.value, ours.score.low, ours.score.high))
    part = f", {ours.n_fused} of {ours.n_rows} rows" if ours.n_fused < ours.n_rows else ""
    clips = f", {ours.score.part}" if ours.score.part else ""
    interval = "no interval" if math.isnan(ours.score.low) else f"{low} to {high}"
    return f"{value}{mark(ours.score.caveats)} ({interval}{part}{clips})"


def _legend(plan: Plan, table: RecipeTable, reproduced: Sequence[Cell]) -> list[str]:
    """Sentences that say what the numbers are, how many there are, and why the others are missing."""
    names = [PROFILE_TITLES[profile] for profile in plan.recipe.profiles]
    lines = [
        f"{table.title}. {plan.recipe.citation}",
        f"Each cell: {' / '.join(['printed', *(f'{name} (95 % interval)' for name in names)])}; - for none.",
        f"{MARK}: the printed number is outside our interval by more than its rounding. n of m clips, n of m rows: only a part was "
        "here, or it is not known whether it is all, so that the number is not the paper's, and is not compared with it.",
        *_caveats(reproduced),
    ]
    for profile in plan.recipe.profiles:
        lines += _count_cells(profile, reproduced)
        lines += _missing_of_added(table, profile, reproduced)
    used: dict[str, list[str]] = {}
    for row, each in table.rows.items():
        if each.module and not each.added and not is_replaced(table, row):
            used.setdefault(describe_row(each), []).append(row)
    lines += [f"{', '.join(rows)}: {module}." for module, rows in used.items()]
    return [*lines, f"Protocol: {plan.recipe.protocol}; trainings of each probe: {plan.recipe.seeds}."]


def _caveats(reproduced: Sequence[Cell]) -> list[str]:
    """What the daggers mean, each fact once, with the cells and profiles that it is about; nothing where there are none."""
    where: dict[str, list[str]] = {}
    for cell in reproduced:
        for profile, ours in cell.ours.items():
            for caveat in ours.score.caveats if ours.score else ():
                where.setdefault(caveat.text, []).append(f"{cell.row}, {cell.column} ({profile})")
    return [
        f"{DAGGER} {text}: {'; '.join(cells[:_MAX_CELLS])}{f' and {len(cells) - _MAX_CELLS} more' * (len(cells) > _MAX_CELLS)}."
        for text, cells in where.items()
    ]


def _count_cells(profile: str, reproduced: Sequence[Cell]) -> list[str]:
    """Sentences that say how many cells of a profile there are, and why the others are missing."""
    ours = [cell.ours[profile] for cell in reproduced]
    scores = [each.score for each in ours if each.score]
    n_marked = sum(cell.differs[profile] for cell in reproduced)
    n_unknown = sum(score.part.endswith(UNKNOWN) for score in scores)
    n_parts = sum(bool(score.part) for score in scores) - n_unknown
    of_parts = f", {n_parts} of them on a part of the clips" if n_parts else ""
    of_parts += f", {n_unknown} of them on clips of which it is not known whether they are all" if n_unknown else ""
    n_others = sum(cell.other_module and bool(cell.ours[profile].score) for cell in reproduced)
    of_others = f", {n_others} of them of other modules" if n_others else ""
    reasons = Counter(each.why_not for each in ours if each.score is None)
    return [
        f"{PROFILE_TITLES[profile]}: {len(scores)} of {len(reproduced)} cells{of_parts}{of_others}; {n_marked} marked {MARK}.",
        *(
            f"{PROFILE_TITLES[profile]}, {n} of {len(reproduced)} cells missing: {why}."
            for why, n in reasons.most_common()
        ),
    ]


def _missing_of_added(table: RecipeTable, profile: str, reproduced: Sequence[Cell]) -> list[str]:
    """A sentence for each added row that lacks some of the paper's columns: which, and why."""
    sentences = []
    for name in (name for name, row in table.rows.items() if row.added):
        columns: dict[str, list[str]] = {}
        for cell in (each for each in reproduced if each.row == name and each.ours[profile].score is None):
            columns.setdefault(cell.ours[profile].why_not, []).append(cell.column)
        if columns:
            lacking = "; ".join(f"{', '.join(each)} ({why})" for why, each in columns.items())
            n_missing = sum(map(len, columns.values()))
            n = f"{len(table.columns) - n_missing} of {len(table.columns)} cells"
            sentences.append(f"{name}, {PROFILE_TITLES[profile]}: {n}; missing: {lacking}.")
    return sentences


def _long_form(plan: Plan, table: RecipeTable, reproduced: Sequence[Cell]) -> tuple[list[str], TableRows]:
    """A line for each cell: numbers in percent, whether they differ, or why there are none."""
    head = ["row", "column", "task", "module", "options", "other_module", "printed"]
    for profile in plan.recipe.profiles:
        head += [
            f"{profile}{part}" for part in ("", "_low", "_high", "_differs", "_part", "_caveats", "_why_not", "_result")
        ]
    rows: TableRows = []
    for cell in reproduced:
        line: list[tables.TableCell] = [cell.row, cell.column, table.columns[cell.column], cell.module]
        line += [describe_options(cell.options), "yes" if cell.other_module else "", cell.printed]
        for profile, each in cell.ours.items():
            score = each.score
            numbers = [PERCENT * value for value in (score.value, score.low, score.high)] if score else [None] * 3
            line += [*(None if value is None or math.isnan(value) else round(value, 4) for value in numbers)]
            rows_part = f"{each.n_fused} of {each.n_rows} rows" if each.n_fused < each.n_rows else ""
            parts = ", ".join(filter(None, [rows_part, score.part if score else ""]))
            kinds = "; ".join(caveat.kind for caveat in score.caveats) if score else ""
            line += [
                MARK if cell.differs[profile] else "",
                parts,
                kinds,
                each.why_not,
                str(score.path) if score else "",
            ]
        rows.append(line)
    return head, rows
