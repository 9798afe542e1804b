from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from models.duet import data
from models.duet.chorales import (
    HELD_OUT,
    NOT_LEARNED,
    VALIDATION,
    BadChorales,
    Chorale,
    choose_held_out,
    duets,
    fingerprint,
    load,
    save,
    split,
)
from models.duet.encoding import line, notes, sounding
from tests.models.duet.made_up import make_chorale


def test_chorales_come_back_from_their_file(tmp_path: Path, chorales: list[Chorale]) -> None:
    save(chorales, tmp_path / "chorales.npz")
    for before, after in zip(chorales, load(tmp_path), strict=True):
        assert (before.name, before.bar_steps, before.phase) == (after.name, after.bar_steps, after.phase)
        assert np.array_equal(before.tokens, after.tokens)
        assert np.array_equal(before.position, after.position)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"not a file of ours"])
def test_what_is_no_file_of_chorales_is_named(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(BadChorales, match="data build chorales"):
        load(tmp_path)
    (tmp_path / "chorales.npz").write_bytes(content)
    with pytest.raises(BadChorales, match="build them again"):
        load(tmp_path)


def test_a_file_of_other_arrays_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "chorales.npz", format=np.array("something else"))
    with pytest.raises(BadChorales):
        load(tmp_path)


def test_every_ordered_pair_of_voices_is_a_duet(chorales: list[Chorale]) -> None:
    found = list(duets(chorales[0]))
    assert len({duet.voices for duet in found}) == 12
    bass = next(duet for duet in found if duet.voices == ("alto", "bass"))
    assert np.array_equal(bass.human, chorales[0].tokens[1])
    assert np.array_equal(bass.machine, chorales[0].tokens[3])


def test_keys_are_all_those_within_the_range(chorales: list[Chorale]) -> None:
    pitches = [sounding(chorales[0].transposed(key).tokens) for key in chorales[0].transpositions()]
    assert pitches[0].min() == 36 and pitches[-1].max() == 81


def test_the_split_is_fixed_and_has_the_papers_size() -> None:
    assert len(HELD_OUT) == 37
    names = [*sorted(HELD_OUT), *sorted(VALIDATION), *(f"other-{n}" for n in range(307))]
    parts = split([make_chorale(0, 1, name) for name in names])
    assert [len(part) for part in (parts.training, parts.validation, parts.held_out)] == [307, 20, 37]
    assert {chorale.name for chorale in parts.validation} == VALIDATION
    assert {chorale.name for chorale in parts.held_out} == HELD_OUT


def test_what_no_training_sees_comes_with_the_program(tmp_path: Path) -> None:
    bundled = load(NOT_LEARNED)
    assert {chorale.name for chorale in bundled} == HELD_OUT | VALIDATION and len(bundled) == 57
    save([make_chorale(0), *bundled[::-1]], tmp_path / "chorales.npz")
    data.bundle(tmp_path, tmp_path / "again.npz")
    again = load(tmp_path / "again.npz")
    assert {c.name: fingerprint(c) for c in again} == {c.name: fingerprint(c) for c in bundled}


def test_what_is_bundled_is_what_music21_reads() -> None:
    pytest.importorskip("music21")
    bundled = {chorale.name: chorale for chorale in load(NOT_LEARNED)}["bwv46.6"]
    read = data.read_chorale(data.corpus_folder() / "bwv46.6.mxl")
    assert np.array_equal(bundled.tokens, read.tokens) and np.array_equal(bundled.position, read.position)


def test_twins_in_another_key_are_never_held_out(chorales: list[Chorale]) -> None:
    original = chorales[0]
    twin = Chorale("twin", original.transposed(1).tokens, original.position, 16)
    assert fingerprint(twin) == fingerprint(original) != fingerprint(chorales[1])
    assert set(choose_held_out([*chorales, twin])) == {chorales[1].name, chorales[2].name}


@pytest.mark.parametrize(("lengths", "expected"), [
    ([16, 16], [*range(16), *range(16)]),
    ([4, 16, 12], [12, 13, 14, 15, *range(16), *range(12)]),
    ([16, 12, 4, 16], [*range(16), *range(16), *range(16)]),
])  # fmt: skip
def test_upbeats_and_bars_that_a_repeat_divides(lengths: list[int], expected: list[int]) -> None:
    assert data.positions(lengths, 16).tolist() == expected


PART = """<part id="P{number}"><measure number="0" implicit="yes">
<attributes><divisions>4</divisions><time><beats>4</beats><beat-type>4</beat-type></time></attributes>
<note><pitch><step>C</step><octave>{octave}</octave></pitch><duration>4</duration><tie type="start"/></note>
</measure><measure number="1">
<note><pitch><step>C</step><octave>{octave}</octave></pitch><duration>4</duration><tie type="stop"/></note>
<note><rest/><duration>4</duration></note>
<note><pitch><step>G</step><octave>{octave}</octave></pitch><duration>8</duration></note></measure></part>"""


def write_score(path: Path, names: tuple[str, ...]) -> None:
    listing = "".join(
        f'<score-part id="P{n}"><part-name>{name}</part-name></score-part>' for n, name in enumerate(names)
    )
    parts = "".join(
        PART.format(number=n, octave=octave)
        for n, octave in zip(range(len(names)), (4, 4, 3, 2), strict=False)
    )
    text = f'<score-partwise version="3.1"><part-list>{listing}</part-list>{parts}</score-partwise>'
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("META-INF/container.xml", (
            '<container><rootfiles><rootfile full-path="score.xml"/></rootfiles></container>'
        ))  # fmt: skip
        archive.writestr("score.xml", f'<?xml version="1.0"?>{text}')


def test_scores_become_lines(tmp_path: Path) -> None:
    pytest.importorskip("music21")
    scores = tmp_path / "scores"
    scores.mkdir()
    write_score(scores / "one.mxl", ("Soprano", "Alto", "Tenor", "Bass"))
    write_score(scores / "trio.mxl", ("Soprano", "Alto", "Bass"))
    (scores / "broken.mxl").write_bytes(b"PK")
    steps = list(data.build("chorales", scores, tmp_path / "out", workers=1))
    assert steps[-1] == (1, 1, "")
    (built,) = load(tmp_path / "out")
    assert built.name == "one" and built.bar_steps == 16
    assert built.position.tolist() == [12, 13, 14, 15, *range(16)]
    assert notes(built.tokens[0]) == [(0, 8, 60), (12, 8, 67)]
    assert np.array_equal(built.tokens[3], line([(0, 8, 36), (12, 8, 43)], 20))


def test_a_folder_without_chorales_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadChorales, match="four parts"):
        list(data.build("chorales", tmp_path, tmp_path / "out"))


def test_what_training_sees_and_what_is_held_out_lie_apart_in_the_rule() -> None:
    every = [make_chorale(n, 1) for n in range(50)]
    chosen = choose_held_out(every)
    assert len(set(chosen)) == 37 and chosen == choose_held_out(every[::-1])
