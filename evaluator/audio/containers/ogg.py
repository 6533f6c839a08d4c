"""Ogg (RFC 3533): every page is looked at, so that joined streams, missing pages and a lost end are seen.

The last page of each stream says how long it is, which libsndfile reads right where it is given that stream alone."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from evaluator.audio.containers.layout import Layout, Part
from evaluator.audio.containers.source import Source

_HEAD = 27  # bytes of a page before its table of segments
_AUDIO = (b"\x01vorbis", b"OpusHead", b"\x7fFLAC", b"Speex   ")


@dataclass(slots=True)
class _Page:
    """Where a page lies in bytes, and what its head says."""

    start: int
    stop: int
    first: bool
    last: bool
    serial: int
    number: int
    content: int


@dataclass(slots=True)
class _Link:
    """One stream of audio in a chain: where its pages lie, in bytes, and whether others (video, an index) are among them."""

    serial: int = -1
    codec: bytes = b""
    pieces: list[tuple[int, int]] = field(default_factory=list)
    number: int = 0
    ended: bool = False
    others: bool = False

    def take(self, page: _Page) -> None:
        """Add a page to those of the sound, or note that it is none of them."""
        if page.serial != self.serial:
            self.others = True
        elif self.pieces and self.pieces[-1][1] == page.start:
            self.pieces[-1] = (self.pieces[-1][0], page.stop)
        else:
            self.pieces.append((page.start, page.stop))


def read(source: Source) -> Layout:
    """The streams of an Ogg file, one after the other, in bytes and frames.

    Raises:
        AudioError: It is cut off, lacks pages, or holds several sounds at once.
    """
    links: list[_Link] = []
    beginning = False
    for page in _pages(source):
        if page.first:
            if not beginning or not links:
                links.append(_Link())
            _add(source, links[-1], page)
        elif not links:
            raise source.refusal("an Ogg file that does not begin with the first page of a stream; get it again")
        elif page.serial == links[-1].serial:
            _follow(source, links[-1], page)
        links[-1].take(page)
        beginning = page.first
    if not links or not all(link.codec for link in links):
        raise source.refusal("an Ogg file with a stream that is not Vorbis, Opus, FLAC or Speex; convert it")
    remarks = []
    if len(links) > 1:
        remarks.append(f"{len(links)} streams are joined in it; all are read, one after the other")
    if not links[-1].ended:
        remarks.append("its last page is not marked as the end, so it may have been cut off there")
    parts = tuple(Part(tuple(link.pieces)) for link in links)  # libsndfile takes no stream for sound but the first
    return Layout(parts, "; ".join(remarks), as_it_is=len(links) == 1 and not links[0].others)


def _add(source: Source, link: _Link, page: _Page) -> None:
    """The first page of one of the streams that sound at once."""
    content = source.at(page.content, 8)
    codec = next((name for name in _AUDIO if content.startswith(name)), b"")
    if codec and link.codec:
        raise source.refusal("an Ogg file in which several recordings sound at once; take them apart")
    if codec:
        link.codec, link.serial, link.number, link.ended = codec, page.serial, page.number, page.last


def _follow(source: Source, link: _Link, page: _Page) -> None:
    """The next page of the sound."""
    if page.number != link.number + 1:
        raise source.refusal(
            f"pages are missing or damaged: after page {link.number} of its stream comes page {page.number}; get it again"
        )
    link.number, link.ended = page.number, page.last


def _pages(source: Source) -> Iterator[_Page]:
    start = 0
    while start < source.size:
        head = source.at(start, _HEAD)
        if not head.startswith(b"OggS\x00"[: len(head)]):
            if source.only_zeros(start):
                return
            raise source.refusal(
                f"no Ogg page begins at byte {start}, where one should: the file is damaged; get it again"
            )
        if len(head) < _HEAD or len(table := source.at(start + _HEAD, head[26])) < head[26]:
            raise source.cut_off(1)
        content = start + _HEAD + len(table)
        stop = content + sum(table)
        if stop > source.size:
            raise source.cut_off(stop - source.size)
        serial, number = struct.unpack("<II", head[14:22])
        yield _Page(start, stop, bool(head[5] & 2), bool(head[5] & 4), serial, number, content)
        start = stop
