"""The menus of the launchpad: key, scale, sounds, drums, clock, where to start, changes, export.

Used by the thread of the window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from app.bindings import label_of
from app.scenes.launchpad_desk import LaunchpadDesk
from app.sessions.launchpad.drums import PATTERNS
from app.sessions.launchpad.scales import SCALES, TONICS
from app.sessions.launchpad.starts import favourites
from app.sessions.launchpad.words import note_names, row_name
from app.widgets.overlays import MenuItem

SOUNDS: dict[int, str] = {
    0: "Grand piano", 4: "Electric piano", 5: "Electric piano 2", 8: "Celesta", 10: "Music box",
    11: "Vibraphone", 12: "Marimba", 13: "Xylophone", 16: "Organ", 24: "Nylon guitar", 26: "Jazz guitar",
    32: "Acoustic bass", 38: "Synth bass", 45: "Pizzicato strings", 46: "Harp", 48: "Strings",
    80: "Square lead", 88: "Pad", 108: "Kalimba", 114: "Steel drums",
}  # fmt: skip
"""Programs of General MIDI that suit short notes."""
LENGTHS = {2: "1/32", 4: "1/16", 8: "1/8", 16: "1/4", 32: "1/2", 64: "1/1"}
START_WORDS = {"empty": "Empty grid", "triad": "A triad of the key", "random": "Random, in the key"}
LINK_CHOICES = (1, 2, 4, 8, 16)
FAVOURITES = 8
"""In the menu itself; the others are one step further."""


def sound_name(program: int) -> str:
    """A program in words."""
    return SOUNDS.get(program, f"Program {program + 1}")


class LaunchpadMenus:
    """Each method makes the lines of one menu."""

    def __init__(self, desk: LaunchpadDesk) -> None:
        self.desk = desk

    def tonics(self) -> list[MenuItem]:
        now = self.desk.arrangement
        return [
            MenuItem(name, partial(self.desk.session.set_key, tonic, now.scale), tonic == now.tonic)
            for tonic, name in enumerate(TONICS)
        ]

    def scales(self) -> list[MenuItem]:
        now = self.desk.arrangement
        return [
            MenuItem(name, partial(self.desk.session.set_key, now.tonic, name), name == now.scale)
            for name in SCALES
        ]

    def sounds(self, rows: Iterable[int] | None = None) -> list[MenuItem]:
        now, chosen = self.desk.arrangement, None if rows is None else list(rows)
        first = now.voices[now.row_voices[chosen[0] if chosen else 0]]
        return [
            MenuItem(name, partial(self.desk.session.set_instrument, program, chosen), program == first)
            for program, name in SOUNDS.items()
        ]

    def lengths(self) -> list[MenuItem]:
        now = self.desk.arrangement.note_steps
        return [
            MenuItem(f"Notes last {words}", partial(self.desk.session.set_note_steps, steps), steps == now)
            for steps, words in LENGTHS.items()
        ]

    def drums(self) -> list[MenuItem]:
        now = self.desk.arrangement.drums
        return [
            MenuItem(name.capitalize(), partial(self.desk.session.set_drums, name), name == now)
            for name in PATTERNS
        ]

    def starts(self, show: Callable[[list[MenuItem]], object]) -> list[MenuItem]:
        """``show`` puts another menu in its place."""
        desk, names = self.desk, favourites()
        made = [
            MenuItem(words, partial(desk.session.start_from, name)) for name, words in START_WORDS.items()
        ]
        kept = [
            MenuItem(name, partial(desk.load_favourite, name), detail="favourite")
            for name in names[:FAVOURITES]
        ]
        more = MenuItem("All favourites …", lambda: show(self._favourites(desk.load_favourite)),
                        detail=f"{len(names)} of them")  # fmt: skip
        rename = MenuItem("Rename a favourite …", lambda: show(self._favourites(desk.rename_favourite)))
        forget = MenuItem("Delete a favourite …", lambda: show(self._favourites(desk.forget_favourite)))
        return [
            *made, *kept, *([more] if len(names) > FAVOURITES else []),
            MenuItem("Keep this grid as a favourite", desk.keep_favourite),
            *([rename, forget] if names else []),
            MenuItem("A song that was saved …", lambda: show(self._songs())),
            MenuItem("A new song", desk.new_song, detail=f"{label_of('undo')} brings this one back"),
        ]  # fmt: skip

    def _favourites(self, choose: Callable[[str], object]) -> list[MenuItem]:
        return [MenuItem(name, partial(choose, name)) for name in favourites()]

    def _songs(self) -> list[MenuItem]:
        songs = [MenuItem(path.stem, partial(self.desk.open_song, path)) for path in self.desk.songs()]
        nothing = MenuItem(f"None yet: Export saves one ({label_of('export')})", lambda: None, enabled=False)
        return songs or [nothing]

    def changes(self) -> list[MenuItem]:
        session, tonic = self.desk.session, self.desk.arrangement.tonic
        agents = self.desk.now.agents_label
        return [
            MenuItem(
                "Take back the agent's move", self.desk.undo_agent, enabled=bool(agents),
                detail=agents or "it has made none",
            ),
            MenuItem("A semitone up", partial(session.transpose, 1)),
            MenuItem("A semitone down", partial(session.transpose, -1)),
            MenuItem("An octave up", partial(session.transpose, 12), detail="what leaves comes back below"),
            MenuItem("Into the key a fifth up", partial(session.throw_into, (tonic + 7) % 12)),
            MenuItem("Into the key a fourth up", partial(session.throw_into, (tonic + 5) % 12)),
            MenuItem("Everything into the rows of the key", session.fit_to_key),
            MenuItem("Clear", session.clear, detail=f"{label_of('undo')} brings it back"),
        ]  # fmt: skip

    def row(self, row: int, other_sound: Callable[[], object]) -> list[MenuItem]:
        """``other_sound`` opens the menu of sounds for the row."""
        session, now = self.desk.session, self.desk.arrangement
        sound = sound_name(now.voices[now.row_voices[row]])
        name = row_name(row, note_names(now.tonic, now.scale))
        return [
            *(
                MenuItem(words, partial(press, row), row in pressed, detail=label_of(action))
                for words, press, pressed, action in (
                    (f"Mute {name}", session.mute, now.muted, "mute"),
                    (f"Only {name}", session.solo, now.soloed, "solo"),
                    ("Lock against the agent", session.lock, now.locked, "lock"),
                )
            ),
            MenuItem(f"Clear {name}", partial(session.clear_row, row)),
            MenuItem("Another sound …", other_sound, detail=sound),
        ]

    def link(self, index: int) -> list[MenuItem]:
        now = self.desk.arrangement.chain[index].bars
        return [
            *(
                MenuItem(
                    _bars(bars),
                    partial(self.desk.change_link, index, bars),
                    bars == now,
                )
                for bars in LINK_CHOICES
            ),
            MenuItem("Out of the chain", partial(self.desk.change_link, index, 0)),
        ]

    def chain(self, show: Callable[[list[MenuItem]], object]) -> list[MenuItem]:
        """All snapshots and links, in sight or not; ``show`` puts another menu in its place."""
        desk, now = self.desk, self.desk.arrangement
        if not now.parts:
            return [MenuItem(f"Keep a snapshot first ({label_of('keep_part')})", lambda: None, enabled=False)]

        def leads_to(items: Callable[[], list[MenuItem]]) -> Callable[[], object]:
            return lambda: show(items())

        def of_parts(words: str, act: Callable[[int], object]) -> MenuItem:
            return MenuItem(words, leads_to(partial(self._parts, act)))

        snapshots = [
            of_parts("Bring a snapshot back …", desk.part),
            of_parts("Put one into the chain …", desk.chain_part),
            of_parts("Forget a snapshot …", desk.session.forget_part),
        ]
        links = [
            MenuItem("Change a link …", leads_to(lambda: self._links(leads_to)),
                     detail=f"{len(now.chain)} in the chain"),
            MenuItem("No chain", partial(desk.session.set_chain, ())),
        ]  # fmt: skip
        return [*snapshots, *(links if now.chain else ())]

    def _parts(self, act: Callable[[int], object]) -> list[MenuItem]:
        parts = self.desk.arrangement.parts
        return [MenuItem(part.name, partial(act, index)) for index, part in enumerate(parts)]

    def _links(
        self, leads_to: Callable[[Callable[[], list[MenuItem]]], Callable[[], object]]
    ) -> list[MenuItem]:
        now, playing = self.desk.arrangement, self.desk.now.link
        return [
            MenuItem(f"{index + 1}: {now.parts[link.part].name}", leads_to(partial(self.link, index)),
                     index == playing, detail=_bars(link.bars))
            for index, link in enumerate(now.chain)
        ]  # fmt: skip

    def clocks(self) -> list[MenuItem]:
        session, now, midi = self.desk.session, self.desk.now, self.desk.studio.midi
        heard, sent = (midi.open_input, midi.open_output) if midi is not None else (None, None)
        own = now.clock == "own"
        return [
            MenuItem("Own tempo", partial(session.follow_clock, False), own),
            MenuItem(
                "Follow MIDI clock",
                partial(session.follow_clock, True),
                not own,
                detail=heard or "no MIDI input",
            ),
            MenuItem(
                "Send MIDI clock",
                partial(session.send_clock, not now.sends_clock),
                now.sends_clock,
                detail=sent or "choose a MIDI output in Settings",
            ),
        ]

    def exports(self) -> list[MenuItem]:
        desk = self.desk
        nothing = desk.now.heard_s <= 0.0
        detail = "play something first" if nothing else f"{desk.now.heard_s:.0f} s, as it was heard"
        return [
            MenuItem("MIDI file", desk.export_midi, enabled=not nothing, detail=detail),
            MenuItem("WAV file", desk.export_wav, enabled=not nothing, detail=detail),
            MenuItem("The song as JSON", desk.save_song, detail="all of it; drop it here to open it"),
            MenuItem("This grid as JSON", desk.export_grid, detail="drop it here to load it"),
            MenuItem("The take that is captured", desk.studio.save_take, detail=label_of("save_take")),
        ]


def _bars(count: int) -> str:
    return "1 bar" if count == 1 else f"{count} bars"
