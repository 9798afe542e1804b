"""Pictures of one moment: where its sound fits on the page, and which ink and which tones say so."""

from __future__ import annotations

from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from models.features import SPEC
from models.follower.network import COLUMN_PX
from models.inside.colours import Colours
from models.inside.listening import Attributions
from models.inside.record import Record
from models.inside.style import dress, new_figure, png, tinted
from pieces.piece import Piece, Segment

FloatArray = NDArray[np.float32]

PAGE_SCALE = 1.4
CURVE_PX = 26.0
"""Height of the curve of the fit, below its system, in page pixels."""
BELOW_PX = 80.0
LEGIBLE = 0.08  # belief below this is not drawn, as in Follow


def fit_map(piece: Piece, record: Record, row: int, logits: FloatArray, colours: Colours) -> bytes:
    """PNG: the page where the cursor stands; the belief as a band, as Follow shows it, the network's own fit
    ``logits`` (C,) as a curve below every system, the cursor as a line."""
    place = piece.place_at_x(record.x_px[row])
    page = piece.pages[place.page]
    width = page.shape[1]
    lowest_px = max(one.page_y1_px for one in piece.segments if one.page == place.page)
    height = min(round(lowest_px + BELOW_PX), len(page))  # no empty rest of a page
    figure = new_figure(round(width * PAGE_SCALE), round(height * PAGE_SCALE) + 90, colours)
    axes = figure.subplots()
    axes.imshow(tinted(1.0 - page / 255.0, colours.ink), interpolation="lanczos")
    belief = record.fits[row]
    first_px, last_px = piece.segments[0].strip_x0_px, piece.segments[-1].strip_x1_px
    music = logits[int(first_px / COLUMN_PX) : int(last_px / COLUMN_PX)]
    lowest, highest = np.percentile(music, 5), music.max()
    scaled = np.clip((logits - lowest) / max(highest - lowest, 1e-6), 0.0, 1.0)
    for segment in (one for one in piece.segments if one.page == place.page):
        if belief is not None:
            _band(axes, segment, belief, colours)
        _curve(axes, segment, scaled, colours)
    ends_px = place.page_y0_px - 12, place.page_y1_px + 12
    axes.plot([place.page_x_px] * 2, ends_px, lw=2.5, color=colours.ink)
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    axes.set_title(
        f"{piece.title or piece.name}, {record.time_s[row]:.1f} s: measure {place.measure}",
        loc="left", color=colours.ink,
    )  # fmt: skip
    marks = [
        Patch(color=colours.machine_light, alpha=0.6, label="belief"),
        Line2D([], [], color=colours.machine, lw=1.5, label="fit of this sound alone, a curve for each pass"),
        Line2D([], [], color=colours.ink, lw=2.5, label="cursor"),
    ]
    figure.legend(handles=marks, loc="outside lower center", ncols=3, frameon=False, labelcolor=colours.ink)
    return png(figure)


def _columns(segment: Segment, values: FloatArray) -> FloatArray:
    return values[int(segment.strip_x0_px / COLUMN_PX) : int(segment.strip_x1_px / COLUMN_PX) + 1]


def _band(axes: Axes, segment: Segment, belief: FloatArray, colours: Colours) -> None:
    strength = _columns(segment, belief).astype(np.float64)
    if len(strength) < 2 or strength.max() < LEGIBLE:
        return
    axes.imshow(
        tinted(0.6 * strength[None] ** 0.75, colours.machine_light), interpolation="bilinear",
        extent=(segment.page_x0_px, segment.page_x1_px, segment.page_y1_px + 8, segment.page_y0_px - 8),
    )  # fmt: skip


def _curve(axes: Axes, segment: Segment, scaled: FloatArray, colours: Colours) -> None:
    """A repeated stretch has a curve for each pass, one over the other."""
    values = _columns(segment, scaled)
    x_px = np.linspace(segment.page_x0_px, segment.page_x1_px, len(values))
    floor_px = segment.page_y1_px + 14 + CURVE_PX
    axes.fill_between(x_px, floor_px, floor_px - CURVE_PX * values, color=colours.machine, alpha=0.15, lw=0)
    axes.plot(x_px, floor_px - CURVE_PX * values, color=colours.machine, lw=1)


def gradients_picture(found: Attributions, at_s: float, colours: Colours) -> bytes:
    """PNG, 1200 x 800: the strip and the newest sound, tinted by what speaks for the place and against it."""
    figure = new_figure(1200, 800, colours)
    page, sound = figure.subplots(2, 1, height_ratios=(1, 1.5))
    half = COLUMN_PX // 2
    first_px = found.first_px / half
    height, width = found.strip.shape
    extent = (first_px * COLUMN_PX, first_px * COLUMN_PX + 2 * width, 2 * height, 0)
    _tint(page, found.strip, found.strip_gradients, extent, colours)
    page.axvline((found.column + 0.5) * COLUMN_PX, color=colours.ink, lw=1, ls=(0, (4, 3)))
    page.set(yticks=[], xlabel="px along the strip", aspect="equal")
    fits = f"fit {found.fit:.1f}, on white paper in silence {found.baseline_fit:.1f}"
    title = f"What says at {at_s:g} s that the music is at the dashed line: {fits}"
    page.set_title(title.replace("-", "\N{MINUS SIGN}"), loc="left", fontsize=11)
    frames = len(found.frames)
    _tint(
        sound, found.frames.T / max(float(found.frames.max()), 1e-6), found.frames_gradients.T,
        (-frames / SPEC.fps, 0, -0.5, SPEC.bands - 0.5), colours,
    )  # fmt: skip
    tones_hz = (125, 250, 500, 1000, 2000, 4000)
    bands = [SPEC.bands_per_octave * np.log2(hz / SPEC.fmin_hz) for hz in tones_hz]
    sound.set_yticks(bands, [f"{hz}" for hz in tones_hz])
    sound.set(xlabel="seconds before now", ylabel="Hz", aspect="auto")
    for axes in (page, sound):
        dress(axes, colours)
    marks = [Patch(color=colours.machine, label="for"), Patch(color=colours.against, label="against")]
    figure.legend(handles=marks, loc="outside lower right", ncols=2, frameon=False, labelcolor=colours.ink)
    return png(figure)


def _tint(
    axes: Axes,
    ink: FloatArray,
    gradients: FloatArray,
    extent: tuple[float, float, float, float],
    colours: Colours,
) -> None:
    """What is there in pale ink; over it the gradients, blurred, opaque from their 99.5th percentile."""
    origin: Literal["upper", "lower"] = "upper" if extent[2] > extent[3] else "lower"
    pale = tinted(0.3 * ink.astype(np.float64), colours.ink)
    axes.imshow(pale, extent=extent, origin=origin, interpolation="nearest")
    soft = gaussian_filter(gradients.astype(np.float64), 0.7)
    soft /= max(float(np.percentile(np.abs(soft), 99.5)), 1e-12)
    for sign, colour in ((1, colours.machine), (-1, colours.against)):
        layer = tinted(np.maximum(sign * soft, 0.0), colour)
        axes.imshow(layer, extent=extent, origin=origin, interpolation="nearest")
