"""ELAN's annotation documents beside recordings are a task: tiers, times that are inherited, media; hostile ones get a sentence."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from evaluator.datasets import manifest
from evaluator.datasets.intake import Tally
from evaluator.datasets.manifest import Manifest
from evaluator.datasets.reading import elan
from evaluator.errors import UsageError
from evaluator.experiment import catalogue

SLOTS = (0, 1500, 2250, 4000, 5125, None, 9000)  # ms; the sixth has no value


def tier(name: str, *annotations: str, more: str = "") -> str:
    wrapped = "".join(f"<ANNOTATION>{each}</ANNOTATION>" for each in annotations)
    return f'<TIER TIER_ID="{name}" LINGUISTIC_TYPE_REF="t" {more}>{wrapped}</TIER>'


def aligned(name: str, first: int, last: int, value: str) -> str:
    return (
        f'<ALIGNABLE_ANNOTATION ANNOTATION_ID="{name}" TIME_SLOT_REF1="ts{first}" TIME_SLOT_REF2="ts{last}">'
        f"<ANNOTATION_VALUE>{value}</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION>"
    )


def dependent(name: str, parent: str, value: str) -> str:
    return (
        f'<REF_ANNOTATION ANNOTATION_ID="{name}" ANNOTATION_REF="{parent}"><ANNOTATION_VALUE>{value}</ANNOTATION_VALUE>'
        "</REF_ANNOTATION>"
    )


def eaf(*tiers: str, media: Sequence[str] = (), before: str = "", slots: Sequence[object] = SLOTS) -> str:
    """A document as ELAN writes it; media are attributes of descriptors."""
    header = "".join(f"<MEDIA_DESCRIPTOR {each}/>" for each in media)
    times = "".join(
        f'<TIME_SLOT TIME_SLOT_ID="ts{n}"' + ("" if time is None else f' TIME_VALUE="{time}"') + "/>"
        for n, time in enumerate(slots, start=1)
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{before}<ANNOTATION_DOCUMENT AUTHOR="" FORMAT="3.0" VERSION="3.0" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xsi:noNamespaceSchemaLocation="http://www.mpi.nl/tools/elan/EAFv3.0.xsd">'
        f'<HEADER MEDIA_FILE="" TIME_UNITS="milliseconds">{header}</HEADER><TIME_ORDER>{times}</TIME_ORDER>{"".join(tiers)}'
        '<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="t" TIME_ALIGNABLE="true"/></ANNOTATION_DOCUMENT>'
    )


CALLS = tier("call", aligned("a1", 1, 2, " song "), aligned("a2", 3, 4, "call"), aligned("a3", 4, 5, "song"),
             aligned("a4", 5, 7, "call"))  # fmt: skip
KINDS = tier("kind", dependent("b1", "a1", "x"), dependent("b2", "a2", "y"), dependent("b3", "a3", "x"),
             dependent("b4", "a4", "y"), more='PARENT_REF="call" PARTICIPANT="Ada"')  # fmt: skip
FINER = tier("finer", dependent("c1", "b1", "deep"), dependent("c2", "b1", "deeper"), more='PARENT_REF="kind"')


def put(root: Path, **documents: str) -> Path:
    """Documents, and a recording for each unless one is there."""
    root.mkdir(exist_ok=True)
    for name, text in documents.items():
        (root / f"{name}.eaf").write_text(text, encoding="utf-8")
        (root / f"{name}.wav").touch()
    return root


def read(path: Path) -> Manifest:
    (task,) = catalogue.find(str(path))
    return manifest.read(task, None, path.parent / "cache")


def marks(path: Path, label: str = "") -> list[tuple[str, str, str]]:
    return [(mark.start, mark.end, mark.label) for mark in elan.marks(path, label, Tally())]


def test_a_folder_of_documents_is_a_task(tmp_path):
    """Each annotation is a clip of the recording that is called like its document; an empty tier, as ELAN begins with, is none."""
    folder = put(tmp_path / "f", a=eaf(tier("default"), CALLS), b=eaf(CALLS))
    whole = read(folder)
    assert [(clip.name, clip.labels) for clip in whole.clips][:4] == [
        ("a.wav#0-1.5", ("song",)),
        ("a.wav#2.25-4", ("call",)),
        ("a.wav#4-5.125", ("song",)),
        ("a.wav#5.125-9", ("call",)),
    ]
    assert len(whole.clips) == 8 and {clip.group for clip in whole.clips} == {"a.wav", "b.wav"}
    assert whole.intake.differences == () and len(read(folder / "b.eaf").clips) == 4


def test_of_several_tiers_one_has_to_be_named(tmp_path):
    """As of a TextGrid; dependent annotations have the times of those they depend on, through any number of tiers."""
    folder = put(tmp_path / "f", a=eaf(CALLS, KINDS, FINER))
    with pytest.raises(
        UsageError, match=r"has 3 tiers with annotations \(call, kind, finer\); say which .*label_column: NAME"
    ):
        catalogue.find(str(folder))
    assert marks(folder / "a.eaf", "kind")[:2] == [("0.000", "1.500", "x"), ("2.250", "4.000", "y")]
    assert marks(folder / "a.eaf", "finer") == [("0.000", "1.500", "deep"), ("0.000", "1.500", "deeper")]
    with pytest.raises(UsageError, match=r"a\.eaf: has no tier 'who', only call, kind, finer"):
        marks(folder / "a.eaf", "who")


def test_a_participant_may_be_the_group(tmp_path):
    """A tier says whose it is."""
    put(tmp_path / "f", a=eaf(KINDS, CALLS))
    (tmp_path / "t.yaml").write_text(
        "name: t\ndataset:\n  root: f\n  reader: {kind: annotations, format: elan, files: a.eaf, label_column: kind, "
        "group: '{participant}'}\nsplit: {by: random, folds: 2, seed: 1, valid: {share: 0.5, seed: 1}}\nlabels: single\nmetric: uar\n"
    )
    assert [(clip.name, clip.group) for clip in read(tmp_path / "t.yaml").clips][1] == ("a.wav#2.25-4", "Ada")


def test_annotations_without_a_time_are_told(tmp_path):
    """A time slot without a value stands for a boundary that nobody set; those that depend on it have none either."""
    more = CALLS.replace("</TIER>", f"<ANNOTATION>{aligned('a5', 5, 6, 'song')}</ANNOTATION></TIER>")
    whole = read(put(tmp_path / "f", a=eaf(more), b=eaf(CALLS)))
    assert len(whole.clips) == 8 and whole.intake.rows_read == 9
    assert [(each.kind, each.text) for each in whole.intake.differences] == [
        (
            "unaligned_marks",
            "1 annotation has no time, since a time slot has no value, and was left out: a.eaf:5; align them in ELAN",
        )
    ]
    put(tmp_path / "f", a=eaf(more, tier("kind", dependent("b5", "a5", "x"), dependent("b1", "a1", "y"))))
    assert marks(tmp_path / "f/a.eaf", "kind") == [("0.000", "1.500", "y")]


@pytest.mark.parametrize(
    ("media", "found"),
    [
        ('MEDIA_URL="file:///C:/rec/X%201.wav" RELATIVE_MEDIA_URL="./X%201.wav"', "X 1.wav"),
        ('MEDIA_URL="file:///C:/rec/deep/Y.wav"', "deep/Y.wav"),
        ('MEDIA_URL="file:///C:/rec/Y.wav" RELATIVE_MEDIA_URL="deep/../deep/Y.wav"', "deep/Y.wav"),
        ('MEDIA_URL="file:///C:/rec/film.mp4" RELATIVE_MEDIA_URL="./film.mp4"', "a.wav"),
    ],
)
def test_the_header_names_the_recording(tmp_path, media, found):
    """Relative or of another computer; a film alone leaves the document's own name."""
    folder = put(tmp_path / "f", a=eaf(CALLS, media=[media]))
    (folder / "deep").mkdir()
    for name in ("X 1.wav", "deep/Y.wav"):
        (folder / name).touch()
    assert {clip.path for clip in read(folder / "a.eaf").clips} == {found}


def test_a_recording_may_begin_before_the_document_does(tmp_path):
    """Its offset in ELAN is where time 0 lies in it."""
    media = ['RELATIVE_MEDIA_URL="./a.mp4"', 'RELATIVE_MEDIA_URL="./a.wav" TIME_ORIGIN="2500"']
    folder = put(tmp_path / "f", a=eaf(CALLS, media=media))
    assert marks(folder / "a.eaf")[0] == ("2.500", "4.000", " song ".strip())
    put(folder, a=eaf(CALLS, media=[*media, 'RELATIVE_MEDIA_URL="./b.wav"']))
    with pytest.raises(UsageError, match=r"is about several recordings \(a\.wav, b\.wav\); unlink all but one"):
        marks(folder / "a.eaf")


BOMB = '<!DOCTYPE lolz [<!ENTITY a "lol">' + "".join(
    f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)
) + "]>"  # fmt: skip


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            eaf(CALLS.replace("call", "&j;"), before=BOMB),
            r"has a DOCTYPE \(lolz\), which ELAN never writes; save it in ELAN again",
        ),
        (eaf(CALLS, before='<!DOCTYPE x SYSTEM "file:///etc/passwd">'), r"has a DOCTYPE \(x\)"),
        (eaf(CALLS)[:300], r"is no annotation document of ELAN: "),
        ("<html></html>", r"is no annotation document of ELAN, but a <html>"),
        ("not xml", r"is no annotation document of ELAN: syntax error"),
        (eaf(CALLS).replace("UTF-8", "no-such"), r"is no annotation document of ELAN: .*unknown encoding"),
        (
            eaf(CALLS, slots=(0, "1.5", 1, 2, 3, 4, 5)),
            r"annotation a1 has the times \['0', '1\.5'\], which are no milliseconds",
        ),
        (eaf(tier("k", dependent("b1", "gone", "x"))), r"annotation b1 depends on 'gone', which is not there"),
        (eaf(tier("k", dependent("b1", "b2", "x"), dependent("b2", "b1", "x"))), r"annotation b1 depends on itself"),
        (eaf(CALLS, media=['MEDIA_URL="a.wav" TIME_ORIGIN="soon"']), r"a\.wav has the TIME_ORIGIN 'soon'"),
        (
            eaf(CALLS, media=['MEDIA_URL="a.mp4" TIME_ORIGIN="3000"']),
            r"linked to a\.mp4 with a TIME_ORIGIN, .*link the recording",
        ),
        (
            eaf(CALLS, media=['MEDIA_URL="a.wav" TIME_ORIGIN="1"', 'MEDIA_URL="a.wav"']),
            r"linked to a\.wav twice, with the TIME_ORIGIN 1 and 0",
        ),
        (eaf(tier("default")), r"has 0 tiers with annotations \(default\)"),
    ],
)
def test_a_document_that_cannot_be_is_named(tmp_path, text, sentence):
    """Entities that grow without bound, files that it would fetch, half a file, another kind, times and references of nowhere."""
    folder = put(tmp_path / "f", a=text)
    with pytest.raises(UsageError, match=rf"a\.eaf: .*{sentence}"):
        catalogue.find(str(folder / "a.eaf"))


def test_a_huge_document_is_not_read(tmp_path, monkeypatch):
    """Its size is looked at first."""
    monkeypatch.setattr(elan, "_MAX_BYTES", 1000)
    with pytest.raises(
        UsageError, match=r"a\.eaf: has [0-9.]+ kB, but an annotation document of ELAN has at most 1 kB"
    ):
        marks(put(tmp_path / "f", a=eaf(CALLS)) / "a.eaf")
