"""The one image pipeline: bag, simulator and live camera all pass through :func:`prepare`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from claifo_core.data.observations import check_kind
from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class FrameSpec:
    """What a policy wants to see.

    Attributes:
        size_px: Side of the square frame, in pixels.
        crop: Region of the camera image that is kept (x, y, width, height), in pixels; None keeps
            the whole image.
        observation: What the policy sees of the frames of an episode
            (:class:`claifo_core.data.observations.Observer`).
    """

    size_px: int
    crop: tuple[int, int, int, int] | None = None
    observation: str = 'rgb'

    def __post_init__(self) -> None:
        """Refuse sizes that cannot be."""
        if self.size_px < 1:
            raise ClaifoError(f'frames: size_px is {self.size_px}; it must be at least 1')
        if self.crop is not None and (min(self.crop[:2]) < 0 or min(self.crop[2:]) < 1):
            raise ClaifoError(
                f'frames: crop {self.crop} must be x, y >= 0 and width, height >= 1 (pixels)'
            )
        check_kind(self.observation)


def prepare(image: NDArray[np.uint8], spec: FrameSpec) -> NDArray[np.uint8]:
    """Crop and resize one camera image to the frame that the policy sees.

    Shrinking averages areas (no aliasing), enlarging interpolates linearly, and an image that is
    right already passes through unchanged.

    Args:
        image: uint8, shape (H, W, 3), RGB.
        spec: Crop and size.

    Returns:
        uint8, shape (size_px, size_px, 3), contiguous.

    Raises:
        ClaifoError: the image is empty, not uint8 RGB, or smaller than the crop.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ClaifoError(
            f'frames: image is {image.dtype} {image.shape}; uint8 (height, width, 3) is needed'
        )
    if spec.crop is not None:
        image = _crop(image, spec.crop)
    size = spec.size_px
    if image.shape[:2] == (size, size):
        return np.ascontiguousarray(image)
    import cv2  # here: the settings know frames, too, and `claifo --help` must be instant

    shrinks = min(image.shape[:2]) >= size
    resized = cv2.resize(
        image, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    return np.asarray(resized, np.uint8)


def _crop(image: NDArray[np.uint8], crop: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    x, y, width, height = crop
    if y + height > image.shape[0] or x + width > image.shape[1]:
        raise ClaifoError(
            f'frames: crop x={x} y={y} width={width} height={height} leaves the image of '
            f'{image.shape[1]}x{image.shape[0]} pixels'
        )
    return image[y : y + height, x : x + width]
