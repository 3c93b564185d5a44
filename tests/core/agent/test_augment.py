"""Augmentations against one-pixel-at-a-time oracles, and who shares which draw."""

from __future__ import annotations

import colorsys
import contextlib
import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from toy_world import stacks_of

from claifo_core.agent import photometric
from claifo_core.agent.augment import Augmenter
from claifo_core.agent.look import apply_
from claifo_core.config import AugmentConfig
from claifo_core.device import capture

LUMA = np.array([0.2989, 0.587, 0.114])


def frames(count: int, height: int = 6, width: int = 5, seed: int = 0) -> torch.Tensor:
    """Return whole numbers in 0..255 as float32 (count, 3, height, width), some grey pixels."""
    rng = torch.Generator().manual_seed(seed)
    made = torch.randint(256, (count, 3, height, width), generator=rng).float()
    made[:, :, 0, 0] = made[:, :1, 0, 0]
    made[:, :, 0, 1], made[:, :, 0, 2] = 0, 255
    return made


def augmenter(seed: int = 0, **options) -> Augmenter:
    return Augmenter(AugmentConfig(**options), torch.Generator().manual_seed(seed))


def transform(source: Augmenter, images: torch.Tensor) -> torch.Tensor:
    """Apply a newly drawn T to float32 images (B, T, 3, H, W), in place."""
    return apply_(source.draw('T', *images.shape[:2]), images)


def pixels(image: torch.Tensor) -> np.ndarray:
    """Return float64 (H, W, 3)."""
    return image.permute(1, 2, 0).double().numpy()


def clip(image: np.ndarray) -> np.ndarray:
    return np.clip(image, 0, 255)


def check(change, values: torch.Tensor, oracle, tolerance: float = 2e-3) -> None:
    """Compare ``change`` with ``oracle(image float64 (H, W, 3), value)`` on every frame.

    Both ways of choosing frames are compared: that of a CPU, and that which a GPU can record.
    """
    images = frames(len(values))
    wanted = [oracle(pixels(image), value.numpy()) for image, value in zip(images, values)]
    for way in (contextlib.nullcontext, capture.forced):
        changed = images.clone()
        with way():
            change(changed, values)
        for image, right in zip(changed, wanted, strict=True):
            np.testing.assert_allclose(pixels(image), right, atol=tolerance)


FACTORS = torch.tensor([0.0, 0.2, 1.0, 1.3, 4.0])


def test_brightness():
    check(photometric.brightness_, FACTORS, lambda image, f: clip(image * f))


def test_restyling_gives_channels_their_mean_and_spread():
    def oracle(image, style):
        own, spread = image.mean((0, 1)), image.std((0, 1))
        return clip((image - own) / np.maximum(spread, 1) * style[3:] + style[:3])

    styles = torch.tensor([[120.0, 130, 90, 20, 10, 30], [10, 200, 128, 40, 25, 18]])
    check(photometric.restyle_, styles, oracle)


def test_warping_pulls_the_corners():
    ramp = torch.arange(40.0).expand(1, 3, 40, 40).clone()
    left = torch.zeros(1, 8)
    left[0, [0, 4]] = 0.5  # both left corners show what was a quarter of the width to the right
    photometric.warp_(ramp, left)
    wanted = (0.75 * torch.arange(40.0) + 10 - 0.125).clamp(max=39)  # centres of pixels
    torch.testing.assert_close(ramp, wanted.expand(1, 3, 40, 40), atol=1e-3, rtol=0)
    still = frames(2)
    photometric.warp_(still, torch.zeros(2, 8))
    torch.testing.assert_close(still, frames(2), atol=1e-3, rtol=0)


def test_auto_reaches_from_the_colours_of_the_agent_to_those_of_the_expert():
    made = Augmenter(AugmentConfig(kind='auto', draw='sample'), torch.Generator().manual_seed(0))
    noise = torch.randint(-10, 11, (64, 2, 3, 8, 8))
    dark, bright = noise + 40, noise + 160
    made.watch(stacks_of(dark.byte()), stacks_of(bright.byte()))
    means = transform(made, dark.float()).mean((1, 3, 4))
    assert means.shape == (64, 3)
    # A share of -1/4 to 5/4 of the way from 40 to 160.
    assert 9 <= means.min() < 20 and 180 < means.max() <= 191
    by_channel = means - means.mean(1, keepdim=True)
    assert by_channel.abs().max() > 20  # colours change, not brightness alone


@pytest.mark.parametrize('order', list(itertools.permutations(range(4))))
def test_jitter_makes_its_changes_in_the_drawn_order(order):
    each = (
        photometric.brightness_, photometric.contrast_, photometric.saturation_, photometric.hue_
    )  # fmt: skip
    values = torch.tensor([[1.7, 0.4, 1.5, 0.1], [0.3, 1.8, 0.2, -0.2]])
    one_by_one = frames(2)
    for number in order:
        each[number](one_by_one, values[:, number])
    packed = torch.cat([values, torch.tensor(order).float().expand(2, 4)], 1)
    for way in (contextlib.nullcontext, capture.forced):
        at_once = frames(2)
        with way():
            photometric.jitter_(at_once, packed)
        torch.testing.assert_close(at_once, one_by_one, atol=2e-3, rtol=0)


def test_contrast():
    def oracle(image, factor):
        mean = np.mean([pixel @ LUMA for row in image for pixel in row])
        return clip(factor * image + (1 - factor) * mean)

    check(photometric.contrast_, FACTORS, oracle)


def test_saturation():
    def oracle(image, factor):
        return clip(factor * image + (1 - factor) * (image @ LUMA)[..., None])

    check(photometric.saturation_, FACTORS, oracle)


def test_hue():
    def oracle(image, turn):
        turned = np.empty_like(image)
        for place in np.ndindex(image.shape[:2]):
            h, s, v = colorsys.rgb_to_hsv(*image[place] / 255)
            turned[place] = np.array(colorsys.hsv_to_rgb((h + float(turn)) % 1, s, v)) * 255
        return turned

    turns = torch.tensor([-0.5, -0.2, -0.07, 0.0, 0.2, 1 / 3, 0.5])
    check(photometric.hue_, turns, oracle, tolerance=0.01)


def test_grayscale():
    def oracle(image, chosen):
        return np.repeat((image @ LUMA)[..., None], 3, 2) if chosen else image

    check(photometric.grayscale_, torch.tensor([True, False, True]), oracle)


@pytest.mark.parametrize(
    ('change', 'oracle'),
    [
        (photometric.invert_, lambda image: 255 - image),
        (photometric.flip_horizontally_, lambda image: image[:, ::-1]),
        (photometric.flip_vertically_, lambda image: image[::-1]),
    ],
)
def test_changes_of_chosen_frames(change, oracle):
    chosen = torch.tensor([False, True, False, True])
    check(change, chosen, lambda image, yes: oracle(image) if yes else image)


def test_nothing_chosen_changes_nothing():
    images = frames(3)
    kept = images.clone()
    photometric.invert_(images, torch.zeros(3, dtype=torch.bool))
    photometric.blur_(images, torch.zeros(3))
    photometric.permute_(images, torch.arange(3).expand(3, 3))
    assert torch.equal(images, kept)


def test_blur():
    """The full two-dimensional Gaussian, tap by tap; the border is reflected."""

    def oracle(image, sigma):
        if sigma == 0:
            return image
        height, width, _ = image.shape
        blurred = np.zeros_like(image)
        for y, x in np.ndindex(height, width):
            weight_sum = 0.0
            for dy in (-1, 0, 1):
                for dx in (-1, 0, 1):
                    weight = math.exp(-(dx * dx + dy * dy) / (2 * float(sigma) ** 2))
                    # -1 reflects to 1, the size to size - 2: the edge itself is not repeated.
                    row = height - 1 - abs(height - 1 - abs(y + dy))
                    column = width - 1 - abs(width - 1 - abs(x + dx))
                    blurred[y, x] += weight * image[row, column]
                    weight_sum += weight
            blurred[y, x] /= weight_sum
        return blurred

    check(photometric.blur_, torch.tensor([1.0, 0.0, 1.5, 2.0]), oracle)


def test_permutation_of_channels():
    orders = torch.tensor([[0, 1, 2], [2, 0, 1], [1, 0, 2], [2, 1, 0]])
    check(photometric.permute_, orders, lambda image, order: image[..., order])


def crop_oracle(image: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Sample the middle of every pixel of the enlarged box, bilinearly, borders repeated."""
    height, width, _ = image.shape
    area, aspect, x_place, y_place = map(float, box)
    w, h = min(1.0, math.sqrt(area * aspect)), min(1.0, math.sqrt(area / aspect))
    left, top = (1 + x_place) / 2 * (1 - w), (1 + y_place) / 2 * (1 - h)
    out = np.empty_like(image)
    for i, j in np.ndindex(height, width):
        y = (top + h * (i + 0.5) / height) * height - 0.5
        x = (left + w * (j + 0.5) / width) * width - 0.5
        y, x = min(max(y, 0.0), height - 1.0), min(max(x, 0.0), width - 1.0)
        y0, x0 = int(y), int(x)
        y1, x1 = min(y0 + 1, height - 1), min(x0 + 1, width - 1)
        fy, fx = y - y0, x - x0
        upper = (1 - fx) * image[y0, x0] + fx * image[y0, x1]
        lower = (1 - fx) * image[y1, x0] + fx * image[y1, x1]
        out[i, j] = (1 - fy) * upper + fy * lower
    return out


def test_resized_crop():
    boxes = torch.tensor([
        [0.8, 1.1, -1.0, 1.0], [0.9, 0.9, 0.3, -0.6], [1.0, 1.1, 1.0, 0.5], [0.5, 1.0, 0.0, 0.0]
    ])
    check(photometric.resized_crop_, boxes, crop_oracle, tolerance=0.01)


def test_a_crop_of_the_whole_frame_is_the_frame():
    boxes = torch.tensor([[1.0, 1.0, -1.0, 1.0], [1.0, 1.0, 0.4, 0.0]])
    check(photometric.resized_crop_, boxes, lambda image, _: image)


# --- the shift -----------------------------------------------------------------------------------


def coordinates(batch: int, stack: int, size: int = 16) -> torch.Tensor:
    """Return stacks whose first two planes hold the row and the column of each pixel."""
    row = torch.arange(size).float()[:, None].expand(size, size)
    frame = torch.stack([row, row.T, torch.full_like(row, 7)])
    return frame.expand(batch, stack, 3, size, size).clone()


@given(largest=st.integers(0, 6), seed=st.integers(0, 1000))
def test_shift_moves_whole_pixels_and_repeats_the_border(largest, seed):
    images = coordinates(4, 2)
    images[:, :, 2] = torch.rand(4, 2, 16, 16, generator=torch.Generator().manual_seed(seed))
    before = images.numpy().copy()
    transform(augmenter(seed, kind='shift', shift_px=largest), images)
    for sample, original in zip(images.numpy(), before, strict=True):
        dy, dx = (int(sample[0, plane, 8, 8]) - 8 for plane in (0, 1))
        assert max(abs(dy), abs(dx)) <= largest
        for y, x in np.ndindex(16, 16):
            row, column = min(max(y + dy, 0), 15), min(max(x + dx, 0), 15)
            assert np.array_equal(sample[:, :, y, x], original[:, :, row, column])


def test_every_shift_is_equally_likely():
    count, source = 49 * 200, augmenter(kind='shift', shift_px=3)
    images = transform(source, coordinates(count, 1, size=7))
    moves = images[:, 0, :2, 3, 3].int()
    found, counts = np.unique(moves.numpy(), axis=0, return_counts=True)
    assert len(found) == 49
    assert float(((counts - 200.0) ** 2 / 200).sum()) < 100  # chi squared, 48 degrees: p = 2e-5


# --- draws ---------------------------------------------------------------------------------------


def factors(images: torch.Tensor, original: torch.Tensor) -> torch.Tensor:
    """Return what each frame (B, T) was multiplied by; it must be one number per frame."""
    ratio = (images / original).flatten(2)
    torch.testing.assert_close(ratio, ratio[..., :1].expand_as(ratio))
    return ratio[..., 0]


def dim(batch: int, stack: int) -> torch.Tensor:
    """Return frames so dark that a fourfold brightness stays within 255."""
    return 10 + 50 * torch.rand(batch, stack, 3, 4, 4, generator=torch.Generator().manual_seed(1))


def test_batch_mode_draws_once_per_frame_for_the_whole_batch():
    images = dim(5, 3)
    got = factors(transform(augmenter(draw='batch'), images.clone()), images)
    torch.testing.assert_close(got, got[:1].expand(5, 3))
    assert len(set(got[0].tolist())) == 3


def test_sample_mode_draws_once_per_sample_for_the_whole_stack():
    images = dim(5, 3)
    got = factors(transform(augmenter(draw='sample'), images.clone()), images)
    torch.testing.assert_close(got, got[:, :1].expand(5, 3))
    assert len(set(got[:, 0].tolist())) == 5


def test_brightness_is_drawn_from_its_whole_range():
    images = dim(2000, 1)
    moved = transform(augmenter(draw='sample', brightness=(0.5, 3.0)), images.clone())
    got = factors(moved, images)
    assert 0.5 <= float(got.min()) < 0.52 and 2.98 < float(got.max()) <= 3.0 + 1e-5
    assert float(got.mean()) == pytest.approx(1.75, abs=0.08)


KINDS = ('brightness', 'color', 'full', 'shift')


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('draw', ['batch', 'sample'])
def test_a_seed_gives_one_sequence_of_views(kind, draw):
    images = torch.rand(4, 2, 3, 12, 12, generator=torch.Generator().manual_seed(0)) * 255
    source, again, other = (augmenter(s, kind=kind, draw=draw) for s in (1, 1, 2))
    first, second = (transform(source, images.clone()) for _ in range(2))
    assert torch.equal(first, transform(again, images.clone()))
    assert torch.equal(second, transform(again, images.clone()))
    assert not torch.equal(first, second)
    assert not torch.equal(first, transform(other, images.clone()))


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('draw', ['batch', 'sample'])
def test_views_stay_in_the_range_of_pixels(kind, draw):
    images = torch.rand(12, 2, 3, 12, 12, generator=torch.Generator().manual_seed(0)) * 255
    images[0], images[1] = 0, 255
    source = augmenter(kind=kind, draw=draw)
    for _ in range(30):
        views = transform(source, images.clone())
        assert bool(views.isfinite().all())
        # Blur and luma may round one part in 10^7 beyond the ends.
        assert float(views.min()) > -1e-3 and float(views.max()) < 255.001


@pytest.mark.parametrize('kind', ['color', 'full'])
def test_sample_mode_gives_equal_frames_equal_looks(kind):
    """A still picture stays still: no flicker inside a stack, and samples differ."""
    one = torch.rand(1, 1, 3, 12, 12, generator=torch.Generator().manual_seed(0)) * 255
    views = transform(augmenter(kind=kind, draw='sample'), one.repeat(100, 3, 1, 1, 1))
    torch.testing.assert_close(views, views[:, :1].expand_as(views))
    assert len({float(view.sum()) for view in views[:, 0]}) == 100


@pytest.mark.parametrize('kind', ['color', 'full'])
def test_batch_mode_gives_equal_samples_equal_looks(kind):
    one = torch.rand(1, 1, 3, 12, 12, generator=torch.Generator().manual_seed(0)) * 255
    views = transform(augmenter(kind=kind, draw='batch'), one.repeat(100, 3, 1, 1, 1))
    torch.testing.assert_close(views, views[:1].expand_as(views))
    assert len({float(view.sum()) for view in views[0]}) == 3


def share(chosen: list[bool]) -> float:
    return sum(chosen) / len(chosen)


def test_coins_of_color_fall_as_often_as_they_should():
    """Of many draws on one orange picture, a fifth is grey; the rest keep their colours."""
    picture = torch.tensor([200.0, 120.0, 40.0])[:, None, None].expand(1500, 1, 3, 6, 6).clone()
    views = transform(augmenter(kind='color', draw='sample'), picture)
    spread = (views.amax(2) - views.amin(2)).mean((1, 2, 3))
    assert share((spread < 0.01).tolist()) == pytest.approx(0.2, abs=0.045)


def test_coins_of_full_fall_as_often_as_they_should():
    """A tenth of the pictures is mirrored: dark left half, bright right half."""
    picture = torch.full((3000, 1, 3, 8, 8), 60.0)
    picture[..., 4:] = 120
    views = transform(augmenter(kind='full', draw='sample'), picture)
    brighter_left = views[..., :4].mean((1, 2, 3, 4)) > views[..., 4:].mean((1, 2, 3, 4))
    # Mirrored or inverted, but not both: 0.1 * 0.8 + 0.9 * 0.2.
    assert share(brighter_left.tolist()) == pytest.approx(0.26, abs=0.04)


def test_shift_is_alone_unless_asked_for():
    """T does not shift; with shift_too it does; kind shift is the shift."""
    images = coordinates(8, 2) + 1
    plain = augmenter(draw='sample', brightness=(1.0, 1.0))
    assert torch.equal(transform(plain, images.clone()), images)
    both = augmenter(draw='sample', brightness=(1.0, 1.0), shift_too=True)
    assert not torch.equal(transform(both, images.clone()), images)
    alone = augmenter(3, kind='shift')
    moved = transform(alone, images.clone())
    shift = augmenter(3).draw('shift', *images.shape[:2])
    assert torch.equal(moved, apply_(shift, images.clone()))
    assert not torch.equal(moved, images)
