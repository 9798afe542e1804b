"""The music lines of ABC: turns the tokens of one voice into bars of `pieces.notation` events. No I/O."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction

from pieces.abc_fields import ALTERS, Header, parse_clef, parse_key, parse_meter, parse_octave, parse_unit
from pieces.notation import Event, Key, Meter, Pitch, nest_beam, note_type, split_length

MAX_EVENTS = 20_000
MAX_EMPTY_BARS = 200
_LENGTH = r"(\d{0,3})(/*)(\d{0,3})"
_NOTE = rf"(\^{{1,2}}|_{{1,2}}|=)?([A-Ga-g])([,']{{0,5}}){_LENGTH}"
_TOKENS = (
    ("space", r"[ \t]+"),
    ("text", r'"([^"]*)"?'),
    ("decoration", r"!([^!\n]*)!|\+([^+\n]*)\+"),
    ("passed_over", r"`|y\d*"),
    ("inline", r"\[([A-Za-z]):([^\]\[]*)\]"),
    ("ending", r"\[(\d[\d,\-]*)"),
    ("bar", r"(\[\|[\]:]*|:*\|[|\]:]*|::+)(?:[ \t]*\[?(\d[\d,\-]*))?"),
    ("grace", r"\{(/?)([^}]*)\}?"),
    ("tuplet", r"\(([2-9])(?::([1-9]?))?(?::(\d{0,2}))?"),
    ("chord", rf"\[([^\]\[|]*)\]{_LENGTH}"),
    ("rest", rf"([zx]){_LENGTH}"),
    ("bars_of_rest", r"([ZX])(\d{0,3})"),
    ("note", _NOTE),
    ("broken", r"(>{1,3}|<{1,3})"),
    ("tie", r"-"),
    ("overlay", r"&[^|]*"),
    ("passed_over", r"."),
)
_TOKEN = re.compile(
    "|".join(f"(?P<{name}{index}>{pattern})" for index, (name, pattern) in enumerate(_TOKENS))
)
_PATTERNS = {f"{name}{index}": re.compile(pattern) for index, (name, pattern) in enumerate(_TOKENS)}
_JUMPS = {
    "segno": "segno", "coda": "coda", "dacoda": "tocoda", "fine": "fine", "dacapo": "dacapo",
    "d.c.": "dacapo", "d.s.": "dalsegno", "d.c.alfine": "dacapo", "d.c.alcoda": "dacapo",
    "d.s.alfine": "dalsegno", "d.s.alcoda": "dalsegno",
}  # fmt: skip
_TUPLET_NORMAL = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}


class AbcError(ValueError):
    """What is wrong with an ABC tune and what to do about it, in one line."""


@dataclass
class Bar:
    """One bar of one voice; `key` and `meter` where they change, `meter_in_force` always."""

    events: list[Event] = field(default_factory=list)
    key: Key | None = None
    meter: Meter | None = None
    meter_in_force: Meter | None = None
    repeat_start: bool = False
    repeat_end: bool = False
    times: int = 2
    endings: tuple[int, ...] = ()
    ending_stop: str = ""
    barline: str = ""
    signs: set[str] = field(default_factory=set)

    @property
    def quarters(self) -> Fraction:
        """How long the bar really is."""
        return sum((event.quarters for event in self.events), Fraction(0))


@dataclass
class _Tuplet:
    """A tuplet under way: `ratio` is (actual, normal), `left` notes are to come of `size`."""

    ratio: tuple[int, int]
    size: int
    left: int


class VoiceReader:
    """Reads the lines of one voice in order; `bars` is complete after `finish()`."""

    def __init__(self, header: Header, spec: str, chord_symbols: bool) -> None:
        self.bars: list[Bar] = []
        self.clef = parse_clef(spec) or header.clef
        self._octave = 4 + parse_octave(spec)
        self._unit = header.unit
        self._key = header.key
        self._key_alters = header.key_alters
        self._meter = header.meter
        self._chord_symbols = chord_symbols
        self._bar = Bar(key=header.key, meter=header.meter, meter_in_force=header.meter)
        self._alters: dict[str, int] = {}
        self._glued: list[bool] = []
        self._space = True
        self._tuplet: _Tuplet | None = None
        self._broken = Fraction(1)
        self._last: tuple[Bar, int] | None = None
        self._tie_pending: frozenset[Pitch] = frozenset()
        self._harmony = ""
        self._in_ending = False
        self._key_next: Key | None = None
        self._meter_next: Meter | None = None
        self._count = 0

    def music(self, line: str) -> None:
        """Read one line of music; a backslash at its end carries beams over to the next."""
        continued = line.rstrip().endswith("\\")
        for match in _TOKEN.finditer(line.rstrip().rstrip("\\")):
            name = match.lastgroup or ""
            part = _PATTERNS[name].fullmatch(match[0])
            handler = _HANDLERS.get(name.rstrip("0123456789"))
            if handler is not None and part is not None:
                handler(self, part)
        self._space = self._space or not continued

    def field(self, name: str, value: str) -> None:
        """A field between or inside lines: K:, M: or L:; others say nothing about the notes."""
        value = value.strip()
        if name == "K":
            self._change_key(value)
        elif name == "L":
            self._unit = parse_unit(value) or self._unit
        elif name == "M":
            self._meter = parse_meter(value)
            target = self._bar
            if not target.events:
                target.meter, target.meter_in_force = self._meter, self._meter
            else:
                self._meter_next = self._meter

    def finish(self) -> None:
        """Close the last bar and whatever is open."""
        if self._bar.events:
            self._close_bar()
        elif self.bars:
            self.bars[-1].signs |= self._bar.signs
        if self.bars and self._in_ending:
            self.bars[-1].ending_stop = self.bars[-1].ending_stop or "discontinue"

    # What stands for notes

    def _note(self, match: re.Match[str]) -> None:
        pitch = self._pitch(match[1], match[2], match[3])
        self._add((pitch,), _length(match[4], match[5], match[6]) * self._unit)

    def _rest(self, match: re.Match[str]) -> None:
        self._add((), _length(match[2], match[3], match[4]) * self._unit, hidden=match[1] == "x")

    def _chord(self, match: re.Match[str]) -> None:
        inner = list(re.finditer(rf"{_NOTE}(-?)", match[1]))
        if not inner:
            return
        pitches = tuple(dict.fromkeys(self._pitch(note[1], note[2], note[3]) for note in inner))
        first = _length(inner[0][4], inner[0][5], inner[0][6])
        self._add(pitches, first * _length(match[2], match[3], match[4]) * self._unit)
        if any(note[7] for note in inner):
            self._tie_pending = frozenset(
                pitch for pitch, note in zip(pitches, inner, strict=False) if note[7]
            )

    def _grace(self, match: re.Match[str]) -> None:
        notes = list(re.finditer(_NOTE, match[2]))[:16]
        written = Fraction(1, 2) if len(notes) == 1 else Fraction(1, 4)
        beams = ["begin", *["continue"] * (len(notes) - 2), "end"] if len(notes) > 1 else [""]
        for note, beam in zip(notes, beams, strict=False):
            pitch = self._pitch(note[1], note[2], note[3])
            self._bar.events.append(
                Event((pitch,), Fraction(0), written, grace=True, slashed=bool(match[1]), beam=beam)
            )
            self._glued.append(True)

    def _bars_of_rest(self, match: re.Match[str]) -> None:
        length = self._meter.quarters if self._meter else Fraction(4)
        for index in range(min(int(match[2] or 1), MAX_EMPTY_BARS)):
            if index:
                self._close_bar()
            self._append(Event((), length, length, hidden=match[1] == "X"))

    def _pitch(self, sign: str | None, letter: str, marks: str) -> Pitch:
        """Spelled pitch: by its accidental, a tie, the bar's (all octaves: standard 2.1, 11.3), the key."""
        step = letter.upper()
        octave = self._octave + letter.islower() + marks.count("'") - marks.count(",")
        if sign:
            self._alters[step] = ALTERS[sign]
            return Pitch(octave, step, ALTERS[sign])
        tied = next(
            (pitch for pitch in self._tie_pending if (pitch.step, pitch.octave) == (step, octave)), None
        )
        if tied is not None:
            return tied
        default = self._key_alters.get(step, self._key.alter(step))
        return Pitch(octave, step, self._alters.get(step, default))

    def _add(self, pitches: tuple[Pitch, ...], written: Fraction, hidden: bool = False) -> None:
        """Add a note, chord or rest of the written length, under the tuplet and broken rhythm that hold."""
        written *= self._broken
        self._broken = Fraction(1)
        ratio, mark = None, ""
        if self._tuplet is not None:
            ratio, tuplet = self._tuplet.ratio, self._tuplet
            mark = "start" if tuplet.left == tuplet.size else "stop" if tuplet.left == 1 else ""
            tuplet.left -= 1
            self._tuplet = tuplet if tuplet.left else None
        quarters = written * ratio[1] / ratio[0] if ratio else written
        back = self._tie_pending & frozenset(pitches)
        if back and self._last is not None:
            bar, index = self._last
            bar.events[index] = replace(bar.events[index], tied_on=back)
        self._tie_pending = frozenset()
        self._append(
            Event(
                pitches, quarters, written, ratio, mark, tied_back=back, harmony=self._harmony, hidden=hidden
            )
        )
        self._harmony = ""

    def _append(self, event: Event) -> None:
        self._count += 1
        if self._count > MAX_EVENTS:
            raise AbcError(f"the tune has more than {MAX_EVENTS} notes; split it.")
        self._bar.events.append(event)
        self._glued.append(not self._space)
        self._space = False
        self._last = (self._bar, len(self._bar.events) - 1)

    # What changes notes before or after it

    def _start_tuplet(self, match: re.Match[str]) -> None:
        actual = int(match[1])
        compound = self._meter is not None and self._meter.beats % 3 == 0 and self._meter.beats > 3
        normal = int(match[2] or 0) or _TUPLET_NORMAL.get(actual, 3 if compound else 2)
        size = int(match[3] or 0) or actual
        self._tuplet = _Tuplet((actual, normal), size, size)

    def _break_rhythm(self, match: re.Match[str]) -> None:
        if self._last is None or self._last[0] is not self._bar or self._broken != 1:
            return
        part = Fraction(1, 2 ** len(match[1]))
        before, after = (2 - part, part) if match[1][0] == ">" else (part, 2 - part)
        bar, index = self._last
        event = bar.events[index]
        bar.events[index] = replace(event, quarters=event.quarters * before, written=event.written * before)
        self._broken = after

    def _tie(self, _match: re.Match[str]) -> None:
        if self._last is not None:
            bar, index = self._last
            self._tie_pending = frozenset(bar.events[index].pitches)

    def _text(self, match: re.Match[str]) -> None:
        if self._chord_symbols and re.match(r"[A-G][#b]?[^\s]{0,12}$", match[1]):
            self._harmony = match[1]

    def _see_space(self, _match: re.Match[str]) -> None:
        self._space = True

    def _inline(self, match: re.Match[str]) -> None:
        self.field(match[1], match[2])

    def _change_key(self, value: str) -> None:
        if re.match(r"[A-GHn]|exp\b", value):
            self._key, self._key_alters = parse_key(value)
            self._key_next = None if not self._bar.events else self._key
            if not self._bar.events:
                self._bar.key = self._key

    # Jumps and barlines

    def _decoration(self, match: re.Match[str]) -> None:
        """A jump, or where one leads to; other decorations say nothing about the order of the notes."""
        sign = _JUMPS.get((match[1] or match[2] or "").strip().lower())
        if sign is not None:
            self._bar.signs.add(sign)

    def _barline(self, match: re.Match[str]) -> None:
        token = match[1]
        inner = token.strip(":")
        before = len(token) - len(token.lstrip(":"))
        after = len(token) - len(token.rstrip(":"))
        if not inner:
            before = after = 1
        if self._bar.events:
            self._close_bar()
        if self.bars:
            self._mark(self.bars[-1], before, inner, bool(after))
        self._bar.repeat_start = self._bar.repeat_start or bool(after)
        if match[2]:
            self._begin_ending(match[2])

    def _mark(self, bar: Bar, colons: int, inner: str, opens: bool) -> None:
        """Say at the end of a closed bar what its barline says."""
        if colons:
            bar.repeat_end, bar.times = True, min(colons + 1, 8)
        elif not bar.repeat_end and not opens:
            bar.barline = {"||": "light-light", "|]": "light-heavy"}.get(inner, bar.barline)
        if self._in_ending and (colons or opens or inner in ("||", "|]")):
            bar.ending_stop = "stop" if colons else "discontinue"
            self._in_ending = False

    def _ending(self, match: re.Match[str]) -> None:
        if self._bar.events:
            self._close_bar()
        self._begin_ending(match[1])

    def _begin_ending(self, numbers: str) -> None:
        if self._in_ending and self.bars:
            self.bars[-1].ending_stop = "discontinue"
        endings: list[int] = []
        for part in numbers.split(","):
            low, _, high = part.partition("-")
            if low.isdigit():
                endings += range(
                    int(low), min(int(high), int(low) + 8) + 1 if high.isdigit() else int(low) + 1
                )
        self._bar.endings = tuple(endings) or (1,)
        self._in_ending = True

    def _close_bar(self) -> None:
        bar = self._bar
        bar.events = _beamed(bar.events, self._glued)
        bar.events = [part for event in bar.events for part in _notatable(event, len(self.bars) + 1)]
        if self._last is not None and self._last[0] is bar:
            self._last = (bar, len(bar.events) - 1)
        self.bars.append(bar)
        self._alters, self._glued, self._space = {}, [], True
        self._bar = Bar(key=self._key_next, meter=self._meter_next, meter_in_force=self._meter)
        self._key_next = self._meter_next = None


_HANDLERS: dict[str, Callable[[VoiceReader, re.Match[str]], None]] = {
    "decoration": VoiceReader._decoration,
    "space": VoiceReader._see_space,
    "text": VoiceReader._text,
    "inline": VoiceReader._inline,
    "ending": VoiceReader._ending,
    "bar": VoiceReader._barline,
    "grace": VoiceReader._grace,
    "tuplet": VoiceReader._start_tuplet,
    "chord": VoiceReader._chord,
    "rest": VoiceReader._rest,
    "bars_of_rest": VoiceReader._bars_of_rest,
    "note": VoiceReader._note,
    "broken": VoiceReader._break_rhythm,
    "tie": VoiceReader._tie,
}


def _length(number: str, slashes: str, divisor: str) -> Fraction:
    """`3/2`, `2`, `/`, `//`, `/4` and nothing, in unit lengths."""
    below = int(divisor or 2) if slashes else 1
    if slashes and not divisor:
        below = 2 ** min(len(slashes), 6)
    return Fraction(int(number or 1) or 1, below or 1)


def _notatable(event: Event, number: int) -> list[Event]:
    """The event itself, or the tied notes it takes to write its length."""
    if event.grace or note_type(event.written) or (not event.pitches and note_type(event.quarters)):
        return [event]
    try:
        parts = split_length(event.written)
    except ValueError as error:
        raise AbcError(
            f"bar {number} has a length that no note has ({event.written} of a quarter); mend it."
        ) from error
    scale = event.quarters / event.written
    everything = frozenset(event.pitches)
    last = len(parts) - 1
    return [
        replace(
            event,
            written=part,
            quarters=part * scale,
            beam="",
            tuplet=event.tuplet if index == (last if event.tuplet == "stop" else 0) else "",
            harmony="" if index else event.harmony,
            tied_back=everything if index else event.tied_back,
            tied_on=event.tied_on if index == last else everything,
        )
        for index, part in enumerate(parts)
    ]


def _beamed(events: list[Event], glued: list[bool]) -> list[Event]:
    """Join the short notes that were written without a space between them."""
    groups: list[list[int]] = []
    for index, event in enumerate(events):
        if event.grace:
            continue
        short = bool(event.pitches) and event.written < 1 and note_type(event.written) is not None
        if short and glued[index] and groups and groups[-1]:
            groups[-1].append(index)
        else:
            groups.append([index] if short else [])
    beamed = list(events)
    for beam in (part for group in groups for part in nest_beam(events, group)):
        for place, index in enumerate(beam if len(beam) > 1 else []):
            mark = "begin" if place == 0 else "end" if place == len(beam) - 1 else "continue"
            beamed[index] = replace(beamed[index], beam=mark)
    return beamed
