"""`duet` as typed: headless, an agent answers a melody from a file, into a MIDI file, without a window.

Runs on the main thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.console import console, progress
from app.sessions.duet.choices import USUAL, DuetWishes, voice_beside


@dataclass(frozen=True)
class DuetOptions:
    """What the command is given. Where nothing is wished, tempo and meter are the melody's own, and the voice
    the one that goes with it."""

    melody: str
    out: Path
    wishes: DuetWishes
    wav: Path | None = None
    musicxml: Path | None = None
    seed: int = 0


def check_wishes(wishes: DuetWishes) -> None:
    """Say on the terminal what cannot be, before a window opens.

    Raises:
        RipienoError: no such voice or beginning, or no such agent.
    """
    from models.duet.agent import load_agent

    USUAL.but(**wishes.choices)
    if wishes.agent:
        load_agent(wishes.agent)


def duet_headless(options: DuetOptions) -> None:
    """Write the melody and what an agent plays to it; the same options give the same file, byte for byte.

    Raises:
        RipienoError: no such agent, no melody, or a file that cannot be written.
    """
    from app.sessions.duet.headless import play_duet
    from app.sessions.duet.hearing import folded
    from app.sessions.duet.parts import no_beginning, read_part
    from app.sessions.duet.score import musicxml
    from app.sessions.export import save_midi, save_text, save_wav
    from models.duet.agent import SHIPPED, load_agent
    from models.duet.encoding import HOLD

    agent = load_agent(options.wishes.agent or SHIPPED, options.seed)
    part = read_part(options.melody, _say)
    voice = voice_beside([folded(note.pitch) for note in part.notes])
    own = {"tempo_bpm": part.tempo_bpm, "beats_a_bar": part.beats_a_bar, "voice": voice}
    choices = USUAL.but(**own | dict(options.wishes.choices))
    if choices.seed == "piece" and no_beginning(part):
        _say(no_beginning(part))
    with progress(f"Answering {part.name}") as advance:
        heard, conductor = play_duet(part, agent, choices, options.seed, advance)
    save_midi(heard, options.out)
    yours, machines = conductor.ensemble.lines()
    if options.musicxml is not None:
        shifts = conductor.ensemble.shifts
        save_text(musicxml(yours, machines, conductor.meters, choices.tempo_bpm, shifts), options.musicxml)
    if options.wav is not None:
        with progress(f"Writing {options.wav.name}") as advance:
            save_wav(heard, options.wav, progress=lambda share: advance(share, 1.0))
    notes = sum(1 for symbol in machines if symbol < HOLD)
    bars = -(-len(machines) // choices.bar_steps)
    said = f"{options.out}: {bars} bars, {notes} notes in the {choices.voice}, {heard.duration_s:.1f} s."
    _say(said)


def _say(sentence: str) -> None:
    console.print(sentence, markup=False, soft_wrap=True)
