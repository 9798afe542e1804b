"""What is counted in a bar, and that it falls on the written downbeats."""

from itertools import islice, takewhile

import pytest

from pieces.engraving import engrave_here
from pieces.meter import Bar, TimeSignature, beat_at, beats_from, count_in, lay_bars
from pieces.opening import open_piece
from pieces.reading import ScoreText

THREE = TimeSignature(3, 4)


def told(beats):
    return [(beat.quarters, beat.number) for beat in beats]


@pytest.mark.parametrize(
    "meter, bpm, of, step",
    [
        (TimeSignature(4, 4), 120, 4, 1.0),
        (TimeSignature(2, 2), 120, 2, 2.0),
        (TimeSignature(3, 8), 120, 3, 0.5),
        (TimeSignature(6, 8), 165, 2, 1.5),  # a jig
        (TimeSignature(6, 8), 60, 6, 0.5),  # a siciliano
        (TimeSignature(12, 8), 90, 4, 1.5),
        (TimeSignature(5, 8), 120, 5, 0.5),
    ],
)
def test_what_is_counted_in_a_bar(meter, bpm, of, step):
    assert meter.beats_at(bpm) == of and Bar(0.0, meter).step(bpm) == step


def test_a_pickup_and_the_end_of_what_is_repeated_make_one_bar():
    bars = lay_bars([0, 1, 4, 6, 7, 10, 12], [THREE] * 6)
    assert [bar.passed_quarters for bar in bars] == [2, 0, 0, 2, 0, 0]
    assert told(takewhile(lambda beat: beat.quarters < 12, beats_from(bars, 0.0, 100))) == [
        (0, 2), (1, 0), (2, 1), (3, 2), (4, 0), (5, 1), (6, 2), (7, 0), (8, 1), (9, 2), (10, 0), (11, 1),
    ]  # fmt: skip


def test_the_beat_at_a_place_may_have_begun_before_the_music():
    jig = lay_bars([0, 0.5, 3.5], [TimeSignature(6, 8)] * 2)
    assert beat_at(jig, 0.0, 180) == -1.0 and beat_at(jig, 0.0, 60) == 0.0
    assert told(islice(beats_from(jig, -1.0, 180), 3)) == [(-1.0, 1), (0.5, 0), (2.0, 1)]
    assert beat_at(lay_bars([0, 3, 6], [THREE] * 2), 4.75, 100) == 4.0


def test_short_and_long_measures_begin_with_a_downbeat_where_nothing_is_missing():
    assert [bar.passed_quarters for bar in lay_bars([0, 3, 5, 8, 13, 16], [THREE] * 5)] == [0] * 5
    assert lay_bars([0, 4], [THREE])[0].passed_quarters == 0
    changing = lay_bars([0, 3, 7], [THREE, TimeSignature()])
    assert told(islice(beats_from(changing, 2.0, 100), 6)) == [(2, 2), (3, 0), (4, 1), (5, 2), (6, 3), (7, 0)]


def test_counting_in_ends_where_the_music_begins():
    bars = lay_bars([0, 1, 4, 7], [THREE] * 3)
    assert told(count_in(bars, 0.0, 100)) == [(-5, 0), (-4, 1), (-3, 2), (-2, 0), (-1, 1)]
    assert told(count_in(bars, 4.0, 100)) == [(1, 0), (2, 1), (3, 2)]
    assert told(count_in(bars, 5.5, 100))[-2:] == [(4, 0), (5, 1)]
    assert count_in(bars, 4.0, 100, whole_bars=0) == []
    assert [beat.of for beat in count_in(lay_bars([0, 3], [TimeSignature(6, 8)]), 0.0, 180)] == [2, 2]


@pytest.mark.parametrize(
    "name, meter, passed",
    [
        ("fur-elise", TimeSignature(3, 8), 1.0),
        ("gymnopedie-1", TimeSignature(3, 4), 0.0),
        ("swallowtail-jig", TimeSignature(6, 8), 2.5),
        ("minuet-g-major-anh-116", TimeSignature(3, 4), 0.0),
        ("prelude-c-major-bwv-846", TimeSignature(4, 4), 0.0),
    ],
)
def test_bundled_pieces_say_their_meter(name, meter, passed):
    piece = open_piece(name)
    assert {bar.signature for bar in piece.bars} == {meter} and piece.bars[0].passed_quarters == passed
    assert len(piece.bars) == len(piece.measure_starts)


MEI = (
    '<mei xmlns="http://www.music-encoding.org/ns/mei"><music><body><mdiv><score>'
    '<scoreDef meter.sym="cut"><staffGrp><staffDef n="1" lines="5" clef.shape="G" clef.line="2"/></staffGrp>'
    "</scoreDef><section>{measures}</section></score></mdiv></body></music></mei>"
)
MEASURE = '<measure n="1"><staff n="1"><layer n="1">{}</layer></staff></measure>'
WHOLE, DOTTED = '<note dur="1" oct="4" pname="c"/>', '<note dur="2" dots="1" oct="4" pname="c"/>'


def test_a_signature_holds_until_the_next_one():
    measures = [
        MEASURE.format(WHOLE), MEASURE.format(WHOLE),
        '<scoreDef meter.count="6" meter.unit="8"/>', MEASURE.format(DOTTED),
        '<scoreDef><meterSig count="2+1" unit="4"/></scoreDef>', MEASURE.format(DOTTED),
    ]  # fmt: skip
    bars = engrave_here(ScoreText("mei", MEI.format(measures="".join(measures)), "test", "mei")).bars
    signatures = [(bar.signature.count, bar.signature.unit) for bar in bars]
    assert signatures == [(2, 2), (2, 2), (6, 8), (3, 4)]
    assert [bar.quarters for bar in bars] == [0, 4, 8, 11]
