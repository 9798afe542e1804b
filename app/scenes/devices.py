"""The devices as the chips and the settings show them: names, whether they are there, what can be chosen.

Used by the thread of the window. Choosing a device may stop the sound for a moment; so it is done on a
thread of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from app.devices.audio import DEFAULT, NONE, AudioChoice, DeviceInfo, open_system
from app.devices.probe import InputProbe
from app.engine.snapshot import Snapshot
from app.settings import SettingsNotSaved, SettingsStore
from app.widgets.overlays import MenuItem
from app.widgets.readouts import Level

TO_HEAR = "rest here to hear its level"


def short_name(label: str) -> str:
    """A label without the host API in brackets."""
    return label.rsplit(" (", 1)[0] if label.endswith(")") else label


def to_choice(value: str | None) -> str:
    """A remembered device as the audio system wants it: None is "none", "" the default."""
    return NONE if value is None else value or DEFAULT


def to_setting(choice: str) -> str | None:
    """Inverse of :func:`to_choice`."""
    return None if choice == NONE else "" if choice == DEFAULT else choice


class DeviceDesk:
    """What is connected and chosen. ``midi`` is the MIDI desk of the program, or None where there is none."""

    def __init__(
        self, engine: Any, settings: SettingsStore, midi: Any, tell: Callable[[str, str], object]
    ) -> None:
        self.engine, self.settings, self.midi, self.tell = engine, settings, midi, tell
        self.source_changed: Callable[[], object] = lambda: None
        self.devices: list[DeviceInfo] = []
        self._person_source = settings.now.source  # the last one that was not the demo, if there was one
        self._probe = InputProbe(open_system)
        self._busy = threading.Lock()

    def refresh(self) -> None:
        """Read the list of sound devices in the background."""
        self._apart(self._list)

    def rescan(self) -> None:
        """Look for devices anew; the sound stops for a moment."""
        self.tell("Looking for devices …", "plain")
        self._apart(self._rescan)

    # --- chips ----------------------------------------------------------------------------------

    def input_name(self) -> str:
        """What is listened to."""
        source = self.settings.now.source
        if source == "demo":
            return "Demo"
        if source == "keyboard":
            return "PC keyboard"
        return self.midi_name() if source == "midi" else self.microphone_name()

    def microphone_name(self) -> str:
        """The sound input that is open."""
        return short_name(self.audio_label("input"))

    def input_good(self) -> bool:
        """Whether that can be heard."""
        source = self.settings.now.source
        if source == "microphone":
            return self.audio_label("input") != "No input" and not self.engine.supervisor.lost
        return self.midi_good() if source == "midi" else True

    def unheard(self, snapshot: Snapshot) -> bool:
        """The sound input is listened to, and nothing has come from it for five seconds."""
        return self.engine.source == "input" and snapshot.no_signal

    def unheard_words(self) -> str:
        """What to do then."""
        name = self.microphone_name()
        return f"No signal from {name}: check cable and level, or choose another input"

    def midi_name(self) -> str:
        """The MIDI keyboard."""
        return short_name(self.midi.open_input) if self.midi_good() else "No MIDI"

    def midi_good(self) -> bool:
        return self.midi is not None and self.midi.open_input is not None

    def output_name(self) -> str:
        """Where the sound goes."""
        return short_name(self.audio_label("output"))

    def output_good(self) -> bool:
        return self.audio_label("output") != "No sound"

    def audio_label(self, side: str) -> str:
        """The device that is open for "input" or "output", in words."""
        stream = self.engine.supervisor.stream
        label = getattr(stream, f"{side}_label", NONE) if stream else NONE
        return label if label != NONE else ("No input" if side == "input" else "No sound")

    # --- menus ----------------------------------------------------------------------------------

    def input_items(self) -> list[MenuItem]:
        """What can be listened to: the demo, the keys, MIDI, every sound input.

        The chosen one shows its level, any other one while it is rested on.
        """
        now = self.settings.now
        items = [
            MenuItem("Demo performance", lambda: self.use_source("demo"), now.source == "demo", live=True),
            MenuItem(
                "PC keyboard", lambda: self.use_source("keyboard"), now.source == "keyboard", live=True
            ),
            MenuItem(
                f"MIDI: {self.midi_name()}" if self.midi_good() else "MIDI keyboard",
                lambda: self.use_source("midi"),
                now.source == "midi",
                detail="" if self.midi_good() else "not connected",
                live=self.midi_good(),
            ),
        ]
        listening = now.source == "microphone"
        current = to_choice(now.audio_input)
        for label, value, detail in self._choices("inputs"):
            if value != NONE:
                chosen = listening and current == value
                items.append(self._input_item(label, partial(self._listen, value), chosen, value, detail))
        return items

    def _input_item(
        self, label: str, on_choose: Callable[[], object], chosen: bool, value: str, detail: str
    ) -> MenuItem:
        words = " · ".join(part for part in (detail, TO_HEAR) if part)
        live, hear = self.engine.source == "input", partial(self._level_of, value)
        return MenuItem(label, on_choose, chosen, detail=words, live=live, listen=hear)

    def _level_of(self, value: str) -> Level | str:
        """What an input hears, before it is chosen; nothing while a device is being opened for good."""
        if self._busy.locked():
            return ""
        return self._probe.listen(value, self.engine.rate)

    def output_items(self) -> list[MenuItem]:
        """Where the sound can go."""
        current = to_choice(self.settings.now.audio_output)
        return [
            MenuItem(label, partial(self.choose_audio, output=value), current == value, detail=detail)
            for label, value, detail in self._choices("outputs")
        ]

    def audio_input_items(self) -> list[MenuItem]:
        """The sound inputs alone, with "none" at the end."""
        current = to_choice(self.settings.now.audio_input)
        *inputs, (none, _, _) = self._choices("inputs")
        return [
            *(
                self._input_item(
                    label, partial(self.choose_audio, input=value), current == value, value, detail
                )
                for label, value, detail in inputs
            ),
            MenuItem(none, partial(self.choose_audio, input=NONE), current == NONE),
        ]

    def midi_items(self) -> list[MenuItem]:
        """The MIDI inputs by name."""
        return self._midi_items("midi_input", "inputs")

    def midi_output_items(self) -> list[MenuItem]:
        """The MIDI outputs by name."""
        return self._midi_items("midi_output", "outputs")

    def _midi_items(self, setting: str, side: str) -> list[MenuItem]:
        current = getattr(self.settings.now, setting)
        names = self.midi_ports(side)
        first = [("First one found", "")] if side == "inputs" else []
        choices = [*first, *((name, name) for name in names), ("None", None)]
        return [
            MenuItem(label, partial(self.choose_midi, setting, value), current == value)
            for label, value in choices
        ]

    def midi_ports(self, side: str) -> list[str]:
        """Names of the MIDI ports on one side; empty where there is no MIDI."""
        return list(getattr(self.midi, side)()) if self.midi is not None else []

    def _choices(self, side: str) -> list[tuple[str, str, str]]:
        found = [
            (short_name(device.label), device.label, device.host_api)
            for device in self.devices
            if getattr(device, side) > 0
        ]
        none = "No input" if side == "inputs" else "No sound"
        return [("System default", DEFAULT, ""), *found, (none, NONE, "")]

    # --- choosing -------------------------------------------------------------------------------

    def use_source(self, source: str) -> None:
        """Follow the demo, the PC keyboard, MIDI or the sound input."""
        if source != self.settings.now.source:
            self._change(source=source)
            self.source_changed()
        if source != "demo":
            self._person_source = source
        self.listen_as_chosen()

    def listen_as_chosen(self) -> None:
        """Hear the sound input where that was chosen, and else the synth."""
        self.engine.set_source("input" if self.settings.now.source == "microphone" else "synth")

    def turn_source(self) -> None:
        """From the demo to what was followed before it, from anything else to the demo."""
        if self.settings.now.source != "demo":
            self.use_source("demo")
        elif self._person_source in ("microphone", "keyboard"):
            self.use_source(self._person_source)
        else:
            self.use_source("midi" if self.midi_good() else "keyboard")

    def _listen(self, label: str) -> None:
        self.use_source("microphone")
        self.choose_audio(input=label)

    def choose_audio(self, **labels: str) -> None:
        """Open another sound input or output and remember it."""
        self._change(**{f"audio_{side}": to_setting(label) for side, label in labels.items()})
        choice = replace(self.engine.supervisor.choice, **labels)
        self._apart(lambda: self.engine.supervisor.choose(choice))

    def reopen(self) -> None:
        """Open what the settings say, after one of them has changed."""
        self._apart(lambda: self.engine.supervisor.choose(self.audio_choice()))

    def choose_midi(self, setting: str, name: str | None) -> None:
        """Open another MIDI port and remember it."""
        self._change(**{setting: name})
        if self.midi is not None:
            side = f"{setting.removeprefix('midi_')}_choice"
            self._apart(lambda: self.midi.choose(**{side: to_choice(name)}))

    def audio_choice(self) -> AudioChoice:
        """What the settings say is to be opened."""
        now = self.settings.now
        return AudioChoice(to_choice(now.audio_input), to_choice(now.audio_output), now.block_samples)

    def _change(self, **changes: Any) -> None:
        try:
            self.settings.change(**changes)
        except SettingsNotSaved as problem:
            self.tell(str(problem), "bad")

    def _list(self) -> None:
        self.devices = self.engine.supervisor.system.devices()

    def _rescan(self) -> None:
        self.devices = self.engine.supervisor.rescan()
        count = len(self.devices)
        words = (
            "No sound device found; connect one and press Rescan." if not count else f"{count} sound devices."
        )
        self.tell(words, "good" if count else "plain")

    def _apart(self, work: Callable[[], object]) -> None:
        def run() -> None:
            with self._busy:
                self._probe.end()  # what is to be opened may be what it listens to
                work()

        threading.Thread(target=run, name="device-choice", daemon=True).start()
