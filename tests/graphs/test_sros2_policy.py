"""config/sros2_policy.xml allows what the nodes do, and nothing else."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

ROOT = Path(__file__).parents[2]
FILE = ROOT / 'config' / 'sros2_policy.xml'
ROW = re.compile(r'\| `(\w+)` \| (publishes|subscribes to|offers) \| `([^`]+)`')
VERBS = {'publishes': 'publish', 'subscribes to': 'subscribe', 'offers': 'reply'}


@pytest.fixture(scope='module')
def allowed():
    """The names that each enclave is allowed, by node and verb."""
    root = Xml.parse(FILE).getroot()
    assert (root.tag, root.attrib) == ('policy', {'version': '0.2.0'})
    found = {}
    for enclave in root.findall('enclaves/enclave'):
        (profile,) = enclave.findall('profiles/profile')
        node = profile.get('node')
        assert (enclave.get('path'), profile.get('ns')) == (f'/claifo/{node}', '/')
        for group in profile:
            ((verb, word),) = group.attrib.items()
            assert word == 'ALLOW'
            assert group.tag == ('topics' if verb in ('publish', 'subscribe') else 'services')
            found[node, verb] = {name.text for name in group}
    return found


def test_it_is_what_the_nodes_say(monkeypatch):
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'OFF')
    monkeypatch.syspath_prepend(str(ROOT / 'scripts'))
    sys.modules.pop('sros2_policy', None)
    import sros2_policy

    text = sros2_policy.document(sros2_policy.rights())
    assert FILE.read_text() == text, 'run python scripts/sros2_policy.py'


def test_everything_in_the_table_of_nodes_is_allowed(allowed):
    rows = ROW.findall((ROOT / 'README.md').read_text())
    assert len(rows) >= 30
    for node, verb, name in rows:
        full = name if name.startswith('~') else f'/{name}'
        assert full in allowed[node, VERBS[verb]], (node, verb, name)


def test_only_the_safety_node_may_command_a_robot(allowed):
    commanding = {node for (node, verb), names in allowed.items()
                  if verb == 'publish' and '/commands' in names}  # fmt: skip
    assert commanding == {'safety'}
    stopping = {node for (node, verb), names in allowed.items()
                if verb == 'publish' and '/estop' in names}  # fmt: skip
    assert stopping == {'operator'}


def test_every_node_can_be_a_node(allowed):
    nodes = {node for node, _ in allowed} - {'operator'}
    assert {'policy', 'safety', 'camera', 'sim', 'learner', 'recorder'} <= nodes
    for node in nodes:
        assert {'/rosout', '/parameter_events'} <= allowed[node, 'publish']
        assert '/clock' in allowed[node, 'subscribe']
        assert {'~/set_parameters', '~/get_type_description'} <= allowed[node, 'reply']
    for node in ('policy', 'safety', 'learner'):
        assert '~/change_state' in allowed[node, 'reply']
    assert {'/safety/estop', '/safety/reset'} <= allowed['operator', 'request']
