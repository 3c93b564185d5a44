"""`record_expert` and `replay_expert`: films in and out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from claifo.bags.cdr import CameraImage, Parser, RawImage
from claifo.bags.codecs import compression, decode
from claifo.bags.episodes import choose_topic
from claifo.bags.reader import Bag, find_bags
from claifo.bags.topics import camera_topics
from claifo.graphs.composition import Argument, Graph, Process
from claifo_core.deploy import actors, contract
from claifo_core.errors import ClaifoError
from claifo_sim import EnvSpec, task_info

_BOOLEANS = ('true', 'false')
_RECORDER_GRACE_S = 30.0
_LOOKED_AT = 50


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
        encoding, width, height = _look(first[0][0][1])
    period_ns = np.median(np.diff([stamp_ns or time_ns for (stamp_ns, _), time_ns in first]))
    return contract.Camera(
        '/camera/image_raw', encoding, width, height, float(1e9 / max(period_ns, 1)), crop
    )


def _look(image: CameraImage) -> tuple[str, int, int]:
    """Return encoding, width and height of a picture."""
    if isinstance(image, RawImage):
        return image.layout.encoding, image.layout.width, image.layout.height
    height, width, _ = decode(image).shape
    return compression(image.format), width, height


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
        Argument('policy', None, 'policy file (runs/…/policy.safetensors) or export'),
        Argument('topic', '', 'image topic of the bag; empty: the only one'),
        Argument('rate', '1.0', 'speed, times that of the recording'),
        Argument('loop', 'false', 'begin again at the end', _BOOLEANS),
    ),
    replay,
)
