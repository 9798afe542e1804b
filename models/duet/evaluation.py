"""Agents of Duet put to the test: Table 1 and Figure 5 of the paper, and what players notice.

`launch.py evaluate duet` runs this for all agents that are shipped, on all twelve pairs of voices of the 37
held-out chorales, greedily, the first two bars given. Everything is measured after these two bars, for the
data's own row too. Definitions are in :mod:`models.duet.measures`. Runs in the process that calls it; writes
only the JSON asked for.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from models import checkpoint
from models.duet import measures
from models.duet.agent import DuetAgent, load_agent, shipped_agents
from models.duet.chorales import NOT_LEARNED, BadChorales, Duet, all_duets, load, split
from models.duet.drift import ROUND_STEPS, WINDOWS, Drift, by_window, drift_of
from models.duet.encoding import STEPS_PER_BEAT, Tokens
from models.duet.environment import SEED_STEPS, going_round
from models.duet.figures import draw_figure_5
from models.duet.networks import PLAYERS, Network
from models.duet.playing import improvise, predict, thrown
from models.duet.reward import load_network
from models.duet.seeds import drift_lines, markdown
from models.reports import as_json, is_stream, save_report

Pairs = list[tuple[Tokens, Tokens]]
"""Human and machine lines, the two given bars left out."""
THROWN_AT = 96
"""The step, six bars in, from which the human plays a fourth away."""
THROWN_BEATS = 16
TIMED = 200


@dataclass(frozen=True)
class Row:
    """One player; the first is the data itself.

    Attributes:
        pitch_count, interval, onsets: PC/bar, PI and IOI, means over pieces.
        classes, lengths: distance of PCH and NLH to the data's.
        curves, spreads: PC/bar, PI and IOI in windows of four bars from bar 1 to 20, mean and standard
            deviation over pieces: Figure 5.
        drifts: the same of duets that go round (:mod:`models.duet.drift`).
        adapts: beats until consonance is back at its own level after the human was thrown a fourth away;
            says little of a player whose level is low.
        accuracy, onset_accuracy: of the next symbol, and of onsets, given the true past.
        decision_ms, decision_p99_ms: of the agent on this machine, one thread.
    """

    player: str
    pitch_count: float
    interval: float
    onsets: float
    classes: float
    lengths: float
    entropy_bits: float
    consonance: float
    repetitions: float
    curves: dict[str, list[float]]
    spreads: dict[str, list[float]]
    drifts: dict[str, Drift]
    adapts: int
    accuracy: float
    onset_accuracy: float
    decision_ms: float = math.nan
    decision_p99_ms: float = math.nan


class Study:
    """The duets, and what the data says of them."""

    def __init__(self, duets: Sequence[Duet]) -> None:
        self.duets = [duet for duet in duets if len(duet.human) > SEED_STEPS + measures.BAR_STEPS]
        self.thrown = thrown(self.duets, THROWN_AT, THROWN_BEATS)
        self.rounds = [going_round(duet, max(ROUND_STEPS, len(duet.human))) for duet in self.duets]
        self.truth = [(d.human[SEED_STEPS:], d.machine[SEED_STEPS:]) for d in self.duets]
        self._classes = measures.pitch_classes([machine for _, machine in self.truth])
        self._lengths = measures.note_lengths([machine for _, machine in self.truth])
        real = [duet.machine[SEED_STEPS:] for duet in self.rounds]
        self._real_rounds = {measure: by_window(real, measure) for measure in measures.MEASURES}

    def data_row(self) -> Row:
        """Of Bach; its accuracy is that of the one who copies what sounds."""
        played = [(duet.human, duet.machine) for duet in self.thrown]
        lines = [duet.machine for duet in self.duets]
        floor = measures.accuracy(lines, lines, SEED_STEPS)
        drifts = {
            measure: drift_of(values, None, self._names()) for measure, values in self._real_rounds.items()
        }
        return self._row("data", self.truth, drifts, played, (floor.copy_tokens, floor.copy_onsets))

    def row(self, name: str, network: Network, agent: DuetAgent, progress: Progress) -> Row:
        """Of a trained agent."""
        rounds = self._play(network, self.rounds, progress, name)
        later = [
            (duet.human[SEED_STEPS:], machine[SEED_STEPS : len(duet.human)])
            for duet, (_, machine) in zip(self.duets, rounds, strict=True)
        ]
        adapting = self._play(network, self.thrown, progress, f"{name}, thrown a fourth away")
        said = [predict(network, duet) for duet in progress.track(self.duets, description=f"{name}, asked")]
        right = measures.accuracy([duet.machine for duet in self.duets], said, SEED_STEPS)
        timed = decision_ms(agent, self.duets[0])
        return self._row(name, later, self._drifts(rounds), adapting, (right.tokens, right.onsets), timed)

    def _drifts(self, rounds: Pairs) -> dict[str, Drift]:
        lines = [machine[SEED_STEPS:] for _, machine in rounds]
        return {
            measure: drift_of(by_window(lines, measure), real, self._names())
            for measure, real in self._real_rounds.items()
        }

    def _names(self) -> list[str]:
        return [duet.name for duet in self.duets]

    def _row(
        self, name: str, pairs: Pairs, drifts: dict[str, Drift], adapting: Pairs, right: tuple[float, float],
        timed: tuple[float, float] = (math.nan, math.nan),
    ) -> Row:  # fmt: skip
        lines = [machine for _, machine in pairs]
        by_bar = measures.drift(lines, WINDOWS)
        return Row(
            player=name,
            pitch_count=measures.mean_over_pieces("PC/bar", lines),
            interval=measures.mean_over_pieces("PI", lines),
            onsets=measures.mean_over_pieces("IOI", lines),
            classes=measures.earth_movers(measures.pitch_classes(lines), self._classes, circular=True),
            lengths=measures.earth_movers(measures.note_lengths(lines), self._lengths),
            entropy_bits=measures.entropy_bits(lines),
            consonance=measures.mean_known(measures.consonance(*pair) for pair in pairs),
            repetitions=measures.mean_known(measures.repetitions(line) for line in lines),
            curves={measure: mean.tolist() for measure, (mean, _) in by_bar.items()},
            spreads={measure: spread.tolist() for measure, (_, spread) in by_bar.items()},
            drifts=drifts,
            adapts=adaptation(adapting),
            accuracy=right[0],
            onset_accuracy=right[1],
            decision_ms=timed[0],
            decision_p99_ms=timed[1],
        )

    def _play(self, network: Network, duets: Sequence[Duet], progress: Progress, what: str) -> Pairs:
        if not duets:
            return []
        steps = max(len(duet.human) for duet in duets) - SEED_STEPS
        *_, played = progress.track(improvise(network, duets), total=steps, description=what)
        return played.lines()


def adaptation(pairs: Pairs) -> int:
    """Beats to adapt, counted from THROWN_AT; consonance before it is that of two bars. 0 for no pairs."""
    if not pairs:
        return 0
    before = SEED_STEPS // STEPS_PER_BEAT
    parts = [(human[THROWN_AT - SEED_STEPS :], machine[THROWN_AT - SEED_STEPS :]) for human, machine in pairs]
    return measures.beats_to_adapt(measures.consonance_by_beat(parts, before + THROWN_BEATS), before)


def decision_ms(agent: DuetAgent, duet: Duet) -> tuple[float, float]:
    """Median and 99th percentile of the agent's decisions on a duet, in ms of wall time."""
    spent = []
    for step in range(TIMED):
        at = step % (len(duet.human) - SEED_STEPS) + SEED_STEPS
        begun = time.perf_counter()
        agent.choose(duet.human[:at], duet.machine[:at], duet.phase + at)
        spent.append(1000 * (time.perf_counter() - begun))
    median, late = np.percentile(spent, (50, 99))
    return float(median), float(late)


def evaluate_duet(
    json_path: Path | None = None,
    source: Path | None = None,
    agents: Sequence[str] = (),
    validation: bool = False,
    seed: int = 0,
    console: Console | None = None,
) -> dict[str, Any]:
    """Measure agents, by name or path, or all that are shipped, on the held-out chorales, or on those by
    which settings are chosen (`validation`): the bundled ones, or those in the folder `source`.

    All is greedy, so `seed` changes nothing; it is written down. Beside the JSON Figure 5 is drawn, and a
    table of means over training seeds written (:mod:`models.duet.seeds`). Raises RipienoError where a
    checkpoint or the chorales are missing, or a file cannot be written.
    """
    console = console or Console()
    source = source or NOT_LEARNED
    names = list(agents) or shipped_agents()
    players = [(Path(name).stem, load_network(_path(name), PLAYERS), load_agent(name)) for name in names]
    parts = split(load(source))
    duets = all_duets(parts.validation if validation else parts.held_out)
    if not duets:
        raise BadChorales(f"none of the held-out chorales is in {source}; build all of them.")
    study = Study(duets)
    with Progress(console=console) as progress:
        rows = [study.data_row(), *(study.row(*player, progress) for player in players)]
    counts = {"duets": len(study.duets), "thrown": len(study.thrown)}
    document = {**counts, "seed": seed, "rows": [asdict(row) for row in rows]}
    console.print(*tables(rows, len(study.duets)))
    if json_path:
        save_report(json_path, as_json(document), markdown(rows))
    if json_path and not is_stream(json_path):
        console.print(f"drawn: {draw_figure_5(rows, json_path.with_suffix('.png'))}", soft_wrap=True)
    return document


def _path(name: str) -> Path:
    return Path(name) if name.endswith(".safetensors") else checkpoint.shipped(name)


def tables(rows: Sequence[Row], duets: int) -> tuple[Table, Table, Table]:
    """Table 1 (differences from the data's row, and distances), what players notice, and drift."""
    paper = _table(f"Table 1: {duets} held-out duets, differences from the data",
                   "PC/bar", "PI", "IOI", "PCH", "NLH")  # fmt: skip
    players = _table("Beside the other part", "entropy bits", "consonance", "repetitions", "accuracy",
                     "at onsets", "beats to adapt", "ms", "ms, 99 %")  # fmt: skip
    for row in rows:
        paper.add_row(row.player, *_differences(row, rows[0]))
        players.add_row(
            row.player if row is not rows[0] else "data; accuracy of copying", f"{row.entropy_bits:.2f}",
            f"{row.consonance:.3f}", f"{row.repetitions:.3f}", f"{row.accuracy:.3f}",
            f"{row.onset_accuracy:.3f}",
            str(row.adapts) if row.adapts <= THROWN_BEATS else "never", f"{row.decision_ms:.2f}",
            f"{row.decision_p99_ms:.2f}",
        )  # fmt: skip
    (_, *titles), *lines = drift_lines(rows)
    drifting = _table("Drift over Figure 5's 20 windows: shares of windows inside the data's", *titles)
    for line in lines:
        drifting.add_row(*line)
    return paper, players, drifting


def _differences(row: Row, data: Row) -> list[str]:
    plain, its = ([r.pitch_count, r.interval, r.onsets] for r in (row, data))
    distances = [f"{row.classes:.4f}", f"{row.lengths:.4f}"]
    if row is data:
        return [*(f"{value:.2f}" for value in plain), *distances]
    return [*(f"{mine - other:+.2f}" for mine, other in zip(plain, its, strict=True)), *distances]


def _table(title: str, *columns: str) -> Table:
    result = Table(title=title)
    result.add_column("player")
    for column in columns:
        result.add_column(column, justify="right")
    return result
