"""Every key that a hint, a label or a menu names is in force there, and does what its widget does."""

import inspect
import re
from dataclasses import asdict

import numpy as np
import pygame
import pytest

from app import bindings
from app.widgets.base import Widget
from app.widgets.buttons import Pressable
from app.widgets.overlays import MenuItem
from app.widgets.readouts import Label
from app.window import scenes

SCENES = tuple(scenes())
PRESSED = ("home", "follow", "play", "launchpad", "duet", "takes", "settings")
"""Where keys and buttons are compared by what they do; the others begin long work."""
LEAST_PRESSED = {"home": 2, "follow": 6, "play": 2, "launchpad": 6, "duet": 9, "takes": 2, "settings": 3}
OF_WIDGETS = {"Enter", "Esc", "Del"}
"""Obeyed by the widget that has the focus."""
NAMED = re.compile(r"\b(?:(?:Ctrl |Shift )+\S|(?:F\d{1,2}|Space|Enter|Esc|Del|Backspace|Tab)\b)")


def labels_in(scene: str) -> dict[str, list[bindings.Binding]]:
    """The rows of the table by what they are called."""
    found: dict[str, list[bindings.Binding]] = {}
    for binding in bindings.bindings_in(scene):
        found.setdefault(binding.label, []).append(binding)
    return found


def key_of(hint: str) -> str:
    """The key behind a hint in brackets; a hint that is nothing but a key is one."""
    found = re.search(r"\(([^()]*)\)[^()]*$", hint)
    return found.group(1) if found else hint


def is_key(scene: str, named: str) -> bool:
    """Whether one key, as written in a sentence, does something there."""
    *held, name = named.strip(".,;:)").split(" ")
    name = {"Backspace": "backspace", "Del": "delete", "Esc": "escape"}.get(name, name)
    modifiers = {"Ctrl": pygame.KMOD_CTRL, "Shift": pygame.KMOD_SHIFT}
    key = pygame.key.key_code({"−": "-"}.get(name, name).lower())
    return bindings.action_for(scene, key, sum(modifiers[word] for word in held)) is not None


def words_of(one) -> list[str]:
    """Everything that the scene says in a line, and what it says on resting the pointer."""
    view = one.window.view()
    said = [widget.hint for widget in one.scene.widgets() if widget.hint]
    said += [widget._text(view) for widget in one.scene.widgets() if isinstance(widget, Label)]
    said += [one.scene.status.text] if hasattr(one.scene, "status") else []
    return said


def menu_items(one) -> list[MenuItem]:
    """All lines of all menus of the scene that can be opened as it stands."""
    menus = getattr(one.scene, "menus", None)
    made = []
    for name, method in inspect.getmembers(menus, inspect.ismethod) if menus else ():
        wanted = [p for p in inspect.signature(method).parameters.values() if p.default is p.empty]
        if not name.startswith("_") and not wanted:
            made += method()
    return made


@pytest.fixture
def on(stage, piece, monkeypatch):
    """Makes a window on a scene, a piece open, nothing slow begun."""
    monkeypatch.setattr("app.scenes.listening_desk.ListeningDesk._apart", lambda self, work: None)
    monkeypatch.setattr("app.scenes.inside_desk.InsideDesk.open", lambda self, *a: None, raising=False)

    def make(scene: str):
        one = stage(mode="follow")
        one.open(piece)
        one.studio.save_take = lambda: one.studio.say("A take was saved")
        one.window.go(scene)
        one.frame(2)
        return one

    return make


@pytest.mark.parametrize("scene", SCENES)
def test_keys_that_are_named_are_in_force(on, scene):
    one = on(scene)
    labels = labels_in(scene)
    for said in [*words_of(one), *(item.detail for item in menu_items(one))]:
        for named in NAMED.findall(said):
            assert named in labels or named in OF_WIDGETS or is_key(scene, named), said
        behind = key_of(said)
        if len(behind) == 1 and behind != said:
            assert behind in labels, said


def simple(thing: object, depth: int = 3) -> dict[str, object]:
    """What a scene and the parts of it that are ours hold of plain values, by path."""
    found: dict[str, object] = {}
    for name, value in vars(thing).items():
        if name.startswith("_"):
            continue
        if isinstance(value, (bool, int, float, str, type(None), tuple)):
            found[name] = value
        elif (depth and type(value).__module__.startswith("app.scenes")) or name in ("grid", "score"):
            inner = {} if isinstance(value, Widget) else simple(value, depth - 1)
            found |= {f"{name}.{key}": entry for key, entry in inner.items()}
    return found


def state(one) -> dict[str, str]:
    """Everything that a press may change."""
    menu, doubles = one.window.menu, (one.launchpad, one.duet, one.studio.session)
    calls = [tuple(map(str, call)) for double in doubles for call in double.calls]
    song = one.launchpad.snapshot
    found = {
        "scene": one.scene.name, "menu": menu and [item.label for item in menu.items],
        "help": one.window.help is not None, "calls": calls, "notes": one.engine.notes,
        "toasts": one.toasts, "duet": one.duet.snapshot, "following": one.studio.session.snapshot.state,
        "grid": np.asarray(song.grid).tobytes(), "arrangement": song.arrangement, "song": song.state,
        "folded": one.studio.folded, "playing": one.studio.session.snapshot.x_px,
        **{f"settings.{name}": value for name, value in asdict(one.settings.now).items()},
        **simple(one.scene),
    }  # fmt: skip
    return {name: repr(value) for name, value in found.items()}


def changed(before: dict[str, str], after: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in after.items() if before.get(name) != value}


@pytest.mark.parametrize("scene", PRESSED)
def test_a_key_does_what_the_button_does_that_names_it(on, scene):
    labels, compared = labels_in(scene), 0
    one = on(scene)
    named = [
        (index, labels[key_of(widget.hint)])
        for index, widget in enumerate(one.scene.widgets())
        if isinstance(widget, Pressable) and widget.visible and widget.enabled
        and key_of(widget.hint) in labels and labels[key_of(widget.hint)][0].action != f"scene_{scene}"
    ]  # fmt: skip
    for index, rows in named:
        by_key, by_button = on(scene), on(scene)
        widget = by_button.scene.widgets()[index]
        before = state(by_key), state(by_button)
        chord = rows[0].chords[0]
        modifiers = (pygame.KMOD_CTRL if chord.ctrl else 0) | (pygame.KMOD_SHIFT if chord.shift else 0)
        by_key.key(chord.key or pygame.K_SLASH, modifiers, chord.typed)
        by_button.window._guarded(widget.on_press)
        by_button.frame(2)
        did = changed(before[0], state(by_key))
        assert did, widget.hint
        assert did == changed(before[1], state(by_button)), widget.hint
        compared += 1
    assert compared >= LEAST_PRESSED[scene]


def test_an_action_with_other_keys_elsewhere_must_say_where():
    assert bindings.label_of("count_in", "launchpad") == "Ctrl N"
    assert bindings.label_of("count_in", "follow") == "N"
    for action, scene in (("count_in", ""), ("no such action", ""), ("solo", "follow")):
        with pytest.raises(KeyError):
            bindings.label_of(action, scene)
