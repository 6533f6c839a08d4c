"""ELAN's annotation documents, `.eaf`: XML with times in milliseconds, tiers of annotations, and the media in the header.

Annotations of a tier that depends on another one have that one's times. The standard library's parser reads them: pympi-ling
1.71 calls the same parser without any bound, and cannot place an annotation whose time slot has no value. A document with a
DOCTYPE, which ELAN never writes and which entities that grow without bound need, is refused, and so is a huge one.
Format: https://www.mpi.nl/tools/elan/EAF_Annotation_Format_3.0_and_ELAN.pdf
"""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from urllib.parse import unquote
from xml.etree import ElementTree

from evaluator.datasets.intake import Tally
from evaluator.datasets.reading.mark import Mark
from evaluator.datasets.reading.rows import AUDIO_SUFFIXES
from evaluator.errors import UsageError
from evaluator.files import describe_bytes

_MAX_BYTES = 1 << 27  # 128 MiB, some hundred times a day's annotations
_Times = tuple[int, int] | None  # start and end in ms; None where the document has none


def marks(path: Path, label: str, tally: Tally) -> Iterator[Mark]:
    """The annotations of one tier, in the order of the document; times are in seconds of the recording.

    Args:
        path: The document.
        label: The tier; "" for the only one that has annotations.
        tally: Where annotations without a time are noted.

    Raises:
        UsageError: It is no such document, has no such tier or several, or names several recordings.
    """
    document = _parsed(path)
    tier = _tier(path, document, label)
    recording, origin = _recording(path, document)
    times = _times(path, document)
    columns = {"tier": tier.get("TIER_ID", ""), "participant": tier.get("PARTICIPANT", "")}
    for number, annotation in enumerate(_annotations(tier), start=1):
        span = times.get(annotation.get("ANNOTATION_ID", ""))
        if span is None:
            tally.rows += 1  # read, but handed on to nobody who would count it
            tally.note("unaligned_marks", f"{path.name}:{number}")
            continue
        start, end = (f"{(time + origin) / 1000:.3f}" for time in span)
        value = (annotation.findtext("ANNOTATION_VALUE") or "").strip()
        yield Mark(number, start, end, value, recording, columns)


class _NoDoctype(ElementTree.TreeBuilder):
    """Builds trees of documents that define no entities."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise ValueError(f"it has a DOCTYPE ({name}), which ELAN never writes")


def _parsed(path: Path) -> ElementTree.Element:
    try:
        size = path.stat().st_size
        if size > _MAX_BYTES:
            raise UsageError(
                f"{path}: has {describe_bytes(size)}, but an annotation document of ELAN has at most {describe_bytes(_MAX_BYTES)}"
            )
        parser = ElementTree.XMLParser(target=_NoDoctype())  # noqa: S314 - entities are refused
        document: ElementTree.Element = ElementTree.parse(path, parser).getroot()  # noqa: S314
    except (OSError, ValueError, LookupError, ElementTree.ParseError) as error:
        raise UsageError(f"{path}: is no annotation document of ELAN: {error}; save it in ELAN again") from error
    if document.tag != "ANNOTATION_DOCUMENT":
        raise UsageError(f"{path}: is no annotation document of ELAN, but a <{document.tag}>")
    return document


def _tier(path: Path, document: ElementTree.Element, label: str) -> ElementTree.Element:
    """The tier of that name, or the only one that has annotations."""
    tiers = {tier.get("TIER_ID", ""): tier for tier in document.iter("TIER")}
    filled = [name for name, tier in tiers.items() if next(_annotations(tier), None) is not None]
    names = ", ".join(filled or tiers) or "none"
    if label and label not in tiers:
        raise UsageError(f"{path}: has no tier {label!r}, only {names}")
    if not label and len(filled) != 1:
        raise UsageError(
            f"{path}: has {len(filled)} tiers with annotations ({names}); say which in a YAML file: label_column: NAME"
        )
    return tiers[label or filled[0]]


def _annotations(tier: ElementTree.Element) -> Iterator[ElementTree.Element]:
    """The annotations of a tier, with times of their own or of another tier's."""
    return (each for annotation in tier.iter("ANNOTATION") for each in annotation)


def _times(path: Path, document: ElementTree.Element) -> Mapping[str, _Times]:
    """Start and end in ms of every annotation, by its id; None where a time slot has no value."""
    slots = {slot.get("TIME_SLOT_ID"): slot.get("TIME_VALUE") for slot in document.iter("TIME_SLOT")}
    times: dict[str, _Times] = {}
    parents: dict[str, str] = {}
    for annotation in (each for tier in document.iter("TIER") for each in _annotations(tier)):
        name = annotation.get("ANNOTATION_ID", "")
        if annotation.tag == "REF_ANNOTATION":
            parents[name] = annotation.get("ANNOTATION_REF", "")
            continue
        values = [slots.get(annotation.get(f"TIME_SLOT_REF{n}")) for n in (1, 2)]
        try:
            times[name] = None if None in values else (int(values[0] or ""), int(values[1] or ""))
        except ValueError:
            raise UsageError(f"{path}: annotation {name} has the times {values}, which are no milliseconds") from None
    for name in parents:
        times[name] = _inherited(path, name, parents, times)
    return times


def _inherited(path: Path, name: str, parents: Mapping[str, str], times: Mapping[str, _Times]) -> _Times:
    """The times of the annotation that another one depends on, through as many tiers as there are."""
    seen, parent = {name}, parents[name]
    while parent in parents:
        if parent in seen:
            raise UsageError(f"{path}: annotation {name} depends on itself; save the document in ELAN again")
        seen.add(parent)
        parent = parents[parent]
    if parent not in times:
        raise UsageError(f"{path}: annotation {name} depends on {parent!r}, which is not there")
    return times[parent]


def _recording(path: Path, document: ElementTree.Element) -> tuple[str, int]:
    """The audio file in the header, relative where it is given so, "" if there is none; and where in it time 0 is, in ms."""
    media: dict[str, int] = {}
    shifted = ""
    for each in document.iter("MEDIA_DESCRIPTOR"):
        address = each.get("RELATIVE_MEDIA_URL") or each.get("MEDIA_URL") or ""
        name = _file_of(address)
        origin = each.get("TIME_ORIGIN") or "0"
        try:
            start = int(origin)
        except ValueError:
            raise UsageError(f"{path}: {name} has the TIME_ORIGIN {origin!r}, which is no milliseconds") from None
        if PurePosixPath(name).suffix.lower() not in AUDIO_SUFFIXES:
            shifted = shifted or (name if start else "")
        elif media.setdefault(name, start) != start:
            raise UsageError(
                f"{path}: is linked to {name} twice, with the TIME_ORIGIN {media[name]} and {start}; unlink one"
            )
    if shifted and not media:
        raise UsageError(
            f"{path}: is linked to {shifted} with a TIME_ORIGIN, which says nothing of where a recording beside it begins; link the "
            "recording in ELAN (Edit, Linked Files)"
        )
    if len(media) > 1:
        raise UsageError(
            f"{path}: is about several recordings ({', '.join(media)}); unlink all but one of them in ELAN (Edit, Linked Files)"
        )
    return next(iter(media.items()), ("", 0))


def _file_of(address: str) -> str:
    """The path in a media address: `./a%20b.wav`, `file:///C:/rec/a.wav`, `file:/rec/a.wav`."""
    name = unquote(address).replace("\\", "/")
    if name.startswith("file:"):
        name = name.removeprefix("file:")
        name = "/" + name.lstrip("/") if name.startswith("/") else name
        if name[2:3] == ":":  # /C:/
            name = name[1:]
    return name.removeprefix("./")
