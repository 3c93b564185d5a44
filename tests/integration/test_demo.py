"""The demo at full size: minutes, so marked slow."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from claifo import demo


@pytest.mark.slow
def test_the_demo_learns_from_the_film(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demo.run(seed=1, folder=tmp_path)
    run = tmp_path / 'runs' / 'demo_seed1'
    lines = [json.loads(line) for line in (run / 'metrics.jsonl').read_text().splitlines()]
    start, end = lines[0], lines[-1]
    # Random actions score 0: half of the expert's return is far outside of chance.
    assert end['best_return'] > 0.5 * start['expert_return']
    assert (run / 'report.html').stat().st_size > 100_000
    assert str(run / 'report.html') in capsys.readouterr().out


def test_a_bad_seed_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr('sys.argv', ['demo', '--seed', '-1', '--folder', str(tmp_path)])
    assert demo.main() == 2
    assert 'seed is -1; it must be at least 0' in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
