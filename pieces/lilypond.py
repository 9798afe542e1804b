"""LilyPond sources: compiled to SVG pages whose noteheads say what they are, then read as a piece.

LilyPond comes from the wheel of that name (extra `msmd`) or from the PATH. Its sources are programs: they
may hold Scheme, and LilyPond 2.24 has no safe mode any more. So a source is compiled by a child process in a
folder of its own, without the caller's environment, with limits to its time, memory and file sizes, and ends
with its caller; and one whose Scheme names procedures for files, processes or code in text is refused before.
That keeps out accidents and plain malice, but is no jail: who compiles sources of strangers does it in a
container.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from pieces.errors import BadScore, RipienoError
from pieces.files import check_room, saving
from pieces.lilypond_svg import read_pages
from pieces.piece import Piece

SOURCE_SUFFIXES = (".ly", ".ily", ".lyi")
MAX_SOURCES = 400
MAX_SOURCE_BYTES = 8_000_000
_NOTEHEADS = Path(__file__).with_name("noteheads.ily")
_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "XDG_CACHE_HOME", "SYSTEMROOT", "TEMP", "TMP")
_COMMENTS_AND_STRINGS = re.compile(r'%\{.*?%\}|%[^\n]*|"(?:\\.|[^"\\])*"', re.DOTALL)
_OUTSIDE = r"""(?x: (
    (ly:)?system\*? | (call-)?with-(in|out)put-(to-|from-)?\w+ | call-with-(in|out)put-\w+
    | open-[\w-]+ | (delete|rename|copy|truncate)-file | mkdir | rmdir | chmod | chdir | symlink | opendir
    | primitive-[\w-]+ | load | load-[\w-]+ | eval | eval-string | string->symbol | read | read-[\w-]+
    | (current|resolve|module|define|set-current)-(module|ref|interface|public-interface|eval)[\w-]*
    | @@? | getenv | setenv | putenv | environ | exec[lv]p?e? | kill | socket | dynamic-[\w-]+
    | ly:gulp-file | ly:parser-(parse|include)-string | use-modules | include
    )(?![\w*<>!?:/-]))"""
"""Procedures for files, processes, modules and code in text."""
_REACHES_OUT = re.compile(r"(?<![\w\\*<>!?:/-])" + _OUTSIDE)
_CALLED = re.compile(r"\(\s*" + _OUTSIDE)
_HARMLESS_MODULES = re.compile(r"\(use-modules(\s*\((ice-9 (optargs|format)|srfi srfi-\d+|lily)\))+\s*\)")
_WRITES_ELSEWHERE = re.compile(r'bookOutput(Name|Suffix)\s*=?\s*#?\s*"[^"\n]*[/\\]')
_TEMPO_MARK = re.compile(r"\\tempo\s+(?:\"[^\"]*\"\s+)?(\d+)(\.?)\s*=\s*(\d+)")
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1
_TEMPO_SETTING = re.compile(r"tempoWholesPerMinute\s*=\s*#\(ly:make-moment\s+(\d+)(?:[ /]+(\d+))?")


class NoLilyPond(RipienoError):
    """No LilyPond on this machine."""


@dataclass(frozen=True)
class Limits:
    """What one compilation may take; the memory is that of its whole address space."""

    wall_s: float = 600.0
    processor_s: int = 300
    memory_bytes: int = 3 << 30
    file_bytes: int = 64 << 20


LIMITS = Limits()


@dataclass(frozen=True)
class LilyPond:
    """Where its programs are."""

    lilypond: Path
    convert: Path


def find_lilypond() -> LilyPond:
    """The wheel's, else the one on the PATH; raises NoLilyPond where there is none."""
    spec = find_spec("lilypond")
    folders = []
    if spec is not None and spec.origin is not None:
        folders.append(str(Path(spec.origin).parent / "lilypond-binaries" / "bin"))
    for path in (*folders, None):
        found = [shutil.which(name, path=path) for name in ("lilypond", "convert-ly")]
        if found[0] and found[1]:
            return LilyPond(Path(found[0]), Path(found[1]))
    raise NoLilyPond(
        "LilyPond is not on this machine: pip install lilypond==2.24.3, or install LilyPond 2.24 with its "
        "convert-ly and put them on the PATH."
    )


def open_source(path: Path, name: str = "", limits: Limits = LIMITS) -> Piece:
    """Compile a source, with what lies beside it, and read it; nothing is written but in a temporary folder.

    Raises:
        NoLilyPond: see :func:`find_lilypond`.
        BadScore: no music comes of it, its Scheme reaches out, or it exceeds ``limits``.
        RipienoError: the temporary folder cannot be written, or its disk is full.
    """
    name = name or path.stem
    programs = find_lilypond()
    with tempfile.TemporaryDirectory(prefix="ripieno-") as folder:
        work = Path(folder)
        with saving(work):
            source = _copy_sources(path, work / "source", name)
        _convert(programs, work / "source", limits, name)
        _compile(programs, source, work, limits, name)
        pages = tuple(page.read_text(encoding="utf-8") for page in _in_order(work.glob("page*.svg")))
        bpm = _written_tempo(source.read_text(encoding="utf-8"))
    return read_pages(pages, name, bpm)


def _copy_sources(path: Path, folder: Path, name: str) -> Path:
    """Copy a source's folder, as UTF-8; returns the copy of the source itself. Raises OSError where the copy
    cannot be written."""
    if path.suffix not in SOURCE_SUFFIXES or not path.is_file():
        raise BadScore(f"{name}: there is no LilyPond source {path}.")
    try:
        found = [p for p in sorted(path.parent.rglob("*")) if p.suffix in SOURCE_SUFFIXES and p.is_file()]
        if len(found) > MAX_SOURCES or sum(p.stat().st_size for p in found) > MAX_SOURCE_BYTES:
            raise BadScore(f"{name}: too much lies beside {path.name}. Give each piece a folder of its own.")
        texts = {each.relative_to(path.parent): _decode(each.read_bytes()) for each in found}
    except OSError as error:
        raise BadScore(f"{name}: {path} cannot be read ({error.strerror}).") from error
    for place, text in texts.items():
        refuse_scheme_that_reaches_out(text, name)
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_text(text, encoding="utf-8", newline="")
    return folder / path.name


def _decode(content: bytes) -> str:
    """LilyPond reads UTF-8; sources older than that are Latin-1."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def refuse_scheme_that_reaches_out(text: str, name: str) -> None:
    """Raise BadScore where a source names a procedure for files, processes, modules or code in text."""
    if _WRITES_ELSEWHERE.search(text):
        raise BadScore(f"{name}: it would write its pages elsewhere. It is not compiled.")
    # What looks like a comment or a string here may be none to Scheme: calls are sought in them too.
    whole = _HARMLESS_MODULES.sub("", text)
    found = _CALLED.search(whole) or _REACHES_OUT.search(_COMMENTS_AND_STRINGS.sub(" ", whole))
    if found:
        raise BadScore(f"{name}: its Scheme reaches out ({found[1]}). It is not compiled.")


def _convert(programs: LilyPond, folder: Path, limits: Limits, name: str) -> None:
    """Bring sources up to date; what cannot be converted stays as it is, and LilyPond judges it."""
    sources = [str(p.relative_to(folder)) for p in sorted(folder.rglob("*")) if p.is_file()]
    _run([str(programs.convert), "--edit", "--loglevel=NONE", *sources], folder, limits, name)


def _compile(programs: LilyPond, source: Path, work: Path, limits: Limits, name: str) -> None:
    command = [
        str(programs.lilypond), "-dbackend=svg", "-dno-point-and-click", "-dmidi-extension=mid",
        f"-dinclude-settings={_NOTEHEADS}", "--loglevel=ERROR", f"--output={work / 'page'}", source.name,
    ]  # fmt: skip
    code, said = _run(command, source.parent, limits, name)
    if code < 0 and -code in (getattr(signal, "SIGXCPU", 0), getattr(signal, "SIGKILL", 0)):
        raise BadScore(f"{name}: LilyPond needed more than {limits.processor_s} s of processor time.")
    if not any(work.glob("page*.svg")):
        check_room(work, said)
        complaint = next((line for line in said.splitlines() if "error" in line), f"it ended with {code}")
        raise BadScore(f"{name}: LilyPond drew no page ({complaint.strip()[:160]}).")


def _run(command: list[str], folder: Path, limits: Limits, name: str) -> tuple[int, str]:
    """Run a program in `folder` within `limits`; exit code and what it said. Leaves no process behind."""
    posix, caller = os.name == "posix", os.getpid()

    def prepare() -> None:
        """In the child, before it becomes the program."""
        _end_with(caller)
        _limit(limits)

    process = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env={key: os.environ[key] for key in _KEPT_VARIABLES if key in os.environ},
        start_new_session=posix, preexec_fn=prepare if posix else None,
    )  # fmt: skip
    try:
        _, said = process.communicate(timeout=limits.wall_s)
    except subprocess.TimeoutExpired:
        raise BadScore(f"{name}: LilyPond took longer than {limits.wall_s:.0f} s.") from None
    finally:
        with suppress(ProcessLookupError):
            if posix:
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        process.wait()
    return process.returncode, said.decode(errors="replace")


def _end_with(caller: int) -> None:
    """Have the system kill this process once its caller's is gone, which may be killed itself. Only Linux can
    do that; elsewhere what was left behind ends at its limits."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
        if os.getppid() != caller:  # gone already
            os._exit(1)


def _limit(limits: Limits) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (limits.processor_s, limits.processor_s))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits.file_bytes, limits.file_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform != "darwin":  # which knows the limit but refuses it
        resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))


def _in_order(pages: Iterator[Path]) -> list[Path]:
    """page.svg, or page-1.svg to page-12.svg, by number."""
    return sorted(pages, key=lambda page: [int(number) for number in re.findall(r"\d+", page.stem)])


def _written_tempo(text: str) -> float | None:
    """Quarters a minute from a tempo anywhere in the source: many state it for the MIDI file alone."""
    mark, setting = _TEMPO_MARK.search(text), _TEMPO_SETTING.search(text)
    if mark:
        return 4.0 / max(int(mark[1]), 1) * (1.5 if mark[2] else 1.0) * int(mark[3])
    if setting:
        return 4.0 * int(setting[1]) / max(int(setting[2] or 1), 1)
    return None
