"""WAV files block by block: what a header says, and the frames as floats. Any thread.

PCM of 8 to 64 bits and floats, any channels, also big-endian (RIFX) and larger than 4 GB (RF64). A file that
is cut off is read as far as it goes.
"""
from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

BLOCK_FRAMES = 1 << 18
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
LONGEST_FORMAT = 40
UNKNOWN_SIZE = 0xFFFFFFFF
"""As a chunk's size: written in a stream, or the size is in RF64's own chunk."""
_ORDERS = {b"RIFF": "<", b"RF64": "<", b"RIFX": ">"}
_WIDTHS = {PCM: (1, 2, 3, 4, 8), FLOAT: (4, 8)}


class NotWav(Exception):
    """No WAV file, or one of a kind that is not read."""


@dataclass(frozen=True)
class WavHeader:
    """What lies in a file: `frames` of `channels` samples, each `width` bytes in byte order `order`.

    The first one is at byte `begin`. tag: PCM or FLOAT.
    """

    order: str
    tag: int
    channels: int
    rate: int
    width: int
    begin: int = 0
    frames: int = 0

    @property
    def frame_bytes(self) -> int:
        return self.channels * self.width


def read_header(path: Path) -> WavHeader:
    """Raises NotWav; OSError where the file cannot be read."""
    with path.open("rb") as file:
        try:
            return _read_header(file, path.stat().st_size)
        except struct.error as error:
            raise NotWav("it ends within its header") from error


def _read_header(file: BinaryIO, file_bytes: int) -> WavHeader:
    riff, _, wave = struct.unpack("<4s4s4s", file.read(12))
    if riff not in _ORDERS or wave != b"WAVE":
        raise NotWav("no RIFF header")
    order, header, long_bytes = _ORDERS[riff], None, file_bytes
    while True:
        name, size = struct.unpack(f"{order}4sI", file.read(8))
        begin = file.tell()
        if name == b"ds64":
            _, long_bytes = struct.unpack("<QQ", file.read(16))
        elif name == b"fmt ":
            header = _format(file.read(min(size, LONGEST_FORMAT)), order)
        elif name == b"data":
            break
        file.seek(begin + size + size % 2)
    if header is None:
        raise NotWav("no format before its data")
    size = min(long_bytes if size == UNKNOWN_SIZE else size, file_bytes - begin)
    known = (header.order, header.tag, header.channels, header.rate, header.width)
    return WavHeader(*known, begin, size // header.frame_bytes)


def _format(chunk: bytes, order: str) -> WavHeader:
    tag, channels, rate, _, frame_bytes, bits = struct.unpack(f"{order}HHIIHH", chunk[:16])
    if tag == EXTENSIBLE:
        (tag,) = struct.unpack(f"{order}H", chunk[24:26])
    width = frame_bytes // channels if channels else 0
    if width not in _WIDTHS.get(tag, ()) or width * channels != frame_bytes or bits > 8 * width:
        raise NotWav(f"samples of {bits} bits, format {tag}, {channels} channels in {frame_bytes} bytes")
    return WavHeader(order, tag, channels, rate, width)


def read_blocks(path: Path, header: WavHeader) -> Iterator[NDArray[np.float32]]:
    """(n, channels) each; integers in [-1, 1), floats as they are, those that are not finite as 0."""
    left = header.frames
    with path.open("rb") as file:
        file.seek(header.begin)
        while left:
            data = file.read(min(left, BLOCK_FRAMES) * header.frame_bytes)
            count = len(data) // header.frame_bytes
            if not count:
                return  # cut off meanwhile
            left -= count
            yield _decoded(data[: count * header.frame_bytes], header).reshape(count, header.channels)


def _decoded(data: bytes, header: WavHeader) -> NDArray[np.float32]:
    if header.tag == FLOAT:
        with np.errstate(over="ignore", invalid="ignore"):
            floats = np.frombuffer(data, f"{header.order}f{header.width}").astype(np.float32)
        return np.nan_to_num(floats, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    if header.width == 1:
        return (np.frombuffer(data, np.uint8).astype(np.float32) - np.float32(128)) / np.float32(128)
    if header.width == 3:
        return _scaled(_widened(data, header.order))
    return _scaled(np.frombuffer(data, f"{header.order}i{header.width}"))


def _widened(data: bytes, order: str) -> NDArray[np.int32]:
    """24 bits as the upper ones of 32."""
    wide = np.zeros((len(data) // 3, 4), np.uint8)
    wide[:, slice(1, 4) if order == "<" else slice(0, 3)] = np.frombuffer(data, np.uint8).reshape(-1, 3)
    return wide.view(f"{order}i4")[:, 0]


def _scaled(samples: NDArray[np.signedinteger]) -> NDArray[np.float32]:
    return samples.astype(np.float32) / np.float32(2.0 ** (8 * samples.itemsize - 1))
