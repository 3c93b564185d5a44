"""docs/methods.md: the table of methods, as claifo_core/config/methods.py has them."""

from __future__ import annotations

import json
from pathlib import Path

from claifo_core.config.methods import METHODS, Method
from pages.markdown import table

ROOT = Path(__file__).resolve().parents[2]
COSTS = ROOT / 'benchmarks' / 'results' / 'methods.json'
_LOSSES = ('agent/test_baseline_losses.py', 'agent/test_gradient_flow_methods.py')
# Code that the default does without, and the tests of what it computes.
PARTS: dict[tuple[str, object], tuple[str, tuple[str, ...]]] = {
    ('agent.judge', 'patch'): ('agent/baselines/patchail.py', _LOSSES),
    ('agent.judge', 'disentangled'): ('agent/baselines/disentangail.py', _LOSSES),
    ('agent.contrastive', 'byol'): ('agent/baselines/byol.py', _LOSSES),
    ('agent.hide_domain', True): ('agent/baselines/information.py', _LOSSES),
    ('agent.bisimulation', 0.5): ('agent/baselines/bisimulation.py', _LOSSES),
    ('agent.cloning', True): ('agent/baselines/cloning.py', (*_LOSSES, 'agent/test_cloning.py')),
    ('agent.demonstrations', True): (
        'agent/baselines/vrl3.py', (_LOSSES[0], 'agent/test_vrl3.py'),
    ),
    ('agent.reward', 'env'): ('', _LOSSES[1:]),
    ('agent.critic_gradient', False): ('', _LOSSES[1:]),
    ('network.projection', 128): ('', _LOSSES[1:]),
    ('network.contrast', 'features'): ('', _LOSSES[1:]),
    ('network.encoder', 'impala'): ('agent/encoders.py', ('agent/test_encoders.py',)),
    ('network.encoder', 'spatial_softmax'): ('agent/encoders.py', ('agent/test_encoders.py',)),
    ('network.encoder', 'vit'): ('agent/encoders.py', ('agent/test_encoders.py',)),
    ('env.observation', 'grayscale'): ('data/observations.py', ('data/test_observations.py',)),
    ('env.observation', 'event'): ('data/observations.py', ('data/test_observations.py',)),
    ('env.observation', 'depth'): ('', ('data/test_observations.py',)),
    ('env.observation', 'segmentation'): ('', ('data/test_observations.py',)),
    ('env.observation', 'cloud'): ('', ('data/test_observations.py',)),
}


def sections() -> dict[str, str]:
    """Return the rows of all methods, for the page."""
    head = (
        '`--method`', 'what it is', 'paper', 'options', 'code of its own', 'tests', 'ms', 'GFLOP',
        'GFLOP/s',
    )  # fmt: skip
    return {'docs/methods.md': table(head, (_row(*item) for item in METHODS.items()))}


def _row(name: str, method: Method) -> tuple[str, ...]:
    parts = [PARTS[item] for item in method.overrides.items() if item in PARTS]
    code = [f'`{file}`, {_lines(file)} lines' for file, _ in parts if file]
    tests = ['config/test_methods.py', *(test for _, named in parts for test in named)]
    options = [f'`{key}: {_word(value)}`' for key, value in method.overrides.items()]
    return (
        f'`{name}`', method.summary, method.source, ', '.join(options) or 'none',
        ', '.join(code) or 'none', ', '.join(f'`{test}`' for test in tests), *_cost(name),
    )  # fmt: skip


def _cost(name: str) -> tuple[str, ...]:
    """Return what an update of a method took in benchmarks/compare_methods.py."""
    found = json.loads(COSTS.read_text())['methods'][name]
    return f'{found["cpu_ms"]:.0f}', f'{found["gflop"]:.2f}', f'{found["gflop_per_s"]:.0f}'


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _lines(file: str) -> int:
    return len((ROOT / 'claifo_core' / file).read_text().splitlines())
