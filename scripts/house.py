"""docs/images/house.svg: the rooms, floor above floor, and which room knows which.

    python scripts/house.py

Drawn from the imports. An arrow that follows from others is left out. A test compares.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import escape

from import_graph import graph, modules

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / 'docs' / 'images' / 'house.svg'
PLACES = {
    'claifo_core': ROOT,
    'claifo': ROOT,
    'claifo_sim': ROOT / 'sim',
    'claifo_nodes': ROOT / 'ros2_ws' / 'src' / 'claifo_nodes',
    'ros2_embedded': ROOT / 'ros2_ws' / 'src' / 'ros2_embedded',
}
TOOLS = ('arguments', 'environments', 'films', 'interrupts', 'presets', 'resources', 'terminal')
"""Files of the application that its rooms stand on; its other files are what a person starts."""
_FILES_OF_CLAIFO = {
    'claifo.tools': 'presets, films, environments',
    'claifo.commands': 'what a person starts',
}
_FILL = {'claifo_core': '#dbe9f6', 'claifo': '#e4f1df', 'claifo_sim': '#fbe9d3',
         'claifo_nodes': '#eee2f3', 'ros2_embedded': '#eeeeee'}  # fmt: skip
_WIDE, _HIGH, _GAP, _BETWEEN, _EDGE = 190, 42, 16, 44, 16


def all_modules() -> dict[str, Path]:
    """Return every module of ours by its dotted name; what is provided for others is not."""
    found: dict[str, Path] = {}
    for package, root in PLACES.items():
        found |= modules(root, package)
    return {name: path for name, path in found.items() if 'provided' not in name.split('.')}


def room_of(name: str) -> str:
    """Return the room of a module: a folder of core or application, or a file that is one."""
    package, *rest = name.split('.')
    if package == 'claifo_core':
        return '.'.join([package, *rest[:1]])
    if package != 'claifo':
        return package
    if len(rest) > 1 or (rest and (ROOT / package / rest[0]).is_dir()):
        return 'claifo.commands' if rest[0] == 'commands' else f'claifo.{rest[0]}'
    return 'claifo.tools' if rest and rest[0] in TOOLS else 'claifo.commands'


def rooms(imported: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Return which rooms each room knows."""
    found: dict[str, set[str]] = {room_of(name): set() for name in imported}
    for name, targets in imported.items():
        found[room_of(name)] |= {room_of(target) for target in targets} - {room_of(name)}
    return found


def floors(known: Mapping[str, set[str]]) -> dict[str, int]:
    """Return how many rooms each room stands on, one upon the other.

    Raises:
        RecursionError: rooms know each other in a circle.
    """
    found: dict[str, int] = {}

    def height(room: str) -> int:
        if room not in found:
            found[room] = max((1 + height(below) for below in known[room]), default=0)
        return found[room]

    for room in known:
        height(room)
    return found


def direct(known: Mapping[str, set[str]]) -> list[tuple[str, str]]:
    """Return the arrows that follow from no others."""

    def reached(room: str) -> set[str]:
        return known[room].union(*map(reached, known[room]))

    return sorted(
        (room, below)
        for room, targets in known.items()
        for below in targets - set().union(*map(reached, targets))
    )


def purpose(room: str, files: Mapping[str, Path]) -> str:
    """Return what the first words of a room's description say it is."""
    if room in _FILES_OF_CLAIFO:
        return _FILES_OF_CLAIFO[room]
    text = ast.get_docstring(ast.parse(files[room].read_text(encoding='utf-8'))) or ''
    return re.split(r'[:;,.(]', text)[0].strip()


def draw() -> str:
    """Return the picture."""
    files = all_modules()
    known = rooms(graph(files))
    del known['claifo_core']  # __init__.py, which only prepares the process
    known = {room: targets - {'claifo_core'} for room, targets in known.items()}
    level = floors(known)
    top = max(level.values())
    stories = [sorted(r for r in known if level[r] == floor) for floor in range(top + 1)]
    width = max(len(story) for story in stories) * (_WIDE + _GAP) + 2 * _EDGE
    height = (top + 1) * (_HIGH + _BETWEEN) - _BETWEEN + 2 * _EDGE
    corner = {}
    for floor, story in enumerate(stories):
        left = (width - len(story) * (_WIDE + _GAP) + _GAP) / 2
        for number, room in enumerate(story):
            x, y = left + number * (_WIDE + _GAP), _EDGE + (top - floor) * (_HIGH + _BETWEEN)
            corner[room] = x, y
    parts = [_arrow(corner[room], corner[below]) for room, below in direct(known)]
    parts += [_box(room, purpose(room, files), *corner[room]) for room in known]
    sheet = f'<rect width="{width}" height="{height}" fill="white"/>'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
    head += ' font-family="sans-serif" text-anchor="middle">'
    return '\n'.join([head, sheet, *parts, '</svg>', ''])


def _arrow(above: tuple[float, float], below: tuple[float, float]) -> str:
    x, y, u, v = above[0] + _WIDE / 2, above[1] + _HIGH, below[0] + _WIDE / 2, below[1]
    bend = (v - y) / 2
    return (
        f'<path d="M{x:g} {y:g}C{x:g} {y + bend:g} {u:g} {v - bend:g} {u:g} {v:g}" '
        'fill="none" stroke="#8a8a8a"/>'
    )


def _box(room: str, text: str, x: float, y: float) -> str:
    package = room.partition('.')[0]
    middle = x + _WIDE / 2
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{_WIDE}" height="{_HIGH}" rx="4" '
        f'fill="{_FILL[package]}" stroke="#555"/>'
        f'<text x="{middle:g}" y="{y + 17:g}" font-size="12">{escape(room)}</text>'
        f'<text x="{middle:g}" y="{y + 32:g}" font-size="10" fill="#555">{escape(text)}</text>'
    )


def main() -> int:
    """Write the picture."""
    PICTURE.write_text(draw(), encoding='utf-8')
    return 0


if __name__ == '__main__':
    sys.exit(main())
