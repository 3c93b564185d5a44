"""The environment variables of ROS 2, and what Cyclone DDS is told."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

import ros2_embedded
from ros2_embedded import dds_config
from ros2_embedded.dds_config import ConfigError


def domain(**environment) -> ET.Element:
    text = dds_config.configuration(environment).split(',')[0]
    return ET.fromstring(text).find('Domain')


def test_fragments_are_large_by_default():
    assert domain().findtext('General/FragmentSize') == '65000B'
    assert domain().findtext('General/MaxMessageSize') == '65500B'


@pytest.mark.parametrize(
    'variable',
    [{'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SUBNET'}, {'ROS_LOCALHOST_ONLY': '0'},
     {'ROS_STATIC_PEERS': '192.168.1.7'}, {'CYCLONEDDS_URI': 'file:///etc/cyclone.xml'}],
)  # fmt: skip
def test_whoever_asks_for_the_network_gets_it(variable):
    assert domain(**variable).find('General/Interfaces') is None


@pytest.mark.parametrize(
    'variable',
    [{}, {'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}, {'ROS_LOCALHOST_ONLY': '1'}],
)
def test_localhost_keeps_to_the_loopback(variable):
    found = domain(**variable)
    assert found.find('General/Interfaces/NetworkInterface').get('name') == 'lo'
    assert found.findtext('General/AllowMulticast') == 'false'
    assert [p.get('Address') for p in found.iter('Peer')] == ['127.0.0.1']


def test_static_peers_are_looked_for():
    found = domain(ROS_STATIC_PEERS='robot.local;192.168.1.7')
    assert [p.get('Address') for p in found.iter('Peer')] == ['robot.local', '192.168.1.7']
    assert found.findtext('Discovery/ParticipantIndex') == 'auto'


def test_security_that_is_not_there_is_refused():
    with pytest.raises(ConfigError, match='neither encrypts nor authenticates'):
        dds_config.configuration({'ROS_SECURITY_ENABLE': 'true'})
    assert dds_config.configuration({'ROS_SECURITY_ENABLE': 'false'})


def test_off_finds_nobody():
    found = domain(ROS_AUTOMATIC_DISCOVERY_RANGE='OFF')
    assert str(os.getpid()) in found.findtext('Discovery/Tag')


def test_the_users_own_configuration_comes_last():
    text = dds_config.configuration({'CYCLONEDDS_URI': 'file:///etc/cyclone.xml'})
    assert text.endswith(',file:///etc/cyclone.xml')


@pytest.mark.parametrize('value', ['-1', '233', 'x', '1.5'])
def test_a_wrong_domain_is_named(value):
    with pytest.raises(ConfigError, match=r'ROS_DOMAIN_ID.*0 to 232'):
        dds_config.domain_id({'ROS_DOMAIN_ID': value})


def test_the_domain_is_read():
    assert dds_config.domain_id({'ROS_DOMAIN_ID': '42'}) == 42
    assert dds_config.domain_id({}) == dds_config.domain_id({'ROS_DOMAIN_ID': ''}) == 0


def test_a_wrong_range_is_named():
    with pytest.raises(ConfigError, match='SUBNET, LOCALHOST'):
        dds_config.discovery_range({'ROS_AUTOMATIC_DISCOVERY_RANGE': 'WORLD'})


TALK = """
from ros2_embedded import transport as t
from ros2_embedded.cdr import to_cdr
from ros2_embedded.messages import message_class
p = t.Participant()
r = p.reader('rt/a', 'std_msgs/msg/String', t.Qos())
w = p.writer('rt/a', 'std_msgs/msg/String', t.Qos())
w.write(to_cdr(message_class('std_msgs/msg/String')(data='x')))
s = p.waitset(); s.attach(r)
assert any(s.wait(None) for _ in range(50))
print('heard')
"""


@pytest.mark.parametrize('scope', ['LOCALHOST', 'OFF', 'SYSTEM_DEFAULT'])
def test_every_range_works(scope):
    assert talk({'ROS_AUTOMATIC_DISCOVERY_RANGE': scope}) == 'heard'


def test_a_machine_with_no_network_but_the_loopback():
    space = ['unshare', '-rn']
    if not shutil.which('unshare') or subprocess.run([*space, 'true'], check=False).returncode:
        pytest.skip('no network namespaces here')
    command = f'ip link set lo up 2>/dev/null || true; exec {sys.executable} -c "$CODE"'
    assert talk({'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}, [*space, 'sh', '-c', command])


def talk(environment, command=None):
    root = os.path.dirname(os.path.dirname(ros2_embedded.__file__))
    done = subprocess.run(
        command or [sys.executable, '-c', TALK], capture_output=True, text=True, timeout=60,
        env=os.environ | {'PYTHONPATH': root, 'CODE': TALK} | environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
