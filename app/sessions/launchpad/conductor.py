"""Leads the song through time: makes each bar just before it is due, lets the agent act, follows the tempo.

No clock and no thread inside: whoever calls says which sample it is. Live that is the engine thread
(`session`), headless a loop (`headless`); the same calls give the same events.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Literal

from app.engine.scheduler import Event
from app.engine.timeline import Timeline
from app.sessions.launchpad.arrangement import BEATS_A_BAR
from app.sessions.launchpad.bars import Bar, Timed, closing_bar, count_in_bar, pianos, render_bar
from app.sessions.launchpad.questions import Answer, Question
from app.sessions.launchpad.queue import BarQueue, as_event
from app.sessions.launchpad.song import Song
from app.sessions.seats import Seat
from models.launchpad.instrument import States

log = logging.getLogger(__name__)

LaunchpadSeat = Seat[Question, Answer]
Judge = Callable[[States], float]
"""The reward of a grid, for the curve."""
State = Literal["stopped", "count-in", "playing", "stopping"]
KEPT_BARS = 4
KEPT_REWARDS = 256


class Conductor:
    """One for a song. Stopped until `begin`.

    Args:
        song: what is played; it may be changed between any two calls, then call `changed`.
        seat: who acts beside the person.
        judge: gives the reward of each bar; about a millisecond, it is asked when a bar is made.
    """

    def __init__(self, song: Song, seat: LaunchpadSeat, judge: Judge | None = None) -> None:
        self.song, self.seat = song, seat
        self.rewards: deque[float] = deque(maxlen=KEPT_REWARDS)
        self.late_moves = 0
        self.led = False
        """A clock leads: its tempo holds, not the song's."""
        self.judge = judge
        self._questions = 0
        self._answered = 0
        self._link: int | None = None
        self._link_bars_left = 0
        self._queue: BarQueue | None = None
        self._bars: deque[Bar] = deque(maxlen=KEPT_BARS)
        self._next_bar = 0
        self._end_bar: int | None = None

    # --- transport ----------------------------------------------------------------------------------

    def begin(
        self, rate: int, start_sample: int, count_in_bars: int = 0, first_bar: int = 0, bpm: float = 0.0
    ) -> None:
        """Begin at `start_sample`: with the count-in or else `first_bar`, at `bpm` or else its own tempo."""
        bpm = bpm or self.song.arrangement.tempo_bpm
        first = first_bar or -count_in_bars
        length = Timeline.steady(rate, bpm).sample_at_beat(BEATS_A_BAR * first)
        self._queue = BarQueue(Timeline.steady(rate, bpm, start_sample=start_sample - length))
        self._bars.clear()
        self._next_bar, self._end_bar = first, None
        if not first_bar:
            self._link, self._link_bars_left = None, 0
        self.ask()

    def end_at_bar(self, from_sample: int) -> int | None:
        """Play the bar that sounds at `from_sample` to its end; the sample from which to forget, if any."""
        bar = self.bar_at(from_sample)
        if self._queue is None or self._end_bar is not None or bar is None:
            return None
        self._end_bar = bar.index + 1
        from_sample = self._unmake(self._end_bar)
        self._render(self._queue, self._end_bar)
        return from_sample

    def halt(self, at_sample: int) -> list[Event]:
        """Stop at a sample, after which everything is to be forgotten: the releases of what then sounds."""
        queue, self._queue = self._queue, None
        if queue is None:
            return []
        queue.rewind(at_sample)
        released = [Timed(0.0, "note_off", pitch, 0, channel) for channel, pitch in queue.held()]
        restored = pianos(self._bars[-1].programs, 0.0) if self._bars else ()
        return [as_event(timed, at_sample) for timed in (*released, *restored)]

    @property
    def end_beat(self) -> float | None:
        """Where it stops; None while it goes on."""
        return None if self._end_bar is None else float(BEATS_A_BAR * self._end_bar)

    @property
    def next_bar(self) -> int:
        """The bar that is made next."""
        return self._next_bar

    @property
    def bars(self) -> tuple[Bar, ...]:
        """The latest bars, in order; the last may not have begun."""
        return tuple(self._bars)

    @property
    def running(self) -> bool:
        """Begun and not yet at its end."""
        return self._queue is not None

    @property
    def link(self) -> int | None:
        """Index of the chain's link that leads; None where none does, or where it was taken away."""
        arrangement = self.song.arrangement
        leads = self.running and arrangement.chain_on
        there = self._link is not None and self._link < len(arrangement.chain)
        return self._link if leads and there else None

    def state_at(self, sample: int) -> State:
        """What a listener hears at a sample."""
        queue = self._queue
        if queue is None:
            return "stopped"
        if self._end_bar is not None:
            return "stopping"
        return "count-in" if sample < queue.sample_at_bar(0) else "playing"

    # --- playing ------------------------------------------------------------------------------------

    def due(self, now_sample: int, until_sample: int) -> list[Event]:
        """What is to be scheduled before `until_sample` and was not given yet.

        Makes the bars that begin by then. The song is over when the end of its last bar has been heard.
        """
        queue = self._queue
        if queue is None:
            return []
        while self._end_bar is None and queue.sample_at_bar(self._next_bar) < until_sample:
            self._make_bar(queue)
        events = queue.take(until_sample)
        if self._end_bar is not None and queue.sample_at_bar(self._end_bar) <= now_sample:
            self._queue = None
        return events

    def changed(self, soon_sample: int) -> int | None:
        """The song was changed: make anew what begins at `soon_sample` or later, and follow the tempo.

        Returns:
            The sample from which what was given is to be forgotten, None if nothing is; then call `due`.
        """
        queue = self._queue
        if queue is None:
            self.ask()
            return None
        forget = self._follow_tempo(queue, soon_sample)
        ahead = [bar.index for bar in self._bars if queue.sample_at_bar(bar.index) >= soon_sample]
        if ahead:
            again = self._unmake(ahead[0])
            forget = again if forget is None else min(forget, again)
            for index in ahead:
                self._render(queue, index)
        self.ask()
        return forget

    def lead(self, bpm: float, soon_sample: int) -> int | None:
        """A clock's tempo from `soon_sample` on; the sample from which to forget, as `changed`."""
        if self._queue is None or self._queue.timeline.changes[-1].bpm == bpm:
            return None
        self._queue.retime(bpm, soon_sample)
        return soon_sample

    def bar_at(self, sample: int) -> Bar | None:
        """The bar that sounds at a sample."""
        queue = self._queue
        begun = [bar for bar in self._bars if queue is None or queue.sample_at_bar(bar.index) <= sample]
        return begun[-1] if begun else None

    @property
    def timeline(self) -> Timeline | None:
        """Beats against samples; None while stopped."""
        return self._queue.timeline if self._queue else None

    # --- the agent ----------------------------------------------------------------------------------

    @property
    def next_action(self) -> int | None:
        """What the agent means to do at the bar that is made next; None if it rests or is not ready."""
        answer = self.seat.newest
        if answer is None or not self._acts_in(self._next_bar) or answer.question.number <= self._answered:
            return None
        return answer.action

    def ask(self) -> None:
        """Ask the agent what it would do now."""
        if not self.seat.taken or not self.song.arrangement.pace:
            return
        self._questions += 1
        arrangement = self.song.arrangement
        self.seat.ask(
            Question(self._questions, self._next_bar, self.song.grid, self.song.closed_to_agent(),
                     arrangement.temperature, arrangement.votes)
        )  # fmt: skip

    def _acts_in(self, bar: int) -> bool:
        pace = self.song.arrangement.pace
        return bar > 0 and pace > 0 and bar % pace == 0

    def _let_agent_act(self, bar: int) -> None:
        if not self.seat.taken or not self._acts_in(bar):
            return
        answer = self.seat.newest
        if answer is None or answer.question.number <= self._answered:
            self.late_moves += 1
            return
        self._answered = answer.question.number
        if answer.fits(self.song.grid):
            self.song.press(answer.action, "agent")

    # --- bars ---------------------------------------------------------------------------------------

    def _make_bar(self, queue: BarQueue) -> None:
        index = self._next_bar
        self._next_bar += 1
        if index >= 0:
            self._follow_chain()
            self._let_agent_act(index)
        self._render(queue, index)
        if index >= 0:
            self._judge_bar()
        self.ask()

    def _judge_bar(self) -> None:
        if self.judge is None:
            return
        try:
            self.rewards.append(self.judge(self.song.grid))
        except Exception:  # a curve is not worth a bar
            log.exception("the launchpad's judge failed")
            self.judge = None

    def _render(self, queue: BarQueue, index: int) -> None:
        before = self._bars[-1] if self._bars else None
        if index < 0:
            bar = count_in_bar(index, self.song.now)
        elif index == self._end_bar and before is not None:
            bar = closing_bar(index, before)
        else:
            bar = render_bar(self.song.now, index, before)
        self._bars.append(bar)
        queue.add(bar.events)

    def _unmake(self, bar: int) -> int:
        """Take back a bar that was made and what follows; the sample from which to forget."""
        assert self._queue is not None
        sample = self._queue.sample_at_bar(bar)
        self._queue.rewind(sample)
        self._queue.drop_bar(bar)
        while self._bars and self._bars[-1].index >= bar:
            self._bars.pop()
        return sample

    def _follow_tempo(self, queue: BarQueue, soon_sample: int) -> int | None:
        bpm = self.song.arrangement.tempo_bpm
        if self.led or queue.timeline.changes[-1].bpm == bpm:
            return None
        queue.retime(bpm, soon_sample)
        return soon_sample

    def _follow_chain(self) -> None:
        arrangement = self.song.arrangement
        if not arrangement.chain_on or not arrangement.chain:
            self._link = None
            return
        self._link_bars_left -= 1
        if self._link is None or self._link_bars_left <= 0:
            self._link = 0 if self._link is None else (self._link + 1) % len(arrangement.chain)
            link = arrangement.chain[self._link]
            self._link_bars_left = link.bars
            self.song.recall_part(link.part, by="chain")
