"""The picture of the gate in docs/deploy.md is that of the code."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_page_shows_the_states_of_the_code(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / 'scripts'))
    sys.modules.pop('gate_states', None)
    import gate_states

    text = gate_states.FILE.read_text()
    assert text == gate_states.written(text), 'run python scripts/gate_states.py'
