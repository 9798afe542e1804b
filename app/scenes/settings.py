"""Settings: devices by name with a live level, latency, follower, and how the program looks.

Used by the thread of the window. Every change holds at once and is remembered.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pygame

from app import theme
from app.bindings import label_of
from app.engine.calibration import Calibration
from app.scenes.base import Scene
from app.scenes.devices import short_name
from app.scenes.studio import Studio
from app.scenes.tapping import Tapping
from app.widgets.base import Pointer, View, Widget
from app.widgets.buttons import Button, Switch
from app.widgets.form import Dropdown, Field, FormCard
from app.widgets.overlays import MenuItem
from app.widgets.readouts import Label, LevelMeter
from app.widgets.scroll_bar import WIDTH, ScrollBar, Scrolled
from app.widgets.sliders import Slider
from pieces.errors import RipienoError

TEST_PITCHES = (60, 64, 67, 72)
TEST_S = 1.2
SCROLL_STEP = 48


class Settings(Scene):
    """Cards in one or two columns; they scroll where the window is low."""

    name = "settings"
    has_panel = False

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio)
        self.scroll = 0.0
        self.calibration: Calibration | Tapping | None = None
        self._test_until_s = 0.0
        self._t_s = 0.0
        self._cards = [
            self._sound_card(), self._instrument_card(), self._latency_card(), self._program_card(),
        ]  # fmt: skip
        self._whole_px = 0.0
        self._bar = ScrollBar(self._scrolled, self._scroll_to)
        self._foot = Label(self._foot_words, theme.BODY, theme.QUIET)
        self.actions |= {
            "start_stop": self._test_sound,
            "up": lambda: self._scroll_by(-SCROLL_STEP),
            "down": lambda: self._scroll_by(SCROLL_STEP),
        }

    # --- cards ----------------------------------------------------------------------------------

    def _sound_card(self) -> FormCard:
        desk, now = self.studio.devices, lambda: self.studio.settings.now
        level = LevelMeter(lambda view: desk.unheard(view.snapshot))
        listen = self._dropdown(desk.input_name, desk.input_items)
        sound_in = self._dropdown(lambda: short_name(desk.audio_label("input")), desk.audio_input_items)
        sound_out = self._dropdown(desk.output_name, desk.output_items)
        return FormCard("Sound", (
            Field("Listen to", (listen,)),
            Field("Level", (level,)),
            Field("Sound input", (sound_in,)),
            Field("Sound output", (sound_out,)),
            Field("Block", (self._dropdown(lambda: f"{now().block_samples} samples", self._block_items),)),
            Field("Volume", self._volume(
                "volume", self.studio.sound.set_volume, "Of what you hear; it hears the same as before"
            )),
            Field("", (
                Button(
                    "Test the sound", self._test_sound, "speaker", hint=f"A chord ({label_of('start_stop')})"
                ),
                Button("Rescan", desk.rescan, icon="restart", hint="Look for devices anew"),
            )),
        ))  # fmt: skip

    def _volume(self, setting: str, change: Callable[[float], object], hint: str) -> tuple[Widget, ...]:
        def now() -> float:
            return float(getattr(self.studio.settings.now, setting))

        slider = Slider(now, change, 0.0, 1.0, 0.8, 0.05, f"{hint}. Double click resets")
        return slider, Label(lambda view: f"{100 * now():.0f} %", align="right")

    def _instrument_card(self) -> FormCard:
        desk = self.studio.devices

        def input_words() -> str:
            return desk.midi_name() if desk.midi_good() else "None found: plug one in"

        midi_in = self._dropdown(input_words, desk.midi_items)
        midi_out = self._dropdown(
            lambda: self.studio.settings.now.midi_output or "None", desk.midi_output_items
        )
        sound_set = self._dropdown(self.studio.sound.name, self.studio.sound.items)
        return FormCard("Instruments", (
            Field("MIDI keyboard", (midi_in,)),
            Field("MIDI output", (midi_out,)),
            Field("Sound set", (sound_set,)),
            Field("Metronome", self._volume(
                "metronome_volume", self.studio.sound.set_click_volume, "Clicks and count-in"
            )),
        ))  # fmt: skip

    def _latency_card(self) -> FormCard:
        self._measure = Button(
            "Measure", self._toggle_calibration, icon="mic", hint="Plays clicks and listens"
        )
        self._tap = Button("Tap along", self._tap_along, hint="Tap on this button (Enter) with the clicks")
        by_hand = (
            Button("−1 ms", partial(self._shift_latency, -0.001)),
            Button("+1 ms", partial(self._shift_latency, 0.001)),
        )
        return FormCard("Latency", (
            Field("Input latency", (Label(self._latency_words, align="right"),)),
            Field("", (self._measure, self._tap, *by_hand)),
        ))  # fmt: skip

    def _program_card(self) -> FormCard:
        studio = self.studio
        scale = Slider(
            lambda: studio.settings.now.ui_scale, self._set_scale, 0.75, 2.5, 1.0, 0.05,
            "Double click brings 100 % back",
        )  # fmt: skip
        words = Label(lambda view: f"{studio.settings.now.ui_scale:.0%}".replace("%", " %"), align="right")
        motion = Switch(lambda: studio.settings.now.reduced_motion, partial(self._toggle, "reduced_motion"))
        full = Switch(
            lambda: studio.settings.now.fullscreen, lambda: studio.ask("full_screen"), label_of("full_screen")
        )
        follower = self._dropdown(lambda: studio.follower, self._follower_items)
        return FormCard("Program", (
            Field("Follower", (follower,)),
            Field("Scale", (scale, words)),
            Field("Reduced motion", (motion,)),
            Field("Full screen", (full,)),
        ))  # fmt: skip

    def _dropdown(self, value: Callable[[], str], items: Callable[[], list[MenuItem]]) -> Dropdown:
        made = Dropdown(value, lambda: self.studio.show_menu(tuple(items()), made.rect))
        return made

    def _block_items(self) -> list[MenuItem]:
        now = self.studio.settings.now.block_samples
        return [
            MenuItem(
                f"{size} samples", partial(self._use_block, size), size == now, detail=f"{size / 44.1:.1f} ms"
            )
            for size in (64, 128, 256, 512, 1024)
        ]

    def _use_block(self, size: int) -> None:
        self.studio.change(block_samples=size)
        self.studio.devices.reopen()

    def _follower_items(self) -> list[MenuItem]:
        return [
            MenuItem(name, partial(self.studio.use_follower, name), name == self.studio.follower)
            for name in self.studio.followers()
        ]

    # --- words ----------------------------------------------------------------------------------

    def title(self) -> str:
        return "Settings"

    def subtitle(self, view: View) -> str:
        return "Every change holds at once and is remembered"

    def _latency_words(self, view: View) -> str:
        if isinstance(self.calibration, Tapping):
            return f"{self.calibration.count} taps, at least 8"
        if self.calibration:
            return "listening to clicks …"
        latency = self.studio.engine.input_latency_s
        return f"{1000 * latency:.0f} ms" if latency else "not measured"

    def _foot_words(self, view: View) -> str:
        return "Space plays a chord. F12 silences everything. Ctrl + and Ctrl − change the scale."

    # --- geometry -------------------------------------------------------------------------------

    def body(self) -> list[Widget]:
        widgets = [widget for card in self._cards for widget in card.widgets()]
        return [*widgets, self._bar, self._foot]

    def place(self) -> None:
        content = self.areas.content
        columns = 2 if content.w >= 760 else 1
        width = (content.w - 16 * (columns - 1)) // columns
        columns_of = [[0, 2], [3, 1]] if columns == 2 else [[0, 1, 2, 3]]
        heights = [sum(self._cards[i].height + 16 for i in column) - 16 for column in columns_of]
        self._whole_px = max(heights)
        self.scroll = min(max(self.scroll, 0.0), self._scrolled().furthest)
        self._bar.rect = pygame.Rect(content.right + 4, content.y, WIDTH, content.h)
        for column, members in enumerate(columns_of):
            y = content.y - round(self.scroll)
            for index in members:
                y += self._cards[index].place(content.x + column * (width + 16), y, width) + 16
        for widget in (widget for card in self._cards for widget in card.widgets()):
            widget.visible = widget.rect.bottom <= content.bottom + 8 and widget.rect.y >= content.y - 8
        for card in self._cards:
            self._clip_ground(card, content)
        bar = self.areas.transport
        self._foot.rect = pygame.Rect(bar.x + 20, bar.y, bar.w - 40, bar.h)

    @staticmethod
    def _clip_ground(card: FormCard, content: pygame.Rect) -> None:
        shown = card.ground.rect.clip(content)
        card.ground.rect, card.ground.visible = shown, shown.h > 0

    def wheel(self, event: Pointer) -> None:
        """Scroll, where not all cards are seen."""
        self._scroll_by(-event.wheel * SCROLL_STEP)

    def _scrolled(self) -> Scrolled:
        return Scrolled(self.scroll, self.areas.content.h, self._whole_px)

    def _scroll_by(self, distance: float) -> None:
        self._scroll_to(self.scroll + distance)

    def _scroll_to(self, at: float) -> None:
        self.scroll = at
        self.studio.relayout()

    # --- life -----------------------------------------------------------------------------------

    def leave(self) -> None:
        if self.calibration:
            self.calibration.cancel()
            self.calibration = None
        self._silence()

    def update(self, view: View) -> None:
        self._t_s = view.t_s
        if self._test_until_s and view.t_s >= self._test_until_s:
            self._silence()
        self._measure.label = "Cancel" if self.calibration else "Measure"
        self._tap.label = "Tap!" if isinstance(self.calibration, Tapping) else "Tap along"
        if self.calibration:
            self._poll_calibration(self.calibration)

    def _poll_calibration(self, calibration: Calibration | Tapping) -> None:
        try:
            latency = calibration.poll()
        except RipienoError:
            self.calibration = None
            raise
        if latency is not None:
            self.calibration = None
            self._keep_latency(latency.median_s)
            spread = f"{1000 * latency.spread_s:.1f} ms"
            self.studio.say(
                f"{1000 * latency.median_s:.0f} ms, spread {spread}, {latency.count} clicks", "good"
            )

    # --- actions --------------------------------------------------------------------------------

    def _test_sound(self) -> None:
        if self._test_until_s:
            self._silence()
            return
        for pitch in TEST_PITCHES:
            self.studio.engine.note_on(pitch, 80, source="test")
        self._test_until_s = self._t_s + TEST_S

    def _silence(self) -> None:
        if self._test_until_s:
            self._test_until_s = 0.0
            for pitch in TEST_PITCHES:
                self.studio.engine.note_off(pitch, source="test")

    def _toggle_calibration(self) -> None:
        if self.calibration:
            self.calibration.cancel()
            self.calibration = None
        elif self.studio.devices.audio_label("input") == "No input":
            self.studio.say(
                "There is no sound input to listen with. Connect one, or set the value by hand.", "bad"
            )
        else:
            self.calibration = Calibration(self.studio.engine)

    def _tap_along(self) -> None:
        """The first press starts the clicks, every further one is a tap."""
        if isinstance(self.calibration, Tapping):
            self.calibration.tap()
        elif self.calibration is None:
            self.calibration = Tapping(self.studio.engine)

    def _shift_latency(self, step_s: float) -> None:
        self._keep_latency(min(max(self.studio.engine.input_latency_s + step_s, 0.0), 0.5))

    def _keep_latency(self, latency_s: float) -> None:
        self.studio.engine.input_latency_s = latency_s
        self.studio.keep_latency(self.studio.devices.audio_label("input"), latency_s)

    def _set_scale(self, scale: float) -> None:
        self.studio.change(ui_scale=round(scale, 2))
        self.studio.relayout()

    def _toggle(self, name: str) -> None:
        self.studio.change(**{name: not getattr(self.studio.settings.now, name)})
