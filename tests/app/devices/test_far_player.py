"""The player in the card's process plays what one in this process would, and nothing is lost between them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.devices import block_ring
from app.devices.audio import DeviceError
from app.devices.block_ring import CardSide, Memory
from app.devices.far_player import FarPlayer, Stumbled
from app.devices.orders import CAPACITY
from app.engine.player import LocalPlayer
from app.engine.scheduler import NOW, Event
from app.engine.voice import SilentInstrument
from tests.app.conftest import Impulses
from tests.app.devices.instruments import open_broken

RATE, BLOCK = 44_100, 64
clock = SimpleNamespace(now_s=0.0)


class Both:
    """Both sides on one memory, the card turned by hand. Block `n` is heard as n + 1."""

    def __init__(self, start_sample: int = 0, block: int = BLOCK, memory: Memory | None = None) -> None:
        clock.now_s = 0.0
        self.memory = memory or Memory.of(lambda _, size: bytearray(size))
        self.block = block
        self.dead = False
        self.told: list[tuple[float, float, int, float]] = []
        self.events: list[Event] = []
        self.wakes = 0
        self.far = FarPlayer(self, block, True)
        self.side = CardSide(self.memory, block, self._tell)
        self.side.use_rate(RATE)
        self.instrument = Impulses()
        self.far.use_instrument(lambda rate: (self.instrument, None), [])
        self.far.begin(start_sample, self._take_in)
        self.side.count_from(self.far.start_sample)

    def ask(self, troubles: int = 0) -> np.ndarray:
        """The card's driver calls; what it is given, (block,)."""
        output = np.full((self.block, 2), np.nan, np.float32)
        heard = np.full(self.block, self.far._blocks.asked + 1, np.float32)
        self.side.process(heard, output, troubles)
        clock.now_s += self.block / RATE
        return output[:, 0]

    def bring(self, make, settings) -> str | None:
        return self.side.player.use_instrument(make, settings)

    def send_clip(self, sound, start_sample) -> None:
        self.side.player.play_clip(sound, start_sample)

    def let_go(self, player) -> None:
        if self.dead:
            raise DeviceError("gone")
        self.side.player.close()

    def _tell(self) -> None:
        self.wakes += 1

    def _take_in(self, block, events) -> None:
        heard, played, troubles, moment_s, written_s = block
        assert len(played) == self.block and written_s == moment_s
        self.told.append((0.0 if heard is None else float(heard[0]), float(played[0]), troubles, moment_s))
        self.events += events


@pytest.fixture(autouse=True, scope="module")
def by_hand():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(block_ring, "now_s", lambda: clock.now_s)
        yield


SOURCES = st.sampled_from(["demo", "keys"])
TURNS = st.lists(
    st.one_of(
        st.tuples(st.just("submit"), st.integers(NOW, 900), SOURCES),
        st.tuples(st.just("forget"), st.integers(NOW, 900), SOURCES),
        st.tuples(st.just("block")),
        st.tuples(st.just("catch up")),
    ),
    max_size=60,
)


@given(TURNS, st.integers(0, 300))
def test_from_afar_it_plays_what_it_would_play_here(turns, start_sample):
    both, near, instrument = Both(start_sample), LocalPlayer(RATE), Impulses()
    near.use_instrument(lambda rate: (instrument, None), [])
    sample, pitch = start_sample, 0
    for kind, *rest in turns:
        if kind == "block":
            here = np.zeros((BLOCK, 2), np.float32)
            near.play(here, sample)
            assert np.array_equal(both.ask(), here[:, 0])
            sample += BLOCK
            assert both.far.sample == sample
        elif kind == "catch up":
            both.far.catch_up()
        elif kind == "forget":
            for player in (both.far, near):
                player.forget(rest[1], rest[0])
        else:
            pitch += 1
            for player in (both.far, near):
                player.submit(Event(rest[0], "note_on", pitch, 1 + pitch, source=rest[1]))
    both.far.catch_up()
    assert both.events == near.take_played() and both.instrument.log == instrument.log
    left = both.far.leave()
    assert sorted(left, key=lambda event: event.sample) == near.leave()
    assert both.far.leave() == []


@given(st.lists(st.integers(0, 9), max_size=30))
def test_every_block_is_told_once_in_order_however_late(asked):
    both = Both()
    for count in asked:
        for _ in range(count):
            both.ask()
        both.far.catch_up()
    total = sum(asked)
    assert [heard for heard, *_ in both.told] == [n + 1.0 for n in range(total)] and both.wakes == total
    assert [moment_s for *_, moment_s in both.told] == pytest.approx([n * BLOCK / RATE for n in range(total)])


def test_what_was_played_before_the_card_knew_it_was_forgotten_is_told_all_the_same():
    both = Both()
    both.far.submit(Event(10, "note_on", 60, 80, source="demo"))
    both.far.submit(Event(100, "note_on", 61, 80, source="demo"))
    both.ask()
    both.far.forget("demo")
    both.ask()
    both.far.catch_up()
    assert both.events == [Event(10, "note_on", 60, 80, source="demo")] and both.far.leave() == []


def test_more_orders_than_fit_the_memory_wait_and_none_is_lost():
    both = Both()
    for number in range(CAPACITY + 50):
        both.far.submit(Event(NOW, "control", number % 128, 1))
    both.ask()
    both.far.catch_up()
    both.ask()
    both.far.catch_up()
    both.ask()
    both.far.catch_up()
    assert [event.data1 for event in both.events] == [n % 128 for n in range(CAPACITY + 50)]
    assert both.far.leave() == []


def test_a_program_that_stands_still_misses_sound_but_keeps_time():
    both = Both()
    count = both.far._blocks.count
    due = 2 * count * BLOCK + 5
    both.far.submit(Event(due, "note_on", 60, 80))
    for _ in range(3 * count):
        both.ask()
    both.far.catch_up()
    assert len(both.told) == 3 * count and both.far.sample == 3 * count * BLOCK
    lost = [troubles for _, _, troubles, _ in both.told]
    assert lost == [1] * (sum(lost)) + [0] * (3 * count - sum(lost)) and sum(lost) > 2 * count
    assert [heard for heard, *_ in both.told][sum(lost) :] == [n + 1.0 for n in range(sum(lost), 3 * count)]
    assert [event.sample for event in both.events] == [due]


def test_the_driver_s_troubles_are_handed_on_with_their_block():
    both = Both()
    for troubles in (0, 1, 0, 2):
        both.ask(troubles)
    both.far.catch_up()
    assert [troubles for _, _, troubles, _ in both.told] == [0, 1, 0, 2]


def test_a_player_that_fails_says_so_once_and_plays_on():
    both = Both()
    assert both.far.use_instrument(open_broken, []) == "It is old." and both.far.made_by is open_broken
    both.far.submit(Event(NOW, "note_on", 60, 80))
    assert not both.ask().any()
    both.far.catch_up()
    assert isinstance(both.far.error, Stumbled) and isinstance(both.side.failure, RuntimeError)
    both.far.error = None
    both.ask()
    both.far.catch_up()
    assert both.far.error is None and both.far.leave() == []


def test_volume_and_recordings_reach_it():
    both = Both(start_sample=1000)
    both.far.set_volume(0.5, 1.0)
    both.far.play_clip(np.full(BLOCK, 0.8, np.float32), 1000 + BLOCK)
    both.ask()
    assert both.ask() == pytest.approx(np.full(BLOCK, 0.4), abs=1e-6)
    both.far.catch_up()
    assert both.told[1][1] == pytest.approx(0.8), "what a follower hears is not turned down"


def test_its_instrument_is_closed_with_it_and_a_dead_process_is_no_error():
    both = Both()
    both.far.close()
    assert both.instrument.log == [("close", 0)] and both.far.made_by is None
    both.dead = True
    both.far.close()


def test_what_is_set_is_set_on_another_instrument():
    both, chosen = Both(), {}

    class Other(SilentInstrument):
        def program(self, number: int, channel: int = 0) -> None:
            chosen[channel] = number

    settings = [Event(0, "program", 12, channel=1), Event(0, "program", 33, channel=2)]
    both.far.use_instrument(lambda rate: (Other(), None), settings)
    assert chosen == {1: 12, 2: 33} and both.instrument.log == [("close", 0)]


@pytest.mark.parametrize("block", [32, 100, 256, 4096, 8192])
def test_any_size_of_block_fits_the_memory_and_begins_afresh(block):
    memory = Memory.of(lambda _, size: bytearray(size))
    for size in (block, BLOCK):
        both = Both(block=size, memory=memory)
        for _ in range(2 * both.far._blocks.count):
            both.ask()
            both.far.catch_up()
        assert [heard for heard, *_ in both.told] == [n + 1.0 for n in range(len(both.told))]
        assert both.far._blocks.count >= 16
