"""The table of protocols: numbers against the programmer's references, names as systems give them."""
from __future__ import annotations

import pytest

from app.devices.launchpads.models import MODELS, model_of, pad_port
from app.devices.midi_ports import listed_ports

MINI_MK3, X, PRO_MK3, MK2, OLD = MODELS
MK3 = (MINI_MK3, X, PRO_MK3)

# model: top left pad, bottom right pad, top and bottom button on the right, first and last on top
ADDRESSES = {
    OLD.name: "90 00, 90 77, 90 08, 90 78, B0 68, B0 6F",
    MK2.name: "90 51, 90 12, 90 59, 90 13, B0 68, B0 6F",
    MINI_MK3.name: "90 51, 90 12, B0 59, B0 13, B0 5B, B0 62",
    X.name: "90 51, 90 12, B0 59, B0 13, B0 5B, B0 62",
    PRO_MK3.name: "90 51, 90 12, B0 59, B0 13, B0 5B, B0 62",
}
PLACES = ((0, 0), (7, 7), (0, 8), (7, 8), (-1, 0), (-1, 7))

TAKING_OVER = {
    OLD.name: ["B0 00 00", "B0 00 28"],
    MK2.name: ["F0 00 20 29 02 18 22 00 F7", "F0 00 20 29 02 18 0E 00 F7"],
    MINI_MK3.name: ["F0 00 20 29 02 0D 0E 01 F7"],
    X.name: ["F0 00 20 29 02 0C 0E 01 F7"],
    PRO_MK3.name: ["F0 00 20 29 02 0E 0E 01 F7"],
}
GIVING_BACK = {
    OLD.name: ["B0 00 00"],
    MK2.name: ["F0 00 20 29 02 18 0E 00 F7"],
    MINI_MK3.name: ["F0 00 20 29 02 0D 0E 00 F7"],
    X.name: ["F0 00 20 29 02 0C 0E 00 F7"],
    PRO_MK3.name: ["F0 00 20 29 02 0E 0E 00 F7"],
}

# a device's ports as seen by one system, and the one to open
PORTS = [
    (X, ["LPX MIDI", "MIDIIN2 (LPX MIDI)"], 1),
    (X, ["LPX MIDI", "MIDIOUT2 (LPX MIDI)"], 1),
    (X, ["Launchpad X LPX DAW Out", "Launchpad X LPX MIDI Out"], 1),
    (X, ["Launchpad X:Launchpad X LPX DAW In", "Launchpad X:Launchpad X LPX MIDI In"], 1),
    (X, ["Launchpad X:Launchpad X MIDI 1", "Launchpad X:Launchpad X MIDI 2"], 1),
    (MINI_MK3, ["LPMiniMK3 MIDI", "MIDIIN2 (LPMiniMK3 MIDI)"], 1),
    (MINI_MK3, ["Launchpad Mini MK3:Launchpad Mini MK3 LPMiniMK3 DA",
                "Launchpad Mini MK3:Launchpad Mini MK3 LPMiniMK3 MI"], 1),
    (PRO_MK3, ["LPProMK3 MIDI", "MIDIIN2 (LPProMK3 MIDI)", "MIDIIN3 (LPProMK3 MIDI)"], 0),
    (PRO_MK3, ["Launchpad Pro MK3:Launchpad Pro MK3 LPProMK3 MIDI",
               "Launchpad Pro MK3:Launchpad Pro MK3 LPProMK3 DIN",
               "Launchpad Pro MK3:Launchpad Pro MK3 LPProMK3 DAW"], 0),
    (MK2, ["Launchpad MK2:Launchpad MK2 MIDI 1"], 0),
    (OLD, ["Launchpad:Launchpad MIDI 1"], 0),
    (OLD, ["2- Launchpad S"], 0),
    (OLD, ["Launchpad Mini:Launchpad Mini MIDI 1"], 0),
]
# as rtmidi lists all ports of Windows, each with its place behind its name, and the one to open
PORTS_OF_WINDOWS = [
    (X, ["Keystation 0", "LPX MIDI 1", "MIDIIN2 (LPX MIDI) 2"], "MIDIIN2 (LPX MIDI)"),
    (X, ["Microsoft GS Wavetable Synth 0", "Keystation 1", "LPX MIDI 2", "MIDIOUT2 (LPX MIDI) 3"],
     "MIDIOUT2 (LPX MIDI)"),
    (X, ["LPX MIDI 0", "MIDIIN2 (LPX MIDI) 1", "LPX MIDI 2", "MIDIIN2 (LPX MIDI) 3"], "MIDIIN2 (LPX MIDI)"),
    (MINI_MK3, ["Synth 0", "Keys 1", "LPMiniMK3 MIDI 2", "MIDIOUT2 (LPMiniMK3 MIDI) 3"],
     "MIDIOUT2 (LPMiniMK3 MIDI)"),
    (PRO_MK3, ["Keys 0", "LPProMK3 MIDI 1", "MIDIIN2 (LPProMK3 MIDI) 2", "MIDIIN3 (LPProMK3 MIDI) 3"],
     "LPProMK3 MIDI"),
    (OLD, ["Keys 0", "Launchpad Mini 1"], "Launchpad Mini"),
]  # fmt: skip
STRANGERS = ["Launch Control XL:Launch Control XL MIDI 1", "Launchkey Mini MK3 MIDI", "Keys",
             "Launchpad Pro:Launchpad Pro Standalone Port"]


def message(dump: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(dump))


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_numbers_are_those_of_the_reference(model):
    expected = [message(dump) for dump in ADDRESSES[model.name].split(",")]
    assert [model.addresses[place] for place in PLACES] == expected
    assert len(set(model.addresses.values())) == 80


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_programmer_mode_on_and_off(model):
    assert list(model.enter) == [message(dump) for dump in TAKING_OVER[model.name]]
    assert list(model.leave) == [message(dump) for dump in GIVING_BACK[model.name]]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_every_place_is_found_again_when_pressed_and_nothing_when_released(model):
    for place, address in model.addresses.items():
        assert model.pressed([*address, 127]) == place
        assert model.pressed([*address, 0]) is None


@pytest.mark.parametrize("dump", ["", "F8", "90 51", "A0 51 40", "80 51 40", "D0 7F", "91 51 7F", "B0 63 7F"])
def test_what_is_no_press_is_ignored(dump):
    assert X.pressed(message(dump)) is None


@pytest.mark.parametrize(("model", "names", "wanted"), PORTS)
def test_the_port_for_programs_is_told_from_the_one_for_daws(model, names, wanted):
    assert {model_of(name) for name in names} == {model}
    assert pad_port(model, [*STRANGERS, *names]) == names[wanted]


@pytest.mark.parametrize(("model", "ports", "wanted"), PORTS_OF_WINDOWS)
def test_its_place_in_the_list_of_windows_is_no_number_of_a_port(model, ports, wanted):
    assert pad_port(model, [port.name for port in listed_ports(ports, numbered=True)]) == wanted


def test_of_two_launchpads_of_one_name_the_first_is_taken():
    names = ["Launchpad X:Launchpad X LPX DAW In", "Launchpad X:Launchpad X LPX MIDI In"]
    ports = [f"{name} {device}:{port}" for device in (20, 24) for port, name in enumerate(names)]
    listed = listed_ports(ports, numbered=False)
    assert pad_port(X, [port.name for port in listed]) == names[1]
    assert pad_port(X, [port.name for port in listed[2:3]]) is None


@pytest.mark.parametrize("name", STRANGERS)
def test_other_devices_are_no_launchpads(name):
    assert model_of(name) is None


def test_a_port_for_daws_alone_is_not_taken():
    assert pad_port(X, ["Launchpad X:Launchpad X LPX DAW In"]) is None
