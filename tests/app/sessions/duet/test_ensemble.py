"""Who plays what: two lines that grow, roles that change, phrases in turn, two bars to begin with."""
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.sessions.duet import counterpoint
from app.sessions.duet.choices import VOICE_RANGES, Choices
from app.sessions.duet.ensemble import Ensemble, nearest_voice
from app.sessions.duet.questions import Question
from models.duet.encoding import HOLD, MULTI_HOLD, line, sounding
from models.duet.keys import heard_key
from models.duet.measures import CONSONANT
from models.duet.windows import seen_steps

REST = MULTI_HOLD.rest


def played(ensemble: Ensemble, yours: np.ndarray, choose, choices: Choices) -> list[Question]:
    """Play your line to its end; the questions that were asked."""
    questions = []
    for symbol in [None, *yours.tolist()]:
        if symbol is not None:
            ensemble.hear(symbol)
        ensemble.switch_if_wanted()
        found = ensemble.question(choices)
        if isinstance(found, Question):
            questions.append(found)
            found = choose(found)
        ensemble.play(found)
    return questions


def test_it_knows_both_lines_up_to_the_step_before():
    yours = line([(0, 4, 60), (4, 4, 62)], 8)
    questions = played(Ensemble(seed=7), yours, lambda q: (q.step % 4 and 12 + HOLD) or 12, Choices())
    assert [(q.step, len(q.human), len(q.machine)) for q in questions] == [(i, i, i) for i in range(9)]
    assert questions[-1].human.tolist() == yours.tolist()
    assert questions[-1].machine.tolist() == ([12] + [12 + HOLD] * 3) * 2
    assert [q.seed for q in questions] == [7] + [None] * 8, "its draws begin anew once"


def test_of_long_lines_is_shown_what_an_agent_looks_at():
    yours = line([(step, 1, 40 + step % 30) for step in range(100)], 100)
    questions = played(Ensemble(), yours, lambda q: q.step % 46, Choices())
    assert len(questions) == 101
    for question in questions:
        first = question.step - seen_steps(question.step)
        assert question.human.tolist() == yours[first : question.step].tolist()
        assert question.machine.tolist() == [step % 46 for step in range(first, question.step)]


def test_roles_change_on_the_next_beat_and_lines_change_places():
    ensemble, choices = Ensemble(), Choices()
    yours = line([(0, 24, 72)], 24)
    asked = played(ensemble, yours[:5], lambda q: 12 if q.step == 0 else 12 + HOLD, choices)
    before = asked[-1]
    ensemble.want_switch()
    after = played_on(ensemble, yours[5:], choices)
    assert next(q.step for q in after if not np.array_equal(q.machine[:5], before.machine)) == 8
    assert after[-1].machine[:8].tolist() == yours[:8].tolist(), "it carries on your line"
    assert after[-1].human[:8].tolist() == [12] + [12 + HOLD] * 7, "and you its"
    assert ensemble.switched and nearest_voice(after[-1].machine) == "soprano"
    machines = ensemble.lines()[1]
    assert machines[8] == 36 and machines[9] == 36 + HOLD, "what it takes over is struck"
    ensemble.want_switch()
    played_on(ensemble, yours[:8], choices)
    assert not ensemble.switched


def played_on(ensemble: Ensemble, yours: np.ndarray, choices: Choices) -> list[Question]:
    """Go on: the machine holds what it sees as its own."""
    questions = []
    for symbol in yours.tolist():
        ensemble.hear(symbol)
        ensemble.switch_if_wanted()
        found = ensemble.question(choices)
        assert isinstance(found, Question)
        questions.append(found)
        last = int(found.machine[-1])
        ensemble.play(last if last >= HOLD else last + HOLD)
    return questions


def test_a_switch_taken_back_in_time_changes_nothing():
    ensemble = Ensemble()
    played(ensemble, line([(0, 5, 60)], 5), lambda q: 12, Choices())
    ensemble.want_switch()
    ensemble.want_switch()
    played_on(ensemble, line([(0, 8, 60)], 8), Choices())
    assert not ensemble.switched


@pytest.mark.parametrize("bars", [1, 2, 4])
def test_in_turn_it_rests_while_you_play(bars):
    choices = Choices().but(mode="call and response", phrase_bars=bars)
    ensemble = Ensemble()
    played(ensemble, line([(0, 64 * bars, 60)], 64 * bars), lambda q: 12, choices)
    phrase = 16 * bars
    machines = ensemble.lines()[1]
    assert ((machines[: 64 * bars] != REST) == (np.arange(64 * bars) // phrase % 2)).all()
    assert {ensemble.turn(choices, 0), ensemble.turn(choices, phrase)} == {"you", "machine"}


def test_in_turn_the_agent_is_shown_a_duet_without_turns():
    """Its line goes on unheard while you play, and yours sounds once more while you rest."""
    choices = Choices().but(mode="call and response", phrase_bars=1)
    # held into its phrase, with a note of yours in it; then a short call
    yours = line([(0, 20, 72), (26, 2, 71), (32, 8, 74)], 64)
    questions = played(ensemble := Ensemble(), yours, lambda q: 12 if q.step % 8 == 0 else 12 + HOLD, choices)
    last = questions[63]
    first = 63 - len(last.human)
    own = [12 if step % 8 == 0 else 12 + HOLD for step in range(64)]
    assert len(questions) == 65 and last.machine.tolist() == own[first:63]
    echoed = line([(0, 26, 72), (26, 2, 71), (28, 4, 72), (32, 8, 74), (48, 8, 74)], 64)
    assert last.human.tolist() == echoed[first:63].tolist()
    assert ensemble.lines()[0].tolist() == yours.tolist(), "what you played is not touched"


def test_what_sounds_unheard_is_struck_when_its_phrase_begins():
    choices = Choices().but(mode="call and response", phrase_bars=1)
    played(ensemble := Ensemble(), line([], 40), lambda q: 12 if q.step == 14 else 12 + HOLD, choices)
    assert ensemble.lines()[1].tolist() == line([(16, 16, 48)], 41).tolist()


def test_its_phrase_may_not_rest_before_it_has_begun():
    choices = Choices().but(mode="call and response", phrase_bars=1)
    questions = played(Ensemble(), line([], 60), lambda q: 12 if q.step == 18 else REST, choices)
    assert [q.step for q in questions if not q.may_rest] == [16, 17, 18, *range(48, 61)]


def test_a_missed_answer_holds_what_sounds():
    ensemble = Ensemble()
    assert [ensemble.play(12), ensemble.miss(), ensemble.miss()] == [12, 12 + HOLD, 12 + HOLD]
    assert Ensemble().miss() == REST


def test_two_bars_of_counterpoint_come_before_the_first_question():
    choices = Choices().but(seed="two bars")
    tune = line([(4 * i, 4, pitch) for i, pitch in enumerate((67, 69, 71, 72, 74, 72, 71, 69, 67))], 36)
    ensemble = Ensemble()
    questions = played(ensemble, tune, lambda q: REST, choices)
    assert questions[0].step == 32
    machines = ensemble.lines()[1][:32]
    low, high = sounding(machines), sounding(tune[:32])
    struck = np.flatnonzero(low[3:] > 0) + 3
    assert len(struck) > 24 and VOICE_RANGES["bass"][0] <= low[struck].min() <= low.max() <= 62
    resolved = [abs(high[s] - low[s]) % 12 in CONSONANT for s in range(4, 32) if s % 4 == 3]
    assert all(resolved) and len(set(low[struck].tolist())) > 2


def test_a_piece_gives_the_first_two_bars():
    given_line = line([(0, 8, 48), (8, 40, 50)], 48)
    ensemble = Ensemble(given=given_line)
    questions = played(ensemble, line([(0, 40, 60)], 40), lambda q: REST, Choices().but(seed="piece"))
    assert questions[0].step == 32 and ensemble.lines()[1][:32].tolist() == given_line[:32].tolist()


@pytest.mark.parametrize(("bars", "heard_in"), [(1, (1, 3)), (2, (2, 3)), (4, (4, 5))])
@pytest.mark.parametrize("seed", ["piece", "two bars"])
def test_in_turn_it_begins_in_its_own_phrases(seed, bars, heard_in):
    """In those of the person nothing of the two bars would be heard."""
    piece = line([(step, 1, 48 + step % 12) for step in range(48)], 48)
    choices = Choices().but(mode="call and response", phrase_bars=bars, seed=seed)
    ensemble = Ensemble(given=piece)
    tune = line([(4 * i, 4, 67 + i % 3) for i in range(8 * 4)], 8 * 16)
    questions = played(ensemble, tune, lambda q: REST, choices)
    asked = {question.step // 16 for question in questions}
    assert asked == {bar for bar in range(9) if bar not in heard_in}
    machines = ensemble.lines()[1]
    heard = [machines[16 * bar : 16 * bar + 16].tolist() for bar in heard_in]
    if seed == "piece":
        assert [*heard[0], *heard[1]] == piece[:32].tolist()
    assert all(set(bar) != {REST} for bar in heard)


@settings(deadline=None)
@given(st.lists(st.integers(0, REST), min_size=1, max_size=40), st.sampled_from(list(VOICE_RANGES)))
def test_counterpoint_keeps_to_its_voice_and_holds_only_what_sounds(symbols, voice):
    lowest, highest = VOICE_RANGES[voice]
    human, machine = np.array(symbols, np.uint8), np.zeros(0, np.uint8)
    for step in range(len(symbols)):
        known = human[:step]
        symbol = counterpoint.next_symbol(known, machine, step, lowest, highest, heard_key(known, machine))
        pitch = int(sounding([symbol])[0])
        assert symbol == REST or lowest <= pitch <= highest
        if HOLD <= symbol < REST:
            assert int(sounding(machine[-1:])[0]) == pitch
        machine = np.append(machine, np.uint8(symbol))
