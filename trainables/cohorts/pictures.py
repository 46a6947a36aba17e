"""Draws one lesion on skin: a blob with an irregular border, a colour and a texture, lit and viewed from some angle.

Everything is drawn from a generator that the caller seeds, so a picture is a pure function of its seed and appearance.
Coordinates run from -1 to 1 across the picture; colours are RGB from 0 to 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_WAVES = np.arange(2, 9)  # waves of the border around the lesion; 1 would only shift it


@dataclass(frozen=True)
class Appearance:
    """How a lesion looks, whatever the view: each value is roughly standard normal, 0 the average lesion."""

    size: float
    irregularity: float
    darkness: float
    redness: float
    texture: float


def draw(appearance: Appearance, lesion: np.random.Generator, view: np.random.Generator, pixels: int) -> np.ndarray:
    """Picture as uint8 of shape (pixels, pixels, 3).

    `lesion` decides what all views share (border, skin tone, hairs), `view` the angle, the light and the noise.
    """
    x, y = _view_coordinates(view, pixels)
    inside = _blob(appearance, lesion, x, y)  # (pixels, pixels), 0 to 1
    skin = np.array([0.86, 0.67, 0.57]) + lesion.normal(0, 0.03) + lesion.normal(0, 0.012, 3)
    lesion_colour = skin * _tint(appearance)
    pattern = _pattern(lesion, x, y)[..., None]  # shared by the views: it turns with the lesion
    contrast = 0.05 * np.exp(0.5 * appearance.texture)
    picture = skin + inside[..., None] * (lesion_colour * (1 + contrast * pattern) - skin)
    picture = picture * _light(view, pixels)[..., None] + view.normal(0, 0.02, (pixels, pixels, 1))
    picture += view.normal(0, 0.01, picture.shape)
    return np.round(255 * np.clip(picture, 0, 1)).astype(np.uint8)


def _view_coordinates(view: np.random.Generator, pixels: int) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates of every pixel in the lesion's own frame: turned, shifted and zoomed a little."""
    axis = (np.arange(pixels) + 0.5) / pixels * 2 - 1
    x, y = np.meshgrid(axis, axis)
    turn, zoom = view.uniform(0, 2 * np.pi), np.exp(view.normal(0, 0.06))
    x, y = (x - view.normal(0, 0.06)) / zoom, (y - view.normal(0, 0.06)) / zoom
    return np.cos(turn) * x - np.sin(turn) * y, np.sin(turn) * x + np.cos(turn) * y


def _blob(appearance: Appearance, lesion: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Share of lesion in every pixel: a wavy circle of radius r(angle) with a soft edge."""
    amplitude = 0.08 * np.exp(0.45 * appearance.irregularity) * lesion.normal(0, 1, _WAVES.size) * 2 / _WAVES
    phase = lesion.uniform(0, 2 * np.pi, _WAVES.size)
    angle = np.arctan2(y, x)[..., None]
    border = 0.5 * np.exp(0.18 * appearance.size) * (1 + np.sum(amplitude * np.cos(_WAVES * angle + phase), axis=-1))
    distance = (border - np.hypot(x, y)) / 0.05
    return 1 / (1 + np.exp(-np.clip(distance, -30, 30)))


def _tint(appearance: Appearance) -> np.ndarray:
    """Colour of the lesion relative to the skin; darkness takes all channels, redness spares red."""
    dark = np.exp(-0.45 - 0.2 * appearance.darkness)
    red = 0.3 * np.tanh(appearance.redness / 3)  # bounded: the palest lesion is brown, never green
    return dark * np.array([np.exp(0.16 + red), np.exp(-0.12 - red), np.exp(-0.2 - red)])


def _pattern(lesion: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A network of pigment: a few plane waves in random directions, roughly standard normal."""
    waves = lesion.normal(0, 9, (12, 2))
    phase = lesion.uniform(0, 2 * np.pi, 12)
    return np.cos(np.stack([x, y], axis=-1) @ waves.T + phase).sum(axis=-1) / np.sqrt(6)


def _light(view: np.random.Generator, pixels: int) -> np.ndarray:
    """Brightness of every pixel: overall exposure, a slope, and the darker corners of a dermatoscope."""
    axis = (np.arange(pixels) + 0.5) / pixels * 2 - 1
    x, y = np.meshgrid(axis, axis)
    slope_x, slope_y = view.normal(0, 0.04, 2)
    return np.exp(view.normal(0, 0.04)) * (1 + slope_x * x + slope_y * y - 0.12 * (x**2 + y**2) ** 2)
