"""`launchpad --headless`: an agent plays a number of bars into a MIDI file, without a window.

Runs on the main thread.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from app.console import console, progress


def launchpad_headless(
    bars: int, out: Path, start: Path | None, tempo: float | None, agent: str, wav: Path | None, seed: int
) -> None:
    """Play `bars` bars and write them; the same arguments give the same file, byte for byte.

    start: a grid, played in no key, or a song; without one a few notes are drawn in the key of the live
    mode's opening. tempo: None the song's own, or 120.
    agent: a checkpoint's name or file; "none" lets the start state repeat. wav: the same as sound.

    Raises:
        RipienoError: no such agent, a start of another shape, or a file that cannot be written.
    """
    from app.sessions.export import save_midi, save_wav
    from app.sessions.launchpad.headless import play_bars
    from app.sessions.launchpad.song_files import load_picture
    from app.sessions.launchpad.starts import OPENING
    from models.launchpad.agent import load_agent

    song = load_picture(start) if start is not None else None
    grid, arrangement = (song.grid, song.arrangement) if song is not None else (None, OPENING)
    arrangement = replace(arrangement, tempo_bpm=tempo or arrangement.tempo_bpm)
    player = None if agent == "none" else load_agent(agent, seed)
    with progress(f"Playing {bars} bars") as advance:
        heard = play_bars(bars, player, grid, arrangement, seed, advance)
    save_midi(heard, out)
    if wav is not None:
        with progress(f"Writing {wav.name}") as advance:
            save_wav(heard, wav, progress=lambda share: advance(share, 1.0))
    notes = sum(event.kind == "note_on" for event in heard.events)
    said = f"{out}: {bars} bars, {notes} notes, {heard.duration_s:.1f} s."
    console.print(said, markup=False, soft_wrap=True)
