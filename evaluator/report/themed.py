"""Figures as part of a page: SVG that takes the page's colours and font and asks for nothing from elsewhere.

Convention: pure black in a figure is ink, and becomes `currentColor`; all other colours are data and stay as they are.
"""

import hashlib
import io
import re
import warnings
from typing import Any
from xml.etree import ElementTree

_SVG, _XLINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}"
# What XML 1.0 cannot hold (section 2.2, https://www.w3.org/TR/xml/#charsets), C1 controls, and marks that turn the direction.
_NO_TEXT = re.compile("[\u202a-\u202e\u2066-\u2069\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")
_REFERENCE = re.compile(r"#([-\w.]+)")
_PIXELS_PER_POINT = 96 / 72  # CSS pixels: https://www.w3.org/TR/css-values-4/#absolute-lengths
_LEFT_OUT = ("metadata", "style")  # Matplotlib's style is meant for every element of a page
_NARROW = 330  # points: a figure up to this width may shrink to a phone's, 272 points, and still be read
_MARGIN = 6  # points left and right, for a font of the page that is wider than the one that was measured
_FAMILY = ("font-family", "font-style", "font-variant", "font-stretch")  # the page's


def inline(figure: Any, label: str) -> str:
    """A Matplotlib figure as an SVG element for a page of HTML.

    Text stays text in the page's font, ink is `currentColor` and the ground is clear, so that light and dark both work. It
    holds no style sheet, no script and no address. Identifiers hold a hash of drawing and label, so that two figures
    of one page share none. Its width is the figure's in CSS pixels; `max-width: 100%; height: auto` lets it shrink.

    Args:
        figure: Not changed.
        label: What a screen reader says (`aria-label`).
    """
    label = _NO_TEXT.sub(" ", label)
    root = ElementTree.fromstring(_NO_TEXT.sub(" ", _drawn(figure, label)))  # noqa: S314 (Matplotlib's own)
    kept = _kept(root)
    prefix = (
        "f" + hashlib.sha256(f"{label}\0{ElementTree.tostring(kept, encoding='unicode')}".encode()).hexdigest()[:10]
    )
    _rename(kept, prefix)
    width, height = (float(value) for value in root.attrib["viewBox"].split()[2:])
    head = {
        "xmlns": _SVG.strip("{}"),
        "class": "figure narrow" if width + 2 * _MARGIN <= _NARROW else "figure",
        "role": "img",
        "aria-label": label,
        "width": f"{_PIXELS_PER_POINT * (width + 2 * _MARGIN):.0f}",
        "viewBox": f"{-_MARGIN} 0 {width + 2 * _MARGIN:g} {height:g}",
        "fill": "currentColor",
        "stroke-linejoin": "round",
    }
    kept.attrib.clear()
    kept.attrib.update(head)
    return ElementTree.tostring(kept, encoding="unicode")


def _drawn(figure: Any, salt: str) -> str:
    import matplotlib

    target = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": salt}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # only measured with it; the page has others
        figure.savefig(target, format="svg", transparent=True, metadata={"Date": None})
    return target.getvalue()


def _kept(element: ElementTree.Element) -> ElementTree.Element:
    """A copy without names of namespaces, styles as attributes, and without what draws nothing."""
    copy = ElementTree.Element(element.tag.removeprefix(_SVG), _attributes(element))
    copy.text = element.text if copy.tag == "text" else None
    for child in element:
        tag = child.tag.removeprefix(_SVG)
        if tag in _LEFT_OUT:
            continue
        kept = _kept(child)
        drawn = len(kept) or tag not in ("g", "defs")
        if drawn and not (tag == "path" and kept.get("fill") == "none" and "stroke" not in kept.attrib):
            copy.append(kept)
    return copy


def _attributes(element: ElementTree.Element) -> dict[str, str]:
    tag = element.tag.removeprefix(_SVG)
    attributes = {name.removeprefix(_XLINK): value for name, value in element.attrib.items()}
    for part in attributes.pop("style", "").split(";"):
        name, _, value = (text.strip() for text in part.partition(":"))
        if name == "font":  # Matplotlib before 3.11 says size and family at once
            attributes["font-size"] = value.partition("px")[0].split()[-1] + "px"
        elif name and name not in _FAMILY:
            attributes[name] = value
    if tag == "g":
        attributes.pop("id", None)  # nobody refers to groups
    if tag == "image":
        attributes["href"] = "".join(attributes["href"].split())
        attributes.pop("id", None)
    for name in attributes.keys() - {"href"}:
        if attributes[name] == "#000000":
            attributes[name] = "currentColor"
        elif name in ("d", "x", "y", "points") or (name == "transform" and tag == "text"):
            attributes[name] = _LONG_NUMBER.sub(
                lambda match: f"{float(match[0]):.2f}", " ".join(attributes[name].split())
            )
    if attributes.get("transform", "").startswith("rotate(-0 "):
        del attributes["transform"]
    return attributes


def _rename(root: ElementTree.Element, prefix: str) -> None:
    """Put `prefix` before every identifier that is referred to, and drop the others."""
    used = {
        name
        for element in root.iter()
        for key, value in element.attrib.items()
        if key == "href" or value.startswith("url(")
        for name in _REFERENCE.findall(value)
        if not value.startswith("data:")
    }
    for element in root.iter():
        for key, value in list(element.attrib.items()):
            if key == "id" and value in used:
                element.set(key, f"{prefix}-{value}")
            elif key == "id":
                del element.attrib[key]
            elif (key == "href" and value.startswith("#")) or value.startswith("url(#"):
                element.set(key, _REFERENCE.sub(rf"#{prefix}-\1", value))
