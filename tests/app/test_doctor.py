"""The doctor answers for every row, whatever is broken."""

import os
import sys

import pytest

from app import doctor
from app.doctor import Finding


def test_every_row_is_answered_on_this_machine() -> None:
    findings = doctor.examine()
    assert list(findings) == list(doctor.PROBES)
    for name in ("Packages", "PyTorch", "Pieces", "FluidSynth", "Sound set"):
        assert findings[name].ok, findings[name].found


def test_a_probe_that_breaks_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Finding:
        os.write(2, b"noise of a driver\n")
        raise RuntimeError("driver exploded")

    monkeypatch.setattr(doctor, "PROBES", {"Sound": broken})
    assert doctor.examine() == {"Sound": Finding(False, "RuntimeError: driver exploded")}


def test_drivers_cannot_write_over_the_report(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def noisy() -> Finding:
        os.write(2, b"ALSA lib: no such card\n")
        return Finding(True, "fine")

    monkeypatch.setattr(doctor, "PROBES", {"Sound": noisy})
    doctor.examine()
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_the_report_names_the_cure_and_the_verdict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    probes = {name: (lambda: Finding(True, "fine")) for name in doctor.NEEDED}
    probes["Display"] = lambda: Finding(False, "none", "attach a screen")
    monkeypatch.setattr(doctor, "PROBES", probes)
    assert not doctor.print_report()
    printed = capsys.readouterr().out
    assert "attach a screen" in printed
    assert "No, not before this works: Display." in printed


def test_without_portaudio_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refuses:
        def find_spec(self, name: str, *_args: object) -> None:
            if name == "sounddevice":
                raise OSError("PortAudio library not found")

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Refuses(), *sys.meta_path])
    monkeypatch.setattr(sys, "platform", "linux")
    finding = doctor.PROBES["Sound (PortAudio)"]()
    assert not finding.ok
    assert "libportaudio2" in finding.cure
