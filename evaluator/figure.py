"""Figures: how one is begun and written, and those of a dataset."""

import io
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evaluator.errors import UsageError
from evaluator.files import write_whole

MODEL_FRAME = 0.025  # seconds that one frame of a wav2vec 2.0 encoder hears: 400 samples at 16 kHz
_KINDS = (".svg", ".png", ".pdf")
_BINS_PER_DECADE = 20
_MANY_DECADES = 4


def refuse_other_kinds(path: Path) -> None:
    """Refuse a file that no figure can be written to; found out before the work rather than after.

    Raises:
        UsageError: Its suffix is none of ours, or its folder is not there.
    """
    if path.suffix.lower() not in _KINDS:
        raise UsageError(f"{path}: a figure is one of {' '.join(_KINDS)}")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}; make it, or give another place")


def empty(width: float, height: float) -> Any:
    """A figure of so many inches, drawn without a screen."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save(figure: Any, path: Path, **how: Any) -> None:
    """Write a figure whole, in the format of its suffix; the same figure gives the same bytes. `how` as for `Figure.savefig`."""
    import matplotlib

    drawn, kind = io.BytesIO(), path.suffix.lower()[1:]
    with warnings.catch_warnings(), matplotlib.rc_context({"svg.hashsalt": "hear-eval"}):
        warnings.filterwarnings(
            "ignore", "Glyph .* missing from font"
        )  # a box stands for it; the user's names are the user's
        figure.savefig(drawn, format=kind, metadata={"Date": None} if kind == "svg" else None, **how)
    write_whole(path, drawn.getvalue())


def clip_lengths(lengths: Mapping[str, Sequence[float]], path: Path) -> None:
    """Draw how long the clips of each dataset are into a file, whole; see `lengths_figure`.

    Args:
        lengths: Dataset -> lengths of its clips in seconds.
        path: Of the figure: .svg, .png or .pdf.

    Raises:
        UsageError: Another kind of file, or no clip has a length.
    """
    refuse_other_kinds(path)
    figure = lengths_figure(lengths)
    if figure is None:
        raise UsageError(f"{path}: nothing to draw, since no clip could be read")
    save(figure, path)


def lengths_figure(lengths: Mapping[str, Sequence[float]]) -> Any:
    """How long the clips of each dataset are, on a logarithmic axis, one row a dataset; None if no clip has a length.

    As Fig. 1 of Sarkar & Magimai-Doss (ICASSP 2025): the share of clips by length, the
    median, and what one frame of a speech model hears.

    Args:
        lengths: Dataset -> lengths of its clips in seconds.
    """
    known = {name: np.array([value for value in values if value > 0]) for name, values in lengths.items()}
    known = {name: values for name, values in known.items() if len(values)}
    if not known:
        return None
    figure = empty(7, 1.2 + 0.9 * len(known))
    rows = np.atleast_1d(figure.subplots(len(known), 1, sharex=True))
    everything = np.concatenate(list(known.values()))
    low = np.log10(min(everything.min(), MODEL_FRAME) / 1.3)  # with 0.02 s inside, and below 0.05 s: two ticks at least
    high = np.log10(max(everything.max() * 1.2, 0.06))
    edges = np.logspace(low, high, max(2, round((high - low) * _BINS_PER_DECADE)))
    for axes, (name, values) in zip(rows, known.items(), strict=True):
        axes.hist(values, edges, weights=np.full(len(values), 100 / len(values)), color="#4878a8")
        middle = float(np.median(values))
        axes.axvline(middle, color="#c44e52")
        axes.axvline(MODEL_FRAME, color="#777777", linestyle=":")
        axes.set(xscale="log", ylabel="% of clips")
        title = f"{name}: {len(values):,} clip{'s' * (len(values) != 1)}, median {middle:.3g} s"
        axes.set_title(title, loc="left", fontsize="medium", parse_math=False)
    rows[-1].set(xlim=(10**low, 10**high))
    _number_seconds(rows[-1].xaxis, high - low)
    rows[-1].set_xlabel(f"clip length in seconds (dotted: one frame of a speech model, {1000 * MODEL_FRAME:g} ms)")
    return figure


def _number_seconds(axis: Any, decades: float) -> None:
    """Ticks with plain numbers at 1, 2 and 5 of each decade of a logarithmic axis, or at 1 alone where there are many."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades <= _MANY_DECADES else (1,), numticks=99))
    axis.set_major_formatter(FuncFormatter(lambda seconds, _: f"{seconds:g}"))
    axis.set_minor_locator(NullLocator())
