"""What only a GPU can show. `pytest tests/core/device/test_gpu.py` where there is one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from toy_world import Session, expert_videos, small_config

from claifo_core.agent.augment import Augmenter
from claifo_core.agent.look import Look
from claifo_core.data.replay import Replay
from claifo_core.data.stacks import Stacks
from claifo_core.data.timestep import TimeStep
from claifo_core.device.capture import Recorded
from claifo_core.training.checkpoint import Checkpoint
from claifo_core.training.learner import Learner

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason='no GPU')


def learner(**options) -> Learner:
    return Session(small_config(device='cuda', **options)).run(40).learner


def updated(made: Learner, count: int) -> dict[str, float]:
    made.take_metrics()
    for _ in range(count):
        made.update()
    return made.take_metrics()


@pytest.mark.parametrize('kind', ['brightness', 'color', 'full'])
def test_a_replayed_graph_does_what_its_kernels_do_one_by_one(kind):
    graph, eager = learner(augment__kind=kind), learner(augment__kind=kind)
    eager._learn._eager = True
    wanted, found = updated(eager, 30), updated(graph, 30)
    assert graph._learn._graph is not None
    assert found == pytest.approx(wanted, rel=0.02, abs=1e-3)
    ours, theirs = graph.tensors(), eager.tensors()
    for name in ours:
        if name.startswith(('encoder.', 'actor.', 'discriminator.')):
            torch.testing.assert_close(ours[name], theirs[name], rtol=0.02, atol=1e-3)


def test_an_update_does_not_wait_for_the_gpu():
    made = learner()
    updated(made, 5)
    torch.cuda.set_sync_debug_mode('error')
    try:
        for _ in range(10):
            made.update()
    finally:
        torch.cuda.set_sync_debug_mode('default')


def test_observing_does_not_wait_for_the_gpu():
    made = learner()
    frame = np.zeros((16, 16, 3), np.uint8)
    torch.cuda.set_sync_debug_mode('error')
    try:
        for _ in range(10):
            made.observe(0, TimeStep(frame, np.zeros(2, np.float32), 1.0))
            made.replay.latest()
            made.update()
    finally:
        torch.cuda.set_sync_debug_mode('default')


def test_what_cannot_be_recorded_goes_on_kernel_by_kernel(capsys):
    rngs = [torch.Generator('cuda').manual_seed(0) for _ in range(2)]
    found, wanted = ([] for _ in range(2))

    def drawing(into, rng):
        return lambda: into.append(float(torch.rand((), generator=rng, device='cuda')))

    recorded = Recorded(drawing(found, rngs[0]), torch.device('cuda'), rngs[:1])
    here = torch.cuda.current_stream()
    for _ in range(6):
        recorded()
        drawing(wanted, rngs[1])()
    assert found == wanted
    assert torch.cuda.current_stream() == here
    assert capsys.readouterr().err.count('CUDA graphs cannot be used') == 1


def test_half_precision_learns_what_single_precision_learns():
    exact, half = learner(precision='float32'), learner(precision='bfloat16')
    wanted, found = updated(exact, 200), updated(half, 200)
    for name in ('contrastive_loss', 'discriminator_loss', 'critic_loss'):
        assert found[name] == pytest.approx(wanted[name], rel=0.15, abs=0.05)


def test_frames_of_the_host_make_the_same_batches():
    rng = np.random.default_rng(0)
    gpu = torch.device('cuda')
    here = Replay(64, 16, 2, device=gpu)
    there = Replay(64, 16, 2, device='cpu', batches_on=gpu)
    for replay in (here, there):
        rng = np.random.default_rng(0)
        replay.begin(0, rng.integers(0, 256, (16, 16, 3), np.uint8))
        for _ in range(40):
            action = rng.standard_normal(2).astype(np.float32)
            replay.append(0, action, 1.5, rng.integers(0, 256, (16, 16, 3), np.uint8))
        replay.episodes.refresh()
    starts = here.episodes.draw(32, torch.Generator(gpu).manual_seed(0))
    drawn = {'cuda': starts, 'cpu': type(starts)(*(v.cpu() for v in vars(starts).values()))}
    for replay in (here, there):
        own = drawn[replay.frames.device.type]
        replay.episodes.draw = lambda *_, own=own: own
    ours, theirs = (vars(r.draw(32, torch.Generator())) for r in (here, there))
    for name in ours:
        mine, other = (
            x[name].pictures() if isinstance(x[name], Stacks) else x[name] for x in (ours, theirs)
        )
        assert mine.is_cuda and other.is_cuda
        assert torch.equal(mine, other), name


def test_a_replay_that_does_not_fit_is_fed_from_the_host(monkeypatch, capsys):
    monkeypatch.setattr('claifo_core.device.devices._WORK_BYTES', 1 << 60)
    made = learner()
    assert made.replay.frames.device.type == 'cpu'
    assert 'stays in host memory' in capsys.readouterr().err
    assert all(np.isfinite(list(updated(made, 10).values())))


@pytest.mark.parametrize('kind', ['brightness', 'color', 'full'])
def test_views_of_a_gpu_are_those_of_a_cpu(kind):
    config = small_config(augment__kind=kind).augment
    frames = torch.randint(256, (90, 64, 64, 3), dtype=torch.uint8)
    slots = torch.randint(90, (64, 3))
    stacks = {'cpu': Stacks(frames, slots), 'cuda': Stacks(frames.cuda(), slots.cuda())}
    looks = Augmenter(config, torch.Generator().manual_seed(0)).draw('T', 64, 3)
    moved = Look([[(c, v.cuda()) for c, v in plan] for plan in looks.plans], looks.moves)
    views = {}
    for device, look in (('cpu', looks), ('cuda', moved)):
        made = Augmenter(config, torch.Generator(device))
        made.draw = lambda *_, look=look: look
        views[device] = made.view(stacks[device], 'T', stacks[device].blank(64)).cpu()
    torch.testing.assert_close(views['cuda'], views['cpu'], atol=0.05, rtol=0)


@pytest.mark.parametrize(('saved_on', 'device'), [('cuda', 'cpu'), ('cpu', 'cuda')])
def test_a_run_goes_on_on_another_device(tmp_path, capsys, saved_on, device):
    made = Session(small_config(device=saved_on)).run(40).learner
    Checkpoint(tmp_path).save(made, {})
    resumed = Learner(small_config(device=device), 2, expert_videos(3))
    Checkpoint(tmp_path).load(resumed)
    assert 'draws begin anew: agent' in capsys.readouterr().err
    for name, value in made.tensors().items():
        if not name.startswith('rng.'):
            assert torch.equal(resumed.tensors()[name].cpu(), value.cpu())
    assert all(np.isfinite(list(updated(resumed, 8).values())))


def test_resumed_is_uninterrupted(tmp_path):
    whole, part = learner(), learner()
    updated(part, 8)
    Checkpoint(tmp_path).save(part, {})
    resumed = Learner(part.config, 2, expert_videos(3))
    Checkpoint(tmp_path).load(resumed)
    updated(whole, 16), updated(resumed, 8)
    for name, value in whole.tensors().items():
        if name.startswith(('encoder.', 'actor.')):
            torch.testing.assert_close(resumed.tensors()[name], value, rtol=1e-3, atol=1e-4)
