"""`cv_bridge` in NumPy and OpenCV: the Python part of the real package, without its C++."""

from __future__ import annotations

from ._encodings import CvBridgeError
from .core import CvBridge

__all__ = ['CvBridge', 'CvBridgeError']
