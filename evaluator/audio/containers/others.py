"""Files of which libsndfile reads nothing, known by how they begin: what was downloaded or renamed instead of a recording."""

from evaluator.audio.containers.source import Source

_AGAIN = "get it again"
_CONVERT = "convert it to WAV or FLAC"
# (byte, what stands there, what the file is, the way out)
_BEGINNINGS: tuple[tuple[int, tuple[bytes, ...], str, str], ...] = (
    (0, (b"version https://git-lfs",), "a pointer of Git LFS", "get the file itself with git lfs pull"),
    (0, (b"\x00\x05\x16\x07",), "a file in which macOS keeps what belongs to another one (._NAME)", "remove it"),
    (0, (b"\x4c\x00\x00\x00\x01\x14\x02\x00",), "a shortcut of Windows", "get the file that it leads to"),
    (4, (b"ftyp",), "an MP4 file (M4A, AAC or ALAC)", _CONVERT),
    (0, (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",), "a Windows Media file (WMA)", _CONVERT),
    (0, (b"\x1a\x45\xdf\xa3",), "a WebM or Matroska file", _CONVERT),
    (0, (b"#!AMR",), "an AMR file", _CONVERT),
    (0, (b"wvpk",), "a WavPack file", _CONVERT),
    (0, (b"MAC ",), "a Monkey's Audio file (APE)", _CONVERT),
    (0, (b"PK\x03\x04",), "a ZIP archive", "unpack it"),
    (0, (b"\x1f\x8b",), "a gzip archive", "unpack it"),
)
_PAGES = (
    (b"<!doctype html", "an HTML page"),
    (b"<html", "an HTML page"),
    (b"<?xml", "an XML text"),
    (b"{", "a JSON text"),
)
_BLANKS = b" \t\r\n\xef\xbb\xbf"
_PEEKED = 256  # bytes; pages may begin with empty lines


def refuse(source: Source, start: int) -> None:
    """Refuse what is no recording that can be read, and is known to be something else.

    Args:
        source: The file.
        start: Byte behind tags, at which what it holds begins.

    Raises:
        AudioError: With what it is, and the way out.
    """
    head = source.at(start, _PEEKED)
    for offset, names, what, advice in _BEGINNINGS:
        if head[offset:].startswith(names):
            raise source.refusal(f"is {what}, not a recording that can be read; {advice}")
    page = head.lstrip(_BLANKS).lower()
    for name, what in _PAGES:
        if page.startswith(name):
            raise source.refusal(f"is {what}, not a recording, as where a download failed; {_AGAIN}")
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:  # layer 0, which MPEG audio does not have
        raise source.refusal(f"is an AAC file (ADTS), not a recording that can be read; {_CONVERT}")
