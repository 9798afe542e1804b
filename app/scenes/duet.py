"""Duet: you play one line, a trained agent answers with the other.

Reads the session's snapshots and calls the session; used by the thread of the window.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pygame

from app.bindings import PIANO_KEYS
from app.scenes.base import Scene
from app.scenes.duet_desk import DuetDesk
from app.scenes.duet_looks import Steady, letters, phrases, roll_lines
from app.scenes.duet_menus import DuetMenus
from app.scenes.duet_panel import VOICES, DuetPanel
from app.scenes.duet_score import DuetScore
from app.scenes.duet_transport import DuetTransport
from app.scenes.studio import Studio
from app.widgets.base import View, Widget
from app.widgets.buttons import Button
from app.widgets.chrome import Chip
from app.widgets.count_in import CountIn, figure_of
from app.widgets.overlays import MenuItem
from app.widgets.piano_roll import RollView
from models.midi_files import MIDI_SUFFIXES

TEST_W = 118


class Duet(Scene):
    """One roll, two who play it."""

    name = "duet"

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.desk = DuetDesk(studio)
        self.menus = DuetMenus(self.desk)
        self.view = RollView()
        self.score = DuetScore(self.desk)
        self.panel = DuetPanel(self.desk, self.menus, self._show)
        self.transport = DuetTransport(
            self.desk, self.menus, self._show, self.toggle_score, lambda: self.score.shown
        )
        self.test = Button(
            "Listening test", lambda: studio.ask("scene_listening"), kind="link",
            hint="Hear two agents over one melody and choose the better one",
        )  # fmt: skip
        self.count_in = CountIn(lambda: figure_of(self.desk.now.state, self.desk.now.beat))
        self._steady = Steady()
        self._replace_chip()
        self.actions |= self._transport_actions() | self._choice_actions()

    def _replace_chip(self) -> None:
        """The first chip tells what your line is taken from, not what is followed elsewhere."""
        desk, devices = self.desk, self.studio.devices
        chip = Chip(
            "mic", lambda: devices.microphone_name() if desk.microphone else "Mic off",
            lambda: desk.microphone, lambda: self._show(self.menus.inputs(), chip.rect),
            "Where your line comes from",
        )  # fmt: skip
        self._chrome[self._chrome.index(self._chips[0])] = chip
        self._chips[0] = chip

    def _transport_actions(self) -> dict[str, Callable[[], object]]:
        desk = self.desk
        return {
            "start_stop": desk.start_stop,
            "start_over": desk.start_over,
            "tempo_down": lambda: desk.nudge_tempo(-1),
            "tempo_up": lambda: desk.nudge_tempo(1),
            "metronome": desk.toggle_click,
            "count_in": self.studio.toggle_count_in,
            "view": self.toggle_score,
            "page_back": lambda: self.score.leaf(-1),
            "page_on": lambda: self.score.leaf(1),
            "export": lambda: self._show(self.menus.exports(), self.transport.export.rect),
            "save_take": self.studio.save_take,
            "listening": lambda: self.studio.ask("scene_listening"),
        }

    def _choice_actions(self) -> dict[str, Callable[[], object]]:
        desk = self.desk
        return {
            "switch_roles": desk.switch_roles,
            "turns": desk.toggle_turns,
            "cooler": lambda: desk.warm(-1),
            "warmer": lambda: desk.warm(1),
            "follow_tempo": desk.toggle_follow_tempo,
            "microphone": desk.toggle_microphone,
            "human_part": lambda: self._show(self.menus.humans(), self.panel.human.rect),
            **{f"voice_{number}": partial(self._set_voice, number) for number in range(len(VOICES))},
        }

    def _set_voice(self, number: int) -> None:
        voice = VOICES[number][0]
        self.desk.set_voice(voice)
        self.studio.say(f"It plays {voice}")

    # --- words ----------------------------------------------------------------------------------

    def title(self) -> str:
        return f"Duet: {self.desk.now.part_name}" if self.desk.now.part_name else "Duet"

    def subtitle(self, view: View) -> str:
        now = self.desk.now
        bar = f"bar {now.bar + 1}" if self.desk.running and now.bar >= 0 else ""
        parts = (f"{now.choices.beats_a_bar}/4", f"♩ = {now.tempo_bpm:.0f}", bar, now.key_name)
        return " · ".join(part for part in parts if part)

    def _status_words(self, view: View) -> tuple[str, str]:
        desk, now, devices = self.desk, self.desk.now, self.studio.devices
        if self.score.shown:
            return self.score.status()
        if desk.microphone and not now.part_name and devices.unheard(view.snapshot):
            return devices.unheard_words(), "bad"
        if now.state == "stopped" and not now.heard_s:
            if now.part_name:
                return f"Space: {now.part_name} plays, the partner answers", "plain"
            return "Space, then play: with these keys, or plug a keyboard in", "you"
        if now.state == "playing" and not now.human and not now.part_name:
            heard = "Sing or play" if desk.microphone else "Play with the keys A S D F …, or a MIDI keyboard"
            return f"{heard}: it answers", "you"
        return "", "plain"

    # --- widgets --------------------------------------------------------------------------------

    def body(self) -> list[Widget]:
        music: list[Widget] = self.score.widgets() if self.score.shown else [*self.view.widgets(), self.test]
        return [*music, self.count_in, self.status, *self.panel.widgets(), *self.transport.widgets()]

    def place(self) -> None:
        content = self.areas.content
        self.view.place(content)
        self.test.visible = content.w >= 480
        self.test.rect = pygame.Rect(content.right - TEST_W - 8, content.bottom - 26, TEST_W, 24)
        self.score.place(content, self.scale)
        self.count_in.rect = self.status.area = self.view.sheet.rect
        self.panel.place(self.areas.panel)
        self.transport.place(self.areas.transport)

    def update(self, view: View) -> None:
        self.desk.refresh(view.t_s)
        now, roll = self.desk.now, self.view.roll
        step, roll.playing = now.step, self.desk.running
        if roll.playing:
            step = self._steady.follow(step, 4.0 * now.tempo_bpm / 60.0, view.t_s)
        roll.step = step if roll.playing or now.heard_s else None
        roll.heard_step, roll.bar_steps = now.step, now.choices.bar_steps
        roll.show(roll_lines(now))
        roll.phrases = phrases(now)
        roll.letters = letters(self.studio.piano.octave, _KEY_NAMES)
        self.view.legend.partner = f"partner · {now.voice}"
        self.panel.refresh()
        self.transport.update()
        self.score.update(now)
        self.status.say(*self._status_words(view))

    # --- life -----------------------------------------------------------------------------------

    def enter(self) -> None:
        self.studio.take_drawn = self.score.sheet.take
        self.studio.engine.set_source("synth")  # the microphone was let go of when the scene was left
        self.desk.session.wake()
        self.studio.name_takes("Duet")

    def leave(self) -> None:
        self.desk.leave()
        self.studio.devices.listen_as_chosen()
        self.studio.name_takes()

    def take_file(self, path: Path) -> bool:
        if path.suffix.lower() not in MIDI_SUFFIXES:
            return False
        self.studio.say(f"Reading {path.name} …")
        self.desk.play_part(path)
        return True

    def toggle_score(self) -> None:
        """The roll, or what was played as a score."""
        self.score.toggle()
        self.studio.relayout()

    def _show(self, items: list[MenuItem], anchor: pygame.Rect) -> None:
        self.studio.show_menu(tuple(items), anchor)


_KEY_NAMES = {key: pygame.key.name(key).upper() for key in PIANO_KEYS}
