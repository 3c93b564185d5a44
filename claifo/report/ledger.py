"""What a bag tells of a deployment: the ledger of every action, the safety node's messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from claifo.bags.messages import ACTION, UNREADABLE, typestore
from claifo.bags.reader import Bag, find_bags
from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from claifo.bags.parts import Topic

STATUS = 'claifo_msgs/msg/SafetyStatus'
STAGES = ('received', 'preprocessed', 'inferred', 'published')
# Constants of SafetyStatus. rosbags, and so ros2_embedded, takes a comment behind a text constant
# for a part of it: bags of nodes without ROS 2 say 'fault          # the safe …'.
_RUNNING, _FAULT = 'running', 'fault'
_COUNTERS = ('late', 'dropped')
_NS_PER_MS = 1e6
_HOW = (
    "record them while the policy acts: recorder_node with -p topics:=\"['action', "
    "'safety/status']\""
)


@dataclass
class Ledger:
    """What the actions of one topic tell, one row each, in the order of recording.

    Attributes:
        captured_ns: Stamp of the picture that each answers.
        spans_ns: From capture to each of ``STAGES``; one list of four per action.
        counts: ``late`` and ``dropped`` so far.
        steps: Control step since activation.
        others: Actions without a ledger: they answer a simulator.
    """

    captured_ns: list[int] = field(default_factory=list)
    spans_ns: list[list[int]] = field(default_factory=list)
    counts: list[list[int]] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    others: int = 0

    def take(self, action: Any) -> None:  # noqa: ANN401 (a message)
        """Add an action."""
        spans = [getattr(action, f'{stage}_ns') for stage in STAGES]
        if action.run or not any(spans):
            self.others += 1
            return
        self.captured_ns.append(_stamp_ns(action))
        self.spans_ns.append(spans)
        self.counts.append([getattr(action, name) for name in _COUNTERS])
        self.steps.append(action.step)

    @property
    def published_ns(self) -> NDArray[np.int64]:
        """When each action was published, by the ROS clock."""
        return np.array(self.captured_ns) + np.array(self.spans_ns)[:, -1]

    @property
    def total_ms(self) -> NDArray[np.float64]:
        """From capture to publication."""
        return np.array(self.spans_ns)[:, -1] / _NS_PER_MS

    def intervals_ms(self) -> NDArray[np.float64]:
        """Return the times between publications, without pauses between two activations."""
        goes_on = np.diff(self.steps) > 0
        return np.diff(self.published_ns)[goes_on] / _NS_PER_MS

    def counted(self) -> dict[str, int]:
        """Return how much each counter grew; one that begins anew adds what it has then."""
        grown = {}
        for name, values in zip(_COUNTERS, np.array(self.counts).T, strict=True):
            steps = np.diff(values)
            grown[name] = int(np.where(steps < 0, values[1:], steps).sum())
        return grown


@dataclass
class Joint:
    """What became of the commands to one joint or axis.

    Attributes:
        commands: Those that were passed on.
        clipped: How many of them were changed.
        largest: The largest change, in the unit of the contract.
    """

    commands: int = 0
    clipped: int = 0
    largest: float = 0.0


@dataclass
class Safety:
    """What the safety node told on one topic.

    Attributes:
        commands: Those that were passed on.
        joints: By name.
        faults: When, by the ROS clock, and why.
    """

    commands: int = 0
    joints: dict[str, Joint] = field(default_factory=dict)
    faults: list[tuple[int, str]] = field(default_factory=list)

    def take(self, status: Any) -> None:  # noqa: ANN401 (a message)
        """Add a status."""
        state = status.state.partition(' ')[0]
        fault = (_stamp_ns(status), status.reason)
        if state == _FAULT and fault not in self.faults[-1:]:  # it is told again each second
            self.faults.append(fault)
        if state != _RUNNING:
            return
        self.commands += 1
        rows = zip(status.names, status.requested, status.sent, status.clipped, strict=True)
        for name, requested, sent, clipped in rows:
            joint = self.joints.setdefault(name, Joint())
            joint.commands += 1
            joint.clipped += bool(clipped)
            joint.largest = max(joint.largest, abs(float(requested - sent)))


@dataclass
class Recorded:
    """What a bag tells of a deployment.

    Attributes:
        path: The bag, or the folder of bags.
        began_ns: When its first message was recorded.
        topics: All its topics, with their types.
        told: What the actions or the safety node told, by topic.
        losses: What could not be read, one line each.
    """

    path: Path
    began_ns: int = 0
    topics: dict[str, str] = field(default_factory=dict)
    told: dict[str, Ledger | Safety] = field(default_factory=dict)
    losses: list[str] = field(default_factory=list)

    @property
    def ledgers(self) -> dict[str, Ledger]:
        """Of all topics with at least one ledger."""
        return {k: v for k, v in self.told.items() if isinstance(v, Ledger) and v.steps}

    @property
    def safety(self) -> dict[str, Safety]:
        """What the safety node told, by topic."""
        return {k: v for k, v in self.told.items() if isinstance(v, Safety)}

    @property
    def start_ns(self) -> int:
        """The first publication or fault, by the ROS clock."""
        faults = [time_ns for told in self.safety.values() for time_ns, _ in told.faults]
        return min([int(ledger.published_ns[0]) for ledger in self.ledgers.values()] + faults)


_KINDS: dict[str, type[Ledger] | type[Safety]] = {ACTION: Ledger, STATUS: Safety}


def read(path: Path) -> Recorded:
    """Read the ledgers and the safety node's messages of a bag.

    Raises:
        ClaifoError: no action in it has a ledger, or a message is of another version.
    """
    recorded, types = Recorded(path), typestore()
    for where in find_bags([path]):
        with Bag(where) as bag:
            recorded.topics |= {topic.name: topic.type for topic in bag.topics()}
            for topic, time_ns, data in bag.messages():
                recorded.began_ns = recorded.began_ns or time_ns
                if topic.type in _KINDS:
                    _take(recorded, topic, types, data)
            recorded.losses += [loss.reason for loss in bag.losses]
    _refuse_empty(recorded)
    return recorded


def _take(recorded: Recorded, topic: Topic, types: Any, data: bytes | memoryview) -> None:  # noqa: ANN401
    """Add one message."""
    told = recorded.told.setdefault(topic.name, _KINDS[topic.type]())
    try:
        told.take(types.deserialize_cdr(data, topic.type))
    except UNREADABLE:
        raise ClaifoError(
            f'{recorded.path}: {topic.name}: a message is not the {topic.type} of this version of '
            'claifo; make the report with the version that recorded the bag'
        ) from None


def _refuse_empty(recorded: Recorded) -> None:
    if recorded.ledgers:
        return
    others = sum(told.others for told in recorded.told.values() if isinstance(told, Ledger))
    topics = ', '.join(f'{name} ({kind})' for name, kind in recorded.topics.items()) or 'none'
    found = (
        f'{others} actions, but they answer a simulator and have no ledger'
        if others
        else f'no {ACTION} in it; topics: {topics}'
    )
    raise ClaifoError(f'{recorded.path}: {found}; {_HOW}')


def _stamp_ns(message: Any) -> int:  # noqa: ANN401 (with a header)
    return int(message.header.stamp.sec) * 10**9 + int(message.header.stamp.nanosec)
