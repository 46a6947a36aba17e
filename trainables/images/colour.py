"""Shades of Grey colour constancy (Finlayson & Trezzi 2004), as Barata, Celebi & Marques 2014 use it on dermoscopy.

The illuminant of channel c is e_c = (mean over pixels of I_c^p)^(1/p), scaled to unit length; the corrected image is
I_c / (e_c sqrt(3)), clipped. Pixels with a saturated channel take no part in the mean (Gessert et al.'s ISIC 2019
recipe).
"""

import numpy as np

SATURATED = 255


def shades_of_grey(image: np.ndarray, power: float = 6.0) -> np.ndarray:
    """Return the image under a neutral illuminant.

    Args:
        image: uint8, (height, width, 3).
        power: Minkowski norm p; 1 is Grey World, infinity would be max-RGB.

    Returns:
        uint8, (height, width, 3). An image without usable light (all saturated, or a channel all black) comes back as
        it is.
    """
    usable = image[~(image == SATURATED).any(axis=-1)]
    if not len(usable):
        return image
    table = (np.arange(256, dtype=np.float64) / 255.0) ** power
    illuminant = table[usable].mean(axis=0) ** (1.0 / power)
    if not (illuminant > 0).all():
        return image
    illuminant /= np.linalg.norm(illuminant)
    levels = np.arange(256, dtype=np.float64)[:, None] / (illuminant * np.sqrt(3.0))
    lookup = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    return np.stack([lookup[image[..., channel], channel] for channel in range(3)], axis=-1)
