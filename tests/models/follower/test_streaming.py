"""What runs live is what was trained: numpy frame by frame equals torch at once."""

import numpy as np
import pytest
import torch

from models import checkpoint
from models.features import SPEC
from models.follower.belief import SUMMARY
from models.follower.network import NetworkConfig, Reader, SoundEncoder
from models.follower.policy import Policy, observation
from models.follower.streaming import PolicyStep, SoundStream

FRAMES = 120


def untrained() -> tuple[Reader, Policy]:
    torch.manual_seed(0)
    return Reader().eval(), Policy()


def shipped() -> tuple[Reader, Policy]:
    tensors, metadata = checkpoint.load(checkpoint.shipped("follower"), SPEC)
    reader, policy = Reader(NetworkConfig(**metadata["network"])).eval(), Policy()
    for name, module in (("reader", reader), ("policy", policy)):
        begin = len(name) + 1
        module.load_state_dict({n[begin:]: t.float() for n, t in tensors.items() if n.startswith(name)})
    return reader, policy


@pytest.fixture(scope="module", params=[untrained, shipped])
def trained(request):
    return request.param()


@pytest.fixture(scope="module")
def frames():
    """Loud and soft in turns, so that every part of the network has something to do."""
    rng = np.random.default_rng(0)
    return (rng.random((FRAMES, SPEC.bands)) ** 4 * rng.random((FRAMES, 1)) * 3).astype(np.float32)


@torch.no_grad()
def test_hearing_frame_by_frame_is_what_torch_hears_at_once(trained, frames):
    reader, _ = trained
    silence = np.zeros((SoundEncoder.history, SPEC.bands), np.float32)
    sound, _ = reader.sound(torch.from_numpy(np.concatenate([silence, frames]))[None])
    queries = reader.ask(sound)[0].numpy()
    stream = SoundStream(reader)
    for turn in range(2):  # the second time after a reset
        stream.reset()
        for index, frame in enumerate(frames):
            heard = stream.hear(frame)
            assert np.abs(heard - sound[0, index].numpy()).max() < 1e-4, (turn, index)
            assert np.abs(stream.ask(heard) - queries[index]).max() < 1e-4, (turn, index)
            stream.rest()


def test_to_rest_or_not_gives_the_same_to_the_last_bit(trained, frames):
    rested, hurried = SoundStream(trained[0]), SoundStream(trained[0])
    for frame in frames:
        assert np.array_equal(rested.hear(frame), hurried.hear(frame))
        rested.rest()


@torch.no_grad()
def test_the_policy_judges_as_torch_does(trained):
    _, policy = trained
    step, rng = PolicyStep(policy), np.random.default_rng(1)
    for _ in range(200):
        summary = rng.normal(0.0, 1.0, SUMMARY).astype(np.float32)
        summary[:-4] = 700.0 + 40.0 * summary[:-4]
        cursor = rng.uniform(500, 900), float(rng.integers(-3, 12)), rng.uniform(60, 200)
        seen = observation(torch.from_numpy(summary)[None], *(torch.tensor([value]) for value in cursor))
        logits, value = policy(seen)
        chances, worth = step(summary, *cursor)
        assert np.abs(np.array(chances) - logits[0].double().softmax(-1).numpy()).max() < 1e-4
        assert worth == pytest.approx(float(value[0]), abs=1e-4)
        assert sum(chances) == pytest.approx(1.0, abs=1e-12)
