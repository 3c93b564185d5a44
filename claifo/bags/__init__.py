"""rosbag2 in and out: camera images of any encoding become episodes of frames, and back."""

from __future__ import annotations

from claifo.bags.episodes import read_episodes
from claifo.bags.options import ReadOptions
from claifo.bags.report import BagReport
from claifo.bags.truth import EpisodeTruth, Truth, read_truth
from claifo.bags.writer import BagWriter

__all__ = [
    'BagReport',
    'BagWriter',
    'EpisodeTruth',
    'ReadOptions',
    'Truth',
    'read_episodes',
    'read_truth',
]
