"""The tables of topics, services and parameters of every node, as the nodes themselves say.

README.md has those of topics and services, docs/nodes.md everything.
"""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pages.markdown import table

ROOT = Path(__file__).resolve().parents[2]
COMMON = {'/rosout', '/parameter_events', '/diagnostics', '/clock'}
LIFECYCLE = {
    'change_state', 'get_state', 'get_available_states', 'get_available_transitions',
    'get_transition_graph', 'transition_event',
}  # fmt: skip
SMALLEST = {
    'task': 'any', 'control_hz': 10.0, 'action_dim': 1, 'frames': {'size_px': 16}, 'views': 1,
    'frame_stack': 1, 'cameras': (), 'proprio_dim': 0,
}  # fmt: skip
# Only a real rclpy has the last two.
OF_EVERY_NODE = ('use_sim_time', 'start_type_description_service', 'get_type_description')
LIMITS = """format: claifo-limits-1
on_fault: zero
joints: [{name: action_0, effort: 1.0, step: 1.0}]
"""
HEAD = ('node', '', 'name', 'type', 'QoS')


def nodes(more: Sequence[tuple[str, str]] = ()) -> Iterator[Any]:
    """Yield each node, built as small as can be, and destroy it.

    Args:
        more: Nodes to be built once more, with these ROS arguments.
    """
    importlib.import_module('claifo_nodes')  # provides rclpy
    import rclpy

    from claifo.bags import BagWriter
    from claifo_core.deploy import contract

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with BagWriter(folder / 'bag', rate_hz=10) as bag:
            bag.write_episode(np.zeros((2, 16, 16, 3), np.uint8))
        agreed = folder / 'contract.yaml'
        agreed.write_text(contract.dump(contract.of_policy(SMALLEST)))
        (folder / 'limits.yaml').write_text(LIMITS)
        film = cv2.VideoWriter(
            str(folder / 'film.avi'), cv2.VideoWriter_fourcc(*'MJPG'), 30.0, (32, 32)
        )
        film.write(np.zeros((32, 32, 3), np.uint8))
        film.release()
        files = (
            '-p', f'source:={folder / "film.avi"}',
            '-p', f'bag:={folder / "bag"}', '-p', f'out:={folder / "out"}',
            '-p', f'contract:={agreed}', '-p', f'limits:={folder / "limits.yaml"}',
        )  # fmt: skip
        for name, words in [*((name, '') for name in builders()), *more]:
            rclpy.init(args=['--ros-args', *files, *words.split()])
            node = builders()[name]()
            if name in ('policy', 'safety'):  # they open their topics when configured
                node.trigger_configure()
            yield node
            node.destroy_node()
            rclpy.shutdown()


def builders() -> dict[str, Callable[[], Any]]:
    """Return the class of every node, by its name."""
    from claifo_nodes.camera_node import CameraNode
    from claifo_nodes.expert_player_node import ExpertPlayerNode
    from claifo_nodes.learner_node import LearnerNode
    from claifo_nodes.policy_node import PolicyNode
    from claifo_nodes.recorder_node import RecorderNode
    from claifo_nodes.safety_node import SafetyNode
    from claifo_nodes.sim_node import SimNode

    return {
        'sim': SimNode, 'policy': PolicyNode, 'safety': SafetyNode, 'learner': LearnerNode,
        'expert_player': ExpertPlayerNode, 'recorder': RecorderNode, 'camera': CameraNode,
    }  # fmt: skip


def topics(node: Any) -> Iterator[tuple[str, ...]]:  # noqa: ANN401 (any node)
    """Yield a row for each topic and service that is a node's own."""
    for kind, endpoints in (('publishes', node.publishers), ('subscribes to', node.subscriptions)):
        for end in endpoints:
            if end.topic_name not in COMMON and not _lifecycle(end.topic_name):
                name, qos = _short(end.topic_name), _qos(end.qos_profile)
                yield f'`{node.get_name()}`', kind, f'`{name}`', _type(end.msg_type), qos
    for service in node.services:
        name = _last(service.service_name)
        if not _lifecycle(name) and '_parameter' not in name and name not in OF_EVERY_NODE:
            yield f'`{node.get_name()}`', 'offers', f'`~/{name}`', _type(service.srv_type), ''


def _last(name: str) -> str:
    return name.rpartition('/')[2]


def _short(name: str) -> str:
    return name.removeprefix('/')


def _lifecycle(name: str) -> bool:
    return _last(name) in LIFECYCLE


def _type(kind: Any) -> str:  # noqa: ANN401 (message or service class)
    return f'{kind.__module__.partition(".")[0]}/{kind.__name__}'


def _qos(profile: Any) -> str:  # noqa: ANN401 (QoSProfile)
    words = [profile.reliability.name.lower().replace('_', ' ')]
    if profile.durability.name == 'TRANSIENT_LOCAL':
        words.append('transient local')
    return f'{", ".join(words)}, depth {profile.depth}'


def parameters(node: Any) -> Iterator[tuple[str, ...]]:  # noqa: ANN401 (any node)
    """Yield a row for each parameter."""
    for name in node.list_parameters([], 0).names:
        if name in OF_EVERY_NODE:
            continue
        told = node.describe_parameter(name)
        limits = [*told.integer_range, *told.floating_point_range]
        allowed = told.additional_constraints or (_range(limits[0]) if limits else '')
        yield f'`{name}`', _value(node, name), allowed, told.description


def _value(node: Any, name: str) -> str:  # noqa: ANN401 (any node)
    value = node.get_parameter(name).value
    shown = list(value) if hasattr(value, 'typecode') else value
    if isinstance(shown, str) and (shown.startswith(tempfile.gettempdir()) or not shown):
        return ''
    return f'`{str(shown).lower() if isinstance(shown, bool) else shown}`'


def _range(limit: Any) -> str:  # noqa: ANN401 (a range message)
    endless = limit.to_value >= 2**63 - 1
    return f'at least {limit.from_value}' if endless else f'{limit.from_value} to {limit.to_value}'


def sections() -> dict[str, str]:
    """Return the table for the README, and those of the page."""
    rows, page = [], []
    for node in nodes():
        own = list(topics(node))
        rows += own
        told = table(('parameter', 'default', 'allowed', 'what it does'), parameters(node))
        page.append(f'## {node.get_name()}\n\n{table(HEAD, own)}\n\n{told}\n')
    return {'README.md': table(HEAD, rows), 'docs/nodes.md': '\n'.join(page)}
