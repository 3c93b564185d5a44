"""Runs the behaviours in conformance.yaml, and writes CONFORMANCE.md.

It runs with a real rclpy as well: `python conformance.py` says what differs from the file.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
_HEAD = """# What rclpy does in jazzy, and here

Generated from `conformance.yaml` by `python conformance.py`; every line is run as a test. Compared
are the repr of a value, or the name of an exception and the beginning of its text. {count}
behaviours, {different} of which differ on purpose.
"""


def behaviours() -> list[tuple[str, dict[str, Any]]]:
    """Return all behaviours, each with the heading under which it stands."""
    content = yaml.safe_load((HERE / 'conformance.yaml').read_text())
    return [(heading, entry) for heading, entries in content.items() for entry in entries]


def observed(entry: dict[str, Any]) -> str:
    """Return what the installed rclpy gives."""
    import rclpy

    rclpy.init(args=['program', '--ros-args', *entry.get('init', [])])
    try:
        return _observed(entry, {'rclpy': rclpy})
    finally:
        rclpy.try_shutdown()


def _observed(entry: dict[str, Any], names: dict[str, Any]) -> str:
    names['node'] = names['rclpy'].create_node('n', namespace='/ns')
    args = ['-p', f'x:={entry["yaml"]}'] if 'yaml' in entry else entry.get('args', [])
    try:
        names['made'] = names['rclpy'].create_node(
            'made', namespace='/ns', cli_args=['--ros-args', *args]
        )
        before, _, last = entry.get('do', _ANY).rpartition('; ')
        exec(before, names)
        return repr(eval(last, names))
    except Exception as error:
        return f'{type(error).__name__}: {error}'


_ANY = ('from rcl_interfaces.msg import ParameterDescriptor as D; '
        'made.declare_parameter("x", None, D(dynamic_typing=True)).value')  # fmt: skip


def agrees(found: str, expected: str) -> bool:
    """Return whether a result is as expected; of an exception, its beginning counts."""
    name, colon, _ = expected.partition(': ')
    return found == expected or bool(colon and name.isidentifier() and found.startswith(expected))


def page() -> str:
    """Return CONFORMANCE.md."""
    known = behaviours()
    different = sum('here' in entry for _, entry in known)
    lines = [_HEAD.format(count=len(known), different=different)]
    for heading in dict.fromkeys(heading for heading, _ in known):
        lines += [f'## {heading}\n', '| what | code | jazzy | here |', '|---|---|---|---|']
        lines += [_row(entry) for found, entry in known if found == heading]
        lines.append('')
    return '\n'.join(lines)


def _row(entry: dict[str, Any]) -> str:
    words = ' '.join(entry.get('args', []) + entry.get('init', []))
    given = f'-p x:={entry["yaml"]}' if 'yaml' in entry else f'{words} {entry["do"]}'.strip()
    here = f'{_code(entry["here"])}: {entry["why"]}' if 'here' in entry else 'the same'
    return f'| {entry["name"]} | {_code(given)} | {_code(entry["jazzy"])} | {here} |'


def _code(text: str) -> str:
    escaped = text.strip().replace('|', '\\|').replace('`', "'")
    return f'`{escaped or " "}`'


def main() -> int:
    """Compare, and write the page; returns how many behaviours differ from the file."""
    import ros2_embedded

    ros2_embedded.install()
    import rclpy

    ours = 'ros2_embedded' in str(rclpy.__file__)
    wrong = 0
    for _, entry in behaviours():
        expected = entry.get('here', entry['jazzy']) if ours else entry['jazzy']
        if not agrees(found := observed(entry), expected):
            wrong += 1
            print(f'{entry["name"]}: {found}, not {expected}')
    (HERE / 'CONFORMANCE.md').write_text(page())
    return wrong


if __name__ == '__main__':
    sys.exit(min(main(), 1))
