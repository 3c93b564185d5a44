"""`record_expert` and `replay_expert`: films in and out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from claifo.bags.topics import camera_topics
from claifo.graphs.composition import Argument, Graph, Process
from claifo_core.errors import ClaifoError
from claifo_sim.registry import EnvSpec, task_info

_BOOLEANS = ('true', 'false')
_RECORDER_GRACE_S = 30.0


def _number(name: str, text: str, kind: type) -> Any:  # noqa: ANN401 (of that kind)
    try:
        return kind(text)
    except ValueError:
        word = 'whole number' if kind is int else 'number'
        raise ClaifoError(f'{name}:={text} is not possible; a {word} is needed') from None


def record(values: Mapping[str, str]) -> list[Process]:
    """Return the processes that film an expert."""
    size = _number('size_px', values['size_px'], int)
    EnvSpec(values['task'], values['domain'], size_px=size)
    if Path(values['out']).exists():
        raise ClaifoError(f'{values["out"]}: exists already; delete it or choose another out')
    sim = {
        'task': values['task'], 'domain': values['domain'], 'size_px': size, 'expert': True,
        'seed': _number('seed', values['seed'], int),
        'episodes': _number('episodes', values['episodes'], int),
        'rate': _number('rate', values['rate'], float),
    }  # fmt: skip
    topics = list(camera_topics(task_info(values['task']).cameras))
    recorder = {'out': values['out'], 'topics': topics}
    return [
        Process('recorder_node', 'recorder', recorder, grace_s=_RECORDER_GRACE_S),
        Process('sim_node', 'sim', sim),
    ]


def replay(values: Mapping[str, str]) -> list[Process]:
    """Return the processes that play a film to a policy, which only says what it would do."""
    for name in ('bag', 'policy'):
        if not Path(values[name]).exists():
            raise ClaifoError(f'{values[name]}: no such {name}')
    player = {
        'bag': values['bag'], 'topic': values['topic'], 'loop': values['loop'] == 'true',
        'rate': _number('rate', values['rate'], float),
    }  # fmt: skip
    policy = {'policy': values['policy'], 'input': 'image'}
    shadow = {'action': 'shadow/action'}
    return [
        Process('policy_node', 'policy', policy, shadow, restart=True),
        Process('expert_player_node', 'expert_player', player),
    ]


RECORD_EXPERT = Graph(
    'record_expert',
    'film the expert of a task through the camera topic',
    (
        Argument('task', 'walker_walk', 'task (claifo tasks)'),
        Argument('domain', 'light/source', 'how the world looks (claifo domains)'),
        Argument('out', None, 'folder of the bag, which must not exist'),
        Argument('episodes', '10', 'episodes to film'),
        Argument('size_px', '64', 'width and height of the picture'),
        Argument('seed', '0', 'of the first episode'),
        Argument('rate', '1.0', 'speed, times real time; 0: as fast as possible'),
    ),
    record,
)
REPLAY_EXPERT = Graph(
    'replay_expert',
    'play the films of an expert to a policy, which publishes what it would do',
    (
        Argument('bag', None, 'rosbag2, or a folder of them'),
        Argument('policy', None, 'policy file (runs/…/policy.safetensors)'),
        Argument('topic', '', 'image topic of the bag; empty: the only one'),
        Argument('rate', '1.0', 'speed, times that of the recording'),
        Argument('loop', 'false', 'begin again at the end', _BOOLEANS),
    ),
    replay,
)
