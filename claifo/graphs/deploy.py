"""`deploy_policy`: a policy on a robot's cameras, and the safety node behind it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from claifo.bags.codecs import check_encoding
from claifo.bags.topics import split_topics
from claifo.graphs.composition import BOOLEANS, Argument, Graph, Process
from claifo_core.deploy import actors, limits
from claifo_core.deploy import contract as contracts
from claifo_core.deploy.contract import Contract
from claifo_core.errors import ClaifoError, did_you_mean

_GRACE_S = 5.0

def compose(values: Mapping[str, Any]) -> list[Process]:
    """Return the processes of a deployment; what does not fit together is said before.

    Raises:
        ClaifoError: A file is missing or damaged, or they do not fit together.
    """
    policy, shadow = values['policy'], values['shadow']
    actor, known = actors.load(policy)
    source = values['contract'] or policy
    if values['contract'] or known is None:
        known = actors.read_contract(source)
    contracts.check_policy(known, actor.metadata, source)
    topics = list(split_topics(values['image']))
    if topics:
        known = contracts.with_topics(known, tuple(topics))
    for camera in known.cameras:
        check_encoding(camera.encoding, f'{source}: {camera.topic}')
    tried = _camera(values['source'], known) + _robot(values['robot'], known, actor.metadata)
    if len(tried) > 1:
        raise ClaifoError('source and robot both bring a camera; give one of them')
    pilot: dict[str, Any] = {
        'policy': policy, 'input': 'cameras', 'contract': values['contract'], 'topics': topics,
    }  # fmt: skip
    if shadow:
        pilot['compare'] = True
        act = Process('policy_node', 'policy', pilot, {'action': 'shadow/action'}, restart=True)
        return [*tried, act]
    if not values['limits']:
        raise ClaifoError('deploy_policy needs limits:=FILE: without limits nothing moves; '
                          'shadow:=true acts without moving anything')
    bounds = limits.load(values['limits'])
    limits.check(bounds, known.action, values['limits'])
    guard = {'contract': str(Path(source)), 'limits': values['limits']}
    # Processes end in the opposite order: the gate after the policy, the robot after the gate.
    return [
        *tried,
        Process('safety_node', 'safety', guard, grace_s=_GRACE_S + bounds.ramp_s, rests=True),
        Process('policy_node', 'policy', pilot, restart=True),
    ]


def _camera(source: str, contract: Contract) -> list[Process]:
    """Return the process that shows a device, file or stream as the camera of the contract."""
    if not source:
        return []
    if len(contract.cameras) > 1:
        raise ClaifoError(f'source:={source} is one camera; the contract has '
                          f'{len(contract.cameras)}')  # fmt: skip
    camera = contract.cameras[0]
    params = {
        'source': source, 'width': camera.width, 'height': camera.height, 'loop': True,
        'compressed': camera.encoding if camera.compressed else '',
    }  # fmt: skip
    if not Path(source).is_file():  # a file is played at its own rate
        params['rate_hz'] = float(camera.rate_hz)
    behind = '/compressed' if camera.compressed else ''
    shown = {f'camera/image_raw{behind}': f'{camera.topic}{behind}'}
    return [Process('camera_node', 'camera', params, shown)]


def _robot(task: str, contract: Contract, policy: Mapping[str, Any]) -> list[Process]:
    """Return the process that simulates the robot of a policy.

    Raises:
        ClaifoError: The policy was trained for another task, or the contract means another robot.
    """
    if not task:
        return []
    if task != policy['task']:
        raise ClaifoError(f'robot:={task}{did_you_mean(task, [policy["task"]])}; the policy was '
                          f'trained for {policy["task"]}')  # fmt: skip
    simulated = contracts.of_policy(policy)
    if (contract.cameras, contract.action) != (simulated.cameras, simulated.action):
        raise ClaifoError(
            f'robot:={task} is a simulated robot, and the contract is that of another one; leave '
            'contract and image away, or export without --contract'
        )
    params = {
        'robot': True, 'task': task, 'domain': policy['domain'],
        'action_repeat': policy['action_repeat'], 'size_px': contract.size_px,
        'cameras': list(policy['cameras']),
    }  # fmt: skip
    return [Process('sim_node', 'sim', params)]


DEPLOY_POLICY = Graph(
    'deploy_policy',
    'act on a robot by its cameras, inside its limits',
    (
        Argument('policy', None, 'export (claifo export) or policy file'),
        Argument('limits', '', 'limits of the robot (YAML), or a contract that has them'),
        Argument('image', '', 'image topic, or several with commas; empty: as in the contract'),
        Argument('contract', '', 'deployment contract (YAML); empty: that of the policy'),
        Argument('source', '', 'camera to start: device, video file or address (camera_node)'),
        Argument('robot', '', 'robot to simulate: the task of the policy (sim_node)'),
        Argument('shadow', 'false', 'only say what would be done, on shadow/action', BOOLEANS,
                 bool),
    ),
    compose,
)
