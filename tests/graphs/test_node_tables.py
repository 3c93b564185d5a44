"""README and docs/nodes.md say what the nodes say."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope='module')
def tables():
    script = runpy.run_path(str(ROOT / 'scripts' / 'node_tables.py'))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'OFF')
        return script['tables'](), script


def test_the_readme_lists_the_topics_and_services(tables):
    (readme, _), script = tables
    text = (ROOT / 'README.md').read_text()
    shown = text.partition(script['BEGIN'])[2].partition(script['END'])[0].strip()
    assert shown == readme, 'run python scripts/node_tables.py'


def test_the_page_lists_everything(tables):
    (_, page), _ = tables
    assert (ROOT / 'docs' / 'nodes.md').read_text() == page, 'run python scripts/node_tables.py'
