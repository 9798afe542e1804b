"""People's performances engraved and rendered once, to be evaluated on again and again: `data build human`.

The folder they come from is the one that `evaluate follower --from` reads; what is built is read there
instead, and gives the same figures at a fraction of the time. Nothing is trained on it
(:mod:`models.evaluation_only`). Runs in the process that builds; engravers in children of its workers.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from models import held_out
from models.building import build_files
from models.evaluation_only import Mark, mark
from models.features import SPEC
from models.sound import check_synth, find_unheard_sound_set
from models.stored_items import save
from pieces.errors import RipienoError


def build(
    name: str, source: Path | None, out: Path, count: int = 0, workers: int = 2
) -> Iterator[tuple[int, int, str]]:
    """Build into `out`; yields (done, all, why the last was left out or "").

    A `count` gives those that `evaluate follower --count` draws.

    Raises:
        RipienoError: there is no performance in `source`, or `out` holds something else.
        NoSynth: nothing can be played on this machine.
    """
    if source is None:
        raise RipienoError(f"data build {name}: give the folder that holds it with --from.")
    takes = held_out.takes_in(source)
    if not takes:
        raise RipienoError(f"data build {name}: nothing to read in {source}. Is it the right folder?")
    check_synth()
    wanted = held_out.drawn(takes, count, seed=0)
    unheard = find_unheard_sound_set()
    sounds = unheard.name if unheard else None
    mark(out, Mark(name, tuple(sorted(take.name for take in wanted)), SPEC.sample_rate, sounds))
    yield from build_files([(take.name, take.build) for take in wanted], save, out, workers)
