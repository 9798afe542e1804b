"""WAV files of every kind, and of no kind at all."""
from __future__ import annotations

import struct
import wave

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.io import wavfile

from app.sessions.recordings import BadRecording, read_recording

RATE = 44_100
TONE = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE // 4) / RATE)


def write_24_bit(path, samples):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(3)
        file.setframerate(RATE)
        file.writeframes(b"".join(struct.pack("<i", int(s * 8388607))[:3] for s in samples))


@pytest.mark.parametrize("dtype, scale, offset, error", [
    (np.uint8, 127, 128, 0.02), (np.int16, 32767, 0, 1e-4), (np.int32, 2147483647, 0, 1e-6),
    (np.float32, 1, 0, 1e-6), (np.float64, 1, 0, 1e-6),
])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_depths_and_channels(tmp_path, dtype, scale, offset, error, channels):
    samples = (TONE * scale + offset).astype(dtype)
    wavfile.write(tmp_path / "a.wav", RATE, samples if channels == 1 else np.stack([samples] * channels, 1))
    sound, rate = read_recording(tmp_path / "a.wav")
    assert rate == RATE and sound.dtype == np.float32 and sound.shape == TONE.shape
    assert np.abs(sound - TONE).max() < error


def test_24_bits(tmp_path):
    write_24_bit(tmp_path / "a.wav", TONE)
    assert np.abs(read_recording(tmp_path / "a.wav")[0] - TONE).max() < 1e-6


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 48_000, 96_000, 192_000])
def test_rates(tmp_path, rate):
    wavfile.write(tmp_path / "a.wav", rate, TONE.astype(np.float32))
    assert read_recording(tmp_path / "a.wav")[1] == rate


def test_nan_and_infinity_are_silence(tmp_path):
    samples = TONE.astype(np.float32)
    samples[[3, 4]] = np.nan, np.inf
    wavfile.write(tmp_path / "a.wav", RATE, samples)
    sound, _ = read_recording(tmp_path / "a.wav")
    assert np.isfinite(sound).all() and sound[3] == sound[4] == 0


def test_floats_on_an_integers_scale_are_brought_down(tmp_path):
    wavfile.write(tmp_path / "a.wav", RATE, (TONE * 65534).astype(np.float32))
    assert np.abs(read_recording(tmp_path / "a.wav")[0]).max() == pytest.approx(1.0)


@pytest.mark.parametrize(
    "content", [b"", b"RIFF", b"\0" * 1000, b"RIFF\x10\0\0\0WAVEfmt ", b"ID3" + b"x" * 500]
)
def test_junk_is_an_error_that_says_so(tmp_path, content):
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(BadRecording, match=r"a\.wav") as caught:
        read_recording(tmp_path / "a.wav")
    assert caught.value.exit_code == 2


def test_no_samples_and_impossible_rates(tmp_path):
    wavfile.write(tmp_path / "empty.wav", RATE, np.zeros(0, np.int16))
    with pytest.raises(BadRecording, match="no sound"):
        read_recording(tmp_path / "empty.wav")
    wavfile.write(tmp_path / "slow.wav", 10, np.zeros(100, np.int16))
    with pytest.raises(BadRecording, match="10 samples a second"):
        read_recording(tmp_path / "slow.wav")
    with pytest.raises(BadRecording, match="cannot be read"):
        read_recording(tmp_path / "missing.wav")


def wav_bytes(data, size=None, tag=1, bits=16, channels=1, before=b"", riff=b"RIFF", end=b""):
    """A WAV file by hand; `size` is what its data claims to be."""
    order = ">" if riff == b"RIFX" else "<"
    width = channels * ((bits + 7) // 8)
    extension = struct.pack("<HHIH14s", 22, bits, 0, 1, b"") if tag == 0xFFFE else b""
    form = struct.pack(f"{order}HHIIHH", tag, channels, RATE, RATE * width, width, bits) + extension
    chunks = before + struct.pack(f"{order}4sI", b"fmt ", len(form)) + form
    claimed = struct.pack(f"{order}4sI", b"data", len(data) if size is None else size)
    return riff + struct.pack("<I4s", 0, b"WAVE") + chunks + claimed + data + end


INTEGERS = (TONE * 32767).astype("<i2")


@pytest.mark.parametrize("content", [
    wav_bytes(INTEGERS.tobytes(), size=0xFFFFFFFF),
    wav_bytes(INTEGERS.tobytes(), size=10**9),
    wav_bytes(INTEGERS.tobytes(), tag=0xFFFE),
    wav_bytes(INTEGERS.tobytes(), before=b"LIST\x05\0\0\0 odd \0", end=b"junk after"),
    wav_bytes(INTEGERS.tobytes(), size=0xFFFFFFFF, riff=b"RF64", end=b"more",
              before=b"ds64\x1c\0\0\0" + struct.pack("<QQQI", 0, INTEGERS.nbytes, 0, 0)),
    wav_bytes(INTEGERS.byteswap().tobytes(), riff=b"RIFX"),
    wav_bytes(b"".join(struct.pack(">i", 65536 * int(i))[:3] for i in INTEGERS), bits=24, riff=b"RIFX"),
    wav_bytes(TONE.astype(">f4").tobytes(), tag=3, bits=32, riff=b"RIFX"),
], ids=["streamed", "cut off", "extensible", "other chunks", "RF64", "RIFX", "RIFX 24", "RIFX float"])
def test_headers_of_other_programs(tmp_path, content):
    (tmp_path / "a.wav").write_bytes(content)
    sound, _ = read_recording(tmp_path / "a.wav")
    assert sound.shape == TONE.shape and np.abs(sound - TONE).max() < 1e-4


@pytest.mark.parametrize("content", [
    wav_bytes(b"\0" * 80, tag=2, bits=4), wav_bytes(b"\0" * 80, channels=0), wav_bytes(b"\0" * 80, bits=40),
    b"RIFF\0\0\0\0WAVEfmt \xff\xff\xff\xff\1\0\1\0",
], ids=["ADPCM", "no channels", "40 bits", "a header of 4 GB"])
def test_kinds_that_are_not_read(tmp_path, content):
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(BadRecording, match="Export it as 16-bit WAV"):
        read_recording(tmp_path / "a.wav")


def test_blocks_make_no_difference(tmp_path, monkeypatch):
    wavfile.write(tmp_path / "a.wav", RATE, np.stack([TONE, TONE / 3], 1).astype(np.float32) * 100)
    whole, _ = read_recording(tmp_path / "a.wav")
    monkeypatch.setattr("app.sessions.wav_files.BLOCK_FRAMES", 7)
    assert np.array_equal(read_recording(tmp_path / "a.wav")[0], whole)


def test_hours_are_refused_before_they_fill_the_memory(tmp_path):
    with (tmp_path / "a.wav").open("wb") as file:
        file.write(wav_bytes(b"", size=4_000_000_000))
        file.truncate(4_000_000_044)  # nothing but a hole on the disk
    with pytest.raises(BadRecording, match=r"lasts 756 minutes, 65 can be held at 44100 .*\. Cut it"):
        read_recording(tmp_path / "a.wav")


def test_a_machine_without_memory_for_it_is_no_damaged_file(tmp_path, monkeypatch):
    def none_left(*_):
        raise MemoryError

    wavfile.write(tmp_path / "a.wav", RATE, TONE.astype(np.float32))
    monkeypatch.setattr("app.sessions.recordings.np.empty", none_left)
    with pytest.raises(BadRecording, match="too long for the memory"):
        read_recording(tmp_path / "a.wav")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 300), st.binary(min_size=1, max_size=8), st.booleans())
def test_damaged_files_are_read_or_refused_but_never_crash(tmp_path_factory, position, junk, cut):
    path = tmp_path_factory.mktemp("wav") / "a.wav"
    wavfile.write(path, RATE, (TONE[:100] * 32767).astype(np.int16))
    content = bytearray(path.read_bytes())
    content[position:position + len(junk)] = junk
    path.write_bytes(content[:position + len(junk)] if cut else content)
    try:
        sound, _ = read_recording(path)
    except BadRecording:
        return
    assert np.isfinite(sound).all()
