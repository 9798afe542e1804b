"""The ABC reader against examples worked out by hand, music21 on generated tunes, and anything at all."""

import re
import xml.etree.ElementTree as ElementTree
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pieces import abc
from pieces.abc_fields import default_unit, parse_key, parse_meter, parse_tempo
from pieces.abc_music import AbcError
from pieces.engraving import engrave, engrave_here
from pieces.musicxml import to_musicxml
from pieces.notation import Key, Meter
from pieces.reading import ScoreText


def read(music, key="C", meter="4/4", unit="1/4", more=""):
    return abc.to_score(f"X:1\nT:t\nM:{meter}\nL:{unit}\n{more}K:{key}\n{music}\n")


def notes(score, voice=0):
    """[(onset in quarters, MIDI pitch)] of the struck notes of one voice, grace notes left out."""
    found, position = [], Fraction(0)
    for measure in score.measures:
        place = position
        for event in list(measure.voices.values())[voice]:
            struck = [pitch for pitch in event.pitches if pitch not in event.tied_back and not event.grace]
            found += [(float(place), pitch.midi) for pitch in struck]
            place += event.quarters
        position += measure.quarters
    return found


def events_of(measure):
    """The events of a measure's first voice."""
    return next(iter(measure.voices.values()))


def pitches(score):
    return [pitch for _, pitch in notes(score)]


def lengths(score):
    return [event.quarters for measure in score.measures for event in events_of(measure)]


def test_octaves():
    assert pitches(read("C,, C, C c c' c''")) == [36, 48, 60, 72, 84, 96]


def test_lengths():
    assert lengths(read("C C2 C/ C/2 C// C/4 C3/2 C3/4 z2 C4")) == [
        *(Fraction(n) for n in ("1", "2", "1/2", "1/2", "1/4", "1/4", "3/2", "3/4", "2", "4"))
    ]


@pytest.mark.parametrize(
    ("music", "expected"),
    [
        ("A>B", ["3/2", "1/2"]),
        ("A<B", ["1/2", "3/2"]),
        ("A > B", ["3/2", "1/2"]),
        ("A>>B", ["7/4", "1/4"]),
        ("[AC]>[Bd]", ["3/2", "1/2"]),
        ("A>{g}B", ["3/2", "0", "1/2"]),
        ("A>B<c", ["3/2", "1/4", "3/2"]),
        ("A>" + " >" * 50_000 + "B", ["3/2", "1/2"]),
    ],
)
def test_broken_rhythm(music, expected):
    assert lengths(read(music)) == [Fraction(length) for length in expected]


@pytest.mark.parametrize(
    ("music", "meter", "expected"),
    [
        ("(3ABc d", "4/4", ["2/3", "2/3", "2/3", "1"]),
        ("(2ABc", "6/8", ["3/2", "3/2", "1"]),
        ("(4ABcd", "6/8", ["3/4"] * 4),
        ("(5ABcde", "4/4", ["2/5"] * 5),
        ("(5ABcde", "9/8", ["3/5"] * 5),
        ("(3:2:4ABcd e", "4/4", ["2/3"] * 4 + ["1"]),
        ("(3::2A2B c", "4/4", ["4/3", "2/3", "1"]),
        ("(3A/B/c/", "4/4", ["1/3"] * 3),
    ],
)
def test_tuplets(music, meter, expected):
    assert lengths(read(music, meter=meter)) == [Fraction(length) for length in expected]


def test_a_tuplet_says_where_it_begins_and_ends_and_what_it_looks_like():
    events = events_of(read("(3ABc").measures[0])
    assert [event.tuplet for event in events] == ["start", "", "stop"]
    assert {(event.written, event.ratio) for event in events} == {(1, (3, 2))}


def test_accidentals_last_to_the_end_of_the_bar_and_in_all_octaves():
    assert pitches(read("^F F f =F F|F", key="C")) == [66, 66, 78, 65, 65, 65]
    assert pitches(read("F =F F|F __B ^^C", key="G")) == [66, 65, 65, 66, 69, 62]


def test_a_tie_carries_its_accidental_over_the_barline():
    score = read("^F2-|F F")
    assert notes(score) == [(0, 66), (3, 65)]
    assert abc.to_musicxml("X:1\nM:2/4\nL:1/4\nK:C\n^F2-|F F\n").count('<tied type="start"/>') == 1


def test_ties_of_chords_and_of_single_notes_of_a_chord():
    assert notes(read("[CE]-[CE]")) == [(0, 60), (0, 64)]
    assert notes(read("[C-E][CE]")) == [(0, 60), (0, 64), (1, 64)]
    assert notes(read("C-D")) == [(0, 60), (1, 62)]


def test_chords_and_their_lengths():
    score = read("[CEG]2 [C2E2] [c/e/]")
    assert lengths(score) == [2, 2, Fraction(1, 2)]
    assert pitches(score) == [60, 64, 67, 60, 64, 72, 76]


def test_grace_notes_take_no_time():
    score = read("{ga}C {/f}D")
    assert [(event.grace, event.slashed) for event in events_of(score.measures[0])] == [
        *((True, False), (True, False), (False, False), (True, True), (False, False))
    ]
    assert notes(score) == [(0, 60), (1, 62)]


def test_decorations_slurs_words_and_comments_are_passed_over():
    music = (
        '(C .D) ~E !trill!F | "^slow"TG uA +fermata+B % comment\nw: la la la\n%%directive\nr: remark\nc y d`e'
    )
    assert pitches(read(music)) == [60, 62, 64, 65, 67, 69, 71, 72, 74, 76]


def test_rests():
    score = read("z C x D|Z2|E", meter="4/4")
    assert lengths(score) == [1, 1, 1, 1, 4, 4, 1]
    assert [event.hidden for event in events_of(score.measures[0])] == [
        False,
        False,
        True,
        False,
    ]


def test_a_length_that_one_note_cannot_show_is_tied():
    score = read("C5/4 D5")
    assert lengths(score) == [1, Fraction(1, 4), 4, 1]
    assert notes(score) == [(0, 60), (1.25, 62)]


@pytest.mark.parametrize(
    ("text", "fifths"),
    [
        *(
            ("C", 0),
            ("G", 1),
            ("Bb", -2),
            ("F#", 6),
            ("Cb", -7),
            ("Am", -3 + 3),
            ("F# minor", 3),
            ("Bbmin", -5),
        ),
        *(
            ("Ador", 1),
            ("D mix", 1),
            ("Emixolydian", 3),
            ("Eaeolian", 1),
            ("Fphr", -5),
            ("Blocr", 0),
            ("Clyd", 1),
        ),
        *(("Gmaj", 1), ("none", 0), ("", 0), ("Hp", 2), ("D clef=bass", 2), ("Ebm", -6), ("C ionian", 0)),
    ],
)
def test_keys_and_modes(text, fifths):
    assert parse_key(text)[0] == Key(fifths)


def test_keys_with_accidentals_of_their_own():
    assert parse_key("D exp _B ^c")[1] == {"B": -1, "C": 1}
    assert pitches(read("B c", key="D =c _B")) == [70, 72]
    assert pitches(read("F C", key="HP")) == [66, 61]


def test_metres_units_and_tempi():
    assert parse_meter("C|") == Meter(2, 2, "cut") and parse_meter("C") == Meter(4, 4, "common")
    assert (
        parse_meter("(2+3)/8") == Meter(5, 8) and parse_meter("none") is None and parse_meter("4/0") is None
    )
    assert default_unit(Meter(2, 4)) == Fraction(1, 4) and default_unit(Meter(6, 8)) == Fraction(1, 2)
    assert parse_tempo('"Allegro" 1/4=120', Fraction(1, 2)) == 120
    assert parse_tempo("3/8=80", Fraction(1, 2)) == 120 and parse_tempo("120", Fraction(1, 2)) == 60
    assert parse_tempo("quick", Fraction(1)) is None


def test_changes_of_key_metre_and_length_between_and_inside_lines():
    score = read("F2 [K:G]F2|\nM:3/4\n[L:1/8]F2 F2 F2|[M:2/4][K:C]F4|")
    assert notes(score) == [(0, 65), (2, 66), (4, 66), (5, 66), (6, 66), (7, 65)]
    assert [measure.meter for measure in score.measures] == [Meter(4, 4), Meter(3, 4), Meter(2, 4)]
    assert [measure.key for measure in score.measures] == [Key(0), Key(1), Key(0)]


def signs(music):
    return [
        (measure.repeat_start, measure.repeat_end, measure.endings, measure.ending_stop)
        for measure in read(music).measures
    ]


def test_repeats():
    assert signs("|:C4:|D4|]") == [(True, True, (), ""), (False, False, (), "")]
    assert signs("C4::D4:|") == [(False, True, (), ""), (True, True, (), "")]
    assert signs("|:C4:||:D4:|") == [(True, True, (), ""), (True, True, (), "")]
    assert read("|:C4::|").measures[0].times == 3


def test_a_start_sign_that_was_left_out_is_written():
    assert signs("C4:|D4|E4:|") == [(False, True, (), ""), (True, False, (), ""), (False, True, (), "")]


@pytest.mark.parametrize("second", [":|[2", ":|2", ":| [2 ", "|1 D4:|2"])
def test_endings(second):
    first = "" if second.startswith("|1") else "|[1 D4"
    assert signs(f"|:C4{first}{second}E4||F4|]") == [
        (True, False, (), ""),
        (False, True, (1,), "stop"),
        (False, False, (2,), "discontinue"),
        (False, False, (), ""),
    ]


def test_endings_for_several_passes():
    assert [sign[2] for sign in signs("|:C4|[1,2 D4:|[3-4 E4:|")] == [(), (1, 2), (3, 4)]


def test_an_upbeat_does_not_count_as_a_measure():
    score = read("C|DEFG|A3:|B|cdef|")
    assert [(measure.number, measure.implicit) for measure in score.measures] == [
        *(("0", True), ("1", False), ("2", False), ("2", True), ("3", False))
    ]


def test_beams_follow_the_spaces():
    events = events_of(read("AB cd e|f g2 ab", unit="1/8").measures[0])
    assert [event.beam for event in events] == ["begin", "end", "begin", "end", ""]
    events = events_of(read("z(3ABc(3defg", unit="1/8").measures[0])
    assert [event.beam for event in events] == [
        "",
        "begin",
        "continue",
        "continue",
        "continue",
        "continue",
        "continue",
        "end",
    ]


def test_chord_symbols_are_kept_or_dropped():
    tune = 'X:1\nM:4/4\nL:1/4\nK:C\n"F#m7/A"C "^text"D "Bb"E F|\n'
    with_symbols = abc.to_musicxml(tune)
    assert with_symbols.count("<harmony>") == 2
    assert (
        "<root-step>F</root-step><root-alter>1</root-alter>" in with_symbols and 'text="m7"' in with_symbols
    )
    assert "<harmony>" not in abc.to_musicxml(tune, chord_symbols=False)


TWO_VOICES = "X:1\nM:2/4\nL:1/4\n{score}V:1 clef=treble\nV:2 clef=bass octave=-1\nK:G\n{music}\n"


@pytest.mark.parametrize(
    "music", ["V:1\nG A|B c|\nV:2\nG2|F G|", "[V:1]G A|B c|\n[V:2]G2|F G|", "[V:1]G A|B c|[V:2]G2|F G|"]
)
def test_two_voices_are_two_staves(music):
    score = abc.to_score(TWO_VOICES.format(score="", music=music))
    assert score.staves == 2 and score.measures[0].clefs == {1: "treble", 2: "bass"}
    assert notes(score, 0) == [(0, 67), (1, 69), (2, 71), (3, 72)]
    assert notes(score, 1) == [(0, 55), (2, 54), (3, 55)]


def test_voices_in_one_pair_of_parentheses_share_a_staff():
    score = abc.to_score(TWO_VOICES.format(score="%%score (1 2)\n", music="V:1\nG A|\nV:2\nG2|"))
    assert score.staves == 1 and len(score.measures[0].voices) == 2


def test_a_voice_that_ends_early_is_filled_with_rests():
    score = abc.to_score(TWO_VOICES.format(score="", music="V:1\nG A|B c|\nV:2\nG2|"))
    assert {measure.quarters for measure in score.measures} == {2}
    assert all(len(measure.voices) == 2 for measure in score.measures)


def test_a_book_and_its_header():
    book = "M:3/4\nL:1/8\n\nX:1\nT:one\nK:C\nCDE\n\nX:2\nT:two\nM:2/4\nK:C\nCD\n\nX:2\nK:C\nE"
    assert list(abc.split_tunes(book)) == ["1", "2", "2b"]
    assert abc.to_score(abc.choose_tune(book)).measures[0].meter == Meter(3, 4)
    assert abc.to_score(abc.choose_tune(book, "2")).measures[0].meter == Meter(2, 4)
    assert abc.split_tunes("K:C\nCDE") == {"1": "K:C\nCDE"}


def test_line_ends_of_every_system():
    for end in ("\n", "\r\n", "\r"):
        assert abc.choose_tune(f"X:1{end}K:C{end}CDE{end}").count("\n") == 3


def test_a_whole_tune_by_hand():
    """Half of `The Swallowtail Jig`, worked out on paper."""
    score = read("EF|GEE BEE|GEE BAG|FDD ADD|d^cd AGF:|", key="Em", meter="6/8", unit="1/8")
    assert pitches(score) == [
        *(64, 66, 67, 64, 64, 71, 64, 64, 67, 64, 64, 71, 69, 67),
        *(66, 62, 62, 69, 62, 62, 74, 73, 74, 69, 67, 66),
    ]
    assert score.measures[0].implicit and [measure.quarters for measure in score.measures] == [1, 3, 3, 3, 3]


def test_verovio_reads_what_is_written():
    tune = "X:1\nM:4/4\nL:1/4\nK:D\n|:F>G A|(3F/G/A/ [DF]2 z|1{g}f2 ^e-|e4:|2 D4|]\n"
    engraving = engrave(ScoreText("musicxml", abc.to_musicxml(tune), "t"))
    assert {note.pitch for note in engraving.notes} <= {66, 67, 69, 62, 78, 77, 79}
    assert len(engraving.svg_pages) == 1


# Generated tunes against an independent reader

NOTE = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", "", "", "^", "_", "="]),
        st.sampled_from("CDEFGABcdefgab"),
        st.sampled_from(["", "", "", "2", "/", "3/2", "3"]),
        st.sampled_from(["", "", " "]),
    ),
)
CHORD = st.lists(st.sampled_from("CEGceg"), min_size=1, max_size=3, unique=True).map(
    lambda inner: f"[{''.join(inner)}]"
)
TRIPLET = st.lists(st.sampled_from("CDEFGAB"), min_size=3, max_size=3).map(
    lambda inner: f"(3{''.join(inner)} "
)
BAR = st.lists(st.one_of(NOTE, NOTE, CHORD, TRIPLET, st.just("z")), min_size=1, max_size=6).map("".join)


@given(st.lists(BAR, min_size=1, max_size=4), st.sampled_from(["C", "D", "Bb", "Em", "Ador"]))
@settings(max_examples=25, deadline=None)
def test_music21_reads_the_same(bars, key):
    # music21 10 does not carry every accidental to the end of the bar, so each is written out for it.
    assume(any(set(bar) & set("ABCDEFGabcdefg") for bar in bars))
    music21 = pytest.importorskip("music21")
    tune = f"X:1\nM:4/4\nL:1/4\nK:{key}\n{'|'.join(bars)}|]\n"
    ours = abc.to_score(tune)
    explicit = f"X:1\nM:none\nL:1/4\nK:C\n{'|'.join(spelled_out(ours))}|]\n"
    theirs = []
    for element in music21.converter.parse(explicit, format="abc").flatten().notes:
        theirs += [(round(float(element.offset), 3), pitch.midi) for pitch in element.pitches]
    assert sorted(theirs) == sorted((round(onset, 3), pitch) for onset, pitch in notes(ours))


def spelled_out(score):
    """Every note of the score with its accidental and length, as ABC."""
    sign = {1: "^", -1: "_", 0: "=", 2: "^^", -2: "__"}
    for measure in score.measures:
        bar = ""
        for event in events_of(measure):
            names = [
                sign[pitch.alter] + (pitch.step if pitch.octave == 4 else pitch.step.lower())
                for pitch in event.pitches
            ]
            tuplet = "(3" if event.tuplet == "start" else ""
            bar += f"{tuplet}[{''.join(names)}]{event.written} " if names else f"z{event.written} "
        yield bar


@given(st.text(alphabet="ABCdefgz^_=[](){}|:<>-/0123456789 \n\"!+KMLV,'&%\\", max_size=120))
@settings(max_examples=200, deadline=None)
def test_anything_is_read_or_refused_and_what_is_read_is_well_formed(music):
    try:
        score = read(music)
        text = abc.to_musicxml(f"X:1\nM:4/4\nL:1/4\nK:C\n{music}\n")
    except AbcError as error:
        assert "\n" not in str(error)
        return
    root = ElementTree.fromstring(text)
    assert all(re.fullmatch(r"\d+", part.text or "") for part in root.iter("duration"))
    assert len(root.findall("part/measure")) == len(score.measures)


@given(st.text(max_size=200), st.booleans())
@settings(max_examples=100, deadline=None)
def test_any_text_is_read_or_refused(text, as_title):
    text = f"X:1\nT:{text}\nK:C\nCDE" if as_title else text
    try:
        ElementTree.fromstring(abc.to_musicxml(abc.choose_tune(text)))
    except AbcError as error:
        assert "\n" not in str(error)


def test_more_music_than_a_tune_can_be_is_refused():
    with pytest.raises(AbcError, match="split"):
        read("C" * 20_001)
    with pytest.raises(AbcError, match="200000 characters"):
        abc.to_score("X:1\nK:C\n" + " " * 200_001)


@pytest.mark.parametrize(("music", "signs"), [
    ("c d e f !fine!| g a b c' !D.C.!|", [{"fine"}, {"dacapo"}]),
    ("!segno!c d e f !dacoda!| g a b c' !D.S.!| !coda!c d e f |]",
     [{"segno", "tocoda"}, {"dalsegno"}, {"coda"}]),
    ("c d e f | g a b c' |] !D.C.!", [set(), {"dacapo"}]),
    ("c !trill!d e f | +fine+g a b c' |]", [set(), {"fine"}]),
])  # fmt: skip
def test_jumps_belong_to_their_bars(music, signs):
    assert [set(measure.signs) for measure in read(music).measures] == signs


def test_a_da_capo_of_a_tune_is_followed():
    text = to_musicxml(read("c d e f !fine!| g a b c' !D.C.!|]"))
    played = [note.pitch for note in engrave_here(ScoreText("musicxml", text, "t", "musicxml")).notes]
    assert played == [72, 74, 76, 77, 79, 81, 83, 84, 72, 74, 76, 77]
