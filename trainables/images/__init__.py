"""Images: colour constancy, resizing, and the cache in which every image is decoded once per node."""

from trainables.images.colour import shades_of_grey
from trainables.images.pixels import open_pixels
from trainables.images.preparation import PREPARATION_VERSION, ImageSettings, prepare

__all__ = ["PREPARATION_VERSION", "ImageSettings", "open_pixels", "prepare", "shades_of_grey"]
