"""What a node tells about its health: counts, levels, figures, and lines that do not flood."""

from __future__ import annotations

import statistics

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.node import Node

from claifo_nodes import diagnostics
from claifo_nodes.diagnostics import Diagnostics, Latency


@pytest.fixture
def told(ros, spin):
    """A node with diagnostics, and all that it has told so far."""
    ros()
    node, listener = Node('walker', namespace='lab'), Node('listener')
    told = Diagnostics(node)
    told.received = []
    listener.create_subscription(DiagnosticArray, '/diagnostics', told.received.append, 10)
    told.spinner = spin(node, listener)
    return told


def next_status(told) -> DiagnosticStatus:
    count = len(told.received)
    told.spinner.until(lambda: len(told.received) > count)
    (status,) = told.received[-1].status
    return status


def values(status) -> dict[str, str]:
    return {pair.key: pair.value for pair in status.values}


def test_counts_and_values(told):
    told.count('weights')
    told.count('weights')
    told.set('version', 7)
    told.set('age_s', lambda: 0.5)
    status = next_status(told)
    assert status.name == '/lab/walker: claifo'
    assert (status.level, status.message) == (DiagnosticStatus.OK, 'OK')
    assert values(status) == {'weights': '2', 'version': '7', 'age_s': '0.5'}
    assert told.received[-1].header.stamp.sec > 0


def test_the_level_is_that_of_the_last_second(told):
    told.warn('repeated', 'again')
    status = next_status(told)
    assert (status.level, status.message) == (DiagnosticStatus.WARN, 'repeated: again')
    told.error('not_finite', 'NaN')
    told.warn('repeated', 'again')
    assert next_status(told).level == DiagnosticStatus.ERROR
    status = next_status(told)
    assert status.level == DiagnosticStatus.OK
    assert values(status) == {'repeated': '2', 'not_finite': '1'}


def test_a_problem_that_goes_on_does_not_flood_the_log(told, capfd, monkeypatch):
    now = 100.0
    monkeypatch.setattr(diagnostics.time, 'monotonic', lambda: now)
    for number in range(100):
        told.warn('repeated', f'step {number}')
        told.error('not_finite', 'NaN')
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 2
    assert 'repeated: step 0 (seen 1 times)' in lines[0]
    assert 'ERROR' in lines[1]
    now += diagnostics.QUIET_S
    told.warn('repeated', 'step 100')
    assert 'repeated: step 100 (seen 101 times)' in capfd.readouterr().err
    assert told.counts['repeated'] == 101


def test_latency_by_definition(monkeypatch):
    now = 0.0
    monkeypatch.setattr(diagnostics.time, 'monotonic', lambda: now)
    latency = Latency()
    assert latency.figures() == {}
    spans = [0.001 * k for k in range(1, 101)]
    for span in spans:
        now += 0.02
        latency.observe(span)
    now += 3.0
    told = latency.figures()
    cuts = statistics.quantiles(spans, n=100, method='inclusive')
    assert told['p50_ms'] == pytest.approx(1e3 * cuts[49], abs=1e-3)
    assert told['p99_ms'] == pytest.approx(1e3 * cuts[98], abs=1e-3)
    assert told['max_ms'] == pytest.approx(100.0)
    assert told['rate_hz'] == pytest.approx(50.0)
    assert told['age_s'] == pytest.approx(3.0)


def test_memory_does_not_grow():
    latency = Latency()
    for _ in range(5000):
        latency.observe(0.001)
    assert max(map(len, vars(latency).values())) <= 1000
