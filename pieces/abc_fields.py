"""The information fields of ABC: keys, metres, unit lengths, tempi, voices. Pure functions of text."""

import re
from dataclasses import dataclass, field
from fractions import Fraction

from pieces.notation import Key, Meter

_TONIC_FIFTHS = {"F": -1, "C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5}
_MODES = {
    "": 0,
    "maj": 0,
    "ion": 0,
    "mix": -1,
    "dor": -2,
    "m": -3,
    "min": -3,
    "aeo": -3,
    "phr": -4,
    "loc": -5,
    "lyd": 1,
}
_KEY = re.compile(r"([A-G])([#b]?)\s*([A-Za-z]*)")
_KEY_ACCIDENTAL = re.compile(r"(?<![\w=])(\^{1,2}|_{1,2}|=)([A-Ga-g])(?![A-Za-z])")
_CLEF = re.compile(r"(?:clef\s*=\s*\"?)?\b(treble|bass|alto|tenor)([+-]8)?", re.IGNORECASE)
_CLEFS = ("treble", "bass", "alto", "tenor", "treble-8", "treble+8", "bass-8")
_TEMPO = re.compile(r"(?:(\d{1,3}/\d{1,3})(?:\s+\d{1,3}/\d{1,3})*\s*=\s*)?(\d{1,4})")
ALTERS = {"^": 1, "^^": 2, "_": -1, "__": -2, "=": 0}


@dataclass
class Header:
    """What stands before the music. `voices` maps a voice's name to the rest of its V: field."""

    number: str = ""
    title: str = ""
    composer: str = ""
    source: str = ""
    meter: Meter | None = None
    unit: Fraction = Fraction(1, 2)
    tempo_bpm: float | None = None
    key: Key = field(default_factory=Key)
    key_alters: dict[str, int] = field(default_factory=dict)
    clef: str = "treble"
    voices: dict[str, str] = field(default_factory=dict)


def parse_header(fields: list[tuple[str, str]]) -> Header:
    """Read the fields up to and including K:; fields that are not known are passed over."""
    first = dict(reversed(fields))
    last = dict(fields)
    header = Header(number=first.get("X", ""), title=first.get("T", ""), composer=first.get("C", ""))
    header.source = first.get("S", "") or first.get("O", "")
    header.meter = parse_meter(last.get("M", ""))
    header.unit = parse_unit(last.get("L", "")) or default_unit(header.meter)
    header.tempo_bpm = parse_tempo(last.get("Q", ""), header.unit)
    header.key, header.key_alters = parse_key(last.get("K", ""))
    header.clef = parse_clef(last.get("K", "")) or "treble"
    for name, value in fields:
        if name == "V" and value:
            voice, _, rest = value.partition(" ")
            header.voices.setdefault(voice, rest)
    return header


def parse_key(text: str) -> tuple[Key, dict[str, int]]:
    """Signature and explicitly altered steps of a K: field: `Ador`, `Bb minor`, `HP`, `D exp _b ^c`."""
    alters = {step.upper(): ALTERS[sign] for sign, step in _KEY_ACCIDENTAL.findall(text)}
    text = text.strip()
    if text.startswith("HP"):
        return Key(), {"F": 1, "C": 1}
    if text.startswith("Hp"):
        return Key(2), alters
    match = _KEY.match(text)
    if match is None or re.match(r"(none|clef)\b", text) or re.match(r"exp\b", match[3]):
        return Key(), alters
    fifths = _TONIC_FIFTHS[match[1]] + {"": 0, "#": 7, "b": -7}[match[2]]
    mode = match[3].lower()
    fifths += _MODES["m" if mode == "m" else mode[:3] if mode[:3] in _MODES else ""]
    return Key((fifths + 7) % 12 - 7 if abs(fifths) > 7 else fifths), alters


def parse_meter(text: str) -> Meter | None:
    """`C`, `C|`, `6/8`, `(2+3)/8`; None where there is no metre (or none that is understood)."""
    text = text.strip()
    if text in ("C", "C|"):
        return Meter(4, 4, "common") if text == "C" else Meter(2, 2, "cut")
    match = re.fullmatch(r"\(?\s*(\d{1,2}(?:\s*\+\s*\d{1,2})*)\s*\)?\s*/\s*(\d{1,2})", text)
    if match is None:
        return None
    beats = sum(int(part) for part in match[1].split("+"))
    beat_type = int(match[2])
    return Meter(beats, beat_type) if 0 < beats <= 64 and beat_type in (1, 2, 4, 8, 16, 32, 64) else None


def parse_unit(text: str) -> Fraction | None:
    """An L: field in quarters; None where it is not understood."""
    match = re.match(r"\s*1(?:/(\d{1,3}))?\s*$", text)
    if match is None:
        return None
    divisor = int(match[1] or 1)
    return Fraction(4, divisor) if divisor in (1, 2, 4, 8, 16, 32, 64) else None


def default_unit(meter: Meter | None) -> Fraction:
    """The unit length, in quarters, where no L: says it: a sixteenth in metres below 3/4, else an eighth."""
    return Fraction(1, 4) if meter is not None and meter.quarters < 3 else Fraction(1, 2)


def parse_tempo(text: str, unit: Fraction) -> float | None:
    """A Q: field (`1/4=120`, `"Allegro" 3/8=80`, `120` unit lengths) in quarters per minute, or None."""
    match = _TEMPO.search(re.sub(r'"[^"]*"', "", text))
    if match is None:
        return None
    beat = unit
    if match[1]:
        numerator, denominator = map(int, match[1].split("/"))
        beat = Fraction(4 * numerator, denominator or 1)
    bpm = float(beat * int(match[2]))
    return bpm if 10 <= bpm <= 600 else None


def parse_clef(text: str) -> str | None:
    """The clef that a K: or V: field names, if it does."""
    match = _CLEF.search(text)
    if match is None:
        return None
    name = match[1].lower() + (match[2] or "")
    return name if name in _CLEFS else match[1].lower()


def parse_octave(text: str) -> int:
    """The `octave=` shift of a voice."""
    match = re.search(r"octave\s*=\s*([+-]?[0-4])\b", text)
    return int(match[1]) if match else 0
