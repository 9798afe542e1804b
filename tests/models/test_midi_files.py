"""MIDI files of any kind: read, or refused in one sentence that names them; never another error."""

from __future__ import annotations

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.midi_files import BadMidi, open_midi

HEAD = b"MThd\0\0\0\6\0\0\0\1\1\xe0"


def track(*messages: bytes) -> bytes:
    """A file of one track, 480 ticks a quarter, with a note after the messages."""
    data = b"".join(messages) + b"\0\x90\x3c\x40\x60\x80\x3c\0\0\xff\x2f\0"
    return HEAD + b"MTrk" + len(data).to_bytes(4, "big") + data


REFUSED = {
    "empty": b"",
    "no header": b"RIFF",
    "eleven sharps": track(b"\0\xff\x59\2\x0b\0"),
    "mode 5": track(b"\0\xff\x59\2\0\5"),
    "a wait of five bytes": track(b"\xff\xff\xff\xff\x7f\x90\x3e\x40"),
    "a wait of 800 bytes": track(b"\xff" * 800 + b"\x7f\x90\x3e\x40"),
    "frames": track().replace(b"\1\xe0", b"\xe7\x28"),
    "no ticks": track().replace(b"\1\xe0", b"\0\0"),
    "songs one after the other": track().replace(b"\6\0\0", b"\6\0\2"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_damaged_is_refused_in_a_sentence(tmp_path, kind):
    path = tmp_path / "x.mid"
    path.write_bytes(REFUSED[kind])
    with pytest.raises(BadMidi, match=r"x\.mid is not a readable MIDI file.* Export it again\.$"):
        open_midi(path)


def test_what_is_missing_or_too_large_is_refused_too(tmp_path, monkeypatch):
    with pytest.raises(BadMidi, match=r"x\.mid"):
        open_midi(tmp_path / "x.mid")
    (tmp_path / "x.mid").write_bytes(track())
    monkeypatch.setattr("models.midi_files.MAX_MIDI_BYTES", 20)
    with pytest.raises(BadMidi, match="too large"):
        open_midi(tmp_path / "x.mid")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(8, 60), st.integers(0, 255)), max_size=4), st.integers(8, 80))
def test_whatever_is_changed_in_a_file_it_is_read_or_refused(tmp_path_factory, changes, length):
    whole = bytearray(track(b"\0\xff\x51\3\7\xa1\x20", b"\0\xff\x58\4\4\2\x18\x08", b"\0\xff\x59\2\0\0"))
    for place, byte in changes:
        whole[place % len(whole)] = byte
    path = tmp_path_factory.mktemp("changed") / "x.mid"
    path.write_bytes(bytes(whole[:length]))
    try:
        midi = open_midi(path)
    except BadMidi as refused:
        assert "\n" not in str(refused)
    else:
        assert isinstance(midi, mido.MidiFile) and all(message.time >= 0 for message in midi)
