"""Puts the program together: settings, engine, devices, takes, window. The main thread runs it.

Nothing here loads torch: the follower is loaded by its worker while the window is already there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.devices.audio import AudioSystem, open_system
from app.devices.midi import MidiSystem
from app.engine.engine import Engine
from app.engine.midi_keys import MidiKeys
from app.engine.midi_out import MidiOut
from app.engine.voice import open_instrument
from app.scenes.devices import DeviceDesk, to_choice
from app.scenes.studio import Session, Studio
from app.scenes.take_desk import TakeDesk
from app.settings import SettingsStore
from pieces.piece import Piece

if TYPE_CHECKING:
    from app.sessions.duet.choices import Choices
    from app.sessions.duet.session import DuetSession
    from app.sessions.launchpad import LaunchpadSession
    from models.launchpad.instrument import States

JUDGED_BARS = 1000
"""Bars of the composed corpus that the reward's curve compares with."""


def build_studio(
    follower: str | None = None, seed: int | None = None, audio: AudioSystem | None = None
) -> Studio:
    """Everything that the scenes share, running: engine started, MIDI listened to, takes captured.

    seed: None where nobody has chosen one.
    audio: the sound cards, where somebody has asked for them already.
    """
    audio = audio or open_system()
    settings = SettingsStore()
    sound_set = settings.now.sound_set
    engine = Engine(audio, make_instrument=partial(open_instrument, sound_set=sound_set))
    engine.set_volume(settings.now.volume)
    engine.set_click_volume(settings.now.metronome_volume)
    keys = MidiKeys(engine)
    midi = MidiSystem(keys.play, engine.tell, input_lost=keys.let_go)
    desk = DeviceDesk(engine, settings, midi, lambda text, kind: engine.tell(text))
    engine.supervisor.choice = desk.audio_choice()
    follower = follower or settings.now.follower
    studio = Studio(settings, engine, desk, make_session, follower, seed, make_launchpad, make_duet)
    studio.midi = midi
    takes = TakeDesk(engine, studio.say_later)
    studio.takes = takes
    engine.add_sink(MidiOut(engine, midi.send).play)
    engine.supervisor.opened = lambda stream: _use_latency(engine, settings, desk)
    engine.start(wait=False)
    desk.listen_as_chosen()
    midi.start(to_choice(settings.now.midi_input), to_choice(settings.now.midi_output))
    takes.recover()
    takes.start()
    desk.refresh()
    return studio


def make_session(piece: Piece, player: str, engine: Any, seed: int) -> Session:
    """The following of a piece by a player."""
    from app.sessions.follow import FollowSession

    return FollowSession(piece, player, engine=engine, seed=seed)


def make_launchpad(studio: Studio) -> LaunchpadSession:
    """The launchpad at once; its agent comes in a process of its own, its judge and real pads in a thread."""
    from app.devices.launchpads.hardware import Launchpads
    from app.sessions.launchpad import LaunchpadSession
    from app.sessions.launchpad.keeping import SongKeeper, kept_path
    from models.launchpad.agent import SHIPPED, load_agent

    make, tell = partial(load_agent, SHIPPED, studio.fresh_seed), studio.engine.tell
    studio.launchpads = pads = Launchpads(tell)
    keeper = SongKeeper(kept_path(), tell)
    session = LaunchpadSession(
        studio.engine, make, SHIPPED, None, studio.fresh_seed, midi=studio.midi, pads=pads,
        count_in=lambda: studio.count_in_bars, kept=keeper.take_up(),
    )  # fmt: skip
    keeper.keep(session.song)
    studio.to_close.append(keeper.close)

    def bring() -> None:
        pads.start()
        session.judge_by(_judge())

    threading.Thread(target=bring, name="launchpad-opening", daemon=True).start()
    return session


def make_duet(studio: Studio, agent: str, choices: Choices) -> DuetSession:
    """The duet at once; its agent comes in a process of its own: the shipped one where it is not there."""
    from app.sessions.duet.session import DuetSession
    from models.duet.agent import SHIPPED, checkpoint_of, load_agent

    name = agent if agent and checkpoint_of(agent).exists() else SHIPPED
    make = partial(load_agent, name, studio.seed)
    return DuetSession(studio.engine, make, Path(name).stem, studio.seed, choices=choices)


def _judge() -> Callable[[States], float]:
    """How near a grid is to composed music: 0 is just like a bar of it."""
    from models.launchpad.corpus import composed_corpus
    from models.launchpad.instrument import LAUNCHPAD
    from models.launchpad.reward import Shaped

    reward = Shaped(composed_corpus(bars=JUDGED_BARS), count=0)
    return lambda grid: float(reward(LAUNCHPAD.packed(grid)[None])[0])


def _use_latency(engine: Engine, settings: SettingsStore, desk: DeviceDesk) -> None:
    """That of the input that is open, as it was measured; in the thread that opened it."""
    engine.input_latency_s = settings.now.latency_s.get(desk.audio_label("input"), 0.0)
