"""The belief filter on a strip whose every column is known: it moves, halts, finds and says so."""

import numpy as np
import pytest

from models.features import SPEC
from models.follower.belief import HORIZONS, Belief, BeliefConfig
from models.follower.network import COLUMN_PX
from models.follower.strikes import Written

COLUMNS = 1200
MUSIC = (128, 1071)
START_PX = 130 * COLUMN_PX


def evidence(x_px: float, sharpness: float = 6.0) -> np.ndarray:
    """Logits of a perfect but blurred ear: a hill at ``x_px`` above what silence would say."""
    places = (np.arange(COLUMNS) + 0.5) * COLUMN_PX
    return (np.log(0.1) + sharpness * np.exp(-0.5 * ((places - x_px) / 20.0) ** 2)).astype(np.float32)


@pytest.fixture
def belief():
    return Belief(np.full(COLUMNS, np.log(0.1), np.float32), MUSIC)


def follow(belief, path_px):
    return np.array([belief.update(evidence(x_px)) for x_px in path_px])


def test_it_follows_a_steady_tempo_and_knows_the_speed(belief):
    path = START_PX + 5.0 * np.arange(200)
    belief.reset(START_PX)
    rows = follow(belief, path)
    assert np.abs(rows[40:, 0] - path[40:]).max() < 12
    speed = rows[40:, len(HORIZONS) + 1]
    assert np.abs(speed - 5.0).mean() < 1.0


def test_it_looks_ahead_by_the_tempo(belief):
    path = START_PX + 5.0 * np.arange(150)
    belief.reset(START_PX)
    row = follow(belief, path)[-1]
    assert row[3] - row[0] == pytest.approx(5.0 * HORIZONS[3], rel=0.25)


def test_music_spaced_unevenly_needs_no_change_of_tempo():
    """Half the quarters per column: the same tempo covers twice the pixels."""
    log_quarters = np.full(COLUMNS, np.log(0.1), np.float32)
    log_quarters[400:] = np.log(0.05)
    belief = Belief(log_quarters, MUSIC)
    belief.reset(START_PX)
    quarters = np.cumsum(np.exp(log_quarters)) - 0.5 * np.exp(log_quarters)
    place = np.interp(START_PX, (np.arange(COLUMNS) + 0.5) * COLUMN_PX, quarters)
    path = np.interp(place + 0.11 * np.arange(330), quarters, (np.arange(COLUMNS) + 0.5) * COLUMN_PX)
    for x_px in path[:230]:
        belief.update(evidence(x_px))
    # From here on it hears nothing that tells places apart, and crosses into the denser half.
    blind = np.array([belief.update(log_quarters)[0] for _ in range(30)])
    assert path[245] < 1600 < path[248]
    assert np.abs(blind - path[230:260]).max() < 15


def test_it_halts_with_the_music():
    belief = Belief(np.full(COLUMNS, np.log(0.1), np.float32), MUSIC, BeliefConfig(halt=0.02))
    path = np.concatenate([START_PX + 5.0 * np.arange(100), np.full(60, START_PX + 495.0)])
    belief.reset(START_PX)
    rows = follow(belief, path)
    assert abs(rows[-1, 0] - path[-1]) < 20
    assert rows[-1, -1] > rows[90, -1]


def test_after_a_held_note_it_catches_up_sooner_at_the_tempo_before_it():
    played = START_PX + 6.0 * np.arange(200)
    held = played[-1] + 0.4 * np.arange(120)
    again = held[-1] + 6.0 * np.arange(41)

    def late_px(usual_quarters):
        config = BeliefConfig(halt=0.003, sharpness=0.04, usual_quarters=usual_quarters)
        belief = Belief(np.full(COLUMNS, np.log(0.1), np.float32), MUSIC, config)
        belief.reset(START_PX)
        return again[-1] - follow(belief, np.concatenate([played, held, again]))[-1, 0]

    assert 0 < late_px(16.0) < 0.5 * late_px(0.0)


def by_rate(weight: float = 0.5) -> Belief:
    """A notehead every tenth column, and a rate that is weighed."""
    onsets = np.full(COLUMNS, 0.1, np.float32)
    config = BeliefConfig(halt=0.003, rate_weight=weight)
    written = Written(onsets, np.zeros((COLUMNS, 88), np.float32))
    return Belief(np.full(COLUMNS, np.log(0.1), np.float32), MUSIC, config, written=written)


def keys(chance: float) -> np.ndarray:
    """Chances of struck keys that sum to ``chance``."""
    return np.full(88, chance / 88, np.float32)


def test_few_struck_keys_hold_the_music_and_many_urge_it_on():
    """Where the sound fits all places alike, it goes on as fast as keys are struck."""

    def after_six_seconds(chance):
        belief = by_rate()
        belief.reset(START_PX)
        follow(belief, START_PX + 5.0 * np.arange(60))
        rows = [belief.update(belief.log_quarters.copy(), keys(chance)) for _ in range(120)]
        return rows[-1][0] - START_PX - 5.0 * 60

    none, few, many = (after_six_seconds(chance) for chance in (0.0, 0.25, 1.0))
    assert 0 < none < 0.5 * few < 0.25 * many


def test_a_rate_without_weight_is_not_heard():
    plain, rated = Belief(np.full(COLUMNS, np.log(0.1), np.float32), MUSIC), by_rate(0.0)
    plain = plain.another(rated.config)
    for one in (plain, rated):
        one.reset(START_PX)
    for x_px in START_PX + 5.0 * np.arange(40):
        assert np.array_equal(plain.update(evidence(x_px)), rated.update(evidence(x_px), keys(0.9)))


def test_the_rate_weighs_as_its_formula_says():
    """One frame, against chances worked out tempo by tempo: (1 - h) e^(-w l) + h (l + 0.02)^w e^(-w l)."""
    belief, plain = by_rate(), by_rate(0.0)
    for one in (belief, plain):
        one.reset(START_PX + 1000.0)
        one.update(one.log_quarters.copy(), keys(0.3))
    passed = np.concatenate([[0.0], belief.tempi / SPEC.fps * 1.0])  # noteheads: one a quarter
    chances = (0.7 + 0.3 * (passed + 0.02) ** 0.5) * np.exp(-0.5 * passed)
    place = int((START_PX + 1000.0) / COLUMN_PX) - plain._window.start
    expected = plain._density[:, place] * chances
    assert belief._density[:, place] / belief._density[:, place].sum() == pytest.approx(
        expected / expected.sum(), rel=1e-3
    )


def test_mass_is_one_and_stays_inside_the_music(belief):
    belief.reset(START_PX)
    follow(belief, START_PX + 30.0 * np.arange(200))
    assert belief.columns.sum() == pytest.approx(1.0, abs=1e-4)
    assert belief.columns[: MUSIC[0]].sum() == 0
    assert belief.columns[MUSIC[1] + 1 :].sum() == 0


def test_a_belief_knows_its_tempo_and_another_can_begin_with_it(belief):
    belief.reset(START_PX)
    follow(belief, START_PX + 8.0 * np.arange(120))  # 0.1 quarters in 4 px: 4 quarters a second
    tempo, spread = belief.tempo
    assert tempo == pytest.approx(4.0, rel=0.1) and spread < 0.15
    other = Belief(np.full(COLUMNS, np.log(0.1), np.float32), MUSIC)
    other.reset(START_PX, (tempo, spread))
    assert other.tempo[0] == pytest.approx(tempo, rel=0.05)


def test_mass_within_is_a_share(belief):
    belief.reset(START_PX + 400)
    assert belief.mass_within(START_PX + 400, 60.0) == pytest.approx(1.0, abs=1e-3)
    assert belief.mass_within(START_PX + 900, 60.0) == pytest.approx(0.0, abs=1e-3)
    belief.start(belief.near(START_PX) + belief.near(START_PX + 900), (1.6, 0.4))
    assert belief.mass_within(START_PX + 900, 60.0) == pytest.approx(0.5, abs=0.05)


def test_reset_forgets_everything(belief):
    belief.reset(START_PX)
    first = follow(belief, START_PX + 5.0 * np.arange(30))
    belief.reset(START_PX)
    assert np.array_equal(follow(belief, START_PX + 5.0 * np.arange(30)), first)


def test_nonsense_does_not_break_it(belief):
    belief.reset(-1000.0)
    belief.update(np.full(COLUMNS, -np.float32(1e9)))
    belief.update(np.zeros(COLUMNS, np.float32))
    assert np.isfinite(belief.summary()).all()


def test_to_predict_beforehand_changes_nothing(belief):
    other = Belief(np.full(COLUMNS, np.log(0.1), np.float32), MUSIC)
    for one in (belief, other):
        one.reset(START_PX)
    for x_px in START_PX + 5.0 * np.arange(40):
        assert np.array_equal(belief.update(evidence(x_px)), other.update(evidence(x_px)))
        assert other.predict() == other.predict()
    other.reset(START_PX)
    belief.reset(START_PX)
    assert np.array_equal(belief.update(evidence(START_PX)), other.update(evidence(START_PX)))


def test_only_predicted_columns_are_asked_about(belief):
    belief.reset(START_PX)
    other = Belief(np.full(COLUMNS, np.log(0.1), np.float32), MUSIC)
    other.reset(START_PX)
    for x_px in START_PX + 5.0 * np.arange(40):
        heard = np.full(COLUMNS, np.nan, np.float32)
        window = other.predict()
        heard[window] = evidence(x_px)[window]
        assert np.array_equal(belief.update(evidence(x_px)), other.update(heard))
    assert window.stop - window.start < COLUMNS


def test_to_weigh_the_predicted_columns_alone_is_to_update(belief):
    other = Belief(np.full(COLUMNS, np.log(0.1), np.float32), MUSIC)
    for one in (belief, other):
        one.reset(START_PX)
    for x_px in START_PX + 5.0 * np.arange(40):
        window = other.predict()
        odds = (evidence(x_px) - other.log_quarters)[window]
        assert np.array_equal(belief.update(evidence(x_px)), other.weigh(odds))
    assert belief.log_evidence == other.log_evidence


def test_lost_it_may_be_anywhere_in_the_music(belief):
    belief.reset(START_PX)
    belief.update(np.full(COLUMNS, np.nan, np.float32))
    inside = belief.columns[MUSIC[0] : MUSIC[1] + 1]
    assert inside.sum() == pytest.approx(1.0, abs=1e-4) and inside.min() > 0


def two_chords():
    """(C, 88) chances of noteheads: key 40 in column 260, key 50 in column 320."""
    chances = np.zeros((COLUMNS, 88), np.float32)
    chances[260, 40] = chances[320, 50] = 0.9
    return chances


def test_a_struck_key_is_looked_for_around_a_column():
    written = Written.read(two_chords())
    struck = np.zeros(88, np.float32)
    struck[40] = 1.0
    heard = written.hear(struck, slice(0, COLUMNS))
    fits = np.flatnonzero(heard > 0)
    assert (fits[0], fits[-1]) == (258, 266)  # the music is at the notehead, or has just passed it
    assert heard[320] == pytest.approx(np.log(0.5), abs=1e-4)  # another key stands there, and may be misread
    assert heard[290] < heard[260] and np.allclose(heard[230:250], heard[230])
    struck[:] = 1.0  # a cluster says no more than a chord of four
    assert np.abs(written.hear(struck, slice(0, COLUMNS))).max() <= 4 * np.log(1 / 0.5) + 1e-3


@pytest.mark.parametrize("weight", [0.0, 0.4])
def test_keys_that_are_struck_say_where_the_music_is(weight):
    """Between two places that the sound fits alike, the one where those keys are written is believed."""
    chances = two_chords()
    config = BeliefConfig(pitch_weight=weight, start_boost=0.0)
    quarters = np.full(COLUMNS, np.log(0.1), np.float32)
    belief = Belief(quarters, MUSIC, config, written=Written.read(chances))
    both = belief.near(261 * COLUMN_PX) + belief.near(321 * COLUMN_PX)
    belief.start(both, (1.6, 0.4))
    struck = np.zeros(88, np.float32)
    struck[50] = 1.0
    for _ in range(3):
        belief.update(np.zeros(COLUMNS, np.float32), struck)
    there = belief.mass_within(322 * COLUMN_PX, 60.0)
    assert there > 0.75 if weight else there == pytest.approx(0.5, abs=0.05)
    again = belief.another(config)  # knows what is written, too
    again.start(both, (1.6, 0.4))
    again.update(np.zeros(COLUMNS, np.float32), struck)
    assert (again.mass_within(322 * COLUMN_PX, 60.0) > 0.55) is (weight > 0)
