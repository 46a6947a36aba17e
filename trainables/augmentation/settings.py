"""Which augmentations a fine-tuned network is trained with; all are off unless set."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from models.errors import InputError
from trainables.images.preparation import Pixels
from trainables.settings import Settings

Probability = Annotated[float, Field(ge=0.0, le=1.0)]
AreaShare = Annotated[float, Field(ge=0.05, le=1.0)]
Scale = Annotated[float, Field(ge=0.1, le=10.0)]
Factor = Annotated[float, Field(ge=0.0, le=10.0)]

GATED = {
    "zoom_probability": ("zoom",),
    "affine_probability": ("rotation", "translation", "scale", "shear"),
    "skew_probability": ("skew",),
    "colour_probability": ("brightness", "contrast", "saturation", "hue"),
}
"""The augmentations that each probability gates: those of `affine` happen together, those of `colour` one by one."""
GEOMETRY = frozenset({"zoom", "rotation", "translation", "scale", "shear", "skew"})
"""Augmentations that need interpolation; flips, quarter turns and crops move whole pixels."""


class AugmentationSettings(Settings):
    """What the network sees of the cached pixels, in training and in evaluation. A pair is a range, drawn uniformly.

    Attributes:
        crop: (height, width) in pixels that the network sees, at a random place in training; None is the whole image.
        evaluation: how an evaluation image is brought to the crop's size, `centre-crop` or (antialiased) `resize`.
        zoom: share of the crop's area, at a random place in it, that is enlarged to the whole.
        flip_horizontal: probability of a swap of left and right; `flip_vertical` of top and bottom.
        quarter_turns: probability of a turn by 90, 180 or 270 degrees; 0.75 makes all four positions equally likely.
        rotation: degrees, at most this much either way, about the centre of the crop.
        translation: share of the crop's height and width, at most this much either way.
        scale: factor of size about the centre; above 1 enlarges.
        shear: degrees along each axis, at most this much either way.
        skew: perspective tilt along each axis: how much nearer than the centre an edge comes, as a share.
        brightness: factor; `contrast` about the image's mean grey; `saturation` about each pixel's grey. 1 changes
            nothing, 0 gives black or grey.
        hue: share of the colour circle, at most this much either way.
    """

    crop: tuple[Pixels, Pixels] | None = None
    evaluation: Literal["centre-crop", "resize"] = "centre-crop"
    zoom: tuple[AreaShare, AreaShare] = (1.0, 1.0)
    zoom_probability: Probability = 1.0
    flip_horizontal: Probability = 0.0
    flip_vertical: Probability = 0.0
    quarter_turns: Probability = 0.0
    rotation: float = Field(default=0.0, ge=0.0, le=180.0)
    translation: float = Field(default=0.0, ge=0.0, le=0.5)
    scale: tuple[Scale, Scale] = (1.0, 1.0)
    shear: float = Field(default=0.0, ge=0.0, le=45.0)
    affine_probability: Probability = 1.0
    skew: float = Field(default=0.0, ge=0.0, le=0.4)
    skew_probability: Probability = 1.0
    brightness: tuple[Factor, Factor] = (1.0, 1.0)
    contrast: tuple[Factor, Factor] = (1.0, 1.0)
    saturation: tuple[Factor, Factor] = (1.0, 1.0)
    hue: float = Field(default=0.0, ge=0.0, le=0.5)
    colour_probability: Probability = 1.0

    @model_validator(mode="after")
    def _ranges_rise(self) -> "AugmentationSettings":
        for name in ("zoom", "scale", "brightness", "contrast", "saturation"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"augmentation.{name}=[{low}, {high}] must be [lowest, highest]")
        return self

    @property
    def active(self) -> frozenset[str]:
        """Names of the augmentations that can change an image in training, apart from the crop."""
        single = {name for name in ("flip_horizontal", "flip_vertical", "quarter_turns") if getattr(self, name)}
        gated = {name for gate, names in GATED.items() if getattr(self, gate) for name in names if self._differs(name)}
        return frozenset(single | gated)

    @property
    def interpolates(self) -> bool:
        """Whether pixels are read between their places; otherwise every value of the result is one of the image's."""
        return bool(self.active & GEOMETRY)

    def output_size(self, image_size: tuple[int, int]) -> tuple[int, int]:
        """Return the (height, width) that the network sees of images of `image_size`.

        Raises:
            InputError: the crop does not fit into the image.
        """
        if self.crop is None:
            return image_size
        (height, width), (rows, columns) = self.crop, image_size
        if height > rows or width > columns:
            raise InputError(
                f"augmentation.crop={[height, width]} does not fit into image.size={[rows, columns]}; "
                "make the crop smaller or the image larger"
            )
        return self.crop

    def canonical(self, image_size: tuple[int, int] | None = None) -> dict[str, Any]:
        """Return the settings that have an effect, as plain JSON; a crop of the whole of `image_size` has none."""
        kept = set(self.active)
        kept |= {gate for gate, names in GATED.items() if kept & set(names)}
        if self.crop is not None and self.crop != image_size:
            kept |= {"crop", "evaluation"}
        return self.model_dump(mode="json", include=kept)

    def _differs(self, name: str) -> bool:
        return getattr(self, name) != type(self).model_fields[name].default
