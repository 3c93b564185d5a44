"""Let test modules import the scripts of benchmarks/."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / 'benchmarks'
sys.path.insert(0, str(BENCHMARKS))


@pytest.fixture
def refused(monkeypatch, capfd):
    """Run a script's main with arguments and return its one line."""
    import common

    def run(main, *words: str) -> str:
        monkeypatch.setattr(sys, 'argv', ['script', *words])
        assert common.script(main) == 2
        out, err = capfd.readouterr()
        assert not out
        assert err.startswith('claifo: error: ')
        assert err.count('\n') == 1
        return err

    return run
