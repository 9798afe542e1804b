"""Takes the one score out of a compressed MusicXML file (`.mxl`) without ever unpacking it to disk.

May be called from any thread; works on bytes in memory, of which it takes a limited amount.
"""

import io
import lzma
import re
import zipfile
import zlib

from pieces.errors import BadScore

MAX_SCORE_BYTES = 64 * 1024 * 1024
MAX_MEMBERS = 2000
MAX_RATIO = 250
_SMALL_BYTES = 1024 * 1024
_ROOT_FILE = re.compile(r"<rootfile\b[^<>]*\bfull-path\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError,
           OSError, ValueError)  # fmt: skip


def unzip_score(data: bytes, name: str) -> bytes:
    """The bytes of the root score that META-INF/container.xml names (or of the only score there is)."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {info.filename: info for info in archive.infolist()}
            if len(members) > MAX_MEMBERS:
                raise BadScore(f"{name} holds {len(members)} files, too many for a score; export it again.")
            return _read(archive, members[_root(archive, members, name)], name)
    except _BROKEN as error:
        raise BadScore(f"{name} is damaged or is no .mxl ({error}); export the score again.") from error


def _root(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo], name: str) -> str:
    """The member that is the score: named by the container, else the first XML outside META-INF."""
    container = members.get("META-INF/container.xml")
    if container is not None:
        match = _ROOT_FILE.search(_read(archive, container, name).decode("utf-8", "replace"))
        wanted = (match[1] or match[2] or "") if match else ""
        if wanted in members:
            return wanted
        raise BadScore(
            f"{name}: its container names {wanted[:60]!r}, which is not in it; export the score again."
        )
    scores = [
        member
        for member in members
        if member.lower().endswith((".xml", ".musicxml")) and not member.startswith("META-INF/")
    ]
    if not scores:
        raise BadScore(f"{name} holds no score; export it again as compressed MusicXML.")
    return scores[0]


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> bytes:
    """Read one member, refusing bombs by what is really unpacked and not by what the header claims."""
    with archive.open(info) as member:
        data = member.read(MAX_SCORE_BYTES + 1)
    if len(data) > MAX_SCORE_BYTES:
        raise BadScore(
            f"{name} unpacks to more than {MAX_SCORE_BYTES // 2**20} MB, which is no score; export it again."
        )
    if len(data) > _SMALL_BYTES and len(data) > MAX_RATIO * max(info.compress_size, 1):
        raise BadScore(
            f"{name} unpacks to {len(data) // max(info.compress_size, 1)} times its size, "
            "like a zip bomb; export the score again."
        )
    return data
