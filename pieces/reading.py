"""Reads a score file into text that can be handed to the engraver: the edge at which files are distrusted.

Nothing is written or fetched here and no entity is expanded: every size is limited before it is read.
May be called from any thread; touches only the file it is given.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from xml.parsers import expat

from pieces import abc
from pieces.errors import BadScore
from pieces.unzipping import unzip_score

MAX_FILE_BYTES = 32 * 1024 * 1024
MAX_XML_DEPTH = 64
SUFFIXES = (".musicxml", ".xml", ".mxl", ".mei", ".krn", ".abc")

_DOCTYPE = re.compile(r"<!DOCTYPE\s[^\[<>]*>")
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_DECLARED_ENCODING = re.compile(rb"^\s*<\?xml[^>]*encoding\s*=\s*[\"']([A-Za-z0-9._\-]+)[\"']")
_BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"<\x00", "utf-16-le"),
    (b"\x00<", "utf-16-be"),
)


@dataclass(frozen=True)
class ScoreText:
    """A score that is safe to hand on.

    `format` says what `text` is ("musicxml", "mei" or "kern"); `source_format` what the file was: "abc" is
    converted to MusicXML here. XML has lost its declaration and DOCTYPE. `name` is the file's stem.
    """

    format: str
    text: str
    name: str
    source_format: str = ""


def read_score(path: Path | str) -> ScoreText:
    """Read `.musicxml .xml .mxl .mei .krn .abc`; `book.abc#7` is the tune X:7 of a book (else its first).

    Raises BadScore, whose one-line message says what to do.
    """
    path, tune = split_tune(Path(path))
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise BadScore(
            f"{path.name}: Ripieno opens {' '.join(SUFFIXES)} files; export the score as MusicXML."
        )
    data = _read_bytes(path)
    if data.startswith(b"PK\x03\x04") or suffix == ".mxl":
        return _xml_score(unzip_score(data, path.name), path, "musicxml")
    if suffix == ".abc":
        return _abc_score(path, tune)
    if suffix == ".krn":
        return _kern_score(data, path)
    return _xml_score(data, path, "mei" if suffix == ".mei" else "musicxml")


def split_tune(path: Path) -> tuple[Path, str | None]:
    """Take `#7` off the name of an ABC book, unless a file is really called so."""
    match = re.fullmatch(r"(.+\.abc)#(\w{1,12})", path.name, re.IGNORECASE)
    if match is None or path.exists():
        return path, None
    return path.with_name(match[1]), match[2]


def name_of(path: Path, tune: str | None) -> str:
    """What the score of a file, or of a tune of it, is called: `own` or `book-7`."""
    return path.stem if tune is None else f"{path.stem}-{tune}"


def read_text_of_tune(path: Path, tune: str | None) -> str:
    """The ABC text of one tune of a book: X: `tune`, else the first. Raises BadScore."""
    text = _decode(_read_bytes(path), path.name)
    try:
        return abc.choose_tune(text, tune)
    except abc.AbcError as error:
        raise BadScore(f"{path.name}: {error}") from error


def _read_bytes(path: Path) -> bytes:
    try:
        if not path.is_file():
            what = "is a folder or a device" if path.exists() else "does not exist"
            raise BadScore(f"{path} {what}; give the path of a score file.")
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        raise BadScore(f"{path} cannot be read ({error}); check its permissions.") from error
    if len(data) > MAX_FILE_BYTES:
        raise BadScore(f"{path.name} is larger than {MAX_FILE_BYTES // 2**20} MB; give a single piece.")
    if not data.strip():
        raise BadScore(f"{path.name} is empty; export the score again.")
    return data


def _decode(data: bytes, name: str, declared: str | None = None) -> str:
    """Text of any usual encoding: by byte-order mark, by the XML's declaration, UTF-8, else Windows-1252."""
    marked = next((encoding for mark, encoding in _BYTE_ORDER_MARKS if data.startswith(mark)), None)
    for encoding in (marked, declared, "utf-8", "cp1252", "latin-1"):
        if encoding is None:
            continue
        try:
            text = data.decode(encoding)
        except (UnicodeError, LookupError):
            continue
        if "\x00" in text:
            break
        return text.removeprefix("\ufeff")
    raise BadScore(f"{name} is not text but binary data; export the score again as MusicXML.")


def _xml_score(data: bytes, path: Path, expected: str) -> ScoreText:
    declared = _DECLARED_ENCODING.match(data)
    text = _decode(data, path.name, declared[1].decode("ascii") if declared else None)
    text = _DOCTYPE.sub("", _DECLARATION.sub("", text, count=1), count=1).lstrip()
    found = _XmlCheck(path.name).run(text)
    return ScoreText(found, text, path.stem, expected if found == expected else found)


class _XmlCheck:
    """One pass of expat over a document: well-formed, no DTD, not too deep, a score with notes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.root = ""
        self.depth = 0
        self.notes = 0
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.EntityDeclHandler = self._refuse

    def run(self, text: str) -> str:
        """Return the format ("musicxml" or "mei") or raise BadScore."""
        try:
            self.parser.Parse(text, True)
        except (expat.ExpatError, UnicodeError) as error:
            raise BadScore(
                f"{self.name} is damaged or cut short (XML: {error}); export the score again."
            ) from error
        formats = {"score-partwise": "musicxml", "mei": "mei"}
        if self.root == "score-timewise":
            raise BadScore(f"{self.name} is score-timewise MusicXML; export it as score-partwise.")
        if self.root not in formats:
            raise BadScore(
                f"{self.name} is XML but not a score (its root is <{self.root[:40]}>); give MusicXML or MEI."
            )
        if not self.notes:
            raise BadScore(f"{self.name} has no notes; export the score again.")
        return formats[self.root]

    def _start(self, tag: str, _attributes: dict[str, str]) -> None:
        local = tag.rpartition(":")[2]
        self.root = self.root or local
        self.depth += 1
        self.notes += local == "note"
        if self.depth > MAX_XML_DEPTH:
            raise BadScore(f"{self.name} is nested too deeply to be a score; export it again.")

    def _end(self, _tag: str) -> None:
        self.depth -= 1

    def _refuse(self, *_: object) -> None:
        raise BadScore(
            f"{self.name} defines its own XML entities or DTD, which is not safe; "
            "remove its DOCTYPE or export it again."
        )


def _kern_score(data: bytes, path: Path) -> ScoreText:
    text = _decode(data, path.name)
    if not re.search(r"^\*\*kern\b", text, re.MULTILINE) and "\t**kern" not in text:
        raise BadScore(f"{path.name} has no **kern spine; give a Humdrum **kern score.")
    if not re.search(r"^\*-(\t\*-)*\s*$", text, re.MULTILINE):
        raise BadScore(f"{path.name} is cut short (no *- at its end); get the whole file.")
    return ScoreText("kern", text, path.stem, "kern")


def _abc_score(path: Path, tune: str | None) -> ScoreText:
    text = read_text_of_tune(path, tune)
    try:
        music_xml = abc.to_musicxml(text)
    except abc.AbcError as error:
        raise BadScore(f"{path.name}: {error}") from error
    return ScoreText("musicxml", music_xml, name_of(path, tune), "abc")
