"""Tags that programs put before and behind audio of any kind: ID3 (id3.org), APE, Lyrics3."""

from evaluator.audio.containers.source import Source


def after_id3(source: Source, position: int) -> int:
    """Where what follows ID3v2 tags at a byte begins; the same byte if there are none."""
    while source.at(position, 3) == b"ID3" and len(head := source.at(position, 10)) == 10 and max(head[6:]) < 0x80:
        size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        position += 10 + size + (10 if head[5] & 0x10 else 0)
    return position


def without_tags(source: Source, start: int) -> int:
    """Where audio ends that begins at `start`, in bytes, before the tags at the end of the file."""
    stop = source.size
    while (before := _before_tag(source, stop)) < stop and before >= start:
        stop = before
    return stop


def _before_tag(source: Source, stop: int) -> int:
    """Where the tag begins that ends at a byte; the same byte if there is none."""
    if stop >= 128 and source.at(stop - 128, 3) == b"TAG":
        return stop - 128
    if stop >= 32 and source.at(stop - 32, 8) == b"APETAGEX":
        size, _, flags = source.unpack("<III", stop - 20)
        return stop - size - (32 if flags & 0x80000000 else 0)
    if stop >= 15 and source.at(stop - 9, 9) == b"LYRICS200" and source.at(stop - 15, 6).isdigit():
        return stop - 15 - int(source.at(stop - 15, 6))
    return stop
