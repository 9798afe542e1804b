"""LilyPond sources: what is heard of a page is what is drawn on it, and a hostile source gets nowhere."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from pieces import lilypond
from pieces.errors import BadScore, RipienoError
from pieces.lilypond import LilyPond, Limits, NoLilyPond, find_lilypond, open_source
from pieces.lilypond_svg import DEFAULT_BPM, read_drawing, read_pages
from pieces.piece import PADDING_PX

STUDY = r"""
\version "2.18.0"
upper = \relative c' { \repeat volta 2 { <c e g>4 a'4~ a8 b \grace { d,16 } c'4 | d2 r2 } }
lower = \relative c { \clef bass \repeat volta 2 { c2 d4 e | \tempo 4 = 60 f1 } }
\score {
  \unfoldRepeats \new PianoStaff << \new Staff { \tempo 4 = 120 \upper } \new Staff \lower >>
  \layout { }
  \midi { }
}
"""


def head(name, system, x, y, moment, length, pitch, **more):
    said = {"grace": 0.0, "score": 1, "measure": 1, "tempo": 30.0, "middle": 0.5, "tied-from": ""} | more
    said |= {"system": system, "moment": moment, "length": length, "pitch": pitch}
    attributes = " ".join(f'data-{key}="{value}"' for key, value in said.items())
    path = '<path transform="scale(0.004, -0.004)" d="M0 0z"/>'
    return f'<g class="head" id="{name}" {attributes}><g transform="translate({x}, {y})">{path}</g></g>'


def staff(system, x0, y0, width):
    line = f'<line stroke-width="0.1" stroke="black" x1="0" y1="0" x2="{width}" y2="0"/>'
    lines = "".join(f'<g transform="translate({x0}, {y0 + i})">{line}</g>' for i in range(5))
    return f'<g class="staff" data-system="{system}">{lines}</g>'


def page(*groups):
    """100 units wide, so a unit is 8.35 px."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" version="1.2" width="200.00mm" height="120.00mm" '
        f'viewBox="0 0 100 60">{"".join(groups)}</svg>'
    )


PAGE = page(
    staff(0, 10, 5, 80), staff(0, 10, 15, 80), staff(1, 5, 35, 85),
    head("b", 0, 50, 8, 0.5, 0.25, 62),
    head("a", 0, 20, 7, 0.0, 0.5, 60), head("bass", 0, 20, 17, 0.0, 1.0, 40),
    head("held", 1, 10, 37, 0.75, 0.25, 62, **{"tied-from": "b"}),
    head("grace", 1, 28, 36, 1.0, 0.125, 65, grace=-0.125), head("c", 1, 30, 36, 1.0, 0.5, 64, measure=2),
    '<g class="head" id="transparent" data-system="1"></g>',
)  # fmt: skip


@pytest.fixture
def compiler():
    try:
        return find_lilypond()
    except NoLilyPond as error:
        pytest.skip(str(error))


def test_a_page_says_what_is_heard_when():
    piece = read_pages((PAGE,), "page")
    assert [note.note_id for note in piece.notes] == ["a", "bass", "b", "grace", "c"]
    assert np.allclose([note.quarters for note in piece.notes], [0, 0, 2, 4 - 0.5 * 9 / 40, 4])
    assert np.allclose([n.duration_quarters for n in piece.notes], [2, 4, 2, 0.5 * 9 / 40, 2])  # b is tied
    assert [note.staff for note in piece.notes] == [0, 1, 0, 0, 0]
    assert [note.pitch for note in piece.notes] == [60, 40, 62, 65, 64]
    assert (piece.tempo_bpm, piece.length_quarters, piece.staves) == (120.0, 6.0, 2)


def test_systems_are_cut_at_full_size_and_joined():
    piece = read_pages((PAGE,), "page")
    assert piece.pages[0].shape == (501, 835)
    first, second = piece.segments
    assert np.allclose([first.strip_x0_px, second.strip_x0_px], [PADDING_PX, PADDING_PX + 80 * 8.35])
    assert np.allclose(piece.onset_x_px[0], PADDING_PX + (20.5 - 10) * 8.35)
    assert np.allclose(piece.onset_x_px[-1], second.strip_x0_px + (30.5 - 5) * 8.35)
    assert piece.strip.shape == (200, int(np.ceil(second.strip_x1_px)) + PADDING_PX)
    middle = round(0.5 * (first.page_y0_px + first.page_y1_px))
    row = 100 + round(5 * 8.35) - middle  # the uppermost staff line
    inked = piece.strip[row - 1 : row + 2].max(axis=0) > 100
    assert inked[PADDING_PX + 2 : round(first.strip_x1_px) - 2].all() and not inked[:PADDING_PX].any()


def test_a_change_of_tempo_changes_how_long_quarters_last():
    slower = PAGE.replace('data-measure="2" data-tempo="30.0"', 'data-measure="2" data-tempo="15.0"')
    assert slower != PAGE
    last = read_pages((slower,), "page").notes[-1]
    assert np.allclose([last.quarters, last.duration_quarters], [4, 4])
    silent = PAGE.replace('data-tempo="30.0"', 'data-tempo=""')
    assert read_pages((silent,), "page", 90.0).tempo_bpm == 90.0
    assert read_pages((silent,), "page").tempo_bpm == DEFAULT_BPM


def test_one_score_begins_where_the_one_before_it_ends():
    two = page(
        staff(0, 10, 5, 80), head("a", 0, 20, 7, 0.0, 0.5, 60), head("b", 0, 40, 7, 0.5, 0.5, 60),
        staff(1, 10, 35, 80), head("c", 1, 20, 37, 0.0, 0.25, 60, score=2),
    )  # fmt: skip
    assert [note.quarters for note in read_pages((two,), "two").notes] == [0, 2, 4]


@pytest.mark.parametrize(("x0", "y0"), [(10, 5), (-5, 5), (10, 200), (10, -200)])
def test_music_beyond_the_page_is_white(x0, y0):
    overfull = page(staff(0, x0, y0, 105), head("a", 0, 20, y0 + 2, 0.0, 0.5, 60))
    strip = read_pages((overfull,), "overfull").strip
    assert strip.shape == (200, int(np.ceil(105 * 8.35)) + 2 * PADDING_PX)
    drawn = np.flatnonzero((strip > 100).any(axis=0)) - PADDING_PX
    if y0 == 5:
        assert abs(drawn[0] - max(-x0, 0) * 8.35) < 2 and abs(drawn[-1] - min(100 - x0, 105) * 8.35) < 2
    else:
        assert drawn.size == 0


@pytest.mark.parametrize("svg", [
    "", "<svg", page(), page(staff(0, 1, 1, 9)), PAGE.replace('data-pitch="', 'p="'),
    PAGE.replace('data-moment="0.5"', 'data-moment="soon"'), PAGE.replace("viewBox", "view"),
])  # fmt: skip
def test_what_is_no_page_of_ours_is_refused(svg):
    with pytest.raises(BadScore):
        read_drawing((svg,))


def test_a_source_is_engraved_as_it_is_heard(compiler, tmp_path):
    (tmp_path / "study.ly").write_text(STUDY)
    piece = open_source(tmp_path / "study.ly")
    # Upper: c' e' g', a' tied to an eighth, b', grace d', c'', d''. Lower: c d e f. Once, not unfolded.
    tempo_halved_at, grace = 4.0, 0.25 * 9 / 40
    expected = sorted([
        (0, 60, 1), (0, 64, 1), (0, 67, 1), (1, 69, 1.5), (2.5, 71, 0.5), (3 - grace, 62, grace), (3, 72, 1),
        (0, 48, 2), (2, 50, 1), (3, 52, 1), (tempo_halved_at, 53, 8), (tempo_halved_at, 74, 4),
    ])  # fmt: skip
    found = sorted((note.quarters, note.pitch, note.duration_quarters) for note in piece.notes)
    assert np.allclose(found, expected)
    assert piece.tempo_bpm == 120.0 and piece.staves == 2 and piece.pages[0].shape[1] == 835
    assert (np.diff(piece.onset_x_px) > 1).all()
    for note in piece.notes:  # ink in the middle of every head
        x, y = round(note.page_x_px), round(note.page_y_px)
        assert piece.pages[note.page][y - 2 : y + 3, x - 3 : x + 4].min() < 100, note


def test_a_glyph_is_sought_in_the_font_once_and_drawn_as_ever(compiler, tmp_path):
    """Words of dynamics and fingerings are strings of glyphs, of which each depends on the one before."""
    (tmp_path / "study.ly").write_text(r"""\version "2.24.0" { c'4\sfz-1 d'\mf-23 e'\sfz f'\mf }""")
    telling = r"""#(let* ((seek (module-variable (resolve-module '(lily output-svg)) 'extract-glyph))
                          (slowly (variable-ref seek)))
      (variable-set! seek (lambda (font name . more)
        (if (null? (cdr more)) (format (current-error-port) "sought ~a\n" name))
        (apply slowly font name more))))
    """
    remembering = lilypond._NOTEHEADS.read_text()
    plain = remembering[: remembering.index("%% The SVG backend seeks")]
    drawn, sought = [], []
    for name, settings in (("plain", plain), ("remembering", remembering)):
        (tmp_path / f"{name}.ily").write_text(telling + settings)
        command = [str(compiler.lilypond), "-dbackend=svg", "-dno-point-and-click", f"--output={name}",
                   f"-dinclude-settings={tmp_path / name}.ily", "study.ly"]  # fmt: skip
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        drawn.append((tmp_path / f"{name}.svg").read_text())
        sought.append(done.stderr.count("sought noteheads.s2"))
    assert sought == [4, 1]
    assert drawn[0] == drawn[1] and drawn[0].count('class="head"') == 4


def test_a_source_that_is_none_is_named(compiler, tmp_path):
    (tmp_path / "junk.ly").write_text("}} \\nonsense \x00 <<")
    (tmp_path / "words.ly").write_text("\\markup { no music }")
    for name in ("junk", "words"):
        with pytest.raises(BadScore, match=name):
            open_source(tmp_path / f"{name}.ly")
    with pytest.raises(BadScore, match="no LilyPond source"):
        open_source(tmp_path / "missing.ly")


@pytest.mark.parametrize("scheme", [
    '#(system "touch /tmp/x")', "#(for-each delete-file (list 1))", '#(eval-string "1")',
    '$(open-output-file "x")', "#((@ (guile) getpid))", "#(use-modules (ice-9 popen))",
    '#(ly:parser-include-string "x")', '#(begin #\\" (system "x") #\\")', "#(let ((a% 1)) (system a%))",
    "#(primitive-load 1)", '\\bookOutputName "../elsewhere"',
])  # fmt: skip
def test_scheme_that_reaches_out_is_refused_unread(scheme, tmp_path, monkeypatch):
    monkeypatch.setattr(lilypond, "_run", lambda *_: pytest.fail("it was run"))
    monkeypatch.setattr(lilypond, "find_lilypond", lambda: None)
    (tmp_path / "piece.ly").write_text("{ c'1 }\n\\include \"other.ily\"")
    (tmp_path / "other.ily").write_text(scheme)
    with pytest.raises(BadScore, match="not compiled"):
        open_source(tmp_path / "piece.ly")


def test_scheme_that_sets_the_page_is_welcome():
    lilypond.refuse_scheme_that_reaches_out(
        "#(set-global-staff-size 18) #(use-modules (ice-9 optargs) (srfi srfi-1))\n"
        "% the system is open-ended: load it\n \\markup \"read @ eval\"\n"
        " \\override Score.System #'padding = #1\n"
        "system-count = #3 \\header { maintainerEmail = \"me@example.org\" }",
        "piece",
    )


def test_without_lilypond_one_line_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setattr(lilypond, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoLilyPond, match="pip install lilypond") as caught:
        find_lilypond()
    assert caught.value.exit_code == 1


@pytest.mark.parametrize("refuse", ["copy", "pages"])
def test_a_full_disk_is_no_fault_of_the_piece(pretend, monkeypatch, refuse):
    source = pretend(f"echo {os.strerror(errno.ENOSPC)} >&2; exit 1")

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if refuse == "copy":
        monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(RipienoError) as caught:
        open_source(source)
    assert not isinstance(caught.value, BadScore)
    assert "ripieno-" in str(caught.value) or "is full" in str(caught.value)


@pytest.fixture
def pretend(monkeypatch, tmp_path):
    """A LilyPond that does as a shell script says."""

    def install(script):
        programs = LilyPond(tmp_path / "bin-lilypond", tmp_path / "bin-convert")
        for path, text in ((programs.lilypond, script), (programs.convert, "exit 0")):
            path.write_text(f"#!/bin/sh\n{text}\n")
            path.chmod(path.stat().st_mode | stat.S_IXUSR)
        (tmp_path / "piece").mkdir()
        (tmp_path / "piece/piece.ly").write_text("{ c'1 }")
        monkeypatch.setattr(lilypond, "find_lilypond", lambda: programs)
        return tmp_path / "piece/piece.ly"

    return install


def has_ended(status: Path) -> bool:
    """By `/proc/PID/stat`: gone, or only its parent has not asked yet; a signal needs a moment."""
    try:
        return status.read_text().split()[2] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.mark.skipif(os.name != "posix", reason="a shell script stands for LilyPond")
class TestLimits:
    def test_of_time_ends_it_with_its_children(self, pretend, tmp_path, eventually):
        source = pretend(f"sleep 600 & echo $! $$ > {tmp_path}/ids; wait")
        with pytest.raises(BadScore, match="took longer than 2 s"):
            open_source(source, limits=Limits(wall_s=2.0))
        for number in (tmp_path / "ids").read_text().split():
            assert eventually(lambda status=Path(f"/proc/{number}/stat"): has_ended(status))

    @pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it ends at its limits")
    def test_none_outlives_whoever_started_it(self, tmp_path, eventually):
        program = textwrap.dedent(f"""
            from pathlib import Path
            from pieces.lilypond import Limits, _run
            _run(["sh", "-c", "echo $$ > id; exec sleep 60"], Path({str(tmp_path)!r}), Limits(), "it")
        """)
        with subprocess.Popen([sys.executable, "-c", program], cwd=Path(__file__).parents[2]) as caller:
            assert eventually(lambda: (tmp_path / "id").exists() and (tmp_path / "id").read_text().strip())
            caller.kill()
        status = Path(f"/proc/{(tmp_path / 'id').read_text().strip()}/stat")
        assert eventually(lambda: has_ended(status))

    def test_of_the_processor_ends_it(self, pretend):
        with pytest.raises(BadScore, match="more than 1 s of processor time"):
            open_source(pretend("while :; do :; done"), limits=Limits(processor_s=1))

    def test_of_file_sizes_holds(self, pretend):
        source = pretend('head -c 100000 /dev/zero > big; echo "error: $(wc -c < big)" >&2')
        with pytest.raises(BadScore, match="error: 4096"):
            open_source(source, limits=Limits(file_bytes=4096))

    def test_the_callers_environment_stays_with_the_caller(self, pretend, monkeypatch):
        monkeypatch.setenv("A_SECRET", "told")
        with pytest.raises(BadScore, match=r"error: <>"):
            open_source(pretend('echo "error: <$A_SECRET>" >&2'))
