"""An SVG file as an element of a page: ids made unique, nothing in it that runs, loads or styles the page."""

import re
from xml.etree import ElementTree

from analysis.tables.formatting import printable

SVG, LINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
LEFT_OUT = {"script", "style", "metadata", "foreignObject", "title", "desc", "a"}
"""Elements that are dropped with all they hold; the page's own style sets line joins and caps as the file does."""
REFERENCE = re.compile(r"url\(\s*#([^)\s]+)\s*\)")


def inline_svg(svg: bytes, *, name: str, alternative: str) -> str:
    """Return an `<svg>` element for a page.

    Args:
        svg: the file.
        name: of the figure; every id gets it as a prefix.
        alternative: the text in its place, for who cannot see it.

    Raises:
        ParseError: the file is no XML.
    """
    ElementTree.register_namespace("", SVG)
    ElementTree.register_namespace("xlink", LINK)
    root = ElementTree.fromstring(printable(svg.decode("utf-8", "replace")))  # XML has no control characters
    _clean(root, f"{name}-")
    root.set("role", "img")
    root.set("aria-label", printable(alternative))
    return ElementTree.tostring(root, encoding="unicode")


def _clean(element: ElementTree.Element, prefix: str) -> None:
    for child in list(element):
        if not isinstance(child.tag, str) or child.tag.rpartition("}")[2] in LEFT_OUT:
            element.remove(child)
        else:
            _clean(child, prefix)
    for attribute, value in list(element.attrib.items()):
        plain = attribute.rpartition("}")[2].lower()
        if plain.startswith("on"):
            del element.attrib[attribute]
        elif plain == "id":
            element.set(attribute, prefix + value)
        elif plain in ("href", "src"):
            _link(element, attribute, value, prefix)
        else:
            element.set(attribute, REFERENCE.sub(rf"url(#{prefix}\1)", value))


def _link(element: ElementTree.Element, attribute: str, value: str, prefix: str) -> None:
    """Keep references within the figure and pictures that it holds itself."""
    if value.startswith("#"):
        element.set(attribute, f"#{prefix}{value[1:]}")
    elif not value.startswith("data:image/png;base64,"):
        del element.attrib[attribute]
