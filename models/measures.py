"""What the papers report of a follower: tracked onsets and pieces, error at onsets, shares within a time.

Section 4.1 of the score-following paper, equations 5 and 6, and the shares of the later literature. Pure
functions of arrays: any thread may call them.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.features import SPEC
from models.game import CM_PER_PX, OLD_CONVENTION_FRAMES, FloatArray, Truth

WITHIN_S = (0.05, 0.1, 0.5, 1.0, 5.0)


@dataclass(frozen=True, eq=False)
class Track:
    """How one performance was followed, onset by onset; all arrays (K,) for K onsets.

    `error_px` and `error_s` are the cursor minus the truth at each onset, also of those after the target
    was lost (a good player finds its place again); `tracked` and `tracked_old` say which count as tracked.
    """

    error_px: FloatArray
    error_s: FloatArray
    tracked: np.ndarray
    tracked_old: np.ndarray


def judge(truth: Truth, x_px: FloatArray, tolerance_px: float) -> Track:
    """Judge a whole run: `x_px[i]` is the cursor at frame truth.first_frame + i, to the last onset's frame.

    Raises ValueError where the run is shorter than that.
    """
    begin, end = truth.first_frame, truth.last_frame
    if len(x_px) < end - begin + 1:
        raise ValueError("a run is judged to its last onset")
    strayed = np.abs(x_px[:end - begin + 1] - truth.x_px[begin:]) > tolerance_px
    lost_frame = begin + int(np.argmax(strayed)) if strayed.any() else end + 1
    at_onsets = x_px[truth.onset_frames - begin]
    late_frames = truth.frame_at_x(at_onsets) - truth.frame_at_x(truth.onset_x_px)
    return Track(
        error_px=at_onsets - truth.onset_x_px,
        error_s=late_frames / SPEC.fps,
        tracked=truth.onset_frames < lost_frame,
        tracked_old=truth.onset_frames < lost_frame + (OLD_CONVENTION_FRAMES if strayed.any() else 0),
    )


@dataclass(frozen=True)
class Measures:
    """One row of a results table, pooled over tracks as the paper does.

    Errors are over tracked onsets; the shares within a time over all onsets, lost or not. The fields ending
    in `_old` follow the reference code, which let up to 2 s after losing the target count as tracked.
    """

    tracks: int
    onsets: int
    r_tue: float
    r_on: float
    error_mean_px: float
    error_sd_px: float
    within: dict[float, float]
    r_tue_old: float
    r_on_old: float

    @property
    def error_mean_cm(self) -> float:
        """Mean |error| on paper."""
        return self.error_mean_px * CM_PER_PX

    @property
    def error_sd_cm(self) -> float:
        """Standard deviation of |error| on paper."""
        return self.error_sd_px * CM_PER_PX


def measure(tracks: Sequence[Track]) -> Measures:
    """Pool tracks, at least one: onsets over all pieces together, pieces by their number."""
    tracked = np.concatenate([track.tracked for track in tracks])
    error_px = np.abs(np.concatenate([track.error_px for track in tracks]))[tracked]
    error_s = np.abs(np.concatenate([track.error_s for track in tracks]))
    return Measures(
        tracks=len(tracks),
        onsets=len(tracked),
        r_tue=float(np.mean([track.tracked.all() for track in tracks])),
        r_on=float(tracked.mean()),
        error_mean_px=float(error_px.mean()) if len(error_px) else float("nan"),
        error_sd_px=float(error_px.std()) if len(error_px) else float("nan"),
        within={limit_s: float((error_s <= limit_s + 1e-9).mean()) for limit_s in WITHIN_S},
        r_tue_old=float(np.mean([track.tracked_old.all() for track in tracks])),
        r_on_old=float(np.concatenate([track.tracked_old for track in tracks]).mean()),
    )


def pool(parts: Sequence[Measures]) -> Measures:
    """What `measure` gives for all tracks together, from what it gave for at least one part of them each."""
    runs, onsets = np.array([part.tracks for part in parts]), np.array([part.onsets for part in parts])
    tracked = np.rint([part.r_on * part.onsets for part in parts])
    error_px = np.nan_to_num([part.error_mean_px for part in parts])
    spread_px = np.nan_to_num([part.error_sd_px for part in parts])
    some = bool(tracked.any())
    mean_px = float(np.average(error_px, weights=tracked)) if some else float("nan")
    squares = spread_px**2 + (error_px - mean_px) ** 2
    return Measures(
        tracks=int(runs.sum()),
        onsets=int(onsets.sum()),
        r_tue=float(np.average([part.r_tue for part in parts], weights=runs)),
        r_on=float(tracked.sum() / onsets.sum()),
        error_mean_px=mean_px,
        error_sd_px=float(np.sqrt(np.average(squares, weights=tracked))) if some else float("nan"),
        within={s: float(np.average([part.within[s] for part in parts], weights=onsets)) for s in WITHIN_S},
        r_tue_old=float(np.average([part.r_tue_old for part in parts], weights=runs)),
        r_on_old=float(np.average([part.r_on_old for part in parts], weights=onsets)),
    )
