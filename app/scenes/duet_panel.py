"""The side panel of Duet: the partner and how it plays, what it hears, your part, the sounds, the keys.

Used by the thread of the window.
"""

from __future__ import annotations

from collections.abc import Callable

import pygame

from app import theme
from app.bindings import label_of
from app.scenes.duet_desk import TEMPERATURE_STEP, DuetDesk
from app.scenes.duet_menus import DuetMenus, sound_name
from app.sessions.duet.choices import GM_LEVEL, USUAL, WILDEST, Who
from app.theme import Colour
from app.widgets.base import Widget
from app.widgets.buttons import Button, Choice, Toggle
from app.widgets.form import Dropdown
from app.widgets.inputs import MiniPiano
from app.widgets.overlays import MenuItem
from app.widgets.readouts import Bar, Fact, Label
from app.widgets.sliders import Slider
from app.widgets.stack import Line, Row, stack

VOICES = (("soprano", "S"), ("alto", "A"), ("tenor", "T"), ("bass", "B"))
MODES = (("together", "Both"), ("call and response", "In turn"))
SHORT_NAMES = {"temperature": "Temp.", "consonance": "Conson.", "human": "Part"}
LEAST_FOR_BARS = 76
"""A narrower list of phrases shows the number alone."""
BEGINNINGS = (("cold", "Cold"), ("two bars", "Two bars"), ("piece", "Piece"))
NAMES: dict[Who, str] = {"you": "You", "machine": "Partner"}
CONSONANT = 0.66
"""From here on the bar is green."""
NAME_W, SHORT_NAME_W, LEAST_FOR_NAMES = 92, 56, 290
Show = Callable[[list[MenuItem], pygame.Rect], object]


class DuetPanel:
    """The widgets of the panel and their order; what there is no room for is left out."""

    def __init__(self, desk: DuetDesk, menus: DuetMenus, show: Show) -> None:
        self.desk, self.menus, self._show = desk, menus, show
        self._build_partner()
        self._build_heard()
        self._build_you()
        self._names = {name: line.name.text for name, line in self.lines.items()}

    def _build_partner(self) -> None:
        desk, menus = self.desk, self.menus
        self.agent = self._dropdown(desk.agent_words, menus.agents, "Which agent plays")
        voice = Choice(
            VOICES, lambda: desk.now.voice, desk.set_voice,
            f"It plays soprano, alto, tenor or bass ({label_of('voice_0')})",
        )  # fmt: skip
        mode = Choice(
            MODES, lambda: desk.choices.mode, desk.set_mode,
            f"Both at once, or your phrase and then its answer ({label_of('turns')})",
        )  # fmt: skip
        self.phrase = self._dropdown(
            self._phrase_words, menus.phrases, "How long a phrase is, in turn"
        )
        temperature = Slider(
            lambda: desk.choices.temperature, desk.set_temperature, 0.0, WILDEST, USUAL.temperature,
            TEMPERATURE_STEP,
            f"At the left what is likeliest, at the right a surprise ({label_of('cooler')}); "
            "double click resets",
        )  # fmt: skip
        words = Label(lambda view: f"{desk.choices.temperature:.2f}", align="right")
        begin = Choice(
            BEGINNINGS, lambda: desk.choices.seed, desk.set_beginning,
            "In silence, with two bars of counterpoint to you, or with two bars of your part's piece",
        )  # fmt: skip
        self.lines = {
            "partner": _line("Partner", (voice, 1.4), (self.agent, 1.0)),
            "mode": _line("Play", (mode, 1.6), (self.phrase, 1.0)),
            "temperature": _line("Temperature", (temperature, 4.0), (words, 1.0)),
            "begin": _line("It begins", (begin, 1.0)),
        }

    def _build_heard(self) -> None:
        desk = self.desk
        self.key_heard = Fact("Key heard", lambda view: desk.now.key_name or "–")
        consonance = Bar(lambda view: desk.now.consonance or 0.0, _consonance_colour)
        words = Label(lambda view: _percent(desk.now.consonance), align="right")
        self.lines["consonance"] = _line("Consonance", (consonance, 4.0), (words, 1.0))
        self.decided = Fact("Decided in", lambda view: self._decided_words())
        self.late = Fact("Late steps", lambda view: str(desk.now.late_steps))
        self.roles = Button(
            "Switch roles", desk.switch_roles,
            hint=f"It carries on your line, and you carry on its ({label_of('switch_roles')})",
        )  # fmt: skip
        self.again = Button(
            "Start over", desk.start_over, hint=f"Both lines anew, at once ({label_of('start_over')})"
        )  # fmt: skip

    def _build_you(self) -> None:
        desk, menus, piano = self.desk, self.menus, self.desk.studio.piano
        self.human = self._dropdown(
            desk.human_words, menus.humans, f"You, a chorale, or a MIDI file ({label_of('human_part')})"
        )
        self.lines["human"] = _line("Your part", (self.human, 1.0))
        for who in NAMES:
            self._build_sound(who)
        self.microphone = Toggle(
            "Microphone", lambda: desk.microphone, desk.toggle_microphone,
            f"Sing or play one line into the sound input ({label_of('microphone')})",
        )  # fmt: skip
        self.tempo = Toggle(
            "My tempo", lambda: desk.choices.follow_tempo, desk.toggle_follow_tempo,
            f"The beat follows you; off, you follow the beat ({label_of('follow_tempo')})",
        )  # fmt: skip
        self.piano_title = Label(
            lambda view: f"Play with these keys · from C{piano.octave}", theme.SMALL, theme.QUIET
        )
        self.piano = MiniPiano(lambda: piano.held, piano.press, piano.release)

    def _build_sound(self, who: Who) -> None:
        desk, menus = self.desk, self.menus
        sound = self._dropdown(
            lambda: sound_name(desk.choices.program(who)), lambda: menus.sounds(who),
            "The sound of your part" if who == "you" else "The sound of its part",
        )  # fmt: skip
        volume = Slider(
            lambda: desk.choices.level(who), lambda level: desk.session.set_volume(who, level),
            0.0, 1.0, GM_LEVEL, 0.05, "How loud; double click resets",
        )  # fmt: skip
        self.lines[who] = _line(NAMES[who], (sound, 1.6), (volume, 1.0))

    def _dropdown(self, value: Callable[[], str], items: Callable[[], list[MenuItem]], hint: str) -> Dropdown:
        dropdown = Dropdown(value, lambda: self._show(items(), dropdown.rect), hint)
        return dropdown

    def _phrase_words(self) -> str:
        bars = self.desk.choices.phrase_bars
        return _bars(bars) if self.phrase.rect.w >= LEAST_FOR_BARS else str(bars)

    def _decided_words(self) -> str:
        now = self.desk.now
        return f"{now.decided_ms:.1f} ms" if now.decided_ms else "–"

    # --- geometry -------------------------------------------------------------------------------

    def widgets(self) -> list[Widget]:
        return [widget for row in self._rows() for widget in row.widgets]

    def _rows(self) -> list[Row]:
        def line(name: str, height: int = 30, gap: int = 6, spare: int = 0) -> Row:
            return Row(self.lines[name].widgets, height, 0, gap, spare, overlaid=True)

        return [
            line("partner"),
            line("mode"),
            line("temperature", 26),
            line("begin", gap=12, spare=4),
            Row((), 0, grow=1, gap=0),
            Row((self.key_heard,), 20, gap=4),
            line("consonance", 20, gap=4),
            Row((self.decided,), 20, gap=4, spare=6),
            Row((self.late,), 20, gap=12, spare=7),
            Row((), 0, grow=1, gap=0),
            Row((self.roles, self.again), 34, gap=12),
            Row((), 0, grow=1, gap=0),
            line("human"),
            line("you", spare=3),
            line("machine", spare=3),
            Row((self.microphone, self.tempo), 30, gap=10, spare=2),
            Row((), 0, grow=1, gap=0),
            Row((self.piano_title,), 18, gap=4, spare=5),
            Row((self.piano,), 54, gap=0, spare=5),
        ]

    def place(self, panel: pygame.Rect) -> None:
        """Into the panel; folded away, nothing of it is seen."""
        if panel.w == 0:
            for widget in self.widgets():
                widget.visible = False
            return
        roomy = panel.w >= 320
        stack(panel.inflate(-40 if roomy else -24, -28), self._rows())
        for name, line in self.lines.items():
            line.name.text = self._names[name] if roomy else SHORT_NAMES.get(name, self._names[name])
            line.spread(NAME_W if panel.w >= LEAST_FOR_NAMES else SHORT_NAME_W)

    def refresh(self) -> None:
        """The snapshot is new: what has no meaning now cannot be pressed."""
        self.phrase.enabled = self.desk.in_turn
        self.microphone.enabled = self.tempo.enabled = not self.desk.now.part_name


def _line(name: str, *controls: tuple[Widget, float]) -> Line:
    return Line(Label(name, colour=theme.QUIET), controls)


def _bars(count: int) -> str:
    return "1 bar" if count == 1 else f"{count} bars"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"


def _consonance_colour(share: float) -> Colour:
    return theme.GOOD if share >= CONSONANT else theme.YOU
