"""The trained ear and policy for one frame at a time, in plain numpy.

The same sums as :mod:`models.follower.network` and :mod:`models.follower.policy` (a test holds them
together), made for the moment in which a musician waits: 50 ms after the last frame the processor's caches
are cold, and torch then needs 1.9 ms to get through its many small operations. What counts then is how many
calls there are, each with code of its own to be fetched, and how many bytes: weights come in at 5 GB/s. So
arrays are made once, results go where the next product reads them, and what only the past decides is done in
``rest``, after the answer.

One instance belongs to one thread. Everything is float32.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from models.follower.belief import HORIZONS
from models.follower.network import Reader, SoundEncoder
from models.follower.policy import OBSERVATION, PX, Policy
from pieces.piece import TOLERANCE_PX

FloatArray = NDArray[np.float32]

_ZERO, _HALF = np.zeros((), np.float32), np.full((), 0.5, np.float32)  # made once, not in every call


class SoundStream:
    """The reader's ear: every call of :meth:`hear` is the next frame, as if all had come at once.

    What :meth:`hear` and :meth:`ask` answer is overwritten by the next call.
    """

    def __init__(self, reader: Reader) -> None:
        encoder = reader.sound
        first, second, third = (encoder.convolutions[index] for index in (0, 2, 4))
        self._first = _Convolution(first, reader.config.bands)
        self._second = _Convolution(second, self._first.bands)
        self._third = _Convolution(third, self._second.bands)
        self._squeeze = _Squeeze(encoder, self._third.bands)
        self._memory = _Memory(encoder)
        questions = (reader.sound_query, reader.struck, reader.sounding)
        self._questions = np.concatenate([_array(layer.weight) for layer in questions])
        self._questions_bias = np.concatenate([_array(layer.bias) for layer in questions])
        free = reader.config.embedding
        for part in (self._questions, self._questions_bias):
            part[free:] *= 0.5  # as `_sigmoid_of_twice` wants it
        self._query = np.zeros(len(self._questions), np.float32)
        self._chances = self._query[free:]
        self.reset()

    def reset(self) -> None:
        """Silence came before the next frame."""
        self._first.reset(np.zeros(1, np.float32))
        self._second.reset(np.maximum(self._first.bias, 0.0))  # what the first filters make of silence
        self._memory.reset()
        self._rested = False

    def hear(self, frame: FloatArray) -> FloatArray:
        """(ear_memory,) features of the sound after ``frame``, (bands,); as ``Reader.sound``."""
        self.rest()
        self._rested = False
        self._first.newest[:, 0] = frame
        self._first(self._second.newest)
        self._second(self._third.newest)
        self._third(self._squeeze.maps)
        return self._memory(self._squeeze())

    def ask(self, sound: FloatArray) -> FloatArray:
        """(D + 176,) the query of ``sound``; as ``Reader.ask``."""
        self._questions.dot(sound, self._query)
        self._query += self._questions_bias
        _sigmoid_of_twice(self._chances)
        return self._query

    def rest(self) -> None:
        """What the past alone decides of the next step; among it a third of all products."""
        if not self._rested:
            for part in (self._first, self._second, self._third, self._memory):
                part.rest()
            self._rested = True


class _Convolution:
    """A convolution over (frames, bands) for the newest frame only, with its ReLU.

    A map of one frame is (bands, channels): what a filter sees of it lies in one stretch of memory, and makes
    one row of a matrix.
    """

    def __init__(self, layer: nn.Module, bands: int) -> None:
        assert isinstance(layer, nn.Conv2d)
        weight, self.bias = _array(layer.weight), _array(layer.bias)
        channels, before, frames, wide = weight.shape
        padding, stride = int(layer.padding[1]), layer.stride[1]
        rows = weight.transpose(2, 3, 1, 0).reshape(frames * wide * before, channels)
        self._of_before, self._of_newest = np.split(rows, [(frames - 1) * wide * before])
        padded = np.zeros((bands + 2 * padding, before), np.float32)
        self.newest = padded[padding : padding + bands]
        self.bands = (len(padded) - wide) // stride + 1
        self._view = np.lib.stride_tricks.as_strided(
            padded, (self.bands, wide * before), (stride * before * 4, 4), writeable=False
        )
        self._seen = np.zeros(self._view.shape, np.float32)
        self._seen_before = np.zeros((self.bands, len(self._of_before)), np.float32)
        self._known, self._made = (np.zeros((self.bands, channels), np.float32) for _ in range(2))

    def reset(self, silence: FloatArray) -> None:
        """Every frame until now was ``silence`` (channels before,) in every band."""
        self.newest[:] = silence
        self._seen[:] = self._view
        self._seen_before[:] = np.tile(self._view, len(self._of_before) // len(self._of_newest))

    def rest(self) -> None:
        """What the frames before the next one add to what it makes."""
        wide = len(self._of_newest)
        if self._seen_before.size:
            self._seen_before[:, :-wide] = self._seen_before[:, wide:]
            self._seen_before[:, -wide:] = self._seen
        np.add(self._seen_before @ self._of_before, self.bias, out=self._known)

    def __call__(self, made: FloatArray) -> None:
        """From the map in ``newest`` to ``made`` (bands, channels)."""
        np.copyto(self._seen, self._view)
        self._seen.dot(self._of_newest, self._made)
        self._made += self._known
        np.maximum(self._made, _ZERO, out=made)


class _Squeeze:
    """The linear layer over all of ``maps``, (bands, channels), normalised, with its ReLU."""

    def __init__(self, encoder: SoundEncoder, bands: int) -> None:
        weight, bias = (_array(part).astype(np.float64) for part in encoder.squeeze.parameters())
        # Only the distance from the mean is needed, and that is as linear as what it is a distance of.
        weight, bias = weight - weight.mean(axis=0), bias - bias.mean()
        # torch flattens (channels, bands), here it is (bands, channels)
        rows = weight.reshape(len(weight), -1, bands).transpose(0, 2, 1).reshape(weight.shape)
        self._weight, self._bias = rows.astype(np.float32, order="C"), bias.astype(np.float32)
        self._scale, self._shift = _array(encoder.normalise.weight), _array(encoder.normalise.bias)
        self._epsilon = float(encoder.normalise.eps)
        self._seen = np.zeros(self._weight.shape[1], np.float32)
        self.maps = self._seen.reshape(bands, -1)
        self._away, self._heard = np.zeros_like(self._bias), np.zeros_like(self._bias)

    def __call__(self) -> FloatArray:
        away, heard = self._away, self._heard
        self._weight.dot(self._seen, away)
        away += self._bias
        spread = math.sqrt(float(away.dot(away)) / len(away) + self._epsilon)
        np.multiply(self._scale, np.float32(1.0 / spread), out=heard)
        heard *= away
        heard += self._shift
        return np.maximum(heard, _ZERO, out=heard)


class _Memory:
    """The memory (GRU), mixed with what was heard.

    The sums of its gates are halved, as :func:`_sigmoid_of_twice` wants them, and so is its own share of the
    candidate: the half that does not wait for the gate is added beforehand.
    """

    def __init__(self, encoder: SoundEncoder) -> None:
        memory, mix = encoder.memory, _array(encoder.mix.weight)
        width = memory.hidden_size
        halved = np.full((3 * width, 1), 0.5, np.float32)
        self._recurrence = halved * _array(memory.weight_hh_l0)
        self._recurrence_bias = halved[:, 0] * _array(memory.bias_hh_l0)
        halved[2 * width :] = 1.0
        # What is multiplied by the heard stands in one matrix: both gates, the candidate, the mix.
        self._inputs = np.concatenate([halved * _array(memory.weight_ih_l0), mix[:, width:]])
        self._inputs_bias = np.append(halved[:, 0] * _array(memory.bias_ih_l0), _array(encoder.mix.bias))
        self._mix = np.ascontiguousarray(mix[:, :width])
        self._known = np.zeros(4 * width, np.float32)
        self._own_candidate = np.zeros(width, np.float32)
        self._given = np.zeros(4 * width, np.float32)
        self._parts = np.split(self._given, 4)
        self._gates = self._given[: 2 * width]
        self._remembered, self._mixed = np.zeros(width, np.float32), np.zeros(width, np.float32)

    def reset(self) -> None:
        self._remembered[:] = 0.0

    def rest(self) -> None:
        """What is added to the sums whatever will be heard."""
        known, width = self._known, len(self._remembered)
        known[:] = self._inputs_bias
        own = self._recurrence @ self._remembered + self._recurrence_bias
        known[: 3 * width] += own
        self._own_candidate[:] = own[2 * width :]

    def __call__(self, heard: FloatArray) -> FloatArray:
        remembered, mixed, given = self._remembered, self._mixed, self._given
        forget, keep, candidate, mix = self._parts
        self._inputs.dot(heard, given)
        given += self._known
        np.tanh(self._gates, out=self._gates)
        forget *= self._own_candidate
        candidate += forget
        np.tanh(candidate, out=candidate)
        _half_and_half(keep)
        remembered -= candidate
        remembered *= keep
        remembered += candidate
        self._mix.dot(remembered, mixed)
        mixed += mix
        return np.maximum(mixed, _ZERO, out=mixed)


class PolicyStep:
    """The policy for one cursor: actor and critic side by side, so that both cost three products."""

    def __init__(self, policy: Policy) -> None:
        both = [(policy.actor[index], policy.critic[index]) for index in (0, 2, 4)]
        weights = [(_array(actor.weight), _array(critic.weight)) for actor, critic in both]
        self._first, self._last = np.concatenate(weights[0]), _beside(*weights[2])
        self._biases = [np.concatenate([_array(actor.bias), _array(critic.bias)]) for actor, critic in both]
        self._seen = np.zeros(OBSERVATION, np.float32)
        self._first_hidden, self._sums = (np.zeros(len(bias), np.float32) for bias in self._biases[:2])
        # The second layers of actor and critic have nothing in common: each is a product of its own.
        halves = zip(weights[1], np.split(self._first_hidden, 2), np.split(self._sums, 2), strict=True)
        self._second_layers = list(halves)
        self.hidden = np.zeros(len(self._sums), np.float32)

    def __call__(
        self, summary: FloatArray, x_px: float, speed_px: float, tolerance_px: float
    ) -> tuple[tuple[float, float, float], float]:
        """Probabilities of slower, keep, faster, and the value; as ``observation`` and ``Policy`` say.

        ``hidden`` is then a new array with the last hidden layers, the actor's before the critic's.
        """
        first, second, last = self._biases
        hidden, sums = self._first_hidden, self._sums
        self._first.dot(self._observe(summary.tolist(), x_px, speed_px, tolerance_px), hidden)
        hidden += first
        np.tanh(hidden, out=hidden)
        for weight, seen, made in self._second_layers:
            weight.dot(seen, made)
        sums += second
        self.hidden = np.tanh(sums)
        slower, keep, faster, value = (self._last.dot(self.hidden) + last).tolist()
        return _softmax(slower, keep, faster), value

    def _observe(self, summary: list[float], x_px: float, speed_px: float, tolerance_px: float) -> FloatArray:
        """Sixteen numbers: Python is done with them before numpy would have begun."""
        *coming_px, spread, music_speed, here, halted = summary
        rounded_px = float(np.float32(x_px))  # as the places of the summary are
        places = zip(coming_px, HORIZONS, strict=True)
        seen = [(px - rounded_px - speed_px * ahead) / PX for px, ahead in places]
        seen += (
            (coming_px[0] - x_px) / tolerance_px,
            speed_px / 10.0,
            music_speed / 10.0,
            (music_speed - speed_px) / 4.0,
            spread / PX,
            here,
            halted,
            tolerance_px / TOLERANCE_PX,
        )
        self._seen[:] = [min(max(value, -6.0), 6.0) for value in seen]
        return self._seen


def _softmax(*logits: float) -> tuple[float, float, float]:
    best = max(logits)
    slower, keep, faster = (math.exp(logit - best) for logit in logits)
    total = slower + keep + faster
    return slower / total, keep / total, faster / total


def _sigmoid_of_twice(x: FloatArray) -> None:
    """In place; through tanh nothing overflows."""
    np.tanh(x, out=x)
    _half_and_half(x)


def _half_and_half(x: FloatArray) -> None:
    """From a tanh, -1 to 1, to a chance, 0 to 1."""
    x *= _HALF
    x += _HALF


def _beside(left: FloatArray, right: FloatArray) -> FloatArray:
    """Both on the diagonal: each works on its own half."""
    both = np.zeros((len(left) + len(right), left.shape[1] + right.shape[1]), np.float32)
    both[: len(left), : left.shape[1]] = left
    both[len(left) :, left.shape[1] :] = right
    return both


def _array(parameter: object) -> FloatArray:
    assert isinstance(parameter, Tensor)  # what torch says of a module's attributes is not that precise
    return np.ascontiguousarray(parameter.detach().float().numpy())
