"""Scores as they come from the world: every kind of damage and malice gives one line that says what to do."""

import io
import os
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pieces import library, reading, unzipping
from pieces.errors import BadScore
from pieces.reading import SUFFIXES, read_score

MUSICXML = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" '
    '"http://www.musicxml.org/dtds/partwise.dtd">\n'
    '<score-partwise version="4.0"><work><work-title>Größe</work-title></work>'
    '<part-list><score-part id="P1"><part-name/></score-part></part-list><part id="P1"><measure number="1">'
    "<attributes><divisions>1</divisions></attributes><note><pitch><step>C</step><octave>4</octave></pitch>"
    "<duration>4</duration><type>whole</type></note></measure></part></score-partwise>"
)
MEI = '<mei xmlns="http://www.music-encoding.org/ns/mei"><music><note pname="c"/></music></mei>'
KERN = "**kern\n*clefG2\n=1\n4c\n4d\n*-\n"
ABC = "X:1\nT:Größe\nM:4/4\nK:C\nCDEF|\n"
CONTAINER = '<container><rootfiles><rootfile full-path="{}"/></rootfiles></container>'


def put(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def mxl(members, packed=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", packed) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def refused(path, *words):
    """The message of the BadScore that reading gives: one line that holds the words."""
    with pytest.raises(BadScore) as caught:
        read_score(path)
    message = str(caught.value)
    assert "\n" not in message and len(message) < 400
    for word in words:
        assert word in message
    return message


@pytest.mark.parametrize(
    ("name", "content", "format_name"),
    [
        ("a.musicxml", MUSICXML, "musicxml"),
        ("a.xml", MUSICXML, "musicxml"),
        ("a.xml", MEI, "mei"),
        ("a.mei", MEI, "mei"),
        ("A.KRN", KERN, "kern"),
        ("a.krn", "!!!COM: Bach\n" + KERN.replace("\n", "\r\n"), "kern"),
        ("a.abc", ABC, "musicxml"),
        (
            "a.mxl",
            mxl([("META-INF/container.xml", CONTAINER.format("x/s.xml")), ("x/s.xml", MUSICXML)]),
            "musicxml",
        ),
        ("bare.mxl", mxl([("s.musicxml", MUSICXML)]), "musicxml"),
        ("zipped.musicxml", mxl([("s.xml", MUSICXML)]), "musicxml"),
    ],
)
def test_every_kind_of_score_is_read(tmp_path, name, content, format_name):
    score = read_score(put(tmp_path, name, content))
    assert (score.format, score.name) == (format_name, name.rpartition(".")[0])
    assert "DOCTYPE" not in score.text and "<?xml" not in score.text
    assert score.source_format == ("abc" if name.endswith("abc") else format_name)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "iso-8859-1"])
def test_encodings_of_xml(tmp_path, encoding):
    data = MUSICXML.replace("UTF-8", encoding).encode(encoding)
    assert "Größe" in read_score(put(tmp_path, "a.musicxml", data)).text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_encodings_of_text(tmp_path, encoding):
    assert "Größe" in read_score(put(tmp_path, "a.abc", ABC.encode(encoding))).text


def test_one_tune_of_a_book_by_its_number(tmp_path):
    book = put(tmp_path, "book.abc", ABC + "\n" + ABC.replace("X:1", "X:12").replace("Größe", "Other"))
    assert "Größe" in read_score(book).text
    assert "Other" in read_score(f"{book}#12").text
    assert read_score(f"{book}#12").name == "book-12"
    refused(f"{book}#3", "no tune X:3", "from 1 to 12")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.musicxml", "", ["empty"]),
        ("a.musicxml", " \n", ["empty"]),
        ("a.musicxml", MUSICXML[:-40], ["cut short"]),
        ("a.musicxml", "not XML at all", ["damaged"]),
        ("a.musicxml", '<svg xmlns="http://www.w3.org/2000/svg"/>', ["<svg>", "not a score"]),
        ("a.musicxml", "<score-partwise/>", ["no notes"]),
        ("a.musicxml", MUSICXML.replace("partwise", "timewise"), ["score-partwise"]),
        ("a.musicxml", "<score-partwise>" + "<a>" * 1000 + "</a>" * 1000, ["nested too deeply"]),
        ("a.krn", "just text\n", ["**kern"]),
        ("a.krn", KERN[:-3], ["cut short"]),
        ("a.krn", bytes(range(256)), ["binary"]),
        ("a.abc", "no tune here\n", ["no ABC tune"]),
        ("a.abc", "X:1\nT:nothing\n", ["K:"]),
        ("a.abc", "X:1\nK:C\n", ["no notes"]),
        ("a.abc", "X:1\nK:C\nC/3 D|\n", ["bar 1"]),
        ("a.mxl", b"PK\x03\x04" + b"\x00" * 50, ["damaged"]),
        ("a.mxl", b"no zip", ["no .mxl"]),
        ("a.mxl", mxl([("readme.txt", "x")]), ["holds no score"]),
        ("a.mxl", mxl([("META-INF/container.xml", CONTAINER.format("gone.xml"))]), ["gone.xml"]),
        ("a.mxl", mxl([("META-INF/container.xml", CONTAINER.format("../../etc/passwd"))]), ["not in it"]),
        ("a.pdf", "%PDF", [".musicxml"]),
    ],
)
def test_what_is_no_score_is_refused_with_advice(tmp_path, name, content, words):
    refused(put(tmp_path, name, content), *words)


@pytest.mark.parametrize("packed", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_mxl_damaged_anywhere_is_opened_or_refused(tmp_path, packed):
    whole = mxl([("s.xml", MUSICXML)], packed)
    kinds = set()
    for place in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        try:
            kinds.add(read_score(put(tmp_path, "a.mxl", bytes(damaged))).format)
        except BadScore:
            kinds.add("refused")
    assert "refused" in kinds


def test_missing_file_folder_and_device(tmp_path):
    refused(tmp_path / "gone.mei", "does not exist")
    (tmp_path / "folder.mei").mkdir()
    refused(tmp_path / "folder.mei", "folder")
    os.mkfifo(tmp_path / "pipe.mei")
    refused(tmp_path / "pipe.mei", "device")
    refused("nul\x00byte.mei")


def test_a_truncated_archive_is_refused_wherever_it_ends(tmp_path):
    whole = mxl([("META-INF/container.xml", CONTAINER.format("s.xml")), ("s.xml", MUSICXML)])
    for size in range(0, len(whole), 37):
        refused(put(tmp_path, "a.mxl", whole[:size]))


def test_a_huge_file_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MAX_FILE_BYTES", 1000)
    refused(put(tmp_path, "a.krn", KERN + "!! " + "x" * 2000), "larger than")


def test_zip_bombs_are_refused_by_ratio_and_by_size(tmp_path, monkeypatch):
    bomb = MUSICXML.replace("</work-title>", " " * 20_000_000 + "</work-title>")
    refused(put(tmp_path, "a.mxl", mxl([("s.xml", bomb)])), "zip bomb")
    monkeypatch.setattr(unzipping, "MAX_SCORE_BYTES", 1000)
    refused(put(tmp_path, "a.mxl", mxl([("s.xml", MUSICXML + " " * 1000)])), "unpacks to more than")


def test_a_bomb_in_the_container_is_refused_too(tmp_path):
    container = CONTAINER.format("s.xml") + " " * 20_000_000
    refused(
        put(tmp_path, "a.mxl", mxl([("META-INF/container.xml", container), ("s.xml", MUSICXML)])), "zip bomb"
    )


def test_an_archive_of_very_many_files_is_refused(tmp_path):
    refused(put(tmp_path, "a.mxl", mxl([(f"{index}.xml", "x") for index in range(2100)])), "2100 files")


ENTITIES = (
    '<!DOCTYPE score-partwise [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>',
    '<!DOCTYPE score-partwise [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
    '<!DOCTYPE score-partwise SYSTEM "x.dtd" [<!ENTITY % p SYSTEM "http://example.org/x.dtd"> %p;]>',
)


@pytest.mark.parametrize("declaration", ENTITIES)
def test_entities_are_refused(tmp_path, declaration):
    bare = MUSICXML[MUSICXML.index("<score-partwise") :]
    refused(put(tmp_path, "a.musicxml", declaration + bare.replace("Größe", "&a;")), "entities")
    refused(put(tmp_path, "a.mxl", mxl([("s.xml", declaration + bare)])), "entities")


def test_an_entity_that_nobody_declared_is_refused(tmp_path):
    refused(put(tmp_path, "a.musicxml", MUSICXML.replace("Größe", "&nbsp;")), "damaged")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("junk")


@given(content=st.binary(max_size=400), suffix=st.sampled_from(SUFFIXES))
@settings(max_examples=150, deadline=None)
def test_junk_is_refused_or_read_but_never_crashes(folder, content, suffix):
    try:
        read_score(put(folder, f"junk{suffix}", content))
    except BadScore as error:
        assert "\n" not in str(error)


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_a_damaged_score_is_refused_or_read_but_never_crashes(folder, data):
    entry = data.draw(st.sampled_from(library.list_pieces()))
    content = bytearray(entry.path.read_bytes()[:6000])
    for _ in range(data.draw(st.integers(0, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        read_score(put(folder, f"damaged{entry.path.suffix}", bytes(content)))
    except BadScore as error:
        assert "\n" not in str(error)
