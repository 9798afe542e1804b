"""Twenty positions a second become a cursor that glides. Pure but for its own state."""

from __future__ import annotations

import math

from app.engine.snapshot import Snapshot

_SETTLE_S = 0.07
_LEAP_PX = 160.0
_AHEAD_S = 0.12


class Smooth:
    """A position that follows the snapshots: predicted by their speed, and drawn towards them."""

    def __init__(self) -> None:
        self.x_px = 0.0
        self._sample = -1
        self._heard_s = 0.0
        self._last_s = 0.0
        self._held_sample = -1

    def jump(self, x_px: float) -> None:
        """Stand there at once."""
        self.x_px = x_px

    def hold(self, sample: int) -> None:
        """Believe no snapshot until a newer one than ``sample`` comes: it was made before the jump."""
        self._held_sample = sample + 8192

    def follow(
        self, snapshot: Snapshot, t_s: float, reduced_motion: bool, latency_s: float = 0.0
    ) -> None:
        """Move towards the snapshot's position as of ``t_s``; its sound needed ``latency_s`` to get here."""
        elapsed = min(max(t_s - self._last_s, 0.0), 0.25)
        self._last_s = t_s
        if snapshot.sample <= self._held_sample and snapshot.sample > self._held_sample - 16384:
            return
        if snapshot.sample != self._sample:
            self._sample, self._heard_s = snapshot.sample, t_s
        moving = snapshot.state == "following"
        speed_px_s = snapshot.speed_px_s if moving else 0.0
        played_px = snapshot.x_px + latency_s * speed_px_s
        target = played_px + min(t_s - self._heard_s, _AHEAD_S) * speed_px_s
        leap = abs(target - self.x_px) > _LEAP_PX
        if reduced_motion or leap:
            self.x_px = played_px
        else:
            self.x_px += (target - self.x_px) * (1.0 - math.exp(-elapsed / _SETTLE_S))
