"""Changes of single frames, in place: float32 (N, 3, H, W) in 0..255, one value per frame.

The mathematics is that of torchvision's transforms v2; values are clamped to 0..255 after each
change as uint8 images would be, but not rounded.

On a CPU only the chosen frames are changed. What a CUDA graph holds may not depend on what was
drawn: there every frame is changed and the chosen ones are kept (see
:mod:`claifo_core.device.capture`).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from claifo_core.device.capture import recordable

Change = Callable[[Tensor, Tensor], object]
"""Changes frames (N, 3, H, W) in place by one value per frame, shape (N, ...)."""

_LUMA = (0.2989, 0.587, 0.114)


def brightness_(frames: Tensor, factor: Tensor) -> None:
    """Multiply by ``factor``, shape (N,)."""
    frames.mul_(factor.view(-1, 1, 1, 1)).clamp_(0, 255)


def contrast_(frames: Tensor, factor: Tensor) -> None:
    """Blend with the frame's mean luma: ``factor`` 0 is flat grey, 1 unchanged; shape (N,)."""
    mean = _luma(frames.mean((2, 3), keepdim=True))
    ratio = factor.view(-1, 1, 1, 1)
    frames.mul_(ratio).add_((1 - ratio) * mean).clamp_(0, 255)


def saturation_(frames: Tensor, factor: Tensor) -> None:
    """Blend with the luma of each pixel: ``factor`` 0 is grey, 1 unchanged; shape (N,)."""
    frames.lerp_(_luma(frames), 1 - factor.view(-1, 1, 1, 1)).clamp_(0, 255)


def hue_(frames: Tensor, turn: Tensor) -> None:
    """Turn the hue of every pixel by ``turn`` of the colour circle (HSV), shape (N,).

    The circle has 6 units; red is at 0, green at 2, blue at -2. With r, g, b as shares of the
    chroma, a colour lies 1 - r + g + b from red, towards green where g > b. A channel is full up
    to 1 unit from its place on the circle and empty beyond 2. So nothing is selected by sextant,
    which would take most of the time.
    """
    red, green, blue = frames.unbind(1)
    low = frames.amin(1)
    chroma = frames.amax(1).sub_(low)
    angle = (green - red).add_(blue - low).add_(chroma).div_(chroma.clamp_min(1e-6))
    angle.copysign_(green - blue)
    offset = 6 * turn.unsqueeze(1) - torch.stack([0 * turn, 0 * turn + 2, 0 * turn - 2], 1)
    offset = (offset + 3).remainder(6) - 3
    torch.add(angle.unsqueeze(1), offset[:, :, None, None], out=frames)
    # For |x| <= 6 the distance around the circle is 3 - ||x| - 3|.
    frames.abs_().sub_(3).abs_().sub_(1).clamp_(0, 1)
    frames.mul_(chroma.unsqueeze(1)).add_(low.unsqueeze(1))


def jitter_(frames: Tensor, values: Tensor) -> None:
    """Change brightness, contrast, saturation and hue in the order that was drawn.

    Args:
        frames: See above.
        values: Three factors and the turn of the hue, then the order of the four changes by
            number, the same for all frames; shape (N, 8).
    """
    changes, order = values[:, :4], values[:, 4:]
    if recordable(frames):
        for place in range(4):
            _change_one_(frames, changes, order[:, place])
        return
    each = (brightness_, contrast_, saturation_, hue_)
    for number in map(int, order[0].tolist()):
        each[number](frames, changes[:, number])


def _change_one_(frames: Tensor, changes: Tensor, number: Tensor) -> None:
    """Apply the change of that number, (N,), without asking which it is.

    The first three blend with black, with the mean and with the luma of each pixel.
    """
    is_it = [(number == k).view(-1, 1, 1, 1) for k in range(4)]
    factors = changes.view(-1, 4, 1, 1).split(1, 1)
    ratio = torch.where(is_it[0], factors[0], torch.where(is_it[1], factors[1], factors[2]))
    mean, luma = _luma(frames.mean((2, 3), keepdim=True)), _luma(frames)
    other = torch.where(is_it[1], mean, torch.where(is_it[2], luma, torch.zeros_like(luma)))
    turned = frames.clone()
    hue_(turned, changes[:, 3])
    blended = (ratio * frames + (1 - ratio) * other).clamp_(0, 255)
    frames.copy_(torch.where(is_it[3], turned, blended))


def grayscale_(frames: Tensor, chosen: Tensor) -> None:
    """Replace the chosen frames by their luma; bool, shape (N,)."""
    _on_chosen(frames, chosen, lambda x: _luma(x).expand_as(x))


def invert_(frames: Tensor, chosen: Tensor) -> None:
    """Replace x by 255 - x in the chosen frames; bool, shape (N,)."""
    _on_chosen(frames, chosen, lambda x: 255 - x)


def flip_horizontally_(frames: Tensor, chosen: Tensor) -> None:
    """Mirror the chosen frames left to right; bool, shape (N,)."""
    _on_chosen(frames, chosen, lambda x: x.flip(-1))


def flip_vertically_(frames: Tensor, chosen: Tensor) -> None:
    """Turn the chosen frames upside down; bool, shape (N,)."""
    _on_chosen(frames, chosen, lambda x: x.flip(-2))


def blur_(frames: Tensor, sigma: Tensor) -> None:
    """Apply a 3x3 Gaussian of ``sigma`` pixels, border reflected; 0 leaves a frame; shape (N,)."""
    side = torch.exp(-0.5 / sigma.square()).view(-1, 1, 1, 1)  # 0 for sigma 0
    share = side / (1 + 2 * side)
    if recordable(frames):  # a share of 0 changes nothing
        _spread_(_spread_(frames, share, 2), share, 3)
        return
    chosen = sigma > 0
    mine = share[chosen]
    _on_chosen(frames, chosen, lambda x: _spread_(_spread_(x, mine, 2), mine, 3))


def _spread_(frames: Tensor, share: Tensor, dim: int) -> Tensor:
    """Take ``share`` of each pixel from either neighbour along ``dim`` (in place).

    Slices are put together: writing into parts of a tensor would end the graph of a compiler.
    """
    inner = frames.shape[dim] - 2
    between = frames.narrow(dim, 0, inner) + frames.narrow(dim, 2, inner)
    first, last = (2 * frames.narrow(dim, inside, 1) for inside in (1, inner))
    near = torch.cat([first, between, last], dim)
    return frames.mul_(1 - 2 * share).addcmul_(near, share)


def permute_(frames: Tensor, order: Tensor) -> None:
    """Reorder the colour channels; int64, shape (N, 3)."""
    if recordable(frames):
        frames.copy_(_reordered(frames, order))
        return
    changed = (order != torch.arange(3, device=order.device)).any(1)
    mine = order[changed]
    _on_chosen(frames, changed, lambda x: _reordered(x, mine))


def _reordered(frames: Tensor, order: Tensor) -> Tensor:
    first = 3 * torch.arange(len(frames), device=frames.device).unsqueeze(1)
    planes = frames.flatten(0, 1).index_select(0, (first + order).flatten())
    return planes.view_as(frames)


def restyle_(frames: Tensor, style: Tensor) -> None:
    """Give every frame other means and spreads of its channels.

    Colours are moved as in the colour transfer of Reinhard et al. (2001), in RGB.

    Args:
        frames: See above.
        style: Mean and standard deviation of red, green and blue, shape (N, 6).
    """
    mean, spread = (part[:, :, None, None] for part in style.split(3, 1))
    own = frames.mean((2, 3), keepdim=True)
    own_spread = (frames - own).square().mean((2, 3), keepdim=True).sqrt()
    gain = (spread / own_spread.clamp_min(1)).clamp_(1 / 8, 8)
    frames.sub_(own).mul_(gain).add_(mean).clamp_(0, 255)


def resized_crop_(frames: Tensor, box: Tensor) -> None:
    """Enlarge a part of the frame to the whole frame (bilinear).

    Args:
        frames: float32, shape (N, 3, H, W).
        box: Area share, aspect ratio, and position in -1..1 (x, y), shape (N, 4).
    """
    area, aspect, x, y = box.unbind(1)
    width = (area * aspect).sqrt().clamp(max=1)
    height = (area / aspect).sqrt().clamp(max=1)
    zero = torch.zeros_like(x)
    theta = torch.stack(
        [width, zero, x * (1 - width), zero, height, y * (1 - height)], 1
    ).view(-1, 2, 3)
    grid = functional.affine_grid(theta, list(frames.shape), align_corners=False)
    frames.copy_(functional.grid_sample(frames, grid, padding_mode='border', align_corners=False))


def warp_(frames: Tensor, corners: Tensor) -> None:
    """Pull the corners of the frame to other places, as seen from another viewpoint (bilinear).

    Args:
        frames: See above.
        corners: Displacement (x, y) of the top left, top right, bottom left and bottom right
            corner as a share of half the side, shape (N, 8).
    """
    height, width = frames.shape[2:]
    x = (torch.arange(width, device=frames.device) * 2 + 1) / width - 1
    y = (torch.arange(height, device=frames.device) * 2 + 1) / height - 1
    right, down = (1 + x) / 2, (1 + y.unsqueeze(1)) / 2
    shares = torch.stack(
        [(1 - down) * (1 - right), (1 - down) * right, down * (1 - right), down * right], 2
    )
    straight = torch.stack([x.expand(height, width), y.unsqueeze(1).expand(height, width)], 2)
    grid = straight + torch.einsum('hwc,ncx->nhwx', shares, corners.view(-1, 4, 2))
    frames.copy_(functional.grid_sample(frames, grid, padding_mode='border', align_corners=False))


def _luma(frames: Tensor) -> Tensor:
    """Return the luma, shape (N, 1, H, W)."""
    luma: Tensor = frames[:, 0:1] * _LUMA[0]
    return luma.add_(frames[:, 1:2], alpha=_LUMA[1]).add_(frames[:, 2:3], alpha=_LUMA[2])


def _on_chosen(frames: Tensor, chosen: Tensor, change: Callable[[Tensor], Tensor]) -> None:
    if recordable(frames):
        frames.copy_(torch.where(chosen.view(-1, 1, 1, 1), change(frames), frames))
        return
    rows = chosen.nonzero().squeeze(1)
    if len(rows):
        frames.index_copy_(0, rows, change(frames.index_select(0, rows)))
