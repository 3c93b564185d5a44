"""Finding bags and reading their messages, whole or cut off, MCAP or SQLite.

What is a bag:

* a file ``.mcap`` or ``.db3`` (or either with ``.zstd`` behind it);
* a folder with ``metadata.yaml``: the files that it lists, one after the other;
* a folder without one (the recorder was killed): its files named ``<folder>.<ext>`` or
  ``<folder>_<number>.<ext>``, one after the other. Other bag files in it are bags of their own.

A folder of bags is a data set; its bags are read in natural order (``run_2`` before ``run_10``).
"""

from __future__ import annotations

import re
import shutil
import sqlite3
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from backports import zstd

from claifo.bags.mcap import McapFile
from claifo.bags.parts import Loss
from claifo.bags.sqlite import SqliteFile
from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from claifo.bags.parts import Message, Topic

_SUFFIXES = ('.mcap', '.db3', '.mcap.zstd', '.db3.zstd')
_WHAT_IS_A_BAG = 'a rosbag2 is a folder with metadata.yaml and .mcap or .db3 files, or such a file'


@dataclass(frozen=True)
class BagPath:
    """Where one bag is.

    Attributes:
        path: The folder or file that the user knows.
        files: Its storage files in the order of recording.
        losses: What is known to be missing before anything is read.
    """

    path: Path
    files: tuple[Path, ...]
    losses: tuple[Loss, ...] = ()


def find_bags(paths: Sequence[Path]) -> list[BagPath]:
    """Return the bags at ``paths``: bags themselves, or folders of bags.

    Raises:
        ClaifoError: a path does not exist, or there is no bag in it.
    """
    bags = [bag for path in paths for bag in _bags_at(Path(path))]
    if not bags:
        raise ClaifoError(f'no bag given; {_WHAT_IS_A_BAG}')
    return bags


def _bags_at(path: Path) -> list[BagPath]:
    if not path.exists():
        raise ClaifoError(f'{path}: does not exist; {_WHAT_IS_A_BAG}')
    if path.is_file():
        return [BagPath(path, (path,))] if _is_storage(path) else _refuse_file(path)
    bags = _folder_bags(path)
    if not bags:
        folders = sorted((p for p in path.iterdir() if _is_visible_folder(p)), key=_natural)
        bags = [bag for folder in folders for bag in _folder_bags(folder)]
    if not bags:
        raise ClaifoError(f'{path}: no bag in this folder; {_WHAT_IS_A_BAG}')
    return bags


def _refuse_file(path: Path) -> list[BagPath]:
    if path.suffix == '.bag':
        raise ClaifoError(
            f'{path}: a ROS 1 bag; convert it: rosbags-convert --src {path} --dst {path.stem}'
        )
    raise ClaifoError(f'{path}: not a bag; {_WHAT_IS_A_BAG}')


def _folder_bags(folder: Path) -> list[BagPath]:
    """Return the bags whose files lie directly in ``folder``."""
    files = sorted((p for p in folder.iterdir() if _is_storage(p)), key=_natural)
    if (folder / 'metadata.yaml').exists():
        listed = _listed_files(folder / 'metadata.yaml')
        if listed:
            return [_listed_bag(folder, listed)]
        reason = f'{folder / "metadata.yaml"}: unreadable; the files of the folder were taken'
        return [BagPath(folder, tuple(files), (Loss(reason, 0),))]
    own_name = re.compile(re.escape(folder.name) + r'(_\d+)?\.(mcap|db3)(\.zstd)?')
    own = tuple(path for path in files if own_name.fullmatch(path.name))
    others = [BagPath(path, (path,)) for path in files if path not in own]
    if not own:
        return others
    reason = f'{folder}: metadata.yaml is missing: the recording was not closed'
    return [BagPath(folder, own, (Loss(reason, 0),)), *others]


def _listed_files(metadata: Path) -> list[str]:
    """Return the names of the storage files in ``metadata.yaml``; none if it is not readable."""
    try:
        content: Any = yaml.safe_load(metadata.read_text('utf-8'))
        paths = content['rosbag2_bagfile_information']['relative_file_paths']
        return [Path(path).name for path in paths]
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError):
        return []


def _listed_bag(folder: Path, names: list[str]) -> BagPath:
    files = tuple(folder / name for name in names if (folder / name).exists())
    losses = tuple(
        Loss(f'{folder / name}: listed in metadata.yaml but missing', 0)
        for name in names
        if not (folder / name).exists()
    )
    if not files:
        raise ClaifoError(f'{losses[0].reason}; copy the whole folder of the bag')
    return BagPath(folder, files, losses)


def _is_storage(path: Path) -> bool:
    return path.is_file() and path.name.endswith(_SUFFIXES) and not path.name.startswith('.')


def _is_visible_folder(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith('.')


def _natural(path: Path) -> list[tuple[int, str]]:
    """Order numbers in names by value: 2 before 10."""
    parts = re.split(r'(\d+)', path.name)
    return [(int(part), '') if part.isdecimal() else (-1, part) for part in parts]


class Bag:
    """One bag, open for reading; a context manager because it may unpack to a temporary folder."""

    def __init__(self, where: BagPath) -> None:
        """Open the storage files.

        Raises:
            ClaifoError: none of them can be read.
        """
        self.path = where.path
        self._losses = list(where.losses)
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._files: list[McapFile | SqliteFile] = []
        try:
            self._open_files(where.files)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Bag:
        """Return the open bag."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    @property
    def losses(self) -> list[Loss]:
        """What could not be read; complete after :meth:`messages` is exhausted."""
        return [*self._losses, *(loss for file in self._files for loss in file.losses)]

    def topics(self) -> list[Topic]:
        """Return the topics of all files, each once."""
        return list(dict.fromkeys(topic for file in self._files for topic in file.topics()))

    def messages(self) -> Iterator[Message]:
        """Yield all messages that can be read, in the order of recording."""
        for file in self._files:
            yield from file.messages()

    def close(self) -> None:
        """Remove what was unpacked."""
        self._files.clear()
        if self._scratch:
            self._scratch.cleanup()

    def _open_files(self, paths: Sequence[Path]) -> None:
        for path in paths:
            self._open_or_lose(path)
        if not self._files:
            raise ClaifoError(self._losses[-1].reason)

    def _open_or_lose(self, path: Path) -> None:
        """Open a file; a bag of several files can do without one that is not readable."""
        try:
            self._files.append(self._open(path))
        except ClaifoError as error:
            self._losses.append(Loss(str(error), path.stat().st_size))

    def _open(self, path: Path) -> McapFile | SqliteFile:
        if path.suffix == '.zstd':
            path = self._unpacked(path)
        if path.suffix == '.mcap':
            return McapFile(path)
        return SqliteFile(self._settled(path))

    def _scratch_folder(self) -> Path:
        if self._scratch is None:
            self._scratch = tempfile.TemporaryDirectory(prefix='claifo-bag-')
        return Path(self._scratch.name)

    def _unpacked(self, path: Path) -> Path:
        """Decompress a file as far as it goes (rosbag2's compression by file)."""
        target = self._scratch_folder() / path.stem
        try:
            with zstd.open(path, 'rb') as packed, target.open('wb') as file:
                shutil.copyfileobj(packed, file)
        except (EOFError, zstd.ZstdError) as error:
            self._losses.append(Loss(f'{path}: the compressed file is damaged ({error})', 0))
        return target

    def _settled(self, path: Path) -> Path:
        """Let SQLite finish, in a copy, what a killed recorder left in a log beside the file."""
        logs = [path.with_name(path.name + end) for end in ('-wal', '-journal')]
        logs = [log for log in logs if log.exists() and log.stat().st_size]
        if not logs:
            return path
        folder = self._scratch_folder()
        for file in (path, *logs):
            shutil.copyfile(file, folder / file.name)
        self._losses.append(Loss(f'{logs[0]}: the recording was not closed', 0))
        try:
            database = sqlite3.connect(folder / path.name)
            database.execute('PRAGMA wal_checkpoint(TRUNCATE)').fetchall()
            database.execute('PRAGMA journal_mode=DELETE').fetchall()
            database.close()
        except sqlite3.Error:
            return path
        return folder / path.name
