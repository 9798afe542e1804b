"""What is drawn: incremental painting equals drawing anew, the cursor stands where the snapshot says."""

import numpy as np
import pygame
import pytest

from app import theme
from app.widgets import fonts
from app.widgets.base import View, merge
from app.widgets.painter import Painter, shorten, wrap
from app.widgets.readouts import share_of_db, spectrogram_image


def pixels(surface: pygame.Surface) -> np.ndarray:
    return pygame.surfarray.array3d(surface).astype(int)


def shot(stage) -> np.ndarray:
    return pixels(stage.window.surface)


@pytest.mark.parametrize("strip", [False, True])
def test_repainting_what_changed_gives_the_same_picture_as_drawing_anew(stage, piece, strip, monkeypatch):
    one = stage()
    session = one.open(piece)
    clock = [100.0]
    monkeypatch.setattr(type(one.window), "now_s", staticmethod(lambda: clock[0]))
    if strip:
        one.key(pygame.K_v)
    random = np.random.default_rng(0)
    x = float(piece.onset_x_px[0])
    for step in range(40):
        clock[0] += 0.05
        x += 70.0
        session.show(
            x, probabilities=tuple(random.dirichlet((1, 1, 1))), confidence=random.random(),
            value=random.random(), spectrogram=random.random((40, 78), np.float32), level_db=-20.0,
            peak_db=-12.0, speed_px_s=70.0 / 0.05,
            fit=(random.random(piece.width_px // 4 + 1) ** 4).astype(np.float32),
        )  # fmt: skip
        if step == 20:
            one.key(pygame.K_LEFTBRACKET)
        one.frame()
    assert np.array_equal(*one.pictures())


def test_drawing_changes_nothing(stage, piece):
    one = stage()
    session = one.open(piece)
    session.show(1500.0, speed_px_s=60.0)
    one.frame(3)
    view = one.window.view()
    first, second = (pygame.Surface((1280, 720)).convert() for _ in range(2))
    one.scene.draw(first, view)
    one.scene.draw(second, view)
    assert np.array_equal(pixels(first), pixels(second))


@pytest.mark.parametrize("x_px", [700.0, 1500.0, 2600.0, 4200.0, 8000.0])
def test_the_cursor_stands_where_the_snapshot_says(stage, piece, x_px):
    one = stage()
    one.settings.change(reduced_motion=True)
    session = one.open(piece)
    session.show(x_px)
    one.frame(3)
    screen, x, top, bottom = one.scene.pages.point(x_px)
    assert one.scene.pages.visible(screen, (top + bottom) / 2 - one.scene.pages.rect.y, one.window.now_s())
    column = pixels(one.window.surface)[round(x), round(top) + 14 : round(bottom) - 2]
    assert np.all(column == np.array(theme.MACHINE_ON_PAPER))
    beside = pixels(one.window.surface)[round(x) + 6, round(top) + 14 : round(bottom) - 2]
    assert not np.any(np.all(beside == np.array(theme.MACHINE_ON_PAPER), axis=1))


def test_the_glow_lies_where_the_sound_fits(stage, piece):
    one = stage()
    session = one.open(piece)
    fit = np.zeros(piece.width_px // 4 + 1, np.float32)
    fit[int(900 / 4) : int(940 / 4)] = 1.0
    session.show(700.0, fit=fit)
    one.frame(2)
    _, x, top, bottom = one.scene.pages.point(920.0)
    _, away, _, _ = one.scene.pages.point(1150.0)
    middle = round((top + bottom) / 2) - 2
    picture = pixels(one.window.surface)
    lit, plain = picture[round(x), middle], picture[round(away), middle]
    assert np.abs(plain - np.array(theme.PAPER)).max() <= 3
    assert lit[0] < plain[0] - 20 and lit[2] > lit[0] + 20


def test_a_moving_cursor_repaints_little(stage, piece):
    one = stage()
    session = one.open(piece)
    x = 700.0
    shares = []
    for _ in range(12):
        x += 3.0
        session.show(x, speed_px_s=60.0)
        damage = one.window.frame()
        shares.append(sum(rect.w * rect.h for rect in damage) / (1280 * 720))
    assert np.median(shares) < 0.15


def test_nothing_is_repainted_when_nothing_happens(stage, piece):
    one = stage()
    one.open(piece)
    one.frame(3)
    assert one.window.frame() == []


def test_damage_is_merged_into_rectangles_that_do_not_overlap():
    rects = [
        pygame.Rect(0, 0, 10, 10),
        pygame.Rect(5, 5, 10, 10),
        pygame.Rect(14, 14, 4, 4),
        pygame.Rect(50, 0, 5, 5),
    ]
    merged = merge(rects)
    assert len(merged) == 2
    assert all(any(big.contains(small) for big in merged) for small in rects)


@pytest.mark.parametrize(
    ("words", "ground"),
    [
        *((theme.TEXT, ground) for ground in (theme.GROUND, theme.SURFACE, theme.RAISED, theme.HOVER)),
        *((theme.QUIET, ground) for ground in (theme.GROUND, theme.SURFACE, theme.RAISED)),
        *((theme.PAPER, ground) for ground in (theme.YOU_ON_PAPER, theme.MACHINE_ON_PAPER)),
        *((colour, theme.SURFACE) for colour in (theme.MACHINE, theme.YOU, theme.GOOD, theme.BAD)),
        *((colour, theme.PAPER) for colour in (theme.INK, theme.QUIET_ON_PAPER)),
        (theme.GROUND, theme.MACHINE),
    ],
)
def test_words_have_contrast(words, ground):
    assert theme.contrast(words, ground) >= 4.5


def test_the_font_has_the_signs_of_music():
    face = fonts.font(20)
    for sign in "♩♭♯♪":
        assert fonts.font_path() and face.metrics(sign)[0] is not None


@pytest.mark.parametrize("bold", [False, True])
@pytest.mark.parametrize("size", [11, 13, 20])
def test_words_side_by_side_stand_on_one_line(size, bold):
    feet = set()
    for text in ("Ex", "Egx", "Exçy"):  # an E, the first letter, stands on the line
        surface = pygame.Surface((120, 40))
        Painter(surface).text(text, pygame.Rect(4, 4, 110, 20), size, bold=bold)
        first = pixels(surface)[4 : 4 + size // 2].sum(axis=(0, 2))
        feet.add(int(np.flatnonzero(first > 200)[-1]))
    assert len(feet) == 1


def test_letters_that_our_face_lacks_come_from_another_of_the_system(monkeypatch):
    from matplotlib import get_data_path

    foreign, own = "\u210a\u214a", "Sonate "
    there = f"{get_data_path()}/fonts/ttf/STIXGeneral.ttf"
    monkeypatch.setattr(fonts, "_other_paths", lambda: (there,))
    fonts._path_for.cache_clear()
    try:
        assert [fonts._path_for(letter) for letter in "aé♩" + foreign] == ["", "", "", there, there]
        drawn = fonts.words(own + foreign, 20, theme.TEXT)
        assert drawn.get_width() == fonts.text_width(own, 20) + pygame.font.Font(there, 20).size(foreign)[0]
        assert fonts.text_width(own + foreign, 20) == drawn.get_width()
    finally:
        fonts._path_for.cache_clear()


def test_long_words_are_shortened_and_wrapped_to_fit():
    text = "A title that is much longer than the place there is for it"
    short = shorten(text, 13, 120)
    assert short.endswith("…") and fonts.text_width(short, 13) <= 120
    assert all(fonts.text_width(line, 13) <= 120 for line in wrap(text, 13, 120))
    assert " ".join(wrap(text, 13, 120)) == text


def test_a_spectrogram_of_nonsense_is_still_a_picture():
    frames = np.full((40, 78), np.nan, np.float32)
    frames[3, 0] = np.inf
    frames[5, 0] = 1.0
    image = spectrogram_image(frames)
    assert image.shape == (40, 78, 3) and image.dtype == np.uint8


def test_low_notes_are_at_the_bottom():
    frames = np.zeros((40, 78), np.float32)
    frames[:, 0] = 1.0
    image = spectrogram_image(frames)
    assert image[0, -1].sum() > image[0, 0].sum() + 200


def test_a_meter_shows_decibels():
    assert (
        share_of_db(-60) == 0.0
        and share_of_db(0) == 1.0
        and share_of_db(-30) == 0.5
        and share_of_db(-120) == 0.0
    )


def test_a_view_holds_a_moment():
    assert View(None, 1.0).reduced_motion is False
