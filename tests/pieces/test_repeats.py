from hypothesis import given
from hypothesis import strategies as st

from pieces.repeats import SIGNS, played_order, repeat_starts
from pieces.repeats import RepeatMarks as Marks

PLAIN, START, END = Marks(), Marks(start=True), Marks(end=True)


def test_no_repeats():
    assert played_order([PLAIN, PLAIN, PLAIN]) == [0, 1, 2]


def test_a_repeat_without_a_start_goes_to_the_beginning_and_then_to_the_last_end():
    assert played_order([PLAIN, END, PLAIN, END]) == [0, 1, 0, 1, 2, 3, 2, 3]
    assert repeat_starts([PLAIN, END, PLAIN, END]) == {0, 2}


def test_a_start_limits_the_repeat():
    assert played_order([PLAIN, START, END, PLAIN]) == [0, 1, 2, 1, 2, 3]


def test_one_measure_repeated_three_times():
    assert played_order([PLAIN, Marks(start=True, end=True, times=3)]) == [0, 1, 1, 1]


def test_first_and_second_endings_and_what_follows():
    marks = [START, Marks(end=True, endings=(1,)), Marks(endings=(2,)), PLAIN, END]
    assert played_order(marks) == [0, 1, 0, 2, 3, 4, 3, 4]
    assert repeat_starts(marks) == {0, 3}


def test_endings_of_several_measures_and_three_passes():
    marks = [PLAIN, Marks(endings=(1, 2)), Marks(end=True, endings=(1, 2)), Marks(endings=(3,)), PLAIN]
    assert played_order(marks) == [0, 1, 2, 0, 1, 2, 0, 3, 4]


def test_a_second_ending_with_its_own_repeat_sign_ends_the_passage():
    marks = [START, Marks(end=True, endings=(1,)), Marks(end=True, endings=(2,)), PLAIN]
    assert played_order(marks) == [0, 1, 0, 2, 3]


def signs(*names):
    return Marks(signs=frozenset(names))


def test_da_capo_al_fine_is_obeyed_once_and_ends_at_the_fine():
    assert played_order([PLAIN, signs("fine"), PLAIN, signs("dacapo")]) == [0, 1, 2, 3, 0, 1]


def test_da_capo_without_a_fine_plays_everything_again():
    assert played_order([PLAIN, signs("dacapo"), PLAIN]) == [0, 1, 0, 1, 2]


def test_dal_segno_al_coda():
    marks = [PLAIN, signs("segno"), signs("tocoda"), PLAIN, signs("dalsegno"), signs("coda"), PLAIN]
    assert played_order(marks) == [0, 1, 2, 3, 4, 1, 2, 5, 6]


def test_a_segno_or_coda_that_is_missing_loses_nothing():
    assert played_order([PLAIN, signs("tocoda"), signs("dalsegno")]) == [0, 1, 2, 0, 1, 2]


def test_after_the_jump_there_are_no_repeats_and_only_the_last_ending():
    marks = [START, Marks(end=True, endings=(1,)), Marks(endings=(2,)), PLAIN,
             Marks(start=True, end=True, signs=frozenset({"dacapo"}))]  # fmt: skip
    assert played_order(marks) == [0, 1, 0, 2, 3, 4, 4, 0, 2, 3, 4]


SIGNED = st.builds(
    Marks, st.booleans(), st.booleans(), st.integers(2, 20), st.sampled_from([(), (), (1,), (2,)]),
    st.frozensets(st.sampled_from(SIGNS), max_size=2),
)  # fmt: skip


@given(st.lists(SIGNED, max_size=30))
def test_jumps_come_to_an_end_and_add_at_most_one_pass(marks):
    plain = [Marks(mark.start, mark.end, mark.times, mark.endings) for mark in marks]
    order = played_order(marks)
    assert len(order) <= len(played_order(plain)) + len(marks)


MARKS = st.builds(
    Marks,
    st.booleans(),
    st.booleans(),
    st.integers(2, 20),
    st.sampled_from([(), (), (1,), (2,), (1, 2), (3,)]),
)


@given(st.lists(MARKS, max_size=30))
def test_any_marks_end_and_lose_no_measure_without_a_bracket(marks):
    order = played_order(marks)
    assert {index for index, mark in enumerate(marks) if not mark.endings} <= set(order)
    assert len(order) <= 16 * len(marks)


@given(st.lists(st.builds(Marks, st.booleans(), st.booleans(), st.integers(2, 20)), max_size=30))
def test_writing_the_starts_out_changes_nothing(marks):
    starts = repeat_starts(marks)
    explicit = [
        Marks(mark.start or index in starts, mark.end, mark.times, mark.endings)
        for index, mark in enumerate(marks)
    ]
    assert played_order(explicit) == played_order(marks)
