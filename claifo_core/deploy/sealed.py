"""A checksum inside an exported policy, as the last bytes of its file.

Both formats allow it: ONNX is a protobuf, to which one more `metadata_props` entry is appended;
TorchScript is a zip, whose comment it becomes. So any other reader takes the file as it is, and
the seal is checked without parsing anything.
"""

from __future__ import annotations

import hashlib
import struct

from claifo_core.errors import ClaifoError

_KEY = b'claifo.sha256'
_DIGITS = 64
_ZIP_END = b'PK\x05\x06'
_ZIP_END_BYTES = 22


def _entry(digest: bytes) -> bytes:
    """Return ``ModelProto{metadata_props: [{key, value}]}`` in protobuf: fields 14, 1 and 2."""
    pair = b'\x0a' + bytes([len(_KEY)]) + _KEY + b'\x12' + bytes([len(digest)]) + digest
    return b'\x72' + bytes([len(pair)]) + pair


SEAL_BYTES = len(_entry(b'0' * _DIGITS))


def seal(data: bytes) -> bytes:
    """Return the file with its seal."""
    if data[-_ZIP_END_BYTES:].startswith(_ZIP_END):
        data = data[:-2] + struct.pack('<H', SEAL_BYTES)
    return data + _entry(hashlib.sha256(data).hexdigest().encode())


def check(data: bytes, source: str) -> bytes:
    """Return the file if it is what was sealed.

    Raises:
        ClaifoError: it was cut off, changed, or never sealed.
    """
    body, end = data[:-SEAL_BYTES], data[-SEAL_BYTES:]
    if _KEY not in end:
        raise ClaifoError(f'{source}: cut off, or not exported by claifo; export or copy it again')
    if _entry(hashlib.sha256(body).hexdigest().encode()) != end:
        raise ClaifoError(f'{source}: the checksum is wrong: it was changed or cut off; export or '
                          'copy it again')  # fmt: skip
    return data
