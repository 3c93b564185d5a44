"""Bags with a few bytes changed, cut or moved: read right, told, or refused in one line."""

from __future__ import annotations

import zlib

import cv2
import numpy as np
import pytest

from claifo.bags import ReadOptions, read_episodes
from claifo.bags.check import inspect
from claifo.bags.reader import find_bags
from claifo_core.data.frames import FrameSpec
from claifo_core.errors import ClaifoError

MUTANTS, FRAMES = 25, 12
OPTIONS = ReadOptions(frames=FrameSpec(8), rate_hz=20.0)


def pictures():
    return np.random.default_rng(0).integers(0, 256, (FRAMES, 8, 8, 3)).astype(np.uint8)


def messages(recorder):
    for k, picture in enumerate(pictures()):
        stamp_ns = 10**9 + k * 50_000_000
        data = cv2.imencode('.png', picture[..., ::-1])[1].tobytes()
        yield '/c', stamp_ns, recorder.compressed(stamp_ns, data, 'png')


def mutant(data: bytes, rng: np.random.Generator) -> bytes:
    """Change, cut, move or repeat some of a file."""
    changed = bytearray(data)
    a, b = sorted(rng.integers(0, len(data), 2).tolist())
    kind = rng.integers(5)
    if kind == 0:
        for at in rng.integers(0, len(data), rng.integers(1, 4)):
            changed[at] = rng.integers(256)
    elif kind == 1:
        del changed[b:]
    elif kind == 2:
        changed[a:b] = bytes(b - a)
    elif kind == 3:
        changed[a : a + 300] = data[b : b + 300]
    else:
        changed[a:a] = data[b : b + 300]
    return bytes(changed)


@pytest.mark.parametrize('compression', ['none', 'message', 'storage', 'file'])
@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
def test_mutants_are_read_right_told_or_refused(tmp_path, recorder, storage, compression):
    if (storage, compression) == ('sqlite3', 'storage'):
        pytest.skip('SQLite has no chunks')
    path = recorder.write(tmp_path / 'bag', [*messages(recorder)], storage=storage,
                          compression=compression)  # fmt: skip
    (file,) = [file for file in path.iterdir() if file.name != 'metadata.yaml']
    whole, wanted = file.read_bytes(), pictures()
    for number in range(MUTANTS):
        rng = np.random.default_rng([number, zlib.crc32(f'{storage}{compression}'.encode())])
        file.write_bytes(mutant(whole, rng))
        try:
            inspect(find_bags([path])[0])
            episodes, report = read_episodes([path], OPTIONS)
        except ClaifoError as error:
            assert '\n' not in str(error), number
            continue
        for frame in np.concatenate(episodes):
            assert (wanted == frame).all((1, 2, 3)).any(), number
        kept = np.concatenate(episodes)
        told = report.warnings() or report.frames_dropped
        assert told or (kept.shape == wanted.shape and (kept == wanted).all()), number
