"""What cannot be decoded is dropped and counted; the node goes on."""

from __future__ import annotations

import random

import pytest
from rclpy.qos import QoSProfile, qos_profile_services_default
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool

from ros2_embedded import transport
from ros2_embedded.cdr import to_cdr

WRONG = b'\0\3\0\0' + bytes(28)
QOS = QoSProfile(depth=1000)._transport()


@pytest.fixture
def stranger(ros):
    participant = transport.Participant()
    yield participant
    participant.close()


def mutants(good: bytes, count: int):
    """Bytes of every kind of damage, each padded as DDS wants it."""
    rng = random.Random(3)
    fixed = [b'\0\3' + good[2:], b'\0', b'\0\1\0\0', WRONG, good[:5], good[: len(good) // 2],
             good[:4] + b'\xff' * 64, good[:12] + b'\xff\xff\xff\xff' + good[16:]]  # fmt: skip
    for data in fixed:
        yield bytearray(data + bytes(-len(data) % 4))
    for _ in range(count):
        data = bytearray(good)
        for _ in range(rng.choice([1, 4, 16])):
            data[rng.randrange(len(data))] = rng.randrange(256)
        yield data[: 4 * rng.randrange(1, len(data) // 4 + 1)]


def send(writer, data) -> int:
    """Write what DDS itself lets through; returns whether it did."""
    try:
        writer.write(bytearray(data))
    except transport.RCLError:
        return 0
    return 1


def test_a_subscription_drops_and_goes_on(ros, stranger, until, capfd):
    node, heard = ros.create_node('a'), []
    joints = node.create_subscription(JointState, 'joints', heard.append, 1000)
    writer = stranger.writer('rt/joints', 'sensor_msgs/msg/JointState', QOS)
    until([node], lambda: writer.matches()[1])
    good = to_cdr(JointState(name=['a', 'b'], position=[1.0, 2.0]))
    for data in mutants(bytes(good), 300):
        send(writer, data)
    send(writer, to_cdr(JointState(name=['last'])))
    until([node], lambda: heard and list(heard[-1].name) == ['last'])
    assert joints._decode.dropped
    lines = capfd.readouterr().err.splitlines()
    assert len([line for line in lines if 'dropped what cannot be decoded' in line]) == 1


def test_services_and_clients_drop_and_go_on(ros, stranger, until):
    server, asker = ros.create_node('a'), ros.create_node('b')
    service = server.create_service(SetBool, 'switch', lambda _, response: response)
    client = asker.create_client(SetBool, 'switch')
    profile = qos_profile_services_default._transport()
    request = stranger.writer('rq/switchRequest', 'std_srvs/srv/SetBool_Request', profile,
                              service=True)  # fmt: skip
    reply = stranger.writer('rr/switchReply', 'std_srvs/srv/SetBool_Response', profile,
                            service=True)  # fmt: skip
    until([server, asker], lambda: request.matches()[1] and reply.matches()[1])
    asked, told = (bytes(to_cdr(m(), bytes(16))) for m in (SetBool.Request, SetBool.Response))
    # Cyclone itself refuses wrong bodies, but not that a body is written in another way.
    assert send(request, b'\0\3' + asked[2:]) and send(reply, b'\0\3' + told[2:])
    until([server, asker], lambda: service._decode.dropped == client._decode.dropped == 1)
    until([server, asker], client.service_is_ready)
    answer = client.call_async(SetBool.Request())
    until([server, asker], answer.done)


def test_discovery_drops_and_goes_on(ros, stranger, until):
    node = ros.create_node('a')
    kind = 'rmw_dds_common/msg/ParticipantEntitiesInfo'
    told = transport.Qos(depth=10, transient_local=True)
    writer = stranger.writer('ros_discovery_info', kind, told)
    until([node], lambda: writer.matches()[1])
    assert send(writer, WRONG) and send(writer, WRONG[:4] + bytes(64))
    discovery = node.context._discovery

    def dropped():
        assert ('a', '/') in node.get_node_names_and_namespaces()
        return discovery._decode.dropped == 2

    until([node], dropped)
