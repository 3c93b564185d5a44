"""The access policy for SROS 2, from what the nodes themselves publish, subscribe to and offer.

    python scripts/sros2_policy.py         # write config/sros2_policy.xml

A test runs it and compares. Every node has an enclave of its own, /claifo/NODE; /claifo/operator
is for people: it stops, resets and watches.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

sys.path.insert(0, str(Path(__file__).parent))

from pages import nodes as page

from claifo_core.agent.networks import build_networks
from claifo_core.config import EnvConfig, NetworkConfig, TrainConfig
from claifo_core.deploy import contract
from claifo_core.policy import Policy

TARGET = page.ROOT / 'config' / 'sros2_policy.xml'
PUBLISHED = {'/parameter_events', '/rosout'}
SUBSCRIBED = {'/clock', '/parameter_events'}
OFFERED = {'~/get_type_description'}
"""Of ROS 2 jazzy."""
ESTOP = '/estop'
LIMITS = """format: claifo-limits-1
on_fault: hold
joints: [{name: action_0, position: [-1, 1], velocity: 1.0, step: 1.0}]
"""
AGREED = '-p contract:={files}/robot.yaml'
DEPLOYED = f'-p input:=cameras -p policy:={{files}}/policy.safetensors {AGREED}'
VARIANTS = (
    ('policy', DEPLOYED),
    ('policy', f'{DEPLOYED} -p compare:=true -r action:=shadow/action'),
    ('safety', f'{AGREED} -p limits:={{files}}/limits.yaml'),
    ('sim', '-p robot:=true'),
)
"""What the nodes open with other parameters."""


@dataclasses.dataclass
class Rights:
    """What one node may do, by name."""

    publish: set[str] = dataclasses.field(default_factory=PUBLISHED.copy)
    subscribe: set[str] = dataclasses.field(default_factory=SUBSCRIBED.copy)
    reply: set[str] = dataclasses.field(default_factory=OFFERED.copy)
    request: set[str] = dataclasses.field(default_factory=set)

    def take(self, node: Any) -> None:  # noqa: ANN401 (any node)
        """Add what a node has opened."""
        self.publish |= _topics(node.publishers)
        self.subscribe |= _topics(node.subscriptions)
        own = f'/{node.get_name()}/'
        self.reply |= {s.service_name.replace(own, '~/') for s in node.services}


def _topics(ends: Iterable[Any]) -> set[str]:
    """Return names; an image may also be compressed."""
    names = {end.topic_name for end in ends}
    return names | {f'{name}/compressed' for name in names if name.endswith('/image_raw')}


def write_files(folder: Path) -> None:
    """Write what a policy and a safety node of a robot with joints need."""
    network = NetworkConfig(channels=4, strides=(2, 1), latent_dim=8, hidden_dim=16)
    parts = build_networks(
        network, frame_stack=1, size_px=16, action_dim=1, proprio_dim=1, seed=0
    )
    config = TrainConfig(env=EnvConfig(size_px=16, frame_stack=1), network=network)
    policy = Policy.of(parts, config, {'control_hz': 10.0})
    policy.save(folder / 'policy.safetensors')
    known = contract.of_policy(policy.metadata)
    action = dataclasses.replace(known.action, meaning='position')
    agreed = dataclasses.replace(known, action=action)
    (folder / 'robot.yaml').write_text(contract.dump(agreed))
    (folder / 'limits.yaml').write_text(LIMITS)


def rights() -> dict[str, Rights]:
    """Return what each node may do, and what the operator may."""
    found: dict[str, Rights] = {}
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder))
        variants = [(name, words.replace('{files}', folder)) for name, words in VARIANTS]
        for node in page.nodes(variants):
            found.setdefault(node.get_name(), Rights()).take(node)
    told = set().union(*(right.publish for right in found.values())) - PUBLISHED
    found['recorder'].subscribe |= told
    found['operator'] = Rights(
        publish=PUBLISHED | {ESTOP},
        subscribe=SUBSCRIBED | told | {'/rosout'},
        request={
            service.replace('~', f'/{name}')
            for name, right in found.items() for service in right.reply - OFFERED
        },
    )  # fmt: skip
    return found


def document(found: dict[str, Rights]) -> str:
    """Return the policy file."""
    root = Xml.Element('policy', version='0.2.0')
    enclaves = Xml.SubElement(root, 'enclaves')
    for name, right in found.items():
        enclave = Xml.SubElement(enclaves, 'enclave', path=f'/claifo/{name}')
        profiles = Xml.SubElement(enclave, 'profiles')
        profile = Xml.SubElement(profiles, 'profile', ns='/', node=name)
        for field in dataclasses.fields(right):
            kind = 'topic' if field.name in ('publish', 'subscribe') else 'service'
            _allow(profile, kind, field.name, getattr(right, field.name))
    Xml.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{Xml.tostring(root, "unicode")}\n'


def _allow(profile: Xml.Element, kind: str, verb: str, names: set[str]) -> None:
    if names:
        group = Xml.SubElement(profile, f'{kind}s', {verb: 'ALLOW'})
        for name in sorted(names):
            Xml.SubElement(group, kind).text = name


def main() -> None:
    """Write it."""
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'OFF'
    TARGET.write_text(document(rights()))


if __name__ == '__main__':
    main()
