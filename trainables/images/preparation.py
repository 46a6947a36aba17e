"""From a decoded image to the uint8 array that is cached: colour constancy, then resizing."""

from typing import Annotated, Literal

import numpy as np
from PIL import Image
from pydantic import Field

from trainables.images.colour import shades_of_grey
from trainables.settings import Settings

PREPARATION_VERSION = 1
"""Raised by hand when the numbers of `prepare` change."""


Pixels = Annotated[int, Field(ge=1, le=4096)]


class ImageSettings(Settings):
    """Size (height, width) in pixels, how an image is brought to it, and its colour constancy.

    `stretch` resizes both sides; `crop` resizes to cover the size and cuts the centre, which keeps the aspect ratio.
    """

    size: tuple[Pixels, Pixels] = (150, 200)
    resize: Literal["stretch", "crop"] = "stretch"
    colour_constancy: Literal["none", "shades-of-grey"] = "none"
    power: float = Field(default=6.0, ge=1.0, le=100.0)

    def canonical(self) -> dict[str, object]:
        """Return the settings that have an effect, as plain JSON."""
        kept: dict[str, object] = {
            "size": list(self.size),
            "resize": self.resize,
            "colour_constancy": self.colour_constancy,
        }
        return kept | ({"power": self.power} if self.colour_constancy != "none" else {})


def prepare(image: np.ndarray, settings: ImageSettings) -> np.ndarray:
    """Bring one image, uint8 (any height, any width, 3), to uint8 (height, width, 3) of the settings."""
    if settings.colour_constancy == "shades-of-grey":
        image = shades_of_grey(image, settings.power)
    if settings.resize == "crop":
        image = _centre(image, settings.size)
    height, width = settings.size
    if image.shape[:2] == (height, width):
        return np.ascontiguousarray(image)
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR, reducing_gap=None))


def _centre(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Cut the largest centred part that has the aspect ratio of `size`."""
    rows, columns = image.shape[:2]
    scale = min(rows / size[0], columns / size[1])
    height, width = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    top, left = (rows - height) // 2, (columns - width) // 2
    return image[top : top + height, left : left + width]
