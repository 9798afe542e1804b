"""The side panel of the launchpad: the agent and what it makes of the music, then key, sound and time.

Used by the thread of the window.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import pygame

from app import theme
from app.bindings import label_of
from app.scenes.launchpad_desk import LaunchpadDesk
from app.scenes.launchpad_menus import LENGTHS, LaunchpadMenus, sound_name
from app.sessions.launchpad.arrangement import HARDEST_SWING, STRAIGHT
from app.sessions.launchpad.scales import TONICS
from app.sessions.launchpad.starts import OPENING
from app.widgets.base import Widget
from app.widgets.buttons import Button, Choice
from app.widgets.form import Dropdown
from app.widgets.overlays import MenuItem
from app.widgets.parts import AccentBars
from app.widgets.readouts import Curve, Fact, Label
from app.widgets.sliders import Slider
from app.widgets.stack import Line, Row, stack

PACES = (("0", "Off"), ("1", "1 bar"), ("2", "2"), ("4", "4"), ("8", "8"))
SHORT_PACES = (("0", "Off"), *((key, key) for key, _ in PACES[1:]))
LOCKS = (("off", "Free"), ("forbid", "Locked"), ("map", "Nearest"))
CLOCKS = {
    "own": "Own tempo", "waiting": "Waits for the clock", "followed": "Follows the clock",
    "lost": "The clock is lost",
}  # fmt: skip
NAME_W, SHORT_NAME_W, LEAST_FOR_NAMES = 64, 48, 250
CURVE = 120
BOLDEST = 1.0
Show = Callable[[list[MenuItem], pygame.Rect], object]


class LaunchpadPanel:
    """The widgets of the panel and their order; what there is no room for is left out."""

    def __init__(self, desk: LaunchpadDesk, menus: LaunchpadMenus, show: Show) -> None:
        self.desk, self.menus, self._show = desk, menus, show
        self._build_agent()
        self._build_music()
        self._build_sound()

    def _build_agent(self) -> None:
        desk = self.desk
        self._pace = Choice(
            PACES, lambda: str(desk.arrangement.pace), lambda key: desk.session.set_pace(int(key)),
            f"It presses a button every so many bars ({label_of('pace')})",
        )  # fmt: skip
        self.pace = Line(Label("Agent", colour=theme.QUIET), ((self._pace, 1.0),))
        self.next_move = Fact("Next move", lambda view: self._next_words(), theme.MACHINE)
        boldness = Slider(
            lambda: desk.arrangement.temperature, desk.set_boldness, 0.0, BOLDEST, OPENING.temperature, 0.05,
            "At the left its best move, at the right a surprise; double click resets",
        )  # fmt: skip
        self.boldness = Line(Label("Boldness", colour=theme.QUIET), ((boldness, 1.0),))
        self.reward = Fact("Reward", lambda view: self._reward_words())
        self.curve = Curve(CURVE, theme.MACHINE, low=float("inf"), high=float("-inf"))
        self.more = Button(
            "More like this", lambda: desk.vote(1), icon="plus", kind="good",
            hint=f"The agent will seek bars like this one ({label_of('vote_more')})",
        )  # fmt: skip
        self.less = Button(
            "Less like this", lambda: desk.vote(-1), icon="minus", kind="danger",
            hint=f"The agent will avoid bars like this one ({label_of('vote_less')})",
        )  # fmt: skip

    def _build_music(self) -> None:
        desk, menus = self.desk, self.menus
        self.tonic = self._dropdown(
            lambda: TONICS[desk.arrangement.tonic], menus.tonics, "The key of the rows"
        )
        self.scale = self._dropdown(lambda: desk.arrangement.scale, menus.scales, "The scale of the rows")
        self.key = Line(Label("Key", colour=theme.QUIET), ((self.tonic, 0.9), (self.scale, 2.1)))
        lock = Choice(
            LOCKS, lambda: desk.arrangement.scale_lock, desk.set_scale_lock,
            f"Presses outside the key: free, refused, or on the nearest row ({label_of('scale_lock')})",
        )  # fmt: skip
        self.lock = Line(Label("Scale", colour=theme.QUIET), ((lock, 1.0),))
        swing = Slider(
            lambda: 100 * desk.arrangement.swing, desk.set_swing, 100 * STRAIGHT, 100 * HARDEST_SWING,
            100 * STRAIGHT, 1.0, "Swing of the sixteenths: 50 % is straight; double click resets",
        )  # fmt: skip
        percent = Label(lambda view: f"{100 * desk.arrangement.swing:.0f} %", align="right")
        self.swing = Line(Label("Swing", colour=theme.QUIET), ((swing, 2.6), (percent, 1.0)))

    def _build_sound(self) -> None:
        desk, menus = self.desk, self.menus
        sound = self._dropdown(
            self._sound_words, menus.sounds, "The instrument of all rows; click on a key for its own"
        )
        length = self._dropdown(
            lambda: LENGTHS.get(desk.arrangement.note_steps, "–"), menus.lengths, "How long a note lasts"
        )
        self.sound = Line(Label("Sound", colour=theme.QUIET), ((sound, 2.0), (length, 1.0)))
        drums = self._dropdown(
            lambda: desk.arrangement.drums.capitalize(), menus.drums, "Drums under the notes"
        )
        level = Slider(
            lambda: desk.arrangement.drum_level, desk.set_drum_level, 0.0, 1.0, 1.0, 0.05,
            "How loud the drums are; double click resets",
        )  # fmt: skip
        self.drums = Line(Label("Drums", colour=theme.QUIET), ((drums, 2.0), (level, 1.0)))
        accents = AccentBars(lambda: desk.arrangement.accents, desk.set_accent)
        self.accents = Line(Label("Accents", colour=theme.QUIET), ((accents, 1.0),))
        clock = self._dropdown(
            self._clock_words, menus.clocks, "Whose tempo: ours, or MIDI clock; and who gets it"
        )
        self.clock = Line(Label("Clock", colour=theme.QUIET), ((clock, 1.0),))
        self.start = Button(
            "Start from …",
            lambda: self._open(menus.starts(lambda items: self._open(items, self.start)), self.start),
            hint="Empty, a triad, random, a favourite, a saved song",
        )
        self.change = Button(
            "Change …", lambda: self._open(menus.changes(), self.change), hint="Transpose, another key, clear"
        )

    def _dropdown(self, value: Callable[[], str], items: Callable[[], list[MenuItem]], hint: str) -> Dropdown:
        dropdown = Dropdown(value, lambda: self._open(items(), dropdown), hint)
        return dropdown

    def _open(self, items: list[MenuItem], anchor: Widget) -> None:
        self._show(items, anchor.rect)

    # --- words ----------------------------------------------------------------------------------

    def _next_words(self) -> str:
        now = self.desk.now
        if not now.agent:
            return "no agent: you play alone"
        return "it rests" if not now.arrangement.pace else now.next_move or "–"

    def _reward_words(self) -> str:
        rewards = self.desk.now.rewards
        return f"{rewards[-1]:.2f}".replace("-", "−") if rewards else "–"

    def _sound_words(self) -> str:
        now = self.desk.arrangement
        sounding = {now.voices[voice] for voice in now.row_voices}
        return sound_name(sounding.pop()) if len(sounding) == 1 else f"{len(sounding)} sounds"

    def _clock_words(self) -> str:
        now = self.desk.now
        words = CLOCKS.get(now.clock, now.clock)
        return f"{words}, sends clock" if now.sends_clock else words

    # --- geometry -------------------------------------------------------------------------------

    def widgets(self) -> list[Widget]:
        return [widget for row in self._rows() for widget in row.widgets]

    def _lines(self) -> tuple[Line, ...]:
        return (
            self.pace, self.boldness, self.key, self.lock, self.swing, self.sound, self.drums, self.accents,
            self.clock,
        )  # fmt: skip

    def _rows(self) -> list[Row]:
        def line(it: Line, height: int, gap: int = 8, spare: int = 0, grow: int = 0) -> Row:
            return Row(it.widgets, height, grow, gap, spare, overlaid=True)

        return [
            line(self.pace, 30, gap=6),
            Row((self.next_move,), 20, gap=6),
            line(self.boldness, 26, spare=6),
            Row((self.reward,), 20, gap=2, spare=3),
            Row((self.curve,), 30, grow=3, gap=10, spare=5),
            Row((self.more, self.less), 34, gap=14),
            Row((), 0, grow=2, gap=0),
            line(self.key, 30),
            line(self.lock, 30, spare=1),
            line(self.swing, 26),
            line(self.sound, 30, spare=2),
            line(self.drums, 30),
            line(self.accents, 30, grow=1, spare=7),
            line(self.clock, 30, gap=12, spare=4),
            Row((), 0, grow=2, gap=0),
            Row((self.start, self.change), 34),
        ]

    def place(self, panel: pygame.Rect) -> None:
        """Into the panel; folded away, nothing of it is seen."""
        if panel.w == 0:
            for widget in self.widgets():
                widget.visible = False
            return
        roomy = panel.w >= 320
        self._pace.options = PACES if roomy else SHORT_PACES
        self.more.label, self.less.label = ("More like this", "Less like this") if roomy else ("More", "Less")
        inside = panel.inflate(-40 if roomy else -24, -28)
        stack(inside, self._rows())
        for line in self._lines():
            line.spread(NAME_W if panel.w >= LEAST_FOR_NAMES else SHORT_NAME_W)

    def refresh(self) -> None:
        """The snapshot is new."""
        rewards = self.desk.now.rewards[-CURVE:]
        if tuple(self.curve.values) != rewards:
            self.curve.values = deque(rewards, maxlen=CURVE)
            self.curve.pushed += 1
        self.more.enabled = self.less.enabled = self.desk.steerable
