"""The image topics of one camera or several, as this project names them."""

from __future__ import annotations

from claifo_core.errors import ClaifoError


def camera_topics(cameras: tuple[str, ...]) -> tuple[str, ...]:
    """Return the topic of each camera; that of a single one does not bear its name."""
    if len(cameras) < 2:
        return ('camera/image_raw',)
    return tuple(f'camera/{camera}/image_raw' for camera in cameras)


def split_topics(text: str) -> tuple[str, ...]:
    """Return the topics in a list with commas.

    Raises:
        ClaifoError: one is named twice.
    """
    topics = tuple(topic.strip() for topic in text.split(',') if topic.strip())
    for topic in topics:
        if topics.count(topic) > 1:
            raise ClaifoError(f'topic {topic!r} is listed twice; name each camera once')
    return topics
