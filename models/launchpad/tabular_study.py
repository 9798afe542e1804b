"""The tabular study as a command: Figures 8, 9 and 10 of RL-DJ, and the figures they show.

`launch.py evaluate launchpad-tabular --json OUT` writes the pictures, and the tables as Markdown, beside OUT;
without it the pictures go into the folder that the command is called in. Half a minute; runs in the process
that calls it.

The paper says that GLIE learns within 300 iterations. By section 5.2's rule, word for word, most sessions
here need more. Where doing nothing comes first among equally good actions, or an action earns the state that
it reaches, they need less, but leave much untried, against the paper's Figure 9. So all three readings stand
in the table and in Figure 8; Figures 9 and 10 are of the rule word for word.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from rich.console import Console

from models.launchpad.report import Lines, markdown_table, terminal_table
from models.launchpad.tabular import BetaRow, Session, Setting, Toy, beta_study, exact_values, glie
from models.reports import as_json, save_report
from models.revision import revision
from pieces.files import replacing, saving

SESSIONS = 100
"""GLIE sessions of other seeds that the figures are taken over; one of them is drawn."""
SMOOTHED = 10
LITERAL = "left"
READINGS = {
    LITERAL: Setting(),
    "left, resting first": Setting(rests_first=True),
    "reached": Setting(rewards_left=False),
}
"""An action earns the reward of the state that it leaves (so section 5.2), or of the one it reaches; among
equally good actions any is taken, or doing nothing first."""
PAPERS_ITERATIONS = 300
PICTURE = "launchpad-figure-{}.png"
AS_GOOD = 0.25
"""Betas within this of the best mean reward count as best, too."""


def evaluate_launchpad_tabular(
    json_path: Path | None = None, seed: int = 0, console: Console | None = None
) -> dict[str, Any]:
    """Run GLIE and MCMC exploration, draw the figures, print what was found.

    Raises:
        RipienoError: a file could not be written.
    """
    console = console or Console()
    sessions = {name: [glie(seed + index, setting) for index in range(SESSIONS)]
                for name, setting in READINGS.items()}  # fmt: skip
    rows = beta_study(seed=seed)
    document = {"seed": seed, "revision": revision(), **findings(sessions, rows)}
    folder = json_path.parent if json_path else Path()
    pictures = draw({name: of_it[0] for name, of_it in sessions.items()}, rows, folder)
    console.print(*summary(document), *(f"drawn: {path}" for path in pictures), sep="\n")
    if json_path:
        save_report(json_path, as_json(document), markdown(document))
    return document


def findings(sessions: dict[str, list[Session]], rows: list[BetaRow]) -> dict[str, Any]:
    """When GLIE had learned, how fast it recovers, and which beta explores best."""
    return {
        "glie": {name: _glie_findings(of_it, READINGS[name]) for name, of_it in sessions.items()},
        "mcmc": {"best_beta": best_beta(rows), "betas": [asdict(row) for row in rows]},
    }


def _glie_findings(sessions: list[Session], setting: Setting) -> dict[str, Any]:
    exact = exact_values(Toy(), setting)
    learned = [session.learned_after() for session in sessions]
    recovery = [steps for session in sessions for steps in session.recovery_steps()]
    return {
        "sessions": len(sessions),
        "learned_after_median": float(np.median(learned)),
        "learned_after_least": min(learned),
        "learned_within_300": float(np.mean(np.array(learned) <= PAPERS_ITERATIONS)),
        "settled_after_median": float(np.median([session.settled_after() for session in sessions])),
        "recovery_steps_median": float(np.median(recovery)),
        "recovery_steps_most": max(recovery),
        "not_recovered": sum(steps < 0 for steps in recovery),
        "untried_median": float(np.median([session.untried(exact) for session in sessions])),
    }


def best_beta(rows: list[BetaRow]) -> float:
    """The middle, on the log scale, of the betas that are as good as the best."""
    best = max(row.mean_reward for row in rows)
    near = [row.beta for row in rows if row.mean_reward >= best - AS_GOOD]
    return float(np.exp(np.mean(np.log(near))))


def glie_lines(document: dict[str, Any]) -> Lines:
    """Titles, and a line for every reading."""
    lines = [["an action earns the state", "learned after, median", "least", "within 300", "for good, median",
              "mended after, median", "most", "values untried"]]  # fmt: skip
    for name, found in document["glie"].items():
        lines.append([
            name, f"{found['learned_after_median']:.0f}", str(found["learned_after_least"]),
            f"{found['learned_within_300']:.0%}", f"{found['settled_after_median']:.0f}",
            f"{found['recovery_steps_median']:.0f}", str(found["recovery_steps_most"]),
            f"{found['untried_median']:.0f}",
        ])  # fmt: skip
    return lines


def beta_lines(document: dict[str, Any]) -> Lines:
    """Titles, and a line for every beta."""
    rows = document["mcmc"]["betas"]
    return [["beta", "mean reward", "± s.e."],
            *([f"{row['beta']:g}", f"{row['mean_reward']:.2f}", f"{row['standard_error']:.2f}"]
              for row in rows)]  # fmt: skip


def summary(document: dict[str, Any]) -> tuple[Any, ...]:
    """For the terminal."""
    return (
        terminal_table("GLIE (Figures 8 and 9)", glie_lines(document)), said_of_glie(document["glie"]),
        terminal_table("MCMC exploration, then greedy (Figure 10)", beta_lines(document)),
        said_of_beta(document["mcmc"]["best_beta"]),
    )  # fmt: skip


def markdown(document: dict[str, Any]) -> str:
    """For a file beside the pictures."""
    seed, sessions = document["seed"], document["glie"][LITERAL]["sessions"]
    pictures = {number: f"![Figure {number}]({PICTURE.format(number)})" for number in (8, 9, 10)}
    return "\n".join([
        "# Launchpad: the tabular study (RL-DJ, section 5.2)", "",
        f"`launch.py evaluate launchpad-tabular --seed {seed}`, revision {document['revision']}: "
        f"{sessions} sessions of each reading.", "",
        *markdown_table(glie_lines(document)), "", said_of_glie(document["glie"]), "",
        "Untried: values that are still 0 in the end and should not be. After: iterations, or steps.", "",
        pictures[8], pictures[9], "",
        *markdown_table(beta_lines(document)), "", said_of_beta(document["mcmc"]["best_beta"]), "",
        pictures[10],
    ]) + "\n"  # fmt: skip


def said_of_beta(best: float) -> str:
    """Where exploring is best."""
    said = f"The best beta is about {best:.2f}, the middle of those within {AS_GOOD:g} of the best reward; "
    return f"{said}the paper's is about 0.2."


def said_of_glie(found: dict[str, dict[str, Any]]) -> str:
    """Whether the paper's 300 iterations are met, and by which reading."""
    literal = found[LITERAL]
    met = [name for name, row in found.items() if row["learned_after_median"] <= PAPERS_ITERATIONS]
    verdict = "meets" if LITERAL in met else "misses"
    others = ", ".join(f'"{name}"' for name in met if name != LITERAL)
    return (
        f"Section 5.2's rule, word for word, {verdict} the paper's {PAPERS_ITERATIONS} iterations: the "
        f"median is {literal['learned_after_median']:.0f}, and {literal['learned_within_300']:.0%} of the "
        f"sessions are within. Other readings that meet them: {others or 'none'}."
    )


def draw(sessions: dict[str, Session], rows: list[BetaRow], folder: Path) -> list[Path]:
    """Figures 8, 9 and 10 as PNG, of a session of each reading."""
    makers = {8: lambda figure: _figure_8(figure, sessions),
              9: lambda figure: _figure_9(figure, sessions[LITERAL]),
              10: lambda figure: _figure_10(figure, rows)}  # fmt: skip
    paths = []
    for number, make in makers.items():
        figure = Figure(figsize=(7, 4), layout="constrained")
        FigureCanvasAgg(figure)
        make(figure)
        path = folder / PICTURE.format(number)
        with saving(path), replacing(path) as file:
            figure.savefig(file, format="png", dpi=150)
        paths.append(path)
    return paths


def _figure_8(figure: Figure, sessions: dict[str, Session]) -> None:
    figure.set_size_inches(7, 7)
    figure.suptitle("Tabular Q-learning, epsilon = 1 / t; an action earns the state ...")
    kernel = np.ones(SMOOTHED) / SMOOTHED
    every = figure.subplots(len(sessions), sharex=True, sharey=True, squeeze=False)[:, 0]
    for axes, (name, session) in zip(every, sessions.items(), strict=True):
        axes.plot(session.rewards, color="0.8", linewidth=0.6, label="reward")
        axes.plot(np.convolve(session.rewards, kernel, "same"), color="#0072B2", label=f"mean of {SMOOTHED}")
        for replaced in range(session.replaced_every, len(session.rewards), session.replaced_every):
            axes.axvline(replaced, color="#D55E00", linestyle=":", linewidth=1)
        axes.axvline(PAPERS_ITERATIONS, color="#009E73", linestyle="--", linewidth=1, label="the paper's 300")
        axes.set(ylabel="reward", title=f"{name}: learned after {session.learned_after()}")
    every[0].legend(loc="lower right")
    every[-1].set_xlabel("iteration (dotted: the state is replaced)")


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
