from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from models.duet.chorales import Chorale
from models.duet.encoding import BEATS
from models.duet.networks import KINDS, DuetNetwork, Widths, from_arguments
from models.duet.windows import Library, cut, encoded

SMALL = Widths(embedding=6, recurrent=5, beat=4, hidden=8)
STEP = 40
"""The step t of most tests."""


def network(kind: str) -> DuetNetwork:
    torch.manual_seed(1)
    return DuetNetwork(kind, SMALL).double().eval()


def answer(model: DuetNetwork, human: np.ndarray, machine: np.ndarray, step: int = STEP) -> Tensor:
    """Logits (n, centre, symbols) of whole encoded lines (n, T) at one step."""
    given, own = (torch.from_numpy(cut(tokens, np.array([step]), model.kind)[:, 0])
                  for tokens in (human, machine))  # fmt: skip
    with torch.no_grad():
        return model(given, own, torch.full((len(given),), step % BEATS))


def lines(chorale: Chorale, kind: str) -> tuple[np.ndarray, np.ndarray]:
    tokens = encoded(chorale.tokens, KINDS[kind].encoding)
    return tokens[:1].copy(), tokens[3:].copy()


def steps_that_matter(kind: str, part: str, chorale: Chorale) -> list[int]:
    """Steps from STEP on at which another symbol in one part changes any logit."""
    human, machine = (line.repeat(80, 0) for line in lines(chorale, kind))
    model = network(kind)
    before = answer(model, human, machine)
    (human if part == "human" else machine)[np.arange(80), np.arange(80)] ^= 1
    differs = (before - answer(model, human, machine)).abs().amax((1, 2)) > 1e-13
    return (torch.nonzero(differs)[:, 0] - STEP).tolist()


SEEN = {
    ("a", "human"): range(-32, 0), ("a", "machine"): range(-32, 0),
    ("b", "human"): range(-16, 32), ("b", "machine"): [*range(-16, 0), *range(16, 32)],
    ("c", "human"): [], ("c", "machine"): [*range(-16, 0), *range(16, 32)],
    ("d", "human"): range(-16, 32), ("d", "machine"): [],
}  # fmt: skip
"""Steps from t that a model may see, and must."""


@pytest.mark.parametrize(("kind", "part"), SEEN)
def test_a_model_sees_its_context_and_nothing_else(kind: str, part: str, chorales: list[Chorale]) -> None:
    assert steps_that_matter(kind, part, chorales[0]) == list(SEEN[kind, part])


@pytest.mark.parametrize("kind", KINDS)
def test_the_beat_of_the_step_matters(kind: str, chorales: list[Chorale]) -> None:
    model, (human, machine) = network(kind), lines(chorales[0], kind)
    answers = [answer(model, human, machine)]
    window = [torch.from_numpy(cut(x, np.array([STEP]), model.kind)[:, 0]) for x in (human, machine)]
    with torch.no_grad():
        answers += [model(*window, torch.tensor([phase])) for phase in range(BEATS)]
    assert torch.equal(answers[0], answers[1 + STEP % BEATS])
    assert not torch.allclose(answers[1], answers[2])


@pytest.mark.parametrize(
    ("kind", "steps", "symbols"), [("a", 1, 93), ("b", 16, 48), ("c", 16, 48), ("d", 16, 48)]
)
def test_what_is_predicted(kind: str, steps: int, symbols: int, chorales: list[Chorale]) -> None:
    assert answer(network(kind), *lines(chorales[0], kind)).shape == (1, steps, symbols)


def test_windows_are_answered_one_by_one_as_together(chorales: list[Chorale]) -> None:
    model, library = network("b"), Library(chorales, KINDS["b"])
    batch = library.draw(np.random.default_rng(0), 5)
    given = [torch.from_numpy(array) for array in (batch.human, batch.machine, batch.phase)]
    with torch.no_grad():
        together = model(*given)
        alone = torch.cat([model(*(array[n : n + 1] for array in given)) for n in range(5)])
    assert torch.allclose(together, alone)


def test_a_network_comes_back_from_its_arguments() -> None:
    model = DuetNetwork("c", SMALL)
    again = from_arguments(model.arguments())
    again.load_state_dict(model.state_dict())
    assert again.arguments() == model.arguments()


def test_a_network_of_another_context_is_refused() -> None:
    arguments = DuetNetwork("a", SMALL).arguments()
    arguments["context"] = {**arguments["context"], "past": 64}
    with pytest.raises(ValueError, match="context"):
        from_arguments(arguments)
