"""Nodes as real programs, for the tests of starting and ending: python node_samples.py CLASS."""

from __future__ import annotations

import sys
from pathlib import Path

import claifo_nodes  # noqa: F401 (provides rclpy where ROS 2 is absent)

# isort: split
import rclpy
from rclpy.node import Node

from claifo_core.errors import ClaifoError
from claifo_nodes import params
from claifo_nodes.lifecycle import ManagedNode
from claifo_nodes.main import Finished, run


class Quiet(Node):
    """Waits; leaves a file when it is destroyed."""

    def __init__(self):
        super().__init__('quiet')
        self.left = params.declare(self, 'left', '', 'file that is left')
        self.create_timer(0.05, self.tick)
        self.up = self.create_timer(0.0, self.tell)

    def tell(self):
        """Say that it spins, so that a signal no longer meets its construction."""
        self.up.cancel()
        print('up', flush=True)

    def tick(self):
        pass

    def destroy_node(self):
        if self.left:
            Path(self.left).write_text('left')
        super().destroy_node()


class Done(Quiet):
    def tick(self):
        raise Finished(7)


class Refusing(Quiet):
    def tick(self):
        raise ClaifoError('no such\nbag')


class Broken(Quiet):
    def tick(self):
        raise ZeroDivisionError('our bug')


class Moving(Quiet):
    """Comes to rest at the sixtieth look; writes how often it could work meanwhile."""

    looks = works = 0

    def tick(self):
        self.works += 1
        if self.works == 3:
            raise ZeroDivisionError('our bug')

    def at_rest(self):
        self.looks += 1
        if self.looks == 1:
            print('slows down', flush=True)
        return self.looks == 60

    def destroy_node(self):
        print(f'looks {self.looks}, works on {self.works > 3}', flush=True)
        super().destroy_node()


class Strict(Node):
    def __init__(self):
        super().__init__('strict')
        params.declare(self, 'rate', 1.0, 'speed', low=0.5)
        raise Finished


class Raced(Quiet):
    """A call that is under way when a signal shuts rclpy down: it fails, and so does the end."""

    def tick(self):
        rclpy.shutdown()
        rclpy.try_shutdown = self.late
        raise RuntimeError('cannot publish')

    def late(self):
        raise RuntimeError('rcl_shutdown already called on the given context')


class Slow(Quiet):
    """Takes its time to end."""

    def destroy_node(self):
        print('ending', flush=True)
        sys.stdin.readline()
        super().destroy_node()


class Managed(ManagedNode):
    """Fails as it is told to."""

    def __init__(self):
        super().__init__('managed')
        self.fails = params.declare(self, 'fails', '', 'how it fails')

    def configure(self):
        if self.fails == 'refused':
            raise ClaifoError('no such policy file')
        if self.fails == 'broken':
            raise ZeroDivisionError('our bug')

    def activate(self):
        raise Finished(3)


if __name__ == '__main__':
    name, sys.argv = sys.argv[1], [sys.argv[0], *sys.argv[2:]]
    chosen = globals()[name]
    at_rest = getattr(chosen, 'at_rest', None)
    sys.exit(run(chosen, threads=2 if name == 'Done' else 1, rest=at_rest))
