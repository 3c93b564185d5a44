"""Hostile messages: damaged bytes, and well-formed messages with values that mean nothing."""

from __future__ import annotations

import array
import math
import random
import re
import time
from typing import Any

import ros2_embedded.messages as registry
from ros2_embedded import transport
from ros2_embedded.cdr import to_cdr

FLOATS = [0.0, 1.0, -1.0, 0.5, 2.0, 1e-40, 1e38, -1e38, math.nan, math.inf, -math.inf]
DOUBLES = [*FLOATS, 1e308, -1e308, 1e150]
WORDS = ['', 'a', 'b', 'rgb8', 'rgb8' * 500, '\x1b[31m', 'ü', 'x' * 5000, '../../etc/passwd']
LENGTHS = [0, 1, 2, 2, 2, 3, 16, 1000]


def integers(bits: int, signed: bool) -> list[int]:
    top = 2 ** (bits - signed)
    return [v for v in (0, 1, 2, 3, 24, 255, top // 2, top - 1) if v < top] + [-1, -top] * signed


def number(rng: random.Random, kind: str) -> Any:
    if kind in ('float', 'float32'):
        return rng.choice(FLOATS)
    if kind in ('double', 'float64'):
        return rng.choice(DOUBLES)
    if kind in ('bool', 'boolean'):
        return rng.random() < 0.5
    if kind == 'octet':
        return bytes([rng.randrange(256)])
    signed, bits = re.fullmatch(r'(u?)int(\d+)', kind).groups()
    return rng.choice(integers(int(bits), not signed))


CODES = {
    'float': 'f', 'float32': 'f', 'double': 'd', 'float64': 'd', 'uint8': 'B', 'int8': 'b',
    'uint16': 'H', 'int16': 'h', 'uint32': 'I', 'int32': 'i', 'uint64': 'Q', 'int64': 'q',
}  # fmt: skip


def value(rng: random.Random, kind: str) -> Any:
    """Return any value of a field type."""
    if found := re.fullmatch(r'sequence<(.*)>', kind):
        inner, count = found.group(1), rng.choice(LENGTHS)
        items = [value(rng, inner) for _ in range(min(count, 50) if '/' in inner else count)]
        return array.array(CODES[inner], items) if inner in CODES else items
    if '/' in kind:
        package, name = kind.split('/')[0], kind.split('/')[-1]
        return hostile(rng, registry.message_class(f'{package}/msg/{name}')())
    return rng.choice(WORDS) if kind == 'string' else number(rng, kind)


def hostile(rng: random.Random, message: Any, changes: int = 0) -> Any:
    """Fill some fields with anything; 0: all of them."""
    fields = {k: t for k, t in message.get_fields_and_field_types().items() if '[' not in t}
    chosen = rng.sample(sorted(fields), min(changes, len(fields))) if changes else list(fields)
    for name in chosen:
        setattr(message, name, value(rng, fields[name]))
    return message


def damaged(rng: random.Random, good: bytes) -> bytearray:
    """Damage bytes in one of many ways."""
    data = bytearray(good)
    kind = rng.random()
    if kind < 0.2:
        data[:2] = rng.choice([b'\0\3', b'\0\2', b'\0\7', b'\xff\xff', b'\1\0', b'\0\x0b'])
    elif kind < 0.5:
        for _ in range(rng.choice([1, 2, 8])):
            data[rng.randrange(len(data))] = rng.randrange(256)
    elif kind < 0.8:
        at = 4 * rng.randrange(1, max(2, len(data) // 4))
        data[at : at + 4] = rng.choice([0, 1, 1000, 2**31 - 1, 2**32 - 1]).to_bytes(4, 'little')
    else:
        data = data[: rng.randrange(4, len(data) + 1)]
    return data + bytes(-len(data) % 4)


class Attacker:
    """Writes to a topic whatever DDS lets through."""

    def __init__(self, until: Any, topic: str, typename: str, qos: Any, service: bool = False):
        self._participant = transport.Participant()
        self._writer = self._participant.writer(topic, typename, qos._transport(), service=service)
        self._prefix = bytes(16) if service else b''
        until(lambda: self._writer.matches()[1], 60)
        self.written = 0

    def attack(self, rng: random.Random, good: Any, count: int, rest: Any) -> None:
        """Send so many messages made of good ones; ``good()`` gives a fresh one."""
        for k in range(count):
            message = hostile(rng, good(), rng.choice([0, 1, 1, 2]))
            data = to_cdr(message, self._prefix)
            self._write(damaged(rng, bytes(data)) if k % 2 else data)
            if k % 20 == 0:
                rest(0.01)
        rest(0.3)

    def _write(self, data: bytearray) -> None:
        try:
            self._writer.write(data)
        except transport.RCLError:
            return
        self.written += 1

    def close(self) -> None:
        time.sleep(0.05)
        self._participant.close()
