"""What a generated part is measured by: Table 1 and Figure 5 of the paper, and what players notice.

The paper names its measures and not their definitions. Ours, on multi-hold lines of sixteenths; a bar is a
window of 16 steps counted from where the measured stretch begins, whatever the meter:

- PC/bar: distinct pitches that sound in a bar, mean over bars (one that is silent counts 0).
- PI: highest minus lowest pitch that sounds in a bar, in semitones, mean over bars that sound. (The mean step
  from note to note is 2.2 on the chorales and cannot be the paper's 4.57; this range is near it.)
- IOI: sixteenths from onset to onset, mean over consecutive onsets, rests between them included.
- PCH: share of each of the 12 pitch classes among onsets. NLH: share of note lengths of 1 to 16 sixteenths
  among notes, longer ones in the last bin. Pooled over all pieces; distances are earth mover's distances
  with the ground distance in bins, divided by the number of bins, and round the circle for pitch classes.

Figures of a data set are means over pieces of the piece's own mean; differences are agent minus data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.duet.encoding import MULTI_HOLD, STEPS_PER_BEAT, Tokens, begins, held, notes, sounding

Floats = NDArray[np.float64]
BAR_STEPS = 16
WINDOW_BARS = 4
"""Of the sliding window of Figure 5."""
LENGTHS = 16
CONSONANT = (0, 3, 4, 7, 8, 9)
"""Semitones modulo 12: unison, thirds, fifth, sixths; the fourth counts as dissonant, as in two parts."""


def bars(tokens: Tokens) -> NDArray[np.int64]:
    """Pitches that sound, (whole bars, 16); what is left over at the end is not measured."""
    whole = len(tokens) // BAR_STEPS
    return sounding(tokens[: whole * BAR_STEPS]).reshape(whole, BAR_STEPS)


def pitch_count(tokens: Tokens) -> float:
    """PC/bar; NaN below one bar."""
    return _mean([len(set(bar.tolist()) - {0}) for bar in bars(tokens)])


def pitch_interval(tokens: Tokens) -> float:
    """PI in semitones; NaN where no bar sounds."""
    return _mean([int(np.ptp(bar[bar > 0])) for bar in bars(tokens) if bar.any()])


def inter_onset(tokens: Tokens) -> float:
    """IOI in sixteenths; NaN below two onsets."""
    return _mean(np.diff(np.flatnonzero(begins(tokens))))


def pitch_classes(lines: Sequence[Tokens]) -> Floats:
    """PCH, (12,) summing to 1, or zeros."""
    found = [sounding(tokens)[begins(tokens)] % 12 for tokens in lines]
    return _shares(np.bincount(np.concatenate(found), minlength=12))


def note_lengths(lines: Sequence[Tokens]) -> Floats:
    """NLH, (16,) summing to 1, or zeros."""
    found = [min(length, LENGTHS) - 1 for tokens in lines for _, length, _ in notes(tokens)]
    return _shares(np.bincount(np.array(found, np.int64), minlength=LENGTHS))


def earth_movers(one: Floats, other: Floats, circular: bool = False) -> float:
    """Distance of two histograms (n,), in shares of the axis: 0 is equal, 1 - 1/n is end to end."""
    flow = np.cumsum(one - other)
    if circular:
        flow = flow - np.median(flow)  # the best place to cut the circle open
    return float(np.abs(flow).sum() / len(flow))


def entropy_bits(lines: Sequence[Tokens]) -> float:
    """Of the distribution of multi-hold symbols, all lines together."""
    shares = _shares(np.bincount(np.concatenate(lines), minlength=MULTI_HOLD.symbols))
    shares = shares[shares > 0]
    return float(-(shares * np.log2(shares)).sum()) + 0.0


def consonance(human: Tokens, machine: Tokens) -> float:
    """Share of CONSONANT intervals among steps in which both sound; NaN where there is none."""
    return _mean(_consonant(human, machine))


def _consonant(human: Tokens, machine: Tokens) -> Floats:
    """(steps in which both sound,) 1.0 or 0.0."""
    low, high = sounding(human), sounding(machine)
    both = (low > 0) & (high > 0)
    return np.isin(np.abs(high - low)[both] % 12, CONSONANT).astype(np.float64)


def repetitions(tokens: Tokens) -> float:
    """Share of onsets with the pitch of the onset before; NaN below two onsets."""
    pitches = sounding(tokens)[begins(tokens)]
    return _mean(pitches[1:] == pitches[:-1])


@dataclass(frozen=True)
class Accuracy:
    """Share of right predictions of a line's next symbol, given its true past.

    Attributes:
        tokens, onsets: at all steps; where the truth begins a note.
        copy_tokens, copy_onsets: of the one who copies: holds what sounds (or, for onsets, strikes it again).
        steps, notes: how many there were.
    """

    tokens: float
    onsets: float
    copy_tokens: float
    copy_onsets: float
    steps: int
    notes: int


def accuracy(truth: Sequence[Tokens], predicted: Sequence[Tokens], first: int = 1) -> Accuracy:
    """Of predictions (T,) each made from the true steps before it; counted from step `first` >= 1."""
    before, now = (np.concatenate([t[first - 1 + k : len(t) - 1 + k] for t in truth]) for k in (0, 1))
    said = np.concatenate([p[first:] for p in predicted])
    struck = np.concatenate([begins(t)[first:] for t in truth])
    again = sounding(before) == sounding(now)
    return Accuracy(
        _mean(said == now), _mean(said[struck] == now[struck]), _mean(held(before) == now),
        _mean(again[struck]), len(now), int(struck.sum()),
    )  # fmt: skip


def drift(lines: Sequence[Tokens], windows: int = 20) -> dict[str, tuple[Floats, Floats]]:
    """Figure 5: PC/bar, PI and IOI in four bars from bar 1, 2, ... `windows`.

    For each, mean and standard deviation over the lines that are long enough, (windows,); NaN where none is.
    """
    parts = [_window(lines, bar) for bar in range(windows)]
    return {name: _over_windows(measure, parts) for name, measure in MEASURES.items()}


def _over_windows(
    measure: Callable[[Tokens], float], windows: Sequence[Sequence[Tokens]]
) -> tuple[Floats, Floats]:
    values = [[measure(part) for part in window] for window in windows]
    means = np.array([mean_known(found) for found in values])
    squares = np.array([mean_known(np.square(found)) for found in values])
    return means, np.sqrt(np.maximum(squares - means**2, 0.0))


def _window(lines: Sequence[Tokens], bar: int) -> list[Tokens]:
    start, stop = bar * BAR_STEPS, (bar + WINDOW_BARS) * BAR_STEPS
    return [tokens[start:stop] for tokens in lines if len(tokens) >= stop]


def consonance_by_beat(pairs: Sequence[tuple[Tokens, Tokens]], beats: int) -> Floats:
    """(beats,) consonance of human and machine lines in each beat, all pairs together."""
    size = STEPS_PER_BEAT
    return np.array([
        _mean(np.concatenate([_consonant(h[b * size : (b + 1) * size], m[b * size : (b + 1) * size])
                              for h, m in pairs]))
        for b in range(beats)
    ])  # fmt: skip


def beats_to_adapt(by_beat: ArrayLike, change: int, margin: float = 0.05, smooth: int = 2) -> int:
    """Beats from a forced transposition until consonance is back.

    `by_beat` (n,) as :func:`consonance_by_beat` gives it; the human part is transposed from beat `change`
    on. Back: the mean of `smooth` beats is no more than `margin` below the mean of all beats before the
    change; counted is the last beat of that mean, so 2 at the least, and n - change + 1 for never.
    """
    curve = np.asarray(by_beat, np.float64)
    wanted = mean_known(curve[:change]) - margin
    for end in range(change + smooth, len(curve) + 1):
        if mean_known(curve[end - smooth : end]) >= wanted:
            return end - change
    return len(curve) - change + 1


def mean_over_pieces(name: str, lines: Sequence[Tokens]) -> float:
    """PC/bar, PI or IOI of a set of pieces, by its name in MEASURES."""
    return mean_known(MEASURES[name](tokens) for tokens in lines)


MEASURES = {"PC/bar": pitch_count, "PI": pitch_interval, "IOI": inter_onset}


def _mean(values: ArrayLike) -> float:
    values = np.asarray(values, np.float64)
    return float(values.mean()) if len(values) else float("nan")


def mean_known(values: Iterable[float]) -> float:
    """The mean of those that are not NaN; NaN where all are."""
    known = np.array(list(values), np.float64)
    return _mean(known[~np.isnan(known)])


def _shares(counts: NDArray[np.int64]) -> Floats:
    return counts / max(int(counts.sum()), 1)
