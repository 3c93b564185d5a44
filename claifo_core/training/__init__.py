"""A run: the learner, its loop, checkpoints, evaluation, metrics, several processes.

Here lives all that happens around an update and on disk. No mathematics of a method.
"""

from claifo_core.training.checkpoint import Checkpoint
from claifo_core.training.evaluation import Evaluation, evaluate
from claifo_core.training.learner import Learner
from claifo_core.training.metrics import Metrics, read_jsonl
from claifo_core.training.run import Run, Setting
from claifo_core.training.trainer import Trainer, World

__all__ = [
    'Checkpoint', 'Evaluation', 'Learner', 'Metrics', 'Run', 'Setting', 'Trainer', 'World',
    'evaluate', 'read_jsonl',
]  # fmt: skip
