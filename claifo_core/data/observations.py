"""What a policy sees of its frames: colours, grey levels, or where the light changes.

Film, simulator and live camera pass through the same :class:`Observer`, so that the same pictures
give the same observations. Depth, segmentation and cloud are rendered as they are seen, and pass
through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from claifo_core.errors import check_choice

if TYPE_CHECKING:
    from numpy.typing import NDArray

RENDERED = ('depth', 'segmentation', 'cloud')
"""Kinds that only a simulator can make."""
KINDS = ('rgb', 'grayscale', 'event', *RENDERED)

_BT601 = np.array((0.299, 0.587, 0.114), np.float32)
# As in Eb-LAIfO: change of log luma that fires, noise on that decision, luma of black.
EVENT_THRESHOLD = 0.15
EVENT_NOISE = 0.005
_DARKEST = 1e-5


def check_kind(kind: str) -> None:
    """Refuse a kind that there is not.

    Raises:
        ClaifoError: names the nearest one.
    """
    check_choice('observation', kind, KINDS)


def film_kind(kind: str) -> str:
    """Return what films must show for observations of a kind: ``rgb``, or a rendered kind.

    A cloud shows depth as the camera would see it where it belongs. That of an expert is there, so
    its depth is what its cloud would show.
    """
    if kind == 'cloud':
        return 'depth'
    return kind if kind in RENDERED else 'rgb'


def luma(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the luma (BT.601) of each view, float32 (H, W, V) in 0..255.

    Args:
        frame: uint8, shape (H, W, 3 V), RGB.
    """
    views = frame.reshape(*frame.shape[:2], -1, 3)
    return np.asarray(views @ _BT601, np.float32)


def grayscale(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the frame in grey, uint8 (H, W, 3 V): three equal channels for each view."""
    return np.repeat(np.rint(luma(frame)).astype(np.uint8), 3, 2)


class Observer:
    """Turns the frames of one episode after the other into observations of one kind.

    An event image (Eb-LAIfO) shows where log luma has left a reference by more than a threshold:
    green where it rose, red where it fell, black elsewhere. The reference of a pixel is its log
    luma when it last fired, at first that of the first frame of the episode. A little noise lies
    on the decision to show an event, none on the reference.
    """

    def __init__(self, kind: str) -> None:
        """Begin an episode.

        Args:
            kind: One of ``KINDS``.

        Raises:
            ClaifoError: there is no such kind.
        """
        check_kind(kind)
        self.kind = kind
        self.begin()

    def begin(self) -> None:
        """Begin a new episode: the next frame is its first."""
        self._reference: NDArray[np.float32] | None = None
        # The same in every episode: a film and a camera that show the same are seen the same.
        self._noise = np.random.default_rng(0)

    def __call__(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the observation of the next frame, uint8 (H, W, 3 V) as the frame."""
        if self.kind == 'grayscale':
            return grayscale(frame)
        return self._events(frame) if self.kind == 'event' else frame

    def _events(self, frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        log_luma = np.log(luma(frame) / 255 + _DARKEST)
        seen = np.zeros((*log_luma.shape, 3), np.uint8)
        if self._reference is None:
            self._reference = log_luma
        change = log_luma - self._reference
        noisy = change + self._noise.normal(0, EVENT_NOISE, change.shape).astype(np.float32)
        seen[noisy < -EVENT_THRESHOLD, 0] = 255
        seen[noisy > EVENT_THRESHOLD, 1] = 255
        fired = np.abs(change) > EVENT_THRESHOLD
        self._reference = np.where(fired, log_luma, self._reference)
        return seen.reshape(frame.shape)


def observe_episode(kind: str, frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the observations of the frames of an episode, uint8 (T, H, W, 3 V)."""
    if kind in ('rgb', *RENDERED):
        return frames
    observer = Observer(kind)
    return np.stack([observer(frame) for frame in frames])
