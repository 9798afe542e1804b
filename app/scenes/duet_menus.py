"""The menus of Duet: agents, phrases, sounds, who plays your part, what is listened to, export.

Used by the thread of the window.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from app.bindings import label_of
from app.scenes.duet_desk import DuetDesk
from app.sessions.duet.choices import METERS, PHRASE_BARS, Who
from app.widgets.overlays import MenuItem
from pieces.library import Entry, list_pieces

SOUNDS: dict[int, str] = {
    0: "Grand piano", 4: "Electric piano", 6: "Harpsichord", 19: "Church organ", 24: "Nylon guitar",
    40: "Violin", 41: "Viola", 42: "Cello", 48: "Strings", 52: "Choir", 56: "Trumpet", 57: "Trombone",
    60: "Horn", 68: "Oboe", 70: "Bassoon", 71: "Clarinet", 73: "Flute", 74: "Recorder",
}  # fmt: skip
"""Programs of General MIDI that carry a line."""


def is_chorale(entry: Entry) -> bool:
    """Whether a piece of the library is one of Bach's chorales."""
    return "Bach" in entry.composer and "bwv" in entry.name and not entry.name.startswith("prelude")


def sound_name(program: int) -> str:
    """A program in words."""
    return SOUNDS.get(program, f"Program {program + 1}")


class DuetMenus:
    """Each method makes the lines of one menu."""

    def __init__(self, desk: DuetDesk) -> None:
        self.desk = desk

    def agents(self) -> list[MenuItem]:
        now = self.desk.now.agent
        if not self.desk.agents:
            missing = "No trained agent is there yet: launch.py train duet"
            return [MenuItem(missing, lambda: None, enabled=False)]
        return [
            MenuItem(name, partial(self.desk.use_agent, name), name == now, detail="begins anew")
            for name in self.desk.agents
        ]

    def phrases(self) -> list[MenuItem]:
        now = self.desk.choices.phrase_bars
        return [
            MenuItem(
                "1 bar each" if bars == 1 else f"{bars} bars each",
                partial(self.desk.session.set_phrase_bars, bars), bars == now,
            )
            for bars in PHRASE_BARS
        ]  # fmt: skip

    def meters(self) -> list[MenuItem]:
        now = self.desk.choices.beats_a_bar
        return [
            MenuItem(f"{beats}/4", partial(self.desk.session.set_meter, beats), beats == now)
            for beats in METERS
        ]

    def sounds(self, who: Who) -> list[MenuItem]:
        now = self.desk.choices.program(who)
        return [
            MenuItem(name, partial(self.desk.session.set_instrument, who, program), program == now)
            for program, name in SOUNDS.items()
        ]

    def humans(self) -> list[MenuItem]:
        """You, the bundled chorales, and how a file comes in."""
        desk, now = self.desk, self.desk.now.part_name
        chorales = [entry for entry in list_pieces() if is_chorale(entry)]
        return [
            MenuItem("You, live: MIDI, keys or microphone", desk.no_part, not now),
            *(
                MenuItem(entry.title, partial(desk.play_part, entry.name), now == entry.title,
                         detail="its upper line")
                for entry in chorales
            ),
            MenuItem("A MIDI file: drop it onto the window", lambda: None, enabled=False),
        ]  # fmt: skip

    def inputs(self) -> list[MenuItem]:
        """What your line is taken from."""
        desk, devices = self.desk, self.desk.studio.devices
        items = [MenuItem("MIDI and keys", partial(desk.listen, False), not desk.microphone)]
        for item in devices.audio_input_items()[:-1]:  # the last one is none
            chosen = desk.microphone and item.chosen
            listen = partial(self._listen, item.on_choose)
            items.append(
                MenuItem(item.label, listen, chosen, detail=item.detail, live=True, listen=item.listen)
            )
        return items

    def _listen(self, choose: Callable[[], object]) -> None:
        choose()
        self.desk.listen(True)

    def exports(self) -> list[MenuItem]:
        desk = self.desk
        heard_s = desk.now.heard_s
        nothing = heard_s <= 0.0
        detail = "play something first" if nothing else f"{heard_s:.0f} s, as it was heard"
        score = detail if nothing else "both lines on two staves"
        return [
            MenuItem("MIDI file", desk.export_midi, enabled=not nothing, detail=detail),
            MenuItem("WAV file", desk.export_wav, enabled=not nothing, detail=detail),
            MenuItem("MusicXML score", desk.export_musicxml, enabled=not nothing, detail=score),
            MenuItem("The take that is captured", desk.studio.save_take, detail=label_of("save_take")),
        ]
