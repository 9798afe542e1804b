"""The bundled pieces against figures taken from their sources when they were encoded; the user's folder."""

import base64
import hashlib
import io
import json
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from fractions import Fraction

import mido
import pytest
import verovio

from pieces import files, folders, library
from pieces.errors import BadScore, RipienoError, UnknownPiece
from pieces.opening import open_piece
from pieces.reading import read_score
from pieces.repeats import RepeatMarks, played_order

# name: (staves, struck notes, digest of (onset in twelfths of a quarter, pitch), measures, end repeats,
# its own program (LilyPond MIDI, music21, abc2midi) and not by ours. Only the three pieces with a star have
# its own program (LilyPond's MIDI, music21, abc2midi) and not by ours. Only the three pieces with a star have
# grace notes, which every program times differently: their digest is ours, the rest of it was compared.
FACTS = {
    "irish-washerwoman": (1, 95, "2e94a0e3e768db03", 18, 2, 0, 96.0),
    "soldiers-joy": (1, 108, "de8121cde2fbb00c", 18, 2, 0, 128.0),
    "god-rest-you-merry": (1, 67, "761648f85777cccd", 21, 0, 0, 80.0),
    "haste-to-the-wedding": (1, 83, "1cc13321a4738de6", 18, 2, 0, 96.0),
    "swallowtail-jig": (1, 87, "38abaaf78940279b", 18, 2, 0, 96.0),
    "ye-banks-and-braes": (1, 88, "b4e66c37910a2ba8", 33, 0, 0, 96.0),
    "sailors-hornpipe": (1, 104, "e51d8b93e69b1d76", 18, 2, 0, 128.0),
    "good-king-wenceslas": (1, 40, "0614b903a05f200d", 13, 0, 0, 52.0),
    "planxty-irwin": (1, 77, "9ff627582f902f23", 33, 0, 0, 96.0),
    "alleluja-bwv-66": (2, 154, "889176909befb207", 10, 0, 0, 36.0),
    "jesu-meine-freude-bwv-227": (2, 278, "503667e9112bed1e", 13, 1, 0, 76.0),
    "o-haupt-voll-blut-und-wunden-bwv-244": (2, 190, "4f13ae8cfb2b0dc6", 15, 1, 0, 64.0),
    "aus-meines-herzens-grunde-bwv-269": (2, 224, "23400d4ca562a2a2", 24, 1, 0, 84.0),
    "gymnopedie-1": (2, 282, "1ae73c8f19de12e5", 47, 1, 16, 234.0),
    "old-french-song": (2, 188, "aacc007ad12839fc", 33, 0, 0, 64.5),
    "minuet-g-minor-petzold": (2, 199, "25fa83da1c08a912", 32, 2, 0, 192.0),
    "minuet-g-major-anh-116": (2, 310, "c110f1a589d378b2", 40, 2, 0, 240.0),
    "musette-d-major-anh-126": (2, 171, "18be25fa77f998d9", 20, 2, 0, 80.0),
    "arabesque-burgmuller": (2, 283, "7ffed1c6b010fa8e", 33, 2, 4, 110.0),
    "innocence-burgmuller": (2, 215, "f9385f49f9d707c4", 17, 2, 2, 95.0),
    "fur-elise": (2, 905, "6656f9ffc9db8bae", 106, 2, 4, 187.0),  # *
    "minuet-e-flat-beethoven": (2, 581, "da1e9d031683d069", 65, 4, 0, 365.0),  # *
    "theme-k-331": (2, 240, "4f75710fea8818e7", 18, 2, 0, 107.5),  # *
    "march-of-the-wooden-soldiers": (2, 318, "d84cc6509e7f27f0", 48, 0, 0, 94.5),
    "morning-prayer": (2, 246, "b957243bc991557c", 24, 0, 0, 72.0),
    "prelude-c-major-bwv-846": (2, 549, "86043738209a1800", 35, 0, 0, 140.0),
}


def engraved(name):
    """Verovio's toolkit with a bundled piece, repeats as printed."""
    verovio.enableLog(verovio.LOG_OFF)
    score = read_score(library.find(name))
    toolkit = verovio.toolkit()
    toolkit.setOptions(
        {"inputFrom": {"kern": "humdrum"}.get(score.format, score.format), "expandNever": True}
    )
    assert toolkit.loadData(score.text)
    return toolkit


def struck_notes(toolkit):
    """(onset in twelfths of a quarter, MIDI pitch) of every note that is struck, as printed."""
    midi = mido.MidiFile(file=io.BytesIO(base64.b64decode(toolkit.renderToMIDI())))
    notes = set()
    for track in midi.tracks:
        ticks = 0
        for message in track:
            ticks += message.time
            if message.type == "note_on" and message.velocity:
                notes.add((round(round(ticks / midi.ticks_per_beat, 3) * 12), message.note))
    return sorted(notes)


def test_the_library_is_as_large_and_as_varied_as_promised():
    entries = [entry for entry in library.list_pieces() if entry.bundled]
    assert {entry.name for entry in entries} == set(FACTS)
    assert len(entries) >= 16
    for suffix in (".abc", ".krn", ".mei", ".musicxml"):
        assert sum(entry.path.suffix == suffix for entry in entries) >= 3, suffix
    long = [entry for entry in entries if entry.staves == 2 and 60 <= entry.seconds <= 190]
    assert len(long) >= 6


@pytest.mark.parametrize("name", FACTS)
def test_a_bundled_piece_says_what_it_is(name):
    entry = library.describe(library.find(name))
    assert entry is not None and entry.bundled
    assert entry.title and entry.composer and entry.source and entry.editor and entry.tempo_bpm > 0
    assert entry.license == "public domain"
    assert 1 <= entry.level <= 5
    kinds = ("nottingham/", "mutopia/ly/", "polyphonic/", "music21:")
    assert entry.excluded_from_training and all(
        name.startswith(kinds) for name in entry.excluded_from_training
    )


@pytest.mark.parametrize("name", FACTS)
def test_the_notes_are_those_of_the_source(name):
    notes = struck_notes(engraved(name))
    digest = hashlib.sha256(" ".join(f"{time}:{pitch}" for time, pitch in notes).encode()).hexdigest()[:16]
    assert (len(notes), digest) == FACTS[name][1:3]


@pytest.mark.parametrize("name", FACTS)
def test_measures_are_full_and_repeats_are_where_they_belong(name):
    toolkit = engraved(name)
    measures = measures_of(toolkit.getMEI())
    repeats = sum(measure.marks.end for measure in measures)
    in_endings = sum(bool(measure.marks.endings) for measure in measures)
    assert (len(measures), repeats, in_endings) == FACTS[name][3:6]
    for index, measure in enumerate(measures):
        assert len(set(measure.staves)) == 1, f"measure {index}: its staves last {measure.staves}"
    upbeat = measures[0].staves[0] % measures[0].meter
    carried = measures[0].meter - upbeat if upbeat else Fraction(0)
    for index in played_order([measure.marks for measure in measures]):
        carried += measures[index].staves[0]
        assert carried <= measures[index].meter, f"measure {index} is too long"
        carried %= measures[index].meter
    assert carried in (0, measures[-1].meter - upbeat), (
        "the last measure and the upbeat do not make a whole one"
    )


@pytest.mark.parametrize("name", FACTS)
def test_a_bundled_piece_opens(name):
    piece = open_piece(name)
    entry = library.describe(library.find(name))
    assert entry is not None
    assert (piece.staves, piece.title, piece.composer) == (FACTS[name][0], entry.title, entry.composer)
    assert piece.length_quarters == pytest.approx(FACTS[name][6], abs=1.6)  # a rest may end it
    assert entry.seconds == pytest.approx(FACTS[name][6] * 60 / entry.tempo_bpm, abs=1)


@dataclass
class Measure:
    """What an MEI measure is: its metre and what each staff lasts, in quarters, and its repeat signs."""

    meter: Fraction
    staves: list[Fraction]
    marks: RepeatMarks


def measures_of(mei):
    root = ElementTree.fromstring(re.sub(r'\sxmlns="[^"]+"', "", mei, count=1))
    endings = {
        id(measure): int(ending.get("n", "0"))
        for ending in root.iter("ending")
        for measure in ending.iter("measure")
    }
    found, meter = [], Fraction(4)
    for element in root.iter():
        if element.get("meter.count") or element.tag == "meterSig":
            count, unit = (element.get(f"meter.{key}") or element.get(key) for key in ("count", "unit"))
            meter = Fraction(4 * int(count), int(unit)) if count and unit else meter
        if element.tag == "measure":
            staves = [max(length(layer) for layer in staff.iter("layer")) for staff in element.iter("staff")]
            lasting = max(staves) or meter
            marks = RepeatMarks(
                element.get("left") == "rptstart",
                element.get("right") in ("rptend", "rptboth"),
                endings=(endings[id(element)],) if id(element) in endings else (),
            )
            found.append(Measure(meter, [staff or lasting for staff in staves], marks))
    return found


def length(element):
    """What an MEI element lasts in quarters; 0 for a whole-measure rest, which lasts as the others do."""
    if element.get("grace") or element.tag in ("mRest", "mSpace"):
        return Fraction(0)
    if element.get("dur"):
        dots = int(element.get("dots") or sum(child.tag == "dot" for child in element))
        return Fraction(4, int(element.get("dur"))) * (2 - Fraction(1, 2**dots))
    inside = sum((length(child) for child in element), Fraction(0))
    if element.tag == "tuplet":
        return inside * int(element.get("numbase")) / int(element.get("num"))
    return inside


# The user's own pieces

TUNE = "X:1\nT:My Tune\nC:Me\nM:4/4\nL:1/4\nK:C\nCDEF|GABc|]\n"


@pytest.fixture
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("RIPIENO_HOME", str(tmp_path / "home"))
    return tmp_path


def test_a_name_that_is_nearly_right_is_suggested():
    with pytest.raises(UnknownPiece, match="did you mean fur-elise"):
        library.find("fur-elsie")
    with pytest.raises(UnknownPiece, match="gymnopedie-1"):
        library.find("gymno")
    with pytest.raises(UnknownPiece, match="pieces list"):
        library.find("zzzzzz")


def test_a_piece_is_found_by_title_and_a_path_is_left_alone(tmp_path):
    assert library.find("für elise (WoO 59)").name == "fur-elise.musicxml"
    assert library.find(str(tmp_path / "x.mei")) == tmp_path / "x.mei"
    assert library.find("book.abc#3").name == "book.abc#3"


def test_ones_own_pieces_are_listed_as_people_sort_titles(own_home):
    words = ["Étude", "Etudes", "Sonata no. 2", "sonata no. 10", "Zauberlied", "٣ أغانٍ"]
    titles = [*words, "3 Tänze", "12 Tänze"]
    for number, title in enumerate(reversed(titles)):
        source = own_home / f"{number}.abc"
        source.write_text(TUNE.replace("My Tune", title))
        library.add(source)
    listed = [entry.title for entry in library.list_pieces() if not entry.bundled]
    assert listed == ["3 Tänze", "12 Tänze", *words]


def test_add_find_open_remove(own_home):
    source = own_home / "My Tune!.abc"
    source.write_text(TUNE)
    entry = library.add(source)
    assert (entry.name, entry.title, entry.staves, entry.bundled) == ("my-tune", "My Tune", 1, False)
    assert entry.path.read_text() == TUNE and entry.path.parent == folders.user_pieces_folder()
    assert library.list_pieces()[-1] == entry
    assert [note.pitch for note in open_piece("my-tune").notes] == [60, 62, 64, 65, 67, 69, 71, 72]
    other = own_home / "other" / source.name
    other.parent.mkdir()
    other.write_text(TUNE)
    assert library.add(other) == library.add(entry.path) == entry
    other.write_text(TUNE.replace("My", "Your"))
    assert library.add(other).name == "my-tune-2"
    bundled = library.find("fur-elise")
    assert library.add(bundled).path == bundled
    library.remove("my-tune")
    assert source.exists() and not entry.path.exists()
    with pytest.raises(UnknownPiece):
        library.find("my-tune")


def test_one_tune_of_a_book_is_added_by_itself(own_home):
    book = own_home / "book.abc"
    book.write_text(TUNE + "\n" + TUNE.replace("X:1", "X:7").replace("My", "Other"))
    entry = library.add(f"{book}#7")
    assert (entry.name, entry.title) == ("book-7", "Other Tune")
    assert "My Tune" not in entry.path.read_text()


def test_what_does_not_open_is_not_added(own_home):
    source = own_home / "bad.musicxml"
    source.write_text("<score-partwise>")
    with pytest.raises(BadScore):
        library.add(source)
    assert not [entry for entry in library.list_pieces() if not entry.bundled]
    assert list(folders.user_pieces_folder().iterdir()) == []


def test_a_bundled_piece_stays():
    with pytest.raises(RipienoError, match="comes with Ripieno"):
        library.remove("fur-elise")
    assert library.find("fur-elise").exists()


def test_a_damaged_description_costs_the_title_only(own_home):
    source = own_home / "tune.abc"
    source.write_text(TUNE)
    entry = library.add(source)
    whole = json.loads(entry.path.with_suffix(".json").read_text())
    damaged = [{"name": 3}, whole | {"title": None}, whole | {"staves": "1"}]
    for damage in ("{", "[]", *map(json.dumps, damaged)):
        entry.path.with_suffix(".json").write_text(damage)
        assert [(own.title, own.path) for own in library.list_pieces() if not own.bundled] == [
            ("tune", entry.path)
        ]


def test_an_addition_that_was_cut_short_can_be_made_again(own_home, monkeypatch):
    source = own_home / "tune.abc"
    source.write_text(TUNE)
    write = library._write

    def write_and_end(*args):
        write(*args)
        raise KeyboardInterrupt

    with monkeypatch.context() as cut, pytest.raises(KeyboardInterrupt):
        cut.setattr(library, "_write", write_and_end)
        library.add(source)
    assert library.add(source).title == "My Tune"
    assert [own.title for own in library.list_pieces() if not own.bundled] == ["My Tune"]


def test_a_folder_that_cannot_be_written_says_so(own_home, monkeypatch):
    source = own_home / "tune.abc"
    source.write_text(TUNE)

    def full(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.tempfile, "mkstemp", full)
    with pytest.raises(RipienoError, match="No space left on device"):
        library.add(source)
