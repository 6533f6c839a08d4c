"""What is wrong with the fields of a reader of rows beyond their types, found before any file is looked at."""

import re
from collections.abc import Iterator

from evaluator.datasets.reading.shape import TEMPLATES, RowShape, columns_of, slice_of


def problems(shape: RowShape) -> Iterator[tuple[str, str]]:
    """What is wrong with the fields that all readers of rows share: (key, sentence) pairs."""
    yield from _template_problems(shape)
    yield from _label_problems(shape)
    for text in shape.split_by_order.values():
        try:
            slice_of(text)
        except ValueError as error:
            yield "split_by_order", str(error)
    if shape.windows is not None:
        yield from shape.windows.problems()


def _template_problems(shape: RowShape) -> Iterator[tuple[str, str]]:
    for name in (*TEMPLATES, "label_file"):
        try:
            columns_of(getattr(shape, name))
        except ValueError as error:
            yield name, f"is no template such as audio/{{filename}}: {error}"
    for step in shape.derive:
        try:
            re.compile(step.pattern)
            columns_of(step.source)
        except (re.error, ValueError) as error:
            yield "derive", f"cannot be followed ({step.source}, {step.pattern}): {error}"
    if not shape.path and "path" not in shape.implied:
        yield "path", "is missing: a template of the audio's path, such as audio/{filename}"


def _label_problems(shape: RowShape) -> Iterator[tuple[str, str]]:
    ways = [name for name in ("label", "label_columns", "label_file") if getattr(shape, name)]
    if not ways and "label" not in shape.implied:
        yield shape.label_key, "gives no label: name a group (?P<label>...), or say label, label_columns or label_file"
    if len(ways) > 1:
        yield ways[1], f"stands beside {ways[0]}; a clip's labels come from one of them"
    if shape.other_label and shape.other_label not in shape.classes:
        yield "other_label", f"{shape.other_label!r} is not among the classes"
