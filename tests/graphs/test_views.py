"""What the views show exists in the graph."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml
from claifo_msgs.msg import LearnerStatus

ROOT = Path(__file__).parents[2]
TOPICS = set(re.findall(r'publishes \| `([^`]+)`', (ROOT / 'docs' / 'nodes.md').read_text()))


def test_foxglove_shows_topics_and_figures_that_are_published():
    layout = json.loads((ROOT / 'config' / 'claifo_foxglove.json').read_text())
    panels = layout['configById']
    images = [p['imageMode']['imageTopic'] for p in panels.values() if 'imageMode' in p]
    assert len(images) == 3
    assert {name.removeprefix('/') for name in images} <= TOPICS
    paths = [path['value'] for p in panels.values() for path in p.get('paths', ())]
    assert len(paths) == 6
    for path in paths:
        topic, _, field = path.removeprefix('/').partition('.')
        assert topic == 'learner_status'
        assert field in LearnerStatus.get_fields_and_field_types()
    placed = re.findall(r'(?:Image|Plot)!\w+', json.dumps(layout['layout']))
    assert sorted(placed) == sorted(panels)


def test_rviz_shows_topics_that_are_published():
    config = yaml.safe_load((ROOT / 'config' / 'claifo.rviz').read_text())
    shown = [d['Topic']['Value'] for d in config['Visualization Manager']['Displays']]
    assert len(shown) == 3
    assert {name.removeprefix('/') for name in shown} <= TOPICS
