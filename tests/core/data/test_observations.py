"""What a policy sees of frames: grey levels and events, against plain computation."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claifo_core.agent.networks import build_networks
from claifo_core.config import EnvConfig, NetworkConfig, TrainConfig
from claifo_core.data.frames import FrameSpec
from claifo_core.data.observations import (
    KINDS,
    RENDERED,
    Observer,
    film_kind,
    grayscale,
    observe_episode,
)
from claifo_core.deploy import contract as contracts
from claifo_core.errors import ClaifoError
from claifo_core.policy import Policy


def film(length: int = 6, views: int = 1, seed: int = 0) -> np.ndarray:
    """Frames whose pixels change a little, much, or not at all."""
    rng = np.random.default_rng(seed)
    frames = [rng.integers(0, 256, (5, 7, 3 * views))]
    for _ in range(length - 1):
        change = rng.integers(-40, 41, frames[-1].shape) * (rng.random(frames[-1].shape) < 0.5)
        frames.append(np.clip(frames[-1] + change, 0, 255))
    return np.array(frames, np.uint8)


def events_by_loop(frames: np.ndarray) -> np.ndarray:
    """Event images of frames (T, H, W, 3), pixel by pixel."""
    noise = np.random.default_rng(0)
    seen = np.zeros_like(frames)
    reference: dict[tuple[int, int], float] = {}
    for t, frame in enumerate(frames):
        doubt = noise.normal(0, 0.005, (*frame.shape[:2], 1))
        for y, x in np.ndindex(frame.shape[:2]):
            red, green, blue = map(float, frame[y, x])
            value = np.log((0.299 * red + 0.587 * green + 0.114 * blue) / 255 + 1e-5)
            change = value - reference.setdefault((y, x), value)
            if change + doubt[y, x, 0] > 0.15:
                seen[t, y, x] = (0, 255, 0)
            elif change + doubt[y, x, 0] < -0.15:
                seen[t, y, x] = (255, 0, 0)
            if abs(change) > 0.15:
                reference[y, x] = value
    return seen


def test_events_are_those_of_a_plain_loop():
    frames = film(8)
    seen = observe_episode('event', frames)
    np.testing.assert_array_equal(seen, events_by_loop(frames))
    assert not seen[0].any()
    assert (seen[..., 0] > 0).mean() > 0.05 < (seen[..., 1] > 0).mean()
    assert not seen[..., 2].any()


def test_small_changes_add_up_until_an_event_fires():
    levels = [100, 106, 112, 118, 124, 130]  # log steps of about 0.05
    frames = np.array([np.full((4, 4, 3), level) for level in levels], np.uint8)
    fired = observe_episode('event', frames)[:, 0, 0, 1] > 0
    assert fired.tolist() == [False, False, False, True, False, False]


def test_a_still_or_evenly_dimmed_world_is_seen_alike():
    still = np.repeat(film(1), 50, 0)
    assert not observe_episode('event', still).any()
    bright = film(8) // 2 * 2
    bright[bright < 20] = 20
    np.testing.assert_array_equal(
        observe_episode('event', bright), observe_episode('event', bright // 2)
    )


@given(st.integers(1, 3), st.integers(0, 99))
def test_grey_is_that_of_opencv_for_each_view(views, seed):
    frame = film(1, views, seed)[0]
    seen = grayscale(frame)
    assert seen.shape == frame.shape and seen.dtype == np.uint8
    for view in range(views):
        part = slice(3 * view, 3 * view + 3)
        wanted = cv2.cvtColor(np.ascontiguousarray(frame[..., part]), cv2.COLOR_RGB2GRAY)
        assert np.abs(seen[..., part].astype(int) - wanted[..., None]).max() <= 1
        assert (seen[..., part] == seen[..., 3 * view : 3 * view + 1]).all()


@pytest.mark.parametrize('kind', KINDS)
def test_views_do_not_mix_and_an_episode_forgets_the_one_before(kind):
    frames = film(5, views=2)
    observer = Observer(kind)
    for frame in film(4, views=2, seed=1):
        observer(frame)
    observer.begin()
    seen = np.stack([observer(frame) for frame in frames])
    np.testing.assert_array_equal(seen, observe_episode(kind, frames))
    other = frames.copy()
    other[..., 3:] = 255 - other[..., 3:]
    np.testing.assert_array_equal(observe_episode(kind, other)[..., :3], seen[..., :3])


def test_the_kind_travels_in_the_policy_file_and_in_the_contract():
    network = NetworkConfig(channels=4, strides=(2, 2), latent_dim=8, hidden_dim=16)
    parts = build_networks(network, frame_stack=3, size_px=24, action_dim=2, seed=0)
    config = TrainConfig(env=EnvConfig(size_px=24, observation='event'), network=network)
    policy = Policy.of(parts, config, {'control_hz': 10.0})
    again = Policy.from_bytes(policy.to_bytes(), 'test')
    assert again.frames == FrameSpec(24, None, 'event')
    contract = contracts.of_policy(again.metadata)
    assert contracts.parse(contracts.settings.plain(contract), 'test').frames(0) == again.frames
    old = {**policy.metadata, 'frames': {'size_px': 24, 'crop': None}}
    assert Policy(policy.parts['encoder'], policy.parts['actor'], old).frames == FrameSpec(24)
    with pytest.raises(ClaifoError, match='observation is event, the policy has rgb'):
        contracts.check_policy(contract, old, 'contract.yaml')
    for kind in RENDERED:
        rendered = {**policy.metadata, 'frames': {**old['frames'], 'observation': kind}}
        with pytest.raises(ClaifoError, match=f'is {kind}, which only a simulator shows'):
            contracts.of_policy(rendered)


def test_films_show_what_the_agent_needs():
    assert [film_kind(kind) for kind in KINDS] == [
        'rgb', 'rgb', 'rgb', 'depth', 'segmentation', 'depth'
    ]  # fmt: skip


def test_a_misspelt_kind_is_one_line():
    for wrong in (lambda: FrameSpec(24, None, 'evnet'), lambda: Observer('evnet')):
        with pytest.raises(ClaifoError, match=r'did you mean event\?.*cloud$'):
            wrong()
    with pytest.raises(ClaifoError, match='must be one of rgb, grayscale'):
        EnvConfig(observation='grey')
