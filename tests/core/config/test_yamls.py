"""Whatever a settings file holds: values, or one line."""

from __future__ import annotations

import os

import pytest

from claifo_core.config import settings, yamls
from claifo_core.errors import ClaifoError

BOMB = 'a0: &a0 {x: 1, y: 2}\n' + ''.join(
    f'a{k}: &a{k} {{<<: [{", ".join([f"*a{k - 1}"] * 9)}]}}\n' for k in range(1, 12)
)


@pytest.mark.parametrize('content', [
    "seed: !!int ''", 'seed: 2001-99-99', 'seed: !!timestamp noon', 'seed: !!bool perhaps',
    'seed: !!float x', 'seed: [' + '[' * 3000, '{' * 3000, 'a: *b', '\0', 'seed: 1' + '0' * 5000,
    'agent: {discount: 1' + '0' * 400 + '}', '? [a]\n: b', BOMB, '!!python/object:os.system x',
    'a: ' + 'x' * 2_000_000,
])  # fmt: skip
def test_any_content_is_one_line(tmp_path, content):
    path = tmp_path / 'a.yaml'
    path.write_text(content)
    with pytest.raises(ClaifoError) as problem:
        settings.load(path)
    assert str(path) in str(problem.value)
    assert '\n' not in str(problem.value)


def test_merge_keys_of_a_sane_number_are_read(tmp_path):
    (tmp_path / 'a.yaml').write_text('base: &b {x: 1}\nmore: {<<: *b, y: 2}\n')
    assert yamls.load(tmp_path / 'a.yaml')['more'] == {'x': 1, 'y': 2}


def test_a_pipe_is_no_file(tmp_path):
    os.mkfifo(tmp_path / 'a.yaml')
    with pytest.raises(ClaifoError, match='no such file'):
        yamls.load(tmp_path / 'a.yaml')
