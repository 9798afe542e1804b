"""What the scenes say while nothing is followed, and what they leave out first where there is little room."""

import pytest

from app import theme
from app.engine.snapshot import Snapshot
from app.scenes.devices import short_name
from app.widgets import fonts
from app.widgets.chrome import as_measure
from app.widgets.readouts import decided


def test_an_agent_at_rest_has_no_figures(stage, piece):
    one = stage()
    session, panel = one.open(piece), one.scene.panel
    facts = (panel._speed, panel._confidence, panel._value)
    assert [fact.value(one.window.view()) for fact in facts] == ["–"] * 3
    assert not decided(Snapshot())
    session.show(1000.0, confidence=0.5, value=2.0, speed_px_s=40.0)
    one.frame()
    assert [fact.value(one.window.view()) for fact in facts] == ["2.0 px per frame", "50 %", "2.00"]


@pytest.mark.parametrize("scene", ["follow", "launchpad", "duet", "settings"])
def test_a_small_window_shows_titles_whole_before_names_of_devices(stage, piece, scene):
    one = stage((960, 600))
    one.open(piece)
    one.window.go(scene)
    title = one.scene._title
    assert fonts.text_width(one.scene.title(), theme.TITLE, True) <= title.rect.w
    assert not title.rect.colliderect(one.scene._chips[-1].rect)


def test_the_best_scores_go_from_the_last_one_on_and_their_name_goes_last(stage, piece):
    one = stage(mode="follow")
    one.open(piece)
    one.window.go("play")
    scene, seen = one.scene, set()
    for height in range(200, 600, 4):
        panel = scene.areas.panel.copy()
        panel.h = height
        scene.areas = type(scene.areas)(**{**vars(scene.areas), "panel": panel})
        scene._place_panel()
        there = [widget.visible for widget in (scene._best_name, *scene._best_rows)]
        assert there == sorted(there, reverse=True)
        seen.add(tuple(there))
    assert len(seen) == 5


@pytest.mark.parametrize(
    ("source", "level_db", "told"),
    [("demo", -120.0, "silence"), ("microphone", -95.0, "no signal"), ("demo", -33.4, "−33 dB")],
)
def test_only_an_input_can_lack_a_signal(stage, piece, source, level_db, told):
    one = stage()
    session = one.open(piece)
    one.studio.devices.use_source(source)
    session.show(1000.0, level_db=level_db, no_signal=level_db < -90.0)
    assert one.scene.panel._level_words(one.window.view()) == told


def test_a_measure_without_a_number_is_the_upbeat():
    assert (as_measure("12"), as_measure("")) == ("m. 12", "upbeat")


def test_devices_keep_their_whole_names():
    assert short_name("System audio capture device (SDL)") == "System audio capture device"


def test_the_header_makes_room_for_a_device_that_comes(stage):
    one = stage(mode="duet")
    one.frame()
    one.scene.desk.listen(True)
    one.studio.devices.microphone_name = lambda: "Scarlett 2i2 USB"
    one.frame()
    chip = one.scene._chips[0]
    assert chip.rect.w == round(chip.natural_width(one.window.scale)) > 132
    assert not chip.rect.colliderect(one.scene._level.rect)


def test_messages_stand_above_the_status(stage):
    one = stage(mode="duet")
    one.frame()
    status = one.scene.status
    assert status.text
    one.studio.say("Both at once")
    one.frame()
    ((_, box, _),) = one.window.toasts.boxes()
    assert box.bottom < status.pill_top
