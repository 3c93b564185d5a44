"""What the page of the scenes says about the floor is what is measured."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from floor_cue import floor_cue

PAGE = Path(__file__).resolve().parents[2] / 'docs' / 'scenes.md'


def test_the_page_tells_the_cue_of_the_floor() -> None:
    fine = re.search(r'times as fine, `fast`\*\* \| ([\d.]+) ', PAGE.read_text())
    coarse = re.search(r"suite's floor, `fast` \| ([\d.]+) ", PAGE.read_text())
    assert fine and coarse
    assert floor_cue('light/source') == pytest.approx(float(fine[1]), rel=0.1)
    assert floor_cue('light/source', repeat=None) == pytest.approx(float(coarse[1]), rel=0.1)
