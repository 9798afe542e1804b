"""Writes `pieces.notation` scores as MusicXML 4.0 (partwise, one part of one or more staves).

Pure functions from data to text: any thread may call them. Accidentals are worked out here, because
engravers draw only those that are written.
"""

from fractions import Fraction
from math import lcm
from xml.sax.saxutils import escape, quoteattr

from pieces.notation import Event, Key, Measure, Meter, Pitch, Score, note_type

_CLEFS = {
    "treble": ("G", 2, 0),
    "bass": ("F", 4, 0),
    "alto": ("C", 3, 0),
    "tenor": ("C", 4, 0),
    "treble-8": ("G", 2, -1),
    "treble+8": ("G", 2, 1),
    "bass-8": ("F", 4, -1),
}
_ORNAMENTS = ("trill-mark", "turn", "mordent", "inverted-mordent")
_ARTICULATIONS = ("staccato", "accent", "tenuto", "strong-accent", "staccatissimo")
_ACCIDENTALS = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}


def to_musicxml(score: Score) -> str:
    """The whole document, without declaration or DOCTYPE."""
    divisions = _divisions(score)
    writer = _Writer(divisions, score.staves)
    for index, measure in enumerate(score.measures):
        writer.measure(measure, score if index == 0 else None)
    head = [f"<work><work-title>{escape(score.title)}</work-title></work>"] if score.title else []
    head.append("<identification>")
    if score.composer:
        head.append(f'<creator type="composer">{escape(score.composer)}</creator>')
    head.append("<encoding><software>Ripieno</software></encoding>")
    if score.source:
        head.append(f"<source>{escape(score.source)}</source>")
    head.append("</identification>")
    head.append('<part-list><score-part id="P1"><part-name/></score-part></part-list>')
    return "\n".join(
        [
            '<score-partwise version="4.0">',
            *head,
            '<part id="P1">',
            *writer.lines,
            "</part>",
            "</score-partwise>",
            "",
        ]
    )


def _divisions(score: Score) -> int:
    lengths = [
        event.quarters.denominator
        for measure in score.measures
        for voice in measure.voices.values()
        for event in voice
    ]
    return lcm(1, *set(lengths))


_SIGNS = {
    "segno": ("<segno/>", 'segno="segno"'),
    "coda": ("<coda/>", 'coda="coda"'),
    "tocoda": ("<words>To Coda</words>", 'tocoda="coda"'),
    "fine": ("<words>Fine</words>", 'fine="yes"'),
    "dacapo": ("<words>D.C.</words>", 'dacapo="yes"'),
    "dalsegno": ("<words>D.S.</words>", 'dalsegno="segno"'),
}
"""How each of pieces.repeats.SIGNS is drawn, and what it says to a player."""


class _Writer:
    """Collects the lines of the measures; knows the key, and the accidentals in force in the measure."""

    def __init__(self, divisions: int, staves: int) -> None:
        self.divisions = divisions
        self.staves = staves
        self.key = Key()
        self.in_force: dict[tuple[int, str, int], int] = {}
        self.lines: list[str] = []
        self.ending = ""

    def measure(self, measure: Measure, first_of: Score | None) -> None:
        """Write one measure; `first_of` is the score where it is its first."""
        implicit = ' implicit="yes"' if measure.implicit else ""
        self.lines.append(f"<measure number={quoteattr(measure.number)}{implicit}>")
        self._left_barline(measure)
        self._attributes(measure, first_of)
        if first_of is not None and first_of.tempo_bpm:
            self._tempo(first_of.tempo_bpm)
        self._signs(measure.signs & {"segno", "coda"})
        self._voices(measure)
        self._signs(measure.signs - {"segno", "coda"})
        self._right_barline(measure)
        self.lines.append("</measure>")

    def _signs(self, signs: frozenset[str]) -> None:
        for sign in sorted(signs):
            mark, sound = _SIGNS[sign]
            kind = f"<direction-type>{mark}</direction-type>"
            self.lines.append(f'<direction placement="above">{kind}<sound {sound}/></direction>')

    def _left_barline(self, measure: Measure) -> None:
        if not (measure.repeat_start or measure.endings):
            return
        style = "<bar-style>heavy-light</bar-style>" if measure.repeat_start else ""
        ending = ""
        if measure.endings:
            self.ending = ", ".join(map(str, measure.endings))
            ending = f'<ending number="{self.ending}" type="start">{self.ending}.</ending>'
        repeat = '<repeat direction="forward"/>' if measure.repeat_start else ""
        self.lines.append(f'<barline location="left">{style}{ending}{repeat}</barline>')

    def _right_barline(self, measure: Measure) -> None:
        if not (measure.repeat_end or measure.ending_stop or measure.barline):
            return
        style = "light-heavy" if measure.repeat_end else measure.barline
        bar_style = f"<bar-style>{style}</bar-style>" if style else ""
        ending = ""
        if measure.ending_stop:
            ending = f'<ending number="{self.ending}" type="{measure.ending_stop}"/>'
        times = f' times="{measure.times}"' if measure.times != 2 else ""
        repeat = f'<repeat direction="backward"{times}/>' if measure.repeat_end else ""
        self.lines.append(f'<barline location="right">{bar_style}{ending}{repeat}</barline>')

    def _attributes(self, measure: Measure, first_of: Score | None) -> None:
        parts = [f"<divisions>{self.divisions}</divisions>"] if first_of is not None else []
        if measure.key is not None:
            self.key = measure.key
            parts.append(f"<key><fifths>{measure.key.fifths}</fifths></key>")
        if measure.meter is not None:
            parts.append(_time(measure.meter))
        if first_of is not None and self.staves > 1:
            parts.append(f"<staves>{self.staves}</staves>")
        parts += [_clef(staff, name) for staff, name in sorted(measure.clefs.items())]
        if parts:
            self.lines.append(f"<attributes>{''.join(parts)}</attributes>")

    def _tempo(self, bpm: float) -> None:
        self.lines.append(
            '<direction placement="above"><direction-type><metronome><beat-unit>quarter</beat-unit>'
            f"<per-minute>{bpm:g}</per-minute></metronome></direction-type><staff>1</staff>"
            f'<sound tempo="{bpm:g}"/></direction>'
        )

    def _voices(self, measure: Measure) -> None:
        accidentals = self._accidentals(measure)
        position = Fraction(0)
        for place, events in sorted(measure.voices.items()):
            if position:
                self.lines.append(f"<backup><duration>{self._duration(position)}</duration></backup>")
            position = Fraction(0)
            for index, event in enumerate(events):
                if not event.pitches and len(events) == 1 and not event.hidden:
                    self._measure_rest(event, place[1])
                else:
                    self._event(event, place[1], accidentals.get((place, index), {}))
                position += event.quarters

    def _accidentals(self, measure: Measure) -> dict[tuple[tuple[int, int], int], dict[Pitch, str]]:
        """Which accidentals to draw, by voice and event; decided in the order of time across all voices."""
        timeline = []
        for place, events in sorted(measure.voices.items()):
            position = Fraction(0)
            for index, event in enumerate(events):
                timeline.append((position, not event.grace, place, index, event))
                position += event.quarters
        in_force: dict[tuple[int, str, int], int] = {}
        found: dict[tuple[tuple[int, int], int], dict[Pitch, str]] = {}
        for _, _, place, index, event in sorted(timeline, key=lambda item: item[:4]):
            for pitch in event.pitches:
                spot = (event.staff, pitch.step, pitch.octave)
                current = in_force.get(spot, self.key.alter(pitch.step))
                if pitch.alter != current and pitch not in event.tied_back:
                    found.setdefault((place, index), {})[pitch] = _ACCIDENTALS[pitch.alter]
                    in_force[spot] = pitch.alter
        return found

    def _event(self, event: Event, voice: int, accidentals: dict[Pitch, str]) -> None:
        if event.harmony:
            self.lines.append(_harmony(event.harmony, event.staff))
        if event.clef:
            self.lines.append(f"<attributes>{_clef(event.staff, event.clef)}</attributes>")
        if event.dynamic:
            self.lines.append(_dynamic(event))
        if event.hidden:
            self.lines.append(
                f"<forward><duration>{self._duration(event.quarters)}</duration>"
                f"<voice>{voice}</voice><staff>{event.staff}</staff></forward>"
            )
            return
        for index, pitch in enumerate(sorted(event.pitches) or [None]):
            self.lines.append(self._note(event, voice, pitch, index, accidentals))

    def _measure_rest(self, event: Event, voice: int) -> None:
        if event.harmony:
            self.lines.append(_harmony(event.harmony, event.staff))
        staff = f"<staff>{event.staff}</staff>" if self.staves > 1 else ""
        self.lines.append(
            f'<note><rest measure="yes"/><duration>{self._duration(event.quarters)}</duration>'
            f"<voice>{voice}</voice>{staff}</note>"
        )

    def _note(
        self, event: Event, voice: int, pitch: Pitch | None, index: int, accidentals: dict[Pitch, str]
    ) -> str:
        parts = ['<grace slash="yes"/>' if event.slashed else "<grace/>"] if event.grace else []
        if index:
            parts.append("<chord/>")
        parts.append("<rest/>" if pitch is None else _pitch(pitch))
        if not event.grace:
            parts.append(f"<duration>{self._duration(event.quarters)}</duration>")
        ties = [
            kind
            for kind, pitches in (("stop", event.tied_back), ("start", event.tied_on))
            if pitch in pitches
        ]
        parts += [f'<tie type="{kind}"/>' for kind in ties]
        parts.append(f"<voice>{voice}</voice>")
        parts.append(_type(event.written))
        if pitch is not None and pitch in accidentals:
            parts.append(f"<accidental>{accidentals[pitch]}</accidental>")
        if event.ratio:
            parts.append(
                "<time-modification><actual-notes>{}</actual-notes><normal-notes>{}</normal-notes>"
                "</time-modification>".format(*event.ratio)
            )
        if self.staves > 1:
            parts.append(f"<staff>{event.staff}</staff>")
        if event.beam and not index:
            parts.append(f'<beam number="1">{event.beam}</beam>')
        notations = "".join(f'<tied type="{kind}"/>' for kind in ties) + ("" if index else _notations(event))
        if notations:
            parts.append(f"<notations>{notations}</notations>")
        return f"<note>{''.join(parts)}</note>"

    def _duration(self, quarters: Fraction) -> int:
        return int(quarters * self.divisions)


def _notations(event: Event) -> str:
    """What is said once for a whole chord: tuplet, slurs, ornaments and articulations."""
    parts = [f'<slur type="{kind}" number="{event.staff}"/>' for kind in event.slur.split()]
    if event.tuplet:
        parts.append(f'<tuplet type="{event.tuplet}"/>')
    for group, names in (("ornaments", _ORNAMENTS), ("articulations", _ARTICULATIONS)):
        marks = "".join(f"<{mark}/>" for mark in event.marks if mark in names)
        parts.append(f"<{group}>{marks}</{group}>" if marks else "")
    parts += ["<fermata/>" for mark in event.marks if mark == "fermata"]
    return "".join(parts)


def _dynamic(event: Event) -> str:
    return (
        f'<direction placement="below"><direction-type><dynamics><{event.dynamic}/></dynamics>'
        f"</direction-type><staff>{event.staff}</staff></direction>"
    )


def _time(meter: Meter) -> str:
    symbol = f' symbol="{meter.symbol}"' if meter.symbol else ""
    return f"<time{symbol}><beats>{meter.beats}</beats><beat-type>{meter.beat_type}</beat-type></time>"


def _clef(staff: int, name: str) -> str:
    sign, line, octave = _CLEFS[name]
    change = f"<clef-octave-change>{octave}</clef-octave-change>" if octave else ""
    return f'<clef number="{staff}"><sign>{sign}</sign><line>{line}</line>{change}</clef>'


def _pitch(pitch: Pitch) -> str:
    alter = f"<alter>{pitch.alter}</alter>" if pitch.alter else ""
    return f"<pitch><step>{pitch.step}</step>{alter}<octave>{pitch.octave}</octave></pitch>"


def _type(written: Fraction) -> str:
    named = note_type(written)
    return f"<type>{named[0]}</type>{'<dot/>' * named[1]}" if named else ""


def _harmony(symbol: str, staff: int) -> str:
    """A chord symbol such as F#m7/C; what follows the root is kept as its author wrote it."""
    head, _, bass = symbol.partition("/")
    kind = head[1:].lstrip("#b")
    root = _root(head, "root")
    low = f"<bass>{_root(bass, 'bass')}</bass>" if bass[:1] in set("ABCDEFG") and bass else ""
    return (
        f"<harmony><root>{root}</root><kind text={quoteattr(kind)}>other</kind>{low}"
        f"<staff>{staff}</staff></harmony>"
    )


def _root(name: str, tag: str) -> str:
    alter = {"#": 1, "b": -1}.get(name[1:2])
    altered = f"<{tag}-alter>{alter}</{tag}-alter>" if alter else ""
    return f"<{tag}-step>{name[0]}</{tag}-step>{altered}"
