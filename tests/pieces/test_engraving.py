"""From text to pages, strip and map, on scores whose every position can be checked by hand."""

import dataclasses
import re
import signal
import sys

import numpy as np
import pytest
import verovio

from pieces import engraving, library
from pieces.engraving import EngravingOptions, engrave, engrave_here
from pieces.errors import BadScore
from pieces.piece import PADDING_PX, STRIP_HEIGHT_PX
from pieces.reading import ScoreText, read_score
from pieces.strip import build_piece, draw_page, drawable

MEASURE = '<measure number="{n}">{left}{attributes}{notes}{right}</measure>'
ATTRIBUTES = (
    "<attributes><divisions>1</divisions><key><fifths>0</fifths></key><time><beats>2</beats>"
    "<beat-type>4</beat-type></time><clef><sign>G</sign><line>2</line></clef></attributes>"
)
REPEAT_END = '<barline location="right"><repeat direction="backward"/></barline>'


def note(step: str, name: str) -> str:
    return (
        f'<note id="{name}"><pitch><step>{step}</step><octave>4</octave></pitch>'
        "<duration>1</duration><type>quarter</type></note>"
    )


def score(*measures: str) -> ScoreText:
    body = "".join(
        MEASURE.format(
            n=index + 1,
            left="",
            attributes=ATTRIBUTES if index == 0 else "",
            notes=notes,
            right=REPEAT_END if index == 1 else "",
        )
        for index, notes in enumerate(measures)
    )
    text = (
        '<score-partwise version="4.0"><part-list><score-part id="P1"><part-name/></score-part></part-list>'
        f'<part id="P1">{body}</part></score-partwise>'
    )
    return ScoreText("musicxml", text, "test", "musicxml")


TUNE = score(
    note("C", "a") + note("D", "b"), note("E", "c") + note("F", "d"), note("G", "e") + note("A", "f")
)


@pytest.fixture(scope="module")
def tune():
    return build_piece(engrave_here(TUNE), "tune")


def test_the_repeat_is_written_out_in_played_order(tune):
    assert [n.note_id for n in tune.notes] == list("abcdabcdef")
    assert [n.quarters for n in tune.notes] == list(range(10))
    assert [n.pitch for n in tune.notes] == [60, 62, 64, 65, 60, 62, 64, 65, 67, 69]
    assert [n.measure for n in tune.notes] == ["1", "1", "2", "2", "1", "1", "2", "2", "3", "3"]
    assert tune.length_quarters == 10


@pytest.mark.parametrize("name", ["fur-elise", "o-haupt-voll-blut-und-wunden-bwv-244", "planxty-irwin"])
def test_pitches_are_those_that_verovio_says_of_every_note(name, monkeypatch):
    toolkit = verovio.toolkit()
    monkeypatch.setattr(verovio, "toolkit", lambda: toolkit)
    notes = engrave_here(read_score(library.find(name))).notes
    pitches = {note.note_id: toolkit.getMIDIValuesForElement(note.note_id)["pitch"] for note in notes}
    assert len(set(pitches.values())) > 10
    assert [note.pitch for note in notes] == [pitches[note.note_id] for note in notes]


def test_every_notehead_of_the_strip_is_black_where_the_map_says(tune):
    middle = STRIP_HEIGHT_PX // 2
    for head in tune.notes:
        segment = tune.segment_at_x(head.x_px)
        y_px = head.page_y_px - 0.5 * (segment.page_y0_px + segment.page_y1_px) + middle
        around = tune.strip[round(y_px) - 1 : round(y_px) + 2, round(head.x_px) - 1 : round(head.x_px) + 2]
        assert around.mean() > 200, head


def test_second_pass_shows_the_same_ink_further_right(tune):
    first, second = tune.segments[0], tune.segments[1]
    width = round(second.strip_x1_px - second.strip_x0_px)
    same_page = second.page_x0_px - first.page_x0_px
    x0 = round(first.strip_x0_px + same_page)
    x1 = round(second.strip_x0_px)
    ours = tune.strip[:, x1 + 2 : x1 + min(width, 60)]
    theirs = tune.strip[:, x0 + 2 : x0 + min(width, 60)]
    assert np.abs(ours.astype(int) - theirs).mean() < 40


def test_strip_is_padded_by_a_window_of_white(tune):
    assert not tune.strip[:, :PADDING_PX].any()
    assert not tune.strip[:, -PADDING_PX + 1 :].any()
    assert tune.strip.shape[0] == STRIP_HEIGHT_PX
    assert tune.segments[0].strip_x0_px == PADDING_PX


def test_maps_are_each_others_inverse(tune):
    quarters = np.linspace(0, 9.9, 50)
    assert np.allclose(tune.quarters_at_x(tune.x_at_quarters(quarters)), quarters)


def test_a_click_on_a_note_finds_its_pass(tune):
    first, again = tune.notes[0], tune.notes[4]
    assert tune.x_at_page(first.page, first.page_x_px, first.page_y_px) == pytest.approx(first.x_px)
    near = tune.x_at_page(first.page, first.page_x_px, first.page_y_px, near_x_px=again.x_px + 5)
    assert near == pytest.approx(again.x_px)
    assert tune.x_at_page(first.page, first.page_x_px, 1100.0) is None


def test_place_on_the_page_goes_back_at_the_repeat(tune):
    place = tune.place_at_x(tune.notes[4].x_px)
    assert place.measure == "1"
    assert place.page_x_px == pytest.approx(tune.notes[0].page_x_px)
    assert place.quarters == pytest.approx(4.0)


def test_a_place_counts_quarters_as_the_map_does_between_and_beyond_the_notes(tune):
    for x_px in (-50.0, *tune.onset_x_px, *np.linspace(0.0, tune.width_px + 50.0, 200)):
        assert tune.place_at_x(float(x_px)).quarters == float(tune.quarters_at_x(x_px))


def test_a_larger_staff_makes_a_longer_strip():
    small, large = (
        build_piece(engrave_here(TUNE, EngravingOptions(staff_scale=scale)), "tune") for scale in (0.8, 1.4)
    )
    heights = [piece.segments[0].page_y1_px - piece.segments[0].page_y0_px for piece in (small, large)]
    assert heights[1] / heights[0] == pytest.approx(1.4 / 0.8, rel=0.05)


def test_the_child_process_gives_the_same_engraving():
    assert engrave(TUNE) == engrave_here(TUNE)


@pytest.mark.parametrize("text", ["", "<score-partwise/>", "no score at all", "<mei/>"])
def test_what_is_no_score_is_refused_in_one_line(text):
    with pytest.raises(BadScore) as refused:
        engrave(dataclasses.replace(TUNE, text=text))
    assert "\n" not in str(refused.value)


def test_an_engraver_that_hangs_is_stopped():
    with pytest.raises(BadScore, match="longer than"):
        engrave(TUNE, time_limit_s=0.01)


def test_an_engraver_that_crashes_is_reported(monkeypatch, tmp_path):
    crash = tmp_path / "crash.py"
    crash.write_text(f"import os; os.kill(os.getpid(), {int(signal.SIGSEGV)})")
    runner = tmp_path / "python"
    runner.write_text(f"#!/bin/sh\nexec {sys.executable} {crash}\n")
    runner.chmod(0o755)
    monkeypatch.setattr(engraving.sys, "executable", str(runner))
    with pytest.raises(BadScore, match="the engraver stopped"):
        engrave(TUNE)


def test_tall_systems_are_shrunk_until_an_agent_sees_all_staves():
    parts = "".join(f'<score-part id="P{i}"><part-name/></score-part>' for i in range(5))
    one = MEASURE.format(n=1, left="", attributes=ATTRIBUTES, notes=note("C", "x") + note("D", "y"), right="")
    body = "".join(
        f'<part id="P{i}">{one.replace(chr(34) + "x" + chr(34), f"{chr(34)}x{i}{chr(34)}")}</part>'
        for i in range(5)
    )
    text = f'<score-partwise version="4.0"><part-list>{parts}</part-list>{body}</score-partwise>'
    piece = build_piece(engrave_here(ScoreText("musicxml", text, "tall", "musicxml")), "tall")
    segment = piece.segments[0]
    assert piece.staves == 5
    assert segment.scale < 1
    assert (segment.page_y1_px - segment.page_y0_px) * segment.scale <= 160
    head = piece.notes[0]
    y_px = (
        head.page_y_px - 0.5 * (segment.page_y0_px + segment.page_y1_px)
    ) * segment.scale + STRIP_HEIGHT_PX / 2
    assert piece.strip[round(y_px), round(head.x_px)] > 120


def test_a_tied_note_is_struck_once_and_lasts():
    tied = (
        note("D", "b")
        .replace("<type>", '<tie type="start"/><type>')
        .replace("</note>", '<notations><tied type="start"/></notations></note>')
    )
    end = (
        note("D", "c")
        .replace("<type>", '<tie type="stop"/><type>')
        .replace("</note>", '<notations><tied type="stop"/></notations></note>')
    )
    text = score(note("C", "a") + tied, end + note("E", "d")).text.replace(REPEAT_END, "")
    notes = engrave_here(ScoreText("musicxml", text, "tied", "musicxml")).notes
    assert [(n.note_id, n.quarters, n.duration_quarters) for n in notes] == [
        ("a", 0, 1), ("b", 1, 2), ("d", 3, 1),
    ]  # fmt: skip


def direction(kind: str, sound: str) -> str:
    return (
        f'<direction placement="above"><direction-type>{kind}</direction-type><sound {sound}/></direction>'
    )


def test_a_dal_segno_al_coda_is_followed_as_it_is_played():
    text = score(
        note("C", "a") + note("D", "b"),
        direction("<segno/>", 'segno="s"') + note("E", "c") + note("F", "d"),
        note("G", "e") + note("A", "f") + direction("<words>To Coda</words>", 'tocoda="c"'),
        note("B", "g") + note("C", "h") + direction("<words>D.S. al Coda</words>", 'dalsegno="s"'),
        direction("<coda/>", 'coda="c"') + note("D", "i") + note("E", "j"),
    ).text.replace(REPEAT_END, "")
    engraved = engrave_here(ScoreText("musicxml", text, "jumps", "musicxml"))
    assert [n.note_id for n in engraved.notes] == list("abcdefghcdefij")
    assert [n.quarters for n in engraved.notes] == list(range(14))


def test_a_da_capo_that_is_written_in_words_alone_is_followed():
    text = score(
        note("C", "a") + note("D", "b") + direction("<words>Fine</words>", ""),
        note("E", "c") + note("F", "d") + direction("<words>Da Capo al Fine</words>", ""),
    ).text.replace(REPEAT_END, "")
    engraved = engrave_here(ScoreText("musicxml", text, "jumps", "musicxml"))
    assert [n.note_id for n in engraved.notes] == list("abcdab")


def titled(title: str) -> str:
    """The one page of the tune under a title."""
    head = f"<movement-title>{title}</movement-title><part-list>"
    return engrave_here(dataclasses.replace(TUNE, text=TUNE.text.replace("<part-list>", head))).svg_pages[0]


LONG_TITLES = ["A" * 120, "Lied der Gesellschaft auf der großen Reise " * 3, "春江花月夜" * 12]


@pytest.mark.parametrize("title", LONG_TITLES)
def test_a_title_of_any_length_stays_on_the_page(title):
    page = draw_page(titled(title))
    ink = np.flatnonzero((page[:60] < 128).any(axis=0))
    assert len(ink) and ink[0] >= 15 and ink[-1] < page.shape[1] - 15
    assert ink[-1] - ink[0] > 0.4 * page.shape[1]


def test_a_title_that_fits_keeps_its_size():
    svg = titled("An Easy Title")
    (line,) = re.findall(r'font-size="\d+px">An Easy Title', svg)
    assert line in drawable(svg)


@pytest.mark.parametrize(("heads_px", "middle_px"), [((10.0, 40.0, 20.0), 20.0), ((30.0, 20.0), 25.0)])
def test_a_chord_stands_in_the_middle_of_its_heads(tune, heads_px, middle_px):
    first, *rest = tune.notes
    chord = tuple(dataclasses.replace(first, note_id=f"h{x_px}", x_px=x_px) for x_px in heads_px)
    piece = dataclasses.replace(tune, notes=(*chord, *rest))
    assert piece.onset_x_px[0] == middle_px and len(piece.onset_x_px) == len(tune.onset_x_px)
