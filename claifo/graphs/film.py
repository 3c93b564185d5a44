"""`record_expert` and `replay_expert`: films in and out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from claifo.bags.cdr import Parser
from claifo.bags.codecs import compression, describe
from claifo.bags.episodes import choose_topic
from claifo.bags.reader import Bag, find_bags
from claifo.bags.topics import camera_topics
from claifo.graphs.composition import BOOLEANS, Argument, Graph, Process
from claifo_core.deploy import actors, contract
from claifo_core.errors import ClaifoError
from claifo_sim import EnvSpec, task_info

_RECORDER_GRACE_S = 30.0
_LOOKED_AT = 50


def record(values: Mapping[str, Any]) -> list[Process]:
    """Return the processes that film an expert."""
    EnvSpec(values['task'], values['domain'], size_px=values['size_px'])
    if Path(values['out']).exists():
        raise ClaifoError(f'{values["out"]}: exists already; delete it or choose another out')
    sim = {name: value for name, value in values.items() if name != 'out'}
    topics = list(camera_topics(task_info(values['task']).cameras))
    recorder = {'out': values['out'], 'topics': topics}
    return [
        Process('recorder_node', 'recorder', recorder, grace_s=_RECORDER_GRACE_S),
        Process('sim_node', 'sim', sim | {'expert': True}),
    ]


def replay(values: Mapping[str, Any]) -> list[Process]:
    """Return the processes that play a film to a policy, which only says what it would do."""
    for name in ('bag', 'policy'):
        if not Path(values[name]).exists():
            raise ClaifoError(f'{values[name]}: no such {name}')
    player = {name: values[name] for name in ('bag', 'topic', 'loop', 'rate')}
    agreed = film_contract(values['policy'], values['bag'], values['topic'])
    policy = {'policy': values['policy'], 'input': 'cameras', 'use_sim_time': True}
    return [
        Process(
            'policy_node', 'policy', policy, {'action': 'shadow/action'}, restart=True,
            files={'contract': contract.dump(agreed)},
        ),
        Process('expert_player_node', 'expert_player', player),
    ]  # fmt: skip


def film_contract(policy: str, bag: str, topic: str) -> contract.Contract:
    """Return the contract of a policy with a film as its camera.

    Raises:
        ClaifoError: Policy or film cannot be read, or do not fit together.
    """
    actor, known = actors.load(policy)
    known = known or contract.of_policy(actor.metadata)
    if len(known.cameras) > 1 or known.proprio:
        raise ClaifoError(
            f'{policy}: sees {len(known.cameras)} cameras and {actor.metadata["proprio_dim"]} '
            'numbers of proprioception; a film of one camera is not enough for it: '
            'claifo eval --bag plays such policies'
        )
    crop = actor.metadata['frames']['crop']
    camera = film_camera(bag, topic, tuple(crop) if crop else None)
    return dataclasses.replace(known, cameras=(camera,))


def film_camera(
    bag: str, topic: str, crop: tuple[int, int, int, int] | None
) -> contract.Camera:
    """Return the camera that a film is played as, by the first pictures of the film.

    Raises:
        ClaifoError: They cannot be read, or there are too few.
    """
    with Bag(find_bags([Path(bag)])[0]) as film:
        chosen = choose_topic(film, topic)
        parser = Parser(chosen.type)
        seen = (
            (parser(data), time_ns) for found, time_ns, data in film.messages() if found == chosen
        )
        first = list(islice(seen, _LOOKED_AT))
        if len(first) < 2:
            raise ClaifoError(f'{film.path}: {chosen.name} has {len(first)} pictures; two at '
                              'least are needed to know the rate')  # fmt: skip
        encoding, width, height = describe(first[0][0][1])
    period_ns = np.median(np.diff([stamp_ns or time_ns for (stamp_ns, _), time_ns in first]))
    rate_hz = float(1e9 / max(period_ns, 1))
    return contract.Camera(
        '/camera/image_raw', compression(encoding), width, height, rate_hz, crop
    )


RECORD_EXPERT = Graph(
    'record_expert',
    'film the expert of a task through the camera topic',
    (
        Argument('task', 'walker_walk', 'task (claifo tasks)'),
        Argument('domain', 'light/source', 'how the world looks (claifo domains)'),
        Argument('out', None, 'folder of the bag, which must not exist'),
        Argument('episodes', '10', 'episodes to film', kind=int),
        Argument('size_px', '64', 'width and height of the picture', kind=int),
        Argument('seed', '0', 'of the first episode', kind=int),
        Argument('rate', '1.0', 'speed, times real time; 0: as fast as possible', kind=float),
    ),
    record,
)
REPLAY_EXPERT = Graph(
    'replay_expert',
    'play the films of an expert to a policy, which publishes what it would do',
    (
        Argument('bag', None, 'rosbag2, or a folder of them'),
        Argument('policy', None, 'policy file (runs/…/policy.safetensors) or export'),
        Argument('topic', '', 'image topic of the bag; empty: the only one'),
        Argument('rate', '1.0', 'speed, times that of the recording', kind=float),
        Argument('loop', 'false', 'begin again at the end', BOOLEANS, bool),
    ),
    replay,
)
