"""Reads ABC tunes (standard 2.1, and the 1.6 habits of old collections) and writes them as MusicXML.

Verovio's own ABC reader can crash the process and knows a part of the notation; this one reads keys, modes,
metres, lengths, broken rhythm, tuplets, ties, chords, grace notes, repeats, endings and jumps, chord symbols,
inline fields and several voices. Slurs, other decorations, words, part orders and voice overlays (`&`) are
passed over.
Pure functions of text, safe in any thread.
"""

import re
from dataclasses import dataclass, replace

from pieces.abc_fields import Header, parse_header
from pieces.abc_music import AbcError, VoiceReader
from pieces.musicxml import to_musicxml as write_musicxml
from pieces.notation import Event, Measure, Score
from pieces.repeats import RepeatMarks, repeat_starts

__all__ = ["AbcError", "choose_tune", "split_tunes", "to_musicxml", "to_score"]

MAX_TUNE_CHARACTERS = 200_000
_FIELD = re.compile(r"([A-Za-z+]):(?![|:])(.*)")
_TUNE_START = re.compile(r"^X:[ \t]*(\w*)", re.MULTILINE)
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_GROUPS = re.compile(r"%%(?:score|staves)\b(.*)")


def split_tunes(text: str) -> dict[str, str]:
    """The tunes of a book by their X: number (a repeated number gets a letter), in the order of the book.

    What stands before the first X: (a file header) is put before each tune's own fields.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    starts = list(_TUNE_START.finditer(text))
    if not starts:
        return {"1": text} if re.search(r"^K:", text, re.MULTILINE) else {}
    preamble = "".join(
        f"{line}\n"
        for line in text[: starts[0].start()].splitlines()
        if re.match(r"[LMQOSC]:|%%(score|staves)\b", line)
    )
    tunes: dict[str, str] = {}
    for start, end in zip(starts, [*starts[1:], None], strict=True):
        number = start[1] or str(len(tunes) + 1)
        while number in tunes:
            number += "b"
        tunes[number] = preamble + text[start.start() : end.start() if end else len(text)]
    return tunes


def choose_tune(text: str, number: str | None = None) -> str:
    """The text of one tune of a book: that of X: `number`, else the first that has music.

    Raises AbcError where there is none.
    """
    tunes = split_tunes(text)
    if not tunes:
        raise AbcError("no ABC tune is in it (no X: or K: line); give an .abc file with at least one tune.")
    if number is not None:
        if number not in tunes:
            first, last = next(iter(tunes)), list(tunes)[-1]
            raise AbcError(f"there is no tune X:{number}; its {len(tunes)} tunes go from {first} to {last}.")
        return tunes[number]
    return next(
        (tune for tune in tunes.values() if re.search(r"^K:.*\n+.*\S", tune, re.MULTILINE)),
        next(iter(tunes.values())),
    )


def to_musicxml(tune: str, chord_symbols: bool = True) -> str:
    """MusicXML of one tune's text. Raises AbcError as `to_score` does."""
    return write_musicxml(to_score(tune, chord_symbols))


def to_score(tune: str, chord_symbols: bool = True) -> Score:
    """Read one tune's text.

    Raises AbcError: no K: line, no notes, a length that no note has, or more music than a tune can be.
    """
    if len(tune) > MAX_TUNE_CHARACTERS:
        raise AbcError(f"the tune is longer than {MAX_TUNE_CHARACTERS} characters; split the book.")
    head, body = _head_and_body(_NOT_XML.sub(" ", tune))
    header = parse_header(head)
    voices = _read_voices(header, body, chord_symbols)
    events = (event for voice in voices.values() for bar in voice.bars for event in bar.events)
    if not any(event.pitches and not event.grace for event in events):
        raise AbcError(f"the tune {header.title or 'X:' + header.number!r} has no notes; choose another one.")
    score = Score(header.title, header.composer, header.source, tempo_bpm=header.tempo_bpm)
    _assemble(score, voices, _staff_of_voices(tune, list(voices)))
    return score


def _head_and_body(tune: str) -> tuple[list[tuple[str, str]], list[str]]:
    """The header's fields up to K:, and the lines of music after it, without comments."""
    lines = [re.sub(r"(?<!\\)%.*", "", line).rstrip() for line in tune.splitlines()]
    head: list[tuple[str, str]] = []
    for index, line in enumerate(lines):
        field = _FIELD.match(line)
        if field is None:
            continue
        head.append((field[1], field[2].strip()))
        if field[1] == "K":
            return head, lines[index + 1 :]
    raise AbcError("the tune has no K: line, after which its music would begin; add one (K:C).")


def _read_voices(header: Header, body: list[str], chord_symbols: bool) -> dict[str, VoiceReader]:
    voices = {name: VoiceReader(header, spec, chord_symbols) for name, spec in header.voices.items()}
    current = next(iter(voices), "")
    for line in body:
        field = _FIELD.match(line)
        if field is None:
            parts = re.split(r"\[V:\s*([^\]\[]*)\]", line)
        elif field[1] == "V":
            parts = ["", field[2], ""]
        elif current in voices or field[1] in "KLM":
            _voice(voices, current, header, chord_symbols).field(field[1], field[2])
            continue
        else:
            continue
        if parts[0].strip():
            _voice(voices, current, header, chord_symbols).music(parts[0])
        for spec, music in zip(parts[1::2], parts[2::2], strict=True):
            current, _, rest = spec.strip().partition(" ")
            if rest:
                header.voices.setdefault(current, rest)
            _voice(voices, current, header, chord_symbols).music(music)
    for voice in voices.values():
        voice.finish()
    return {name: voice for name, voice in voices.items() if voice.bars}


def _voice(voices: dict[str, VoiceReader], name: str, header: Header, chord_symbols: bool) -> VoiceReader:
    if name not in voices:
        if len(voices) >= 16:
            raise AbcError("the tune has more than 16 voices; leave some out.")
        voices[name] = VoiceReader(header, header.voices.get(name, ""), chord_symbols)
    return voices[name]


@dataclass(frozen=True)
class _Place:
    staff: int
    voice: int


def _staff_of_voices(tune: str, names: list[str]) -> dict[str, _Place]:
    """Staves of the voices: those that %%score puts into one pair of parentheses share a staff."""
    groups: list[list[str]] = []
    directive = _GROUPS.search(tune)
    if directive is not None:
        for shared, single in re.findall(r"\(([^()]*)\)|([^\s()\[\]{}|]+)", directive[1]):
            group = [name for name in (shared.split() or [single]) if name in names]
            groups += [group] if group else []
    listed = {name for group in groups for name in group}
    groups += [[name] for name in names if name not in listed]
    return {
        name: _Place(staff, voice)
        for staff, group in enumerate(groups, 1)
        for voice, name in enumerate(group, 1 + 4 * (staff - 1))
    }


def _assemble(score: Score, voices: dict[str, VoiceReader], places: dict[str, _Place]) -> None:
    """Put the voices' bars above one another; the first voice decides key, metre, barlines and numbers."""
    score.staves = max(place.staff for place in places.values())
    leader = max(voices.values(), key=lambda voice: len(voice.bars))
    number = 0
    for index, bar in enumerate(leader.bars):
        full = bar.meter_in_force.quarters if bar.meter_in_force else None
        partial = full is not None and bar.quarters < full
        # A pickup, and what completes the bar that a repeat cut in two, do not count.
        completes = index > 0 and partial and leader.bars[index - 1].quarters + bar.quarters == full
        implicit = partial and (index == 0 or completes)
        number += not implicit
        measure = Measure(
            number=str(number),
            implicit=implicit,
            key=bar.key,
            meter=bar.meter,
            repeat_start=bar.repeat_start,
            repeat_end=bar.repeat_end,
            times=bar.times,
            endings=bar.endings,
            ending_stop=bar.ending_stop,
            barline=bar.barline,
            signs=frozenset(bar.signs),
        )
        for name, voice in voices.items():
            place = places[name]
            events = (
                voice.bars[index].events
                if index < len(voice.bars)
                else [Event((), bar.quarters, bar.quarters)]
            )
            measure.voices[place.staff, place.voice] = [event.on_staff(place.staff) for event in events]
            if index == 0:
                measure.clefs.setdefault(place.staff, voice.clef)
        score.measures.append(measure)
    _write_repeat_starts_out(score)


def _write_repeat_starts_out(score: Score) -> None:
    """Old collections leave the start sign out; engravers need it."""
    marks = [RepeatMarks(bar.repeat_start, bar.repeat_end, bar.times, ()) for bar in score.measures]
    open_endings: tuple[int, ...] = ()
    for index, bar in enumerate(score.measures):
        open_endings = bar.endings or open_endings
        marks[index] = replace(marks[index], endings=open_endings)
        open_endings = () if bar.ending_stop else open_endings
    for index in repeat_starts(marks) - {0}:
        score.measures[index].repeat_start = True
