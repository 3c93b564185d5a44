"""The tables of the documentation, as the code, the nodes and the results have them.

    python scripts/tables.py             # all pages
    python scripts/tables.py methods     # one of them
    python scripts/tables.py scenes --sheets   # and the contact sheets in docs/images (a minute)

Each stands in its page between two marks. A test compares.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from pages import gate, methods, nodes, performance, scenes

ROOT = Path(__file__).resolve().parents[1]
PAGES = {
    'gate': gate, 'methods': methods, 'nodes': nodes, 'performance': performance, 'scenes': scenes,
}  # fmt: skip
BEGIN, END = '<!-- by python scripts/tables.py {} -->', '<!-- end of tables -->'


def filled(page: str, name: str, text: str) -> str:
    """Return a page with ``text`` between the marks of ``name``.

    Raises:
        ValueError: there are none.
    """
    begin = BEGIN.format(name)
    before, _, rest = page.partition(begin)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f'there is no {begin} … {END} in the page')
    return f'{before}{begin}\n{text}\n{end}{after}'


def main() -> int:
    """Write the pages that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('pages', nargs='*', choices=[*PAGES, []], metavar='PAGE')
    parser.add_argument('--sheets', action='store_true', help='draw the contact sheets, too')
    args = parser.parse_args()
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'OFF'
    for name in args.pages or PAGES:
        for file, text in PAGES[name].sections().items():
            (ROOT / file).write_text(filled((ROOT / file).read_text(), name, text))
    if args.sheets:
        scenes.draw(ROOT / 'docs')
    return 0


if __name__ == '__main__':
    sys.exit(main())
