"""Every key that does something, in one table: the window obeys it and the `?` overlay is printed from it.

The keys that play notes are in :data:`PIANO_KEYS`. Pure data; any thread may read it.
"""

from __future__ import annotations

from dataclasses import dataclass

import pygame

EVERYWHERE = ""
SHIFT, CTRL = pygame.KMOD_SHIFT, pygame.KMOD_CTRL | pygame.KMOD_META


@dataclass(frozen=True)
class Chord:
    """A key with the modifiers that must be held. ``typed`` instead compares what the key types."""

    key: int = 0
    ctrl: bool = False
    shift: bool = False
    typed: str = ""

    def matches(self, key: int, modifiers: int, text: str) -> bool:
        if self.typed:
            return text == self.typed and not modifiers & CTRL
        shift_fits = self.shift == bool(modifiers & SHIFT)
        return key == self.key and self.ctrl == bool(modifiers & CTRL) and shift_fits


@dataclass(frozen=True)
class Binding:
    """``action`` is what a scene is asked to do; ``scenes`` where (EVERYWHERE: in all of them)."""

    action: str
    label: str
    what: str
    chords: tuple[Chord, ...]
    scenes: tuple[str, ...] = (EVERYWHERE,)
    group: str = "Everywhere"


def _plain(*keys: int) -> tuple[Chord, ...]:
    return tuple(Chord(key) for key in keys)


PIANO_KEYS: dict[int, int] = {
    key: semitone
    for semitone, key in enumerate(
        (
            pygame.K_a,
            pygame.K_w,
            pygame.K_s,
            pygame.K_e,
            pygame.K_d,
            pygame.K_f,
            pygame.K_t,
            pygame.K_g,
            pygame.K_y,
            pygame.K_h,
            pygame.K_u,
            pygame.K_j,
            pygame.K_k,
            pygame.K_o,
            pygame.K_l,
            pygame.K_p,
            pygame.K_SEMICOLON,
        )
    )
}
"""Semitones above C of the keys that play, laid out as on a piano."""
PIANO_SCENES = ("home", "follow", "duet")
_TEST = ("listening",)
_SCORE = ("follow", "play")
_FOLLOW = ("follow",)
_PADS = ("launchpad",)
_DUET = ("duet",)
_INSIDE = ("inside",)


def _pads(action: str, label: str, what: str, *chords: Chord) -> Binding:
    return Binding(action, label, what, chords, _PADS, "Launchpad")


def _duet(action: str, label: str, what: str, *chords: Chord) -> Binding:
    return Binding(action, label, what, chords, _DUET, "Duet")


def _numbered(action: str, label: str, what: str, chords: list[Chord]) -> tuple[Binding, ...]:
    """``action_0``, ``action_1`` ...: one line of the list of keys."""
    return tuple(_pads(f"{action}_{number}", label, what, chord) for number, chord in enumerate(chords))


_DIGITS = (pygame.K_1, pygame.K_2, pygame.K_3, pygame.K_4, pygame.K_5, pygame.K_6, pygame.K_7)
_PART_KEYS = tuple(range(pygame.K_F2, pygame.K_F9 + 1))

BINDINGS: tuple[Binding, ...] = (
    Binding("start_stop", "Space", "Start or stop", _plain(pygame.K_SPACE)),
    Binding("panic", "F12", "Panic: silence every note", _plain(pygame.K_F12)),
    Binding("help", "?  or  F1", "Show or hide this list", (Chord(typed="?"), Chord(pygame.K_F1))),
    Binding("full_screen", "F11", "Full screen", _plain(pygame.K_F11)),
    Binding("back", "Esc", "Cancel, close what is open, then Home", _plain(pygame.K_ESCAPE)),
    Binding("next_focus", "Tab", "Next control", _plain(pygame.K_TAB)),
    Binding("previous_focus", "Shift Tab", "Previous control", (Chord(pygame.K_TAB, shift=True),)),
    Binding("fold", "Ctrl B", "Fold or unfold the side panel", (Chord(pygame.K_b, ctrl=True),)),
    Binding("open_file", "Ctrl O", "Open a file by its path", (Chord(pygame.K_o, ctrl=True),)),
    Binding(
        "larger",
        "Ctrl +",
        "Everything larger",
        tuple(
            Chord(key, True, shift)
            for key in (pygame.K_PLUS, pygame.K_EQUALS, pygame.K_KP_PLUS)
            for shift in (False, True)
        ),
    ),
    Binding(
        "smaller",
        "Ctrl −",
        "Everything smaller",
        tuple(Chord(key, True) for key in (pygame.K_MINUS, pygame.K_KP_MINUS)),
    ),
    Binding("scene_home", "Ctrl 1", "Home", (Chord(pygame.K_1, ctrl=True),)),
    Binding("scene_follow", "Ctrl 2", "Follow", (Chord(pygame.K_2, ctrl=True),)),
    Binding("scene_play", "Ctrl 3", "Play", (Chord(pygame.K_3, ctrl=True),)),
    Binding("scene_launchpad", "Ctrl 4", "Launchpad", (Chord(pygame.K_4, ctrl=True),)),
    Binding("scene_duet", "Ctrl 5", "Duet", (Chord(pygame.K_5, ctrl=True),)),
    Binding("scene_inside", "Ctrl 6", "Inside", (Chord(pygame.K_6, ctrl=True),)),
    Binding("scene_takes", "Ctrl T", "Takes", (Chord(pygame.K_t, ctrl=True),)),
    Binding("scene_settings", "Ctrl ,", "Settings", (Chord(pygame.K_COMMA, ctrl=True),)),
    Binding("quit", "Ctrl Q", "Quit", (Chord(pygame.K_q, ctrl=True),)),
    Binding(
        "search",
        "/  or  Ctrl F",
        "Search the library",
        (Chord(typed="/"), Chord(pygame.K_f, ctrl=True)),
        ("home",),
        "Home",
    ),
    Binding(
        "open",
        "Enter",
        "Open the chosen piece",
        _plain(pygame.K_RETURN, pygame.K_KP_ENTER),
        ("home",),
        "Home",
    ),
    Binding("left", "←", "Piece to the left", _plain(pygame.K_LEFT), ("home",), "Home"),
    Binding("right", "→", "Piece to the right", _plain(pygame.K_RIGHT), ("home",), "Home"),
    Binding("up", "↑", "Row above", _plain(pygame.K_UP), ("home",), "Home"),
    Binding("down", "↓", "Row below", _plain(pygame.K_DOWN), ("home",), "Home"),
    Binding("page_back", "Page Up / Down", "A screen up, down", _plain(pygame.K_PAGEUP), ("home",), "Home"),
    Binding("page_on", "Page Up / Down", "A screen up, down", _plain(pygame.K_PAGEDOWN), ("home",), "Home"),
    Binding("remove", "Del", "Remove a piece that you added", _plain(pygame.K_DELETE), ("home",), "Home"),
    Binding("restart", "Home", "Back to the beginning", _plain(pygame.K_HOME), _SCORE, "Follow and Play"),
    Binding("back_measure", "←", "One measure back", _plain(pygame.K_LEFT), _FOLLOW, "Follow"),
    Binding("next_measure", "→", "One measure on", _plain(pygame.K_RIGHT), _FOLLOW, "Follow"),
    Binding("page_back", "Page Up", "Leaf back", _plain(pygame.K_PAGEUP), _FOLLOW, "Follow"),
    Binding("page_on", "Page Down", "Leaf on", _plain(pygame.K_PAGEDOWN), _FOLLOW, "Follow"),
    Binding("loop_a", "[", "Loop starts here (A)", _plain(pygame.K_LEFTBRACKET), _FOLLOW, "Follow"),
    Binding("loop_b", "]", "Loop ends here (B)", _plain(pygame.K_RIGHTBRACKET), _FOLLOW, "Follow"),
    Binding("loop_clear", "\\", "No loop", _plain(pygame.K_BACKSLASH), _FOLLOW, "Follow"),
    Binding(
        "slower_demo",
        "−",
        "Demo slower",
        _plain(pygame.K_MINUS, pygame.K_KP_MINUS),
        _SCORE,
        "Follow and Play",
    ),
    Binding(
        "faster_demo",
        "=",
        "Demo faster",
        _plain(pygame.K_EQUALS, pygame.K_PLUS, pygame.K_KP_PLUS),
        _SCORE,
        "Follow and Play",
    ),
    Binding("metronome", "M", "Metronome on or off", _plain(pygame.K_m), _FOLLOW, "Follow"),
    Binding("count_in", "N", "Count-in on or off", _plain(pygame.K_n), _FOLLOW, "Follow"),
    Binding("view", "V", "Pages or strip", _plain(pygame.K_v), _FOLLOW, "Follow"),
    Binding("source", "Q", "Demo, or you", _plain(pygame.K_q), _FOLLOW, "Follow"),
    Binding(
        "save_take",
        "Ctrl S",
        "Save the take as MIDI and WAV",
        (Chord(pygame.K_s, ctrl=True),),
        ("follow", "takes", "launchpad", "duet"),
        "Follow",
    ),
    Binding("up", "↑  Page Up", "Scroll up", _plain(pygame.K_UP, pygame.K_PAGEUP), ("settings",), "Settings"),
    Binding(
        "down",
        "↓  Page Down",
        "Scroll down",
        _plain(pygame.K_DOWN, pygame.K_PAGEDOWN),
        ("settings",),
        "Settings",
    ),
    Binding("up", "↑", "Take above", _plain(pygame.K_UP), ("takes",), "Takes"),
    Binding("down", "↓", "Take below", _plain(pygame.K_DOWN), ("takes",), "Takes"),
    Binding(
        "delete", "Del", "Delete the take; twice to be sure", _plain(pygame.K_DELETE), ("takes",), "Takes"
    ),
    Binding("steer_slower", "←  or  A", "Slower", _plain(pygame.K_LEFT, pygame.K_a), ("play",), "Play"),
    Binding("steer_faster", "→  or  D", "Faster", _plain(pygame.K_RIGHT, pygame.K_d), ("play",), "Play"),
    Binding("ghost", "G", "Another ghost", _plain(pygame.K_g), ("play",), "Play"),
    _pads("left", "← → ↑ ↓", "Move over the pads", Chord(pygame.K_LEFT)),
    _pads("right", "← → ↑ ↓", "Move over the pads", Chord(pygame.K_RIGHT)),
    _pads("up", "← → ↑ ↓", "Move over the pads", Chord(pygame.K_UP)),
    _pads("down", "← → ↑ ↓", "Move over the pads", Chord(pygame.K_DOWN)),
    _pads("press", "Enter", "Press it", *_plain(pygame.K_RETURN, pygame.K_KP_ENTER)),
    *(
        _pads(f"row_{semitone}", "A W S E D F …", "Choose the row of a note", Chord(key))
        for key, semitone in PIANO_KEYS.items()
    ),
    _pads("octave_down", "Z  X", "The letters an octave lower, higher", Chord(pygame.K_z)),
    _pads("octave_up", "Z  X", "The letters an octave lower, higher", Chord(pygame.K_x)),
    *_numbered("pattern", "1 … 7", "A pattern of that row", [Chord(key) for key in _DIGITS]),
    *_numbered(
        "offset",
        "Shift 1 … 6",
        "Later by 1, 2, 4 … 32 steps",
        [Chord(key, shift=True) for key in _DIGITS[:6]],
    ),
    _pads("mute", "M", "Mute the row", Chord(pygame.K_m)),
    _pads("solo", "N", "Solo", Chord(pygame.K_n)),
    _pads("lock", "B", "Lock the row against the agent", Chord(pygame.K_b)),
    _pads("row_menu", "I", "Menu of the row: clear, its own sound", Chord(pygame.K_i)),
    _pads("rows", "V", "All rows, or half of them", Chord(pygame.K_v)),
    _pads("page_back", "Page Up / Down", "The upper or the lower half", Chord(pygame.K_PAGEUP)),
    _pads("page_on", "Page Up / Down", "The upper or the lower half", Chord(pygame.K_PAGEDOWN)),
    _pads("undo", "Ctrl Z", "Take back what you did last", Chord(pygame.K_z, ctrl=True)),
    _pads("undo_agent", "Backspace", "Take back the agent's move", Chord(pygame.K_BACKSPACE)),
    _pads(
        "redo", "Ctrl Y", "Do again", Chord(pygame.K_y, ctrl=True), Chord(pygame.K_z, ctrl=True, shift=True)
    ),
    _pads("tempo_down", "−", "Slower", *_plain(pygame.K_MINUS, pygame.K_KP_MINUS)),
    _pads("tempo_up", "=", "Faster", *_plain(pygame.K_EQUALS, pygame.K_PLUS, pygame.K_KP_PLUS)),
    _pads("vote_more", "]", "More like this", Chord(pygame.K_RIGHTBRACKET)),
    _pads("vote_less", "[", "Less like this", Chord(pygame.K_LEFTBRACKET)),
    _pads("pace", "Q", "How often the agent presses", Chord(pygame.K_q)),
    _pads("scale_lock", "R", "Presses outside the key", Chord(pygame.K_r)),
    _pads("click", "C", "Click on or off", Chord(pygame.K_c)),
    _pads("count_in", "Ctrl N", "Count-in on or off", Chord(pygame.K_n, ctrl=True)),
    _pads("keep_part", "Ctrl K", "Keep a snapshot", Chord(pygame.K_k, ctrl=True)),
    *_numbered("part", "F2 … F9", "Snapshot A … H back at the next bar", [Chord(key) for key in _PART_KEYS]),
    *_numbered(
        "chain", "Shift F2 … F9", "Put it into the chain", [Chord(key, shift=True) for key in _PART_KEYS]
    ),
    _pads("chain", "F10", "Let the chain lead", Chord(pygame.K_F10)),
    _pads("export", "Ctrl E", "Export MIDI, WAV or the grid", Chord(pygame.K_e, ctrl=True)),
    _duet("switch_roles", "R", "Switch roles: it leads, you answer", Chord(pygame.K_r)),
    _duet("start_over", "Backspace", "Start over", Chord(pygame.K_BACKSPACE)),
    _duet("view", "V", "Roll or score", Chord(pygame.K_v)),
    _duet("page_back", "Page Up / Down", "The score up or down", Chord(pygame.K_PAGEUP)),
    _duet("page_on", "Page Up / Down", "The score up or down", Chord(pygame.K_PAGEDOWN)),
    *(
        _duet(f"voice_{number}", "1 2 3 4", "It plays soprano, alto, tenor, bass", Chord(key))
        for number, key in enumerate(_DIGITS[:4])
    ),
    _duet("turns", "C", "Together, or call and response", Chord(pygame.K_c)),
    _duet("cooler", "[  ]", "Temperature lower, higher", Chord(pygame.K_LEFTBRACKET)),
    _duet("warmer", "[  ]", "Temperature lower, higher", Chord(pygame.K_RIGHTBRACKET)),
    _duet("tempo_down", "−", "Slower", *_plain(pygame.K_MINUS, pygame.K_KP_MINUS)),
    _duet("tempo_up", "=", "Faster", *_plain(pygame.K_EQUALS, pygame.K_PLUS, pygame.K_KP_PLUS)),
    _duet("follow_tempo", "B", "It follows your tempo, or keeps its own", Chord(pygame.K_b)),
    _duet("microphone", "I", "Microphone on or off", Chord(pygame.K_i)),
    _duet("metronome", "M", "Metronome on or off", Chord(pygame.K_m)),
    _duet("count_in", "N", "Count-in on or off", Chord(pygame.K_n)),
    _duet("human_part", "Q", "Your part: you, a chorale, a MIDI file", Chord(pygame.K_q)),
    _duet("export", "Ctrl E", "Export MIDI, WAV or MusicXML", Chord(pygame.K_e, ctrl=True)),
    _duet("listening", "Ctrl L", "The listening test", Chord(pygame.K_l, ctrl=True)),
    Binding("look_inside", "Ctrl I", "Follow, or look inside what is followed",
            (Chord(pygame.K_i, ctrl=True),), ("follow", "inside"), "Follow and Inside"),
    Binding("back_frame", "←  →", "A frame back, on", _plain(pygame.K_LEFT), _INSIDE, "Inside"),
    Binding("next_frame", "←  →", "A frame back, on", _plain(pygame.K_RIGHT), _INSIDE, "Inside"),
    Binding("back_second", "Page Up / Down", "A second back, on", _plain(pygame.K_PAGEUP), _INSIDE,
            "Inside"),
    Binding("next_second", "Page Up / Down", "A second back, on", _plain(pygame.K_PAGEDOWN), _INSIDE,
            "Inside"),
    Binding("save_pictures", "Ctrl S", "Save the pictures", (Chord(pygame.K_s, ctrl=True),), _INSIDE,
            "Inside"),
    Binding("octave_down", "Z", "Piano keys an octave lower", _plain(pygame.K_z), PIANO_SCENES, "Piano"),
    Binding("octave_up", "X", "Piano keys an octave higher", _plain(pygame.K_x), PIANO_SCENES, "Piano"),
    Binding("hear_a", "A  B", "Hear duet A, hear duet B", _plain(pygame.K_a), _TEST, "Listening test"),
    Binding("hear_b", "A  B", "Hear duet A, hear duet B", _plain(pygame.K_b), _TEST, "Listening test"),
    Binding("choose_a", "1  2", "A is better, B is better", _plain(pygame.K_1), _TEST, "Listening test"),
    Binding("choose_b", "1  2", "A is better, B is better", _plain(pygame.K_2), _TEST, "Listening test"),
    Binding("choose_same", "0", "Cannot tell", _plain(pygame.K_0), _TEST, "Listening test"),
    Binding("results", "R", "Show or hide the results", _plain(pygame.K_r), _TEST, "Listening test"),
    Binding("back_to_duet", "Ctrl L", "Back to Duet", (Chord(pygame.K_l, ctrl=True),), _TEST,
            "Listening test"),
)

PIANO_LABEL, PIANO_WHAT = "A W S E D F …", "Play notes, from C upwards"


def action_for(scene: str, key: int, modifiers: int = 0, text: str = "") -> str | None:
    """What a key asks for in a scene, or None."""
    for binding in BINDINGS:
        here = EVERYWHERE in binding.scenes or scene in binding.scenes
        if here and any(chord.matches(key, modifiers, text) for chord in binding.chords):
            return binding.action
    return None


def bindings_in(scene: str) -> tuple[Binding, ...]:
    """The table's rows that are in force in a scene, those of the scene first."""
    here = [binding for binding in BINDINGS if scene in binding.scenes]
    return (*here, *(binding for binding in BINDINGS if EVERYWHERE in binding.scenes))


def label_of(action: str, scene: str = EVERYWHERE) -> str:
    """The key of an action in words, for hints on buttons.

    ``scene`` must be named where the key is not the same in all of them. Raises KeyError where it is missing,
    and for an action without a key (mistakes of the program).
    """
    named = (binding for binding in BINDINGS if binding.action == action)
    labels = {binding.label for binding in named if not scene or scene in binding.scenes}
    if len(labels) != 1:
        raise KeyError(f"{action} in {scene or 'all scenes'} has {len(labels)} keys")
    return labels.pop()
