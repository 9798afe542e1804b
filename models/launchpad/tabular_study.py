"""The tabular study as a command: Figures 8, 9 and 10 of RL-DJ, and the figures they show.

`launch.py evaluate launchpad-tabular --json OUT` writes the pictures beside OUT; without it they go into the
folder that the command is called in. Half a minute; runs in the process that calls it.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from models.launchpad.evaluation import write_json
from models.launchpad.tabular import BetaRow, Session, Setting, beta_study, glie
from pieces.errors import RipienoError

SESSIONS = 100
"""GLIE sessions of other seeds that the figures are taken over; one of them is drawn."""
SMOOTHED = 10
READINGS = {"left": Setting(), "reached": Setting(rewards_left=False)}
"""An action earns the reward of the state that it leaves (so section 5.2), or of the one it reaches."""
AS_GOOD = 0.25
"""Betas within this of the best mean reward count as best, too."""


def evaluate_launchpad_tabular(
    json_path: Path | None = None, source: Path | None = None, seed: int = 0, console: Console | None = None
) -> dict[str, Any]:
    """Run GLIE and MCMC exploration, draw the figures, print what was found.

    Raises:
        RipienoError: `source` was given, or a file could not be written.
    """
    if source is not None:
        raise RipienoError("the tabular study has its one bar: leave out --from.")
    console = console or Console()
    sessions = {name: [glie(seed + index, setting) for index in range(SESSIONS)]
                for name, setting in READINGS.items()}  # fmt: skip
    rows = beta_study(seed=seed)
    document = findings(sessions, rows)
    folder = json_path.parent if json_path else Path()
    pictures = draw(sessions["reached"][0], rows, folder)
    console.print(*summary(document, rows), *(f"drawn: {path}" for path in pictures), sep="\n")
    if json_path:
        write_json(json_path, document)
    return document


def findings(sessions: dict[str, list[Session]], rows: list[BetaRow]) -> dict[str, Any]:
    """When GLIE had learned, how fast it recovers, and which beta explores best."""
    return {
        "glie": {name: _glie_findings(of_it) for name, of_it in sessions.items()},
        "mcmc": {"best_beta": best_beta(rows), "betas": [asdict(row) for row in rows]},
    }


def _glie_findings(sessions: list[Session]) -> dict[str, Any]:
    learned = [session.learned_after() for session in sessions]
    recovery = [steps for session in sessions for steps in session.recovery_steps()]
    return {
        "sessions": len(sessions),
        "learned_after_median": float(np.median(learned)),
        "learned_after_least": min(learned),
        "learned_within_300": float(np.mean(np.array(learned) <= 300)),
        "settled_after_median": float(np.median([session.settled_after() for session in sessions])),
        "recovery_steps_median": float(np.median(recovery)),
        "recovery_steps_most": max(recovery),
        "not_recovered": sum(steps < 0 for steps in recovery),
    }


def best_beta(rows: list[BetaRow]) -> float:
    """The middle, on the log scale, of the betas that are as good as the best."""
    best = max(row.mean_reward for row in rows)
    near = [row.beta for row in rows if row.mean_reward >= best - AS_GOOD]
    return float(np.exp(np.mean(np.log(near))))


def summary(document: dict[str, Any], rows: list[BetaRow]) -> tuple[Any, ...]:
    """For the terminal."""
    glie_table = Table("an action earns the state", "learned after, median", "least", "within 300",
                       "for good, median", "mended after, median", "most",
                       title="GLIE (Figures 8 and 9)")  # fmt: skip
    for name, found in document["glie"].items():
        glie_table.add_row(
            name, f"{found['learned_after_median']:.0f}", str(found["learned_after_least"]),
            f"{found['learned_within_300']:.0%}", f"{found['settled_after_median']:.0f}",
            f"{found['recovery_steps_median']:.0f}", str(found["recovery_steps_most"]),
        )  # fmt: skip
    table = Table("beta", "mean reward", "± s.e.", title="MCMC exploration, then greedy (Figure 10)")
    for row in rows:
        table.add_row(f"{row.beta:g}", f"{row.mean_reward:.2f}", f"{row.standard_error:.2f}")
    best = document["mcmc"]["best_beta"]
    said = f"The best beta is about {best:.2f}, the middle of those within {AS_GOOD:g} of the best reward; "
    return glie_table, table, f"{said}the paper's is about 0.2."


def draw(session: Session, rows: list[BetaRow], folder: Path) -> list[Path]:
    """Figures 8, 9 and 10 as PNG."""
    makers = {8: lambda figure: _figure_8(figure, session), 9: lambda figure: _figure_9(figure, session),
              10: lambda figure: _figure_10(figure, rows)}  # fmt: skip
    paths = []
    for number, make in makers.items():
        figure = Figure(figsize=(7, 4), layout="constrained")
        FigureCanvasAgg(figure)
        make(figure)
        path = folder / f"launchpad-figure-{number}.png"
        try:
            figure.savefig(path, dpi=150)
        except OSError as error:
            raise RipienoError(f"could not write {path} ({error.strerror}); choose another place") from error
        paths.append(path)
    return paths


def _figure_8(figure: Figure, session: Session) -> None:
    axes = figure.subplots()
    kernel = np.ones(SMOOTHED) / SMOOTHED
    axes.plot(session.rewards, color="0.8", linewidth=0.6, label="reward")
    axes.plot(np.convolve(session.rewards, kernel, "same"), color="#0072B2", label=f"mean of {SMOOTHED}")
    for replaced in range(session.replaced_every, len(session.rewards), session.replaced_every):
        axes.axvline(replaced, color="#D55E00", linestyle=":", linewidth=1)
    axes.set(xlabel="iteration (dotted: the state is replaced)", ylabel="reward",
             title="Tabular Q-learning, epsilon = 1 / t; an action earns the state it reaches")  # fmt: skip
    axes.legend(loc="lower right")


def _figure_9(figure: Figure, session: Session) -> None:
    axes = figure.subplots()
    image = axes.imshow(session.table.T, aspect="auto", cmap="viridis")
    axes.set(xlabel="state: patterns x 4 + offset", ylabel="action", title="The Q table after learning",
             yticks=range(6), yticklabels=["÷2", "÷4", "1×", "+1", "+2", "nothing"])  # fmt: skip
    figure.colorbar(image, label="Q")


def _figure_10(figure: Figure, rows: list[BetaRow]) -> None:
    axes = figure.subplots()
    betas, rewards, errors = zip(*((r.beta, r.mean_reward, r.standard_error) for r in rows), strict=True)
    axes.errorbar(betas, rewards, yerr=errors, marker="o", capsize=3, color="#0072B2")
    axes.axvline(0.2, color="#D55E00", linestyle=":", label="the paper's best")
    axes.set(xscale="log", xlabel="beta", ylabel="mean reward of the greedy policy",
             title="MCMC exploration: 400 sweeps, 16 repetitions")  # fmt: skip
    axes.legend()
