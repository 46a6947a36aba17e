"""Augmentation of a batch: whole pixels exactly, geometry and colour against torchvision, evaluation, and no coupling
between augmentations, samples and batches."""

import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as peer

from models.errors import InputError
from trainables.augmentation import AugmentationSettings, augment, draws, evaluate
from trainables.augmentation.drawn import COLUMNS, Drawn
from trainables.augmentation.geometry import places

CLOSE = {"rtol": 0.0, "atol": 2e-4}  # of values in [0, 1], about a twentieth of a grey level


def pictures(n=3, images=1, size=(24, 32), seed=0):
    values = np.random.default_rng(seed).integers(0, 256, size=(n, images, *size, 3), dtype=np.uint8)
    return torch.from_numpy(values)


def smooth(size=(24, 32)):
    """A picture that interpolation hardly blurs, so that half a pixel shows."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    waves = [np.sin(rows / 5 + shift) + np.cos(columns / 6 - shift) for shift in range(3)]
    return torch.from_numpy(np.stack(waves, -1) * 60 + 128).round().to(torch.uint8)[None, None]


def chosen(n=1, images=1, **columns):
    """Draws with every event happening and every range at its middle, except the named columns."""
    values = torch.full((n, images, len(COLUMNS)), 0.5)
    for position, name in enumerate(COLUMNS):
        if name.endswith("_gate") or name.startswith("flip"):
            values[..., position] = 0.0
        if name in columns:
            values[..., position] = torch.as_tensor(columns[name], dtype=torch.float32)
    return values


def plain(pixels):
    return pixels.permute(0, 1, 4, 2, 3).float() / 255


def settings_of(**settings):
    return AugmentationSettings.model_validate(settings)


EVERYTHING = {
    "crop": [20, 28],
    "zoom": [0.8, 0.9],
    "flip_horizontal": 0.5,
    "flip_vertical": 0.5,
    "quarter_turns": 0.5,
    "rotation": 40,
    "translation": 0.1,
    "scale": [0.8, 1.2],
    "shear": 10,
    "skew": 0.2,
    "brightness": [0.8, 1.2],
    "contrast": [0.8, 1.2],
    "saturation": [0.8, 1.2],
    "hue": 0.1,
    "zoom_probability": 0.5,
    "affine_probability": 0.5,
    "skew_probability": 0.5,
    "colour_probability": 0.5,
}


def test_without_augmentation_the_image_stays():
    pixels = pictures(images=2)
    assert torch.equal(augment(pixels, torch.from_numpy(draws(3, 2, 0)), settings_of()), plain(pixels))


def test_a_crop_is_cut_where_it_was_drawn():
    pixels = pictures(2)
    draw = chosen(2, crop_top=[[0.0], [0.999]], crop_left=[[0.5], [0.0]])  # 5 places down, 13 across
    seen = augment(pixels, draw, settings_of(crop=[20, 20]))
    assert torch.equal(seen[0, 0], plain(pixels)[0, 0, :, 0:20, 6:26])
    assert torch.equal(seen[1, 0], plain(pixels)[1, 0, :, 4:24, 0:20])


def test_every_place_of_a_crop_is_equally_likely():
    pixels = torch.arange(12, dtype=torch.uint8).reshape(1, 1, 4, 3, 1).expand(6000, 1, 4, 3, 3)
    seen = augment(pixels, torch.from_numpy(draws(6000, 1, 1)), settings_of(crop=[2, 2]))
    corners, counts = (seen[:, 0, 0, 0, 0] * 255).round().unique(return_counts=True)
    assert corners.tolist() == [0, 1, 3, 4, 6, 7]
    assert (counts - 1000).abs().max() < 150  # five standard errors


@pytest.mark.parametrize(("name", "axis"), [("flip_horizontal", -1), ("flip_vertical", -2)])
def test_flips_are_exact_and_as_frequent_as_said(name, axis):
    pixels = pictures(400, size=(5, 4))
    seen = augment(pixels, torch.from_numpy(draws(400, 1, 2)), settings_of(**{name: 0.25}))
    flipped = [torch.equal(image, before.flip(axis)) for image, before in zip(seen, plain(pixels), strict=True)]
    same = [torch.equal(image, before) for image, before in zip(seen, plain(pixels), strict=True)]
    assert sum(flipped) + sum(same) == 400
    assert 60 < sum(flipped) < 140


@pytest.mark.parametrize("size", [(6, 6), (7, 7), (5, 5)])
def test_quarter_turns_are_exact(size):
    pixels = pictures(3, size=size)
    seen = augment(pixels, chosen(3, turn=[[0.0], [0.4], [0.9]]), settings_of(quarter_turns=1))
    for turns, (image, before) in enumerate(zip(seen, plain(pixels), strict=True), 1):
        assert torch.equal(image, before.rot90(turns, (-2, -1)))


def test_a_quarter_turn_of_a_crop_shows_what_lies_around_it_and_then_its_reflection():
    pixels = pictures(1, size=(8, 12))
    seen = augment(pixels, chosen(turn=0.0), settings_of(quarter_turns=1))[0, 0]
    around = torch.cat(
        [plain(pixels)[0, 0].flip(-2)[:, 6:], plain(pixels)[0, 0], plain(pixels)[0, 0].flip(-2)[:, :2]], 1
    )
    assert torch.equal(seen, around.rot90(1, (-2, -1))[:, 2:10])


def test_ungated_samples_keep_their_pixels_among_interpolated_ones():
    pixels = pictures(2)
    draw = chosen(2, affine_gate=[[0.9], [0.1]], rotation=0.9, scale=0.9)
    seen = augment(pixels, draw, settings_of(rotation=30, scale=[0.5, 2], affine_probability=0.5))
    torch.testing.assert_close(seen[0], plain(pixels)[0], **CLOSE)
    assert (seen[1] - plain(pixels)[1]).abs().mean() > 0.1


@pytest.mark.parametrize(
    ("columns", "angle", "translate", "scale", "shear"),
    [
        ({"rotation": 0.75}, 10.0, [0, 0], 1.0, [0, 0]),
        ({"rotation": 0.0}, -20.0, [0, 0], 1.0, [0, 0]),
        ({"translation_x": 1.0, "translation_y": 0.25}, 0.0, [3.2, -1.2], 1.0, [0, 0]),
        ({"scale": 0.0}, 0.0, [0, 0], 0.5, [0, 0]),
        ({"shear_x": 1.0, "shear_y": 0.25}, 0.0, [0, 0], 1.0, [15, -7.5]),
        (
            {"rotation": 1.0, "translation_x": 0.75, "scale": 0.9, "shear_x": 0.2, "shear_y": 0.9},
            20.0,
            [1.6, 0],
            1.4,
            [-9, 12],
        ),
    ],
)
def test_the_affine_part_is_torchvisions(columns, angle, translate, scale, shear):
    pixels = smooth()
    settings = settings_of(rotation=20, translation=0.1, scale=[0.5, 1.5], shear=15)
    seen = augment(pixels, chosen(**columns), settings)[0, 0]
    arguments = (angle, translate, scale, shear, InterpolationMode.BILINEAR)
    expected = peer.affine(plain(pixels)[0, 0], *arguments)
    inside = peer.affine(torch.ones(1, 24, 32), *arguments)[0] > 0.999  # torchvision pads with black
    assert inside.float().mean() > 0.2
    torch.testing.assert_close(seen[:, inside], expected[:, inside], **CLOSE)


def test_zoom_is_a_crop_of_that_area_enlarged():
    # A quarter of the area of 24 x 32 is 12 x 16; its place runs from 0 to 12 down and from 0 to 16 across.
    pixels = smooth()
    seen = augment(pixels, chosen(zoom_top=0.25, zoom_left=1.0), settings_of(zoom=[0.25, 0.25]))[0, 0]
    expected = peer.resized_crop(plain(pixels)[0, 0], 3, 16, 12, 16, [24, 32], antialias=False)
    torch.testing.assert_close(seen[:, 1:-1, 1:-1], expected[:, 1:-1, 1:-1], **CLOSE)


def test_skew_brings_one_edge_nearer_and_leaves_the_centre():
    drawn = Drawn(chosen(skew_x=1.0)[0])  # the right edge by 20 %
    x, y = places(drawn, settings_of(skew=0.2), (21, 41), (21, 41))
    assert (x[0, 10, 20].item(), y[0, 10, 20].item()) == (20, 10)
    right = 1 + 0.2 * 20 / 20.5  # depth at the last pixel's centre, 20 of 20.5 from the middle
    np.testing.assert_allclose([x[0, 10, 40].item(), x[0, 10, 0].item()], [20 + 20 / right, 20 - 20 / (2 - right)])
    np.testing.assert_allclose(y[0, 0, 40].item(), 10 - 10 / right)


def test_a_turned_crop_shows_what_lies_around_it():
    pixels = smooth((64, 64))
    seen = augment(pixels, chosen(rotation=1.0), settings_of(crop=[32, 32], rotation=45))[0, 0]
    whole = peer.affine(plain(pixels)[0, 0], 45.0, [0, 0], 1.0, [0, 0], InterpolationMode.BILINEAR)
    torch.testing.assert_close(seen, whole[:, 16:48, 16:48], **CLOSE)


@pytest.mark.parametrize(
    ("name", "low", "high", "adjust"),
    [
        ("brightness", 0.4, 1.6, peer.adjust_brightness),
        ("contrast", 0.4, 1.6, peer.adjust_contrast),
        ("saturation", 0.4, 1.6, peer.adjust_saturation),
        ("hue", -0.5, 0.5, peer.adjust_hue),
    ],
)
def test_colour_is_torchvisions_with_a_factor_for_every_image(name, low, high, adjust):
    pixels = pictures(5)
    pixels[0, 0, :3], pixels[0, 0, 3:6] = 77, 0  # grey and black have no hue
    amounts = [0.0, 0.2, 0.5, 0.7, 0.99]
    settings = settings_of(**{name: high if name == "hue" else [low, high]})
    seen = augment(pixels, chosen(5, **{name: torch.tensor(amounts)[:, None]}), settings)
    for image, before, amount in zip(seen[:, 0], plain(pixels)[:, 0], amounts, strict=True):
        torch.testing.assert_close(image, adjust(before, low + (high - low) * amount), rtol=0, atol=2e-5)


def test_colours_are_gated_one_by_one():
    pixels = pictures(4)
    draw = chosen(4, brightness_gate=[[0.1], [0.9], [0.1], [0.9]], contrast_gate=[[0.1], [0.1], [0.9], [0.9]])
    settings = settings_of(brightness=[0.5, 0.5], contrast=[0.5, 0.5], colour_probability=0.5)
    seen, before = augment(pixels, draw, settings), plain(pixels)
    bright, contrast = peer.adjust_brightness, peer.adjust_contrast
    expected = [contrast(bright(before[0], 0.5), 0.5), contrast(before[1], 0.5), bright(before[2], 0.5), before[3]]
    torch.testing.assert_close(seen, torch.stack(expected))


def test_switching_one_augmentation_on_moves_no_other():
    pixels, draw = pictures(20), torch.from_numpy(draws(20, 1, 5))
    alone = augment(pixels, draw, settings_of(crop=[20, 20], flip_vertical=0.5, quarter_turns=0.5))
    brighter = settings_of(crop=[20, 20], flip_vertical=0.5, quarter_turns=0.5, brightness=[0.5, 0.5])
    torch.testing.assert_close(augment(pixels, draw, brighter), alone * 0.5)


@pytest.mark.parametrize("dtype", [None, torch.bfloat16])
def test_a_sample_does_not_depend_on_its_batch_or_on_autocast(dtype):
    pixels, draw = pictures(6, images=2), torch.from_numpy(draws(6, 2, 8))
    settings = settings_of(**EVERYTHING)
    whole = augment(pixels, draw, settings)
    assert whole.shape == (6, 2, 3, 20, 28)
    assert whole.dtype == torch.float32
    with torch.autocast("cpu", dtype, enabled=dtype is not None):
        parts = torch.cat([augment(pixels[rows], draw[rows], settings) for rows in ([3, 1], [0, 2, 4, 5])])
    torch.testing.assert_close(parts, whole[[3, 1, 0, 2, 4, 5]], rtol=0, atol=1e-5)


def test_everything_at_once_stays_in_range_and_differs_between_samples_and_images():
    pixels = pictures(1, size=(40, 40)).expand(30, 2, 40, 40, 3)
    seen = augment(pixels, torch.from_numpy(draws(30, 2, 9)), settings_of(**EVERYTHING))
    assert 0.0 <= seen.min() < seen.max() <= 1.0
    flat = seen.flatten(0, 1).flatten(1)
    assert (torch.cdist(flat, flat) + torch.eye(60) > 0.01).all()


def test_the_result_takes_part_in_training():
    seen = augment(pictures(), torch.from_numpy(draws(3, 1, 0)), settings_of(rotation=5))
    weight = torch.ones(3, 1, 1, requires_grad=True)
    (seen * weight).sum().backward()
    assert weight.grad is not None


def test_evaluation_takes_the_centre_exactly():
    pixels = pictures(2, images=2, size=(25, 32))
    assert torch.equal(evaluate(pixels, settings_of(crop=[20, 20])), plain(pixels)[..., 2:22, 6:26])
    assert torch.equal(evaluate(pixels, settings_of(rotation=90, hue=0.5)), plain(pixels))


def test_evaluation_resizes_like_torchvision():
    pixels = pictures(2, images=2)
    expected = peer.resize(plain(pixels).flatten(0, 1), [10, 20], antialias=True).reshape(2, 2, 3, 10, 20)
    settings = settings_of(crop=[10, 20], evaluation="resize")
    torch.testing.assert_close(evaluate(pixels, settings), expected, rtol=0, atol=1e-6)
    whole = settings_of(crop=[24, 32], evaluation="resize")
    assert torch.equal(evaluate(pixels, whole), plain(pixels))


@pytest.mark.parametrize("see", [evaluate, lambda pixels, settings: augment(pixels, chosen(3), settings)])
def test_a_crop_that_does_not_fit_is_refused(see):
    with pytest.raises(InputError, match=r"augmentation.crop=\[30, 30\] does not fit into image.size=\[24, 32\]"):
        see(pictures(), settings_of(crop=[30, 30]))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_sees_the_same():
    pixels, draw = pictures(8, images=2, size=(64, 80)), torch.from_numpy(draws(8, 2, 3))
    settings = settings_of(**EVERYTHING)
    torch.testing.assert_close(
        augment(pixels.cuda(), draw.cuda(), settings).cpu(), augment(pixels, draw, settings), rtol=0, atol=2e-3
    )
