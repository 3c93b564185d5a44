"""Recording serialised messages as they come, so that a kill loses at most the last chunk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rosbags.interfaces import Qos, QosDurability, QosReliability
from rosbags.rosbag2 import StoragePlugin, Writer, WriterError

from claifo.bags.messages import typestore
from claifo.bags.writer import METADATA_VERSION, QOS
from claifo_core.errors import ClaifoError

if TYPE_CHECKING:
    from rosbags.interfaces import Connection


class Recorder:
    """Writes one MCAP bag, topic by topic, message by message.

    Attributes:
        path: Folder of the bag.
    """

    def __init__(self, path: Path | str) -> None:
        """Create the bag.

        Raises:
            ClaifoError: The folder exists already, or cannot be made.
        """
        self.path = Path(path)
        self._writer = Writer(path, version=METADATA_VERSION, storage_plugin=StoragePlugin.MCAP)
        self._topics: dict[str, Connection] = {}
        self._types = typestore()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._writer.open()
        except (OSError, WriterError) as error:
            raise ClaifoError(
                f'{self.path}: cannot be created ({error}); choose another folder'
            ) from None

    @property
    def counts(self) -> dict[str, int]:
        """Messages of every topic so far."""
        return {name: self._writer.counts[c.id] for name, c in self._topics.items()}

    def add_topic(
        self, name: str, kind: str, *, reliable: bool = True, latched: bool = False
    ) -> None:
        """Prepare a topic.

        Args:
            name: Full name.
            kind: Message type, for example ``sensor_msgs/msg/Image``.
            reliable: As its publishers offer it; told to those who play the bag.
            latched: Whether late subscribers get what was sent before.

        Raises:
            ClaifoError: The definition of the type is not known.
        """
        if kind not in self._types.fielddefs:
            raise ClaifoError(f'{name}: the definition of {kind} is not known; leave it out')
        qos = Qos(
            QOS.history, QOS.depth,
            QosReliability.RELIABLE if reliable else QosReliability.BEST_EFFORT,
            QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE,
            *QOS[4:],
        )  # fmt: skip
        self._topics[name] = self._writer.add_connection(
            name, kind, typestore=self._types, offered_qos_profiles=[qos]
        )

    def write(self, topic: str, time_ns: int, data: bytes) -> None:
        """Take one message.

        Raises:
            ClaifoError: The disk is full.
        """
        try:
            self._writer.write(self._topics[topic], time_ns, data)
        except OSError as error:
            raise self._full(error) from error

    def flush(self) -> None:
        """Put everything taken so far where a kill cannot reach it.

        Raises:
            ClaifoError: The disk is full.
        """
        storage: Any = self._writer.storage
        try:
            if any(storage.chunk.msgs.values()):
                storage.close_chunk()
            storage.bio.flush()
        except OSError as error:
            raise self._full(error) from error

    def close(self) -> None:
        """End the bag properly.

        Raises:
            ClaifoError: The disk is full.
        """
        try:
            self._writer.close()
        except OSError as error:
            raise self._full(error) from error

    def _full(self, error: OSError) -> ClaifoError:
        return ClaifoError(
            f'{self.path}: cannot write: {error.strerror}; free some space and record again'
        )
