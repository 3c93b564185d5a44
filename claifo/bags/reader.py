"""Finding bags and reading their messages, whole or cut off, MCAP or SQLite.

What is a bag:

* a file ``.mcap`` or ``.db3`` (or either with ``.zstd`` behind it);
* a folder with ``metadata.yaml``: the files that it lists;
* a folder without one (the recorder was killed): its files named ``<folder>.<ext>`` or
  ``<folder>_<number>.<ext>``, or, should it have been renamed, ``<any>_<number>.<ext>`` with
  numbers from 0 on. Other bag files in it are bags of their own.

Messages come in the order of their log times, in whatever order they and their files were written.

A folder of bags is a data set; its bags are read in natural order (``run_2`` before ``run_10``).
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from claifo.bags.complete import Expected, read_metadata
from claifo.bags.mcap import McapFile
from claifo.bags.merge import merged
from claifo.bags.parts import Loss
from claifo.bags.sqlite import SqliteFile, whole_bytes
from claifo.bags.unpack import ZSTD_MAGIC, DamageError, unpack, unpack_file
from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from claifo.bags.parts import Message, Topic

_SUFFIXES = ('.mcap', '.db3', '.mcap.zstd', '.db3.zstd')
_MOST_FILES = 100_000
_WHAT_IS_A_BAG = 'a rosbag2 is a folder with metadata.yaml and .mcap or .db3 files, or such a file'


@dataclass(frozen=True)
class BagPath:
    """Where one bag is.

    Attributes:
        path: The folder or file that the user knows.
        files: Its storage files in the order of recording.
        losses: What is known to be missing before anything is read.
        counts: How many messages of each topic metadata.yaml promises.
    """

    path: Path
    files: tuple[Path, ...]
    losses: tuple[Loss, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict, hash=False)


def find_bags(paths: Sequence[Path]) -> list[BagPath]:
    """Return the bags at ``paths``: bags themselves, or folders of bags.

    Raises:
        ClaifoError: a path does not exist, or there is no bag in it.
    """
    try:
        bags = [bag for path in paths for bag in _bags_at(Path(path))]
    except OSError as error:
        raise ClaifoError(f'{error.filename}: cannot be read ({error.strerror})') from None
    if not bags:
        raise ClaifoError(f'no bag given; {_WHAT_IS_A_BAG}')
    return bags


def _bags_at(path: Path) -> list[BagPath]:
    if not path.exists():
        raise ClaifoError(f'{path}: does not exist; {_WHAT_IS_A_BAG}')
    if not path.is_dir():
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
    if len(files) > _MOST_FILES:
        raise ClaifoError(f'{folder}: {len(files)} bag files; at most {_MOST_FILES} are read')
    metadata = folder / 'metadata.yaml'
    if metadata.exists():
        try:
            names, counts = read_metadata(metadata)
        except ClaifoError as error:
            reason = f'{metadata}: unreadable; the files of the folder were taken ({error})'
            return [BagPath(folder, tuple(files), (Loss(reason, 0),))]
        return [_listed_bag(folder, names, counts, files)]
    own = _one_recording(folder, files)
    others = [BagPath(path, (path,)) for path in files if path not in own]
    if not own:
        return others
    reason = f'{folder}: metadata.yaml is missing: the recording was not closed'
    return [BagPath(folder, own, (Loss(reason, 0),)), *others]


def _one_recording(folder: Path, files: Sequence[Path]) -> tuple[Path, ...]:
    """Return the files of the recording that was killed in this folder."""
    numbered = re.compile(r'(.+?)(?:_(\d+))?\.(?:mcap|db3)(?:\.zstd)?')
    groups: dict[str, dict[Path, str | None]] = {}
    for path in files:
        if found := numbered.fullmatch(path.name):
            groups.setdefault(found[1], {})[path] = found[2]
    renamed = [tuple(group) for group in groups.values() if len(group) > 1 and any(
        number is not None and int(number) == 0 for number in group.values())]  # fmt: skip
    own = tuple(groups.get(folder.name, ()))
    return own or (renamed[0] if len(renamed) == 1 else ())


def _listed_bag(
    folder: Path, names: Sequence[str], counts: Mapping[str, int], there: Sequence[Path]
) -> BagPath:
    files = tuple(folder / name for name in names if (folder / name).is_file())
    losses = [
        Loss(f'{folder / name}: listed in metadata.yaml but missing', 0)
        for name in names
        if not (folder / name).is_file()
    ]
    if not files:
        raise ClaifoError(f'{losses[0].reason}; copy the whole folder of the bag')
    losses += [
        Loss(f'{path}: not listed in metadata.yaml, and left out; was the recorder killed? '
             'Without metadata.yaml all files are read', path.stat().st_size)
        for path in there if path not in files
    ]  # fmt: skip
    return BagPath(folder, files, tuple(losses), counts)


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
        self._incomplete: list[Loss] = []
        self._promised = where.counts
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
        found = [loss for file in self._files for loss in file.losses]
        return [*self._losses, *found, *self._incomplete]

    def topics(self) -> list[Topic]:
        """Return the topics of all files, each once."""
        return list(dict.fromkeys(topic for file in self._files for topic in file.topics()))

    def messages(self) -> Iterator[Message]:
        """Yield all messages that can be read, unpacked, in the order of their log times.

        Raises:
            ClaifoError: too many of them lie at the same time to be put in order.
        """
        expected = Expected(str(self.path), self._promised, (f.counts for f in self._files))
        damaged = 0
        for topic, time_ns, data in merged([p for file in self._files for p in file.parts()]):
            # CDR begins with a zero byte: this is rosbag2's compression by message
            if data[:4] == ZSTD_MAGIC:
                try:
                    data = unpack(data, 'zstd')
                except DamageError as error:
                    damaged += 1
                    why = str(error)
                    continue
            expected.see(topic, time_ns)
            yield topic, time_ns, data
        self._incomplete = expected.missing(self.topics())
        if damaged:
            reason = f'{self.path}: {damaged} packed messages are damaged ({why})'
            self._incomplete.append(Loss(reason, 0))

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
        except OSError as error:
            self._losses.append(Loss(f'{path}: cannot be read ({error.strerror})', 0))

    def _open(self, path: Path) -> McapFile | SqliteFile:
        if path.suffix == '.zstd':
            path = self._unpacked(path)
        if path.suffix == '.mcap':
            return McapFile(path)
        return SqliteFile(self._settled(path), path)

    def _scratch_folder(self) -> Path:
        if self._scratch is None:
            self._scratch = tempfile.TemporaryDirectory(prefix='claifo-bag-')
        return Path(self._scratch.name)

    def _unpacked(self, path: Path) -> Path:
        """Decompress a file as far as it goes (rosbag2's compression by file)."""
        target = self._scratch_folder() / path.stem
        if problem := unpack_file(path, target):
            self._losses.append(Loss(f'{path}: the compressed file is damaged ({problem})', 0))
        return target

    def _settled(self, path: Path) -> Path:
        """Let SQLite finish, in a copy, what a killed recorder left in a log beside the file."""
        logs = [path.with_name(path.name + end) for end in ('-wal', '-journal')]
        logs = [log for log in logs if log.exists() and log.stat().st_size]
        if not logs:
            return self._whole(path)
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

    def _whole(self, path: Path) -> Path:
        """Return a database without the page in which it was cut off: a copy, if it was."""
        there, wanted = whole_bytes(path)
        size = path.stat().st_size
        if size < wanted:
            reason = f'{path}: cut off at byte {size} of {wanted}'
            self._losses.append(Loss(reason, wanted - size))
        if there == size:
            return path
        copy = self._scratch_folder() / path.name
        shutil.copyfile(path, copy)
        os.truncate(copy, there)
        return copy
