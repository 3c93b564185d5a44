"""What a CUDA graph may hold: updates that need nothing of the host; half precision."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from test_methods import options_of
from torch._inductor.utils import run_and_get_code
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from toy_world import Session, expert_videos, small_config

from claifo_core.agent.augment import Augmenter
from claifo_core.agent.look import _write
from claifo_core.config.methods import METHODS
from claifo_core.data import episodes, replay
from claifo_core.data.replay import Replay
from claifo_core.data.stacks import Stacks
from claifo_core.data.timestep import TimeStep
from claifo_core.data.transfer import put
from claifo_core.device import capture
from claifo_core.training.learner import Learner

# Each of these reads a value back, has a shape that depends on values, or copies a constant.
HOST = {
    '_local_scalar_dense', 'nonzero', 'masked_select', 'is_nonzero', 'equal', 'lift_fresh',
    '_unique2', 'randperm', 'argwhere', 'bincount',
}  # fmt: skip


class WithoutHost(TorchDispatchMode):
    """Refuses every operation that a CUDA graph cannot record."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        masks = [
            index
            for index in (args[1] if name in ('index', 'index_put_', 'index_put') else [])
            if index is not None and index.dtype == torch.bool
        ]
        assert name not in HOST and not masks, f'{func} needs the host'
        return func(*args, **(kwargs or {}))


def learner(**options) -> Learner:
    return Session(small_config(**options)).run(40).learner


CONFIGS = {
    f'{kind}-{draw}-{step}': {
        'augment__kind': kind, 'augment__draw': draw, 'agent__encoder_step': step,
    }
    for (kind, draw), step in zip(
        itertools.product(('brightness', 'color', 'full', 'shift'), ('batch', 'sample')),
        itertools.cycle(('sequential', 'joint')),
    )
}  # fmt: skip
CONFIGS |= {
    'auto': {'augment__kind': 'auto'},
    'generic, warped': {'augment__kind': 'generic', 'augment__warp': 0.1},
    'cosine': {'agent__contrastive': 'cosine'},
    'least squares': {'agent__gan_loss': 'least_squares', 'agent__imitation_reward': 'logit'},
}
CONFIGS |= {name: options_of(name) for name in METHODS}


@pytest.mark.parametrize('options', CONFIGS.values(), ids=CONFIGS)
def test_an_update_needs_nothing_of_the_host(options):
    made = learner(**options)
    with capture.forced():
        made.update()
        with WithoutHost():
            made._learn_once()


@pytest.fixture
def uploads(monkeypatch):
    """Let what goes through page-locked memory pass: the host does not wait for it."""

    def unwatched(*args):
        with _disable_current_modes():
            put(*args)

    for user in (episodes, replay):
        monkeypatch.setattr(user, 'put', unwatched)


@pytest.mark.usefixtures('uploads')
@pytest.mark.parametrize('proprio', [False, True])
def test_acting_and_observing_need_nothing_of_the_host(proprio):
    made = Learner(small_config(env__proprio=proprio), 2, expert_videos(1), 3 * proprio)
    frame, felt = np.zeros((16, 16, 3), np.uint8), np.ones(3 * proprio, np.float32)
    moved = TimeStep(frame, np.ones(2, np.float32), 0.5, proprio=felt, terminated=True)
    made.steps = made.config.uniform_steps
    with capture.forced(), WithoutHost():
        for step in (TimeStep(frame, proprio=felt), *[moved] * 5):
            made.observe(0, step), made.observe(1, step)
        assert made.act().shape == (2, 2)
        made.replay.episodes.refresh()


def test_the_refusal_works():
    with WithoutHost(), pytest.raises(AssertionError, match=r'nonzero.* needs the host'):
        torch.ones(3).nonzero()
    with WithoutHost(), pytest.raises(AssertionError, match=r'lift_fresh.* needs the host'):
        torch.ones(3)[1] = 2.0


def test_draws_that_can_be_recorded_are_as_uniform_as_the_others():
    filled = Replay(60, 4, 1, stack=2, n_step=2, lanes=2)
    for lane, lengths in enumerate(((5, 9, 2), (12,))):
        for length in lengths:
            frame = np.zeros((4, 4, 3), np.uint8)
            filled.begin(lane, frame)
            for _ in range(length):
                filled.append(lane, np.zeros(1, np.float32), 0.0, frame)
    filled.episodes.refresh()
    with capture.forced():
        starts = filled.episodes.draw(40_000, torch.Generator().manual_seed(0))
    found, counts = torch.unique(
        torch.stack([starts.lane, starts.number]), dim=1, return_counts=True
    )
    assert found.shape[1] == len(filled) == 4 + 8 + 1 + 11
    spread = (counts - 40_000 / len(filled)) / (40_000 / len(filled)) ** 0.5
    assert spread.square().sum() < 50  # chi-squared with 23 degrees of freedom: p < 0.001


def test_metrics_are_means_over_the_updates_since_the_last_call():
    made = learner()
    made.take_metrics()
    singles = []
    for _ in range(3):
        made.update()
        singles.append({k: float(v) for k, v in made._totals.newest.items()})
    means = made.take_metrics()
    for name in singles[0]:
        assert means[name] == pytest.approx(np.mean([s[name] for s in singles]), rel=1e-5)
    assert made.take_metrics() == {'action_std': made.std}


def test_half_precision_stays_near_single():
    exact, half = (learner(precision=name) for name in ('float32', 'bfloat16'))
    for made in (exact, half):
        made.take_metrics()
        made.update()
    batch = exact.replay.sample(32, torch.Generator().manual_seed(0))
    with torch.no_grad():
        images = batch.obs.pictures().float().flatten(1, 2)
        latents = [made.agent._sight.encode(images) for made in (exact, half)]
    assert latents[1].dtype == torch.float32
    assert 0 < (latents[0] - latents[1]).abs().max() < 0.1
    found = [made.take_metrics() for made in (exact, half)]
    for name in ('contrastive_loss', 'discriminator_loss', 'critic_loss'):
        assert found[1][name] == pytest.approx(found[0][name], rel=0.1, abs=0.02)


def test_weights_stay_in_single_precision():
    made = learner(precision='bfloat16')
    made.update()
    assert {v.dtype for k, v in made.tensors().items() if not k.startswith('rng.')} == {
        torch.float32
    }


def test_expert_videos_taken_later_are_drawn_from():
    made = learner()
    made.update()
    forgotten = []
    made._learn.forget = lambda: forgotten.append(True)
    made._refresh()
    assert not forgotten
    made.take_expert([np.full_like(expert_videos(1)[0], 7)])
    made._refresh()
    assert forgotten  # a recorded update would go on with the old frames
    assert made.expert.draw(4, made.rngs['expert']).obs.pictures().unique().tolist() == [7]
    made.update()


def a_view(kind, draw='batch') -> tuple:
    """Return the writer of a view of that kind, and what it takes."""
    made = Augmenter(small_config(augment__kind=kind).augment, torch.Generator().manual_seed(3))
    stacks = Stacks(torch.randint(256, (9, 16, 16, 3), dtype=torch.uint8),
                    torch.randint(9, (4, 3)))  # fmt: skip
    look = dataclasses.replace(made.draw('T', 4, 3), moves=torch.randint(-2, 3, (2, 4)))
    changes = tuple(tuple(change for change, _ in plan) for plan in look.plans)
    values = [value for plan in look.plans for _, value in plan]
    where = stacks.frames, stacks.slots, stacks.blank(4, torch.bfloat16), look.moves
    return functools.partial(_write, changes), *where, *values


@pytest.mark.parametrize('kind', ['brightness', 'color', 'full', 'generic', 'auto'])
def test_every_view_is_one_graph_for_the_compiler(kind):
    write, *args = a_view(kind)
    torch.compiler.reset()
    with capture.forced():
        told = torch._dynamo.explain(write)(*args)
    assert told.graph_count == 1, told.break_reasons


def test_an_update_is_recorded_anew_when_a_table_has_moved_and_not_before():
    made = learner(replay_frames=4000)
    made.update()
    forgotten = []
    made._learn.forget = lambda: forgotten.append(True)
    frame = np.zeros((16, 16, 3), np.uint8)
    for begun, moved in ((500, False), (600, True)):  # the table begins with 1024 rows
        for _ in range(begun):
            made.replay.begin(0, frame)
        made._refresh()
        assert bool(forgotten) == moved


class FakeCuda:
    """As torch.cuda where a capture fails: what PyTorch 2.11 leaves behind is left behind."""

    CUDAGraph = Stream = lambda *_: SimpleNamespace(register_generator_state=id, wait_stream=id)

    def __init__(self):
        self.stream, self.drawn, self.captured = 'default', 0, False

    def current_stream(self, device):
        return self.stream

    def set_stream(self, stream):
        self.stream = stream

    @contextlib.contextmanager
    def graph(self, graph, capture_error_mode):
        assert capture_error_mode == 'thread_local'  # other threads may allocate meanwhile
        self.stream, self.captured = 'of the capture', True
        yield
        raise RuntimeError('operation not permitted when stream is capturing')

    def clone_state(self):
        return self.drawn

    def graphsafe_set_state(self, drawn):
        self.drawn, self.captured = drawn, False

    def draw(self):
        assert not self.captured or self.stream == 'of the capture'
        self.drawn += 1


def test_after_a_failed_capture_the_same_draws_follow_on_the_same_stream(monkeypatch, capsys):
    fake = FakeCuda()
    monkeypatch.setattr(torch, 'cuda', fake)
    recorded = capture.Recorded(fake.draw, torch.device('cuda'), [])
    recorded._generators, recorded._to_come = [fake], 0
    for count in (1, 2, 3):
        recorded()
        assert (fake.drawn, fake.stream) == (count, 'default')
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize(('kind', 'most'), [('brightness', 1), ('color', 24)])
def test_a_view_is_compiled_to_few_kernels_and_stays_the_same(kind, most):
    write, *args = a_view(kind)
    wanted, out = args[2].clone(), args[2]
    with capture.forced():
        write(*args[:2], wanted, *args[3:])
        torch.compiler.reset()
        _, code = run_and_get_code(torch.compile(write, dynamic=False), *args)
    kernels = set(re.findall(r'cpp_fused_\w+(?=\()', '\n'.join(code)))
    assert 1 <= len(kernels) <= most
    torch.testing.assert_close(out, wanted, atol=1, rtol=0.01)  # a step of bfloat16


def test_a_compiler_that_fails_is_told_once(capsys, monkeypatch):
    def broken(function, **_):
        def fail(*_):
            raise RuntimeError('no compiler\nat all')

        return fail

    monkeypatch.setattr(torch, 'compile', broken)
    double = capture.compiled(lambda x: x.mul_(2))
    value = torch.ones(1)
    double(value)
    double(value)
    assert value == 4
    said = capsys.readouterr().err.splitlines()
    assert said == ['claifo: torch.compile failed, kernels are not fused (no compiler)']
