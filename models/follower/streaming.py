"""The trained ear and policy for one frame at a time, in plain numpy.

The same sums as :mod:`models.follower.network` and :mod:`models.follower.policy` (a test holds them
together), made for the moment in which a musician waits: 50 ms after the last frame the processor's caches
are cold, and torch then needs 1.9 ms to get through its many small operations; these take 0.5. What only the
past decides is done in ``rest``, after the answer; convolutions keep what they made of earlier frames.

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

FloatArray = NDArray[np.float32]

_AHEAD = np.array(HORIZONS, np.float32)
_TIMES = 3  # frames that each of the first two convolutions sees


class SoundStream:
    """The reader's ear: every call of :meth:`hear` is the next frame, as if all had come at once.

    Maps are (bands, frames, channels), so that what a filter sees lies in one stretch of memory and a
    convolution is a product of two matrices.
    """

    def __init__(self, reader: Reader) -> None:
        encoder = reader.sound
        self._first, self._second, self._third = (_Convolution(encoder.convolutions[i]) for i in (0, 2, 4))
        self._prepare_maps(reader.config.bands)
        bands = self._third.bands
        squeeze = _array(encoder.squeeze.weight)
        # torch flattens (channels, bands), here it is (bands, channels)
        self._squeeze = np.ascontiguousarray(
            squeeze.reshape(len(squeeze), -1, bands).transpose(0, 2, 1).reshape(len(squeeze), -1)
        )
        self._squeeze_bias = _array(encoder.squeeze.bias)
        self._scale, self._shift = _array(encoder.normalise.weight), _array(encoder.normalise.bias)
        self._epsilon = np.float32(encoder.normalise.eps)
        self._prepare_memory(encoder)
        questions = (reader.sound_query, reader.struck, reader.sounding)
        self._questions = np.concatenate([_array(layer.weight) for layer in questions])
        self._questions_bias = np.concatenate([_array(layer.bias) for layer in questions])
        self._free = reader.config.embedding
        self.reset()

    def _prepare_maps(self, bands: int) -> None:
        first, second, third = self._first, self._second, self._third
        self._frames = np.zeros((bands + 2 * first.padding, _TIMES), np.float32)
        first.see(self._frames)
        self._map1 = np.zeros((first.bands + 2 * second.padding, _TIMES, first.channels), np.float32)
        second.see(self._map1)
        self._map2 = np.zeros((second.bands + 2 * third.padding, 1, second.channels), np.float32)
        third.see(self._map2)
        self._frames_inner = self._frames[first.padding : first.padding + bands]
        self._map1_inner = self._map1[second.padding : second.padding + first.bands]
        self._map2_inner = self._map2[third.padding : third.padding + second.bands]

    def _prepare_memory(self, encoder: SoundEncoder) -> None:
        """What is multiplied by the heard stands in one matrix: gates of the memory, then the mix."""
        memory, mix = encoder.memory, _array(encoder.mix.weight)
        self._width = memory.hidden_size
        self._inputs = np.concatenate([_array(memory.weight_ih_l0), mix[:, self._width :]])
        self._inputs_bias = np.concatenate([_array(memory.bias_ih_l0), _array(encoder.mix.bias)])
        self._recurrence, self._recurrence_bias = _array(memory.weight_hh_l0), _array(memory.bias_hh_l0)
        self._mix = np.ascontiguousarray(mix[:, : self._width])

    def reset(self) -> None:
        """Silence came before the next frame."""
        self._frames[:] = 0.0
        self._map1_inner[:] = np.maximum(self._first.bias, 0.0)  # what the first filters make of silence
        self._memory = np.zeros(self._width, np.float32)
        self._remembered: FloatArray | None = None

    def hear(self, frame: FloatArray) -> FloatArray:
        """(ear_memory,) features of the sound after ``frame``, (bands,); as ``Reader.sound``."""
        self._frames[:, :-1] = self._frames[:, 1:]
        self._frames_inner[:, -1] = frame
        self._map1[:, :-1] = self._map1[:, 1:]
        self._map1_inner[:, -1] = self._first()
        self._map2_inner[:, -1] = self._second()
        squeezed = self._squeeze @ self._third().reshape(-1) + self._squeeze_bias
        return self._remember(self._normalised(squeezed))

    def ask(self, sound: FloatArray) -> FloatArray:
        """(D + 176,) the query of ``sound``; as ``Reader.ask``."""
        query = self._questions @ sound + self._questions_bias
        query[self._free :] = _sigmoid(query[self._free :])
        return query

    def rest(self) -> None:
        """The memory's own share of its next step: a third of all weights."""
        if self._remembered is None:
            self._remembered = self._recurrence @ self._memory + self._recurrence_bias

    def _normalised(self, squeezed: FloatArray) -> FloatArray:
        away = squeezed - squeezed.mean()
        spread = np.sqrt((away @ away) / np.float32(len(away)) + self._epsilon)
        return np.maximum(away / spread * self._scale + self._shift, 0.0)

    def _remember(self, heard: FloatArray) -> FloatArray:
        """One step of the memory (GRU), mixed with what was heard."""
        self.rest()
        own, self._remembered = self._remembered, None
        assert own is not None
        width = self._width
        given = self._inputs @ heard + self._inputs_bias
        gates = _sigmoid(given[: 2 * width] + own[: 2 * width])
        candidate = np.tanh(given[2 * width : 3 * width] + gates[:width] * own[2 * width :])
        self._memory = candidate + gates[width:] * (self._memory - candidate)
        return np.maximum(self._mix @ self._memory + given[3 * width :], 0.0)


class _Convolution:
    """A convolution over (frames, bands) for the newest frame only, with its ReLU; call it to compute."""

    def __init__(self, layer: nn.Module) -> None:
        assert isinstance(layer, nn.Conv2d)
        weight = _array(layer.weight)  # (channels, channels before, frames, bands)
        self.channels, self.padding, self._stride = len(weight), int(layer.padding[1]), layer.stride[1]
        self._wide = weight.shape[3]
        self._weight = np.ascontiguousarray(weight.transpose(3, 2, 1, 0).reshape(-1, self.channels))
        self.bias = _array(layer.bias)

    def see(self, source: FloatArray) -> None:
        """Read from ``source`` (padded bands, ...) from now on."""
        self.bands = (len(source) - self._wide) // self._stride + 1
        one_band, size = source[0].size, source.itemsize
        shape, strides = (self.bands, self._wide * one_band), (self._stride * one_band * size, size)
        self._views = np.lib.stride_tricks.as_strided(source, shape, strides, writeable=False)
        self._seen = np.empty(self._views.shape, np.float32)

    def __call__(self) -> FloatArray:
        """(bands, channels)."""
        np.copyto(self._seen, self._views)
        made = self._seen @ self._weight
        made += self.bias
        return np.maximum(made, 0.0, out=made)


class PolicyStep:
    """The policy for one cursor: actor and critic side by side, so that both cost three products."""

    def __init__(self, policy: Policy) -> None:
        both = [(policy.actor[index], policy.critic[index]) for index in (0, 2, 4)]
        weights = [(_array(actor.weight), _array(critic.weight)) for actor, critic in both]
        self._weights = [np.concatenate(weights[0]), *(_beside(*pair) for pair in weights[1:])]
        self._biases = [np.concatenate([_array(actor.bias), _array(critic.bias)]) for actor, critic in both]
        self._seen = np.zeros(OBSERVATION, np.float32)
        self.hidden = np.zeros(len(self._biases[1]), np.float32)

    def __call__(
        self, summary: FloatArray, x_px: float, speed_px: float, tolerance_px: float
    ) -> tuple[tuple[float, float, float], float]:
        """Probabilities of slower, keep, faster, and the value; as ``observation`` and ``Policy`` say.

        ``hidden`` is then a new array with the last hidden layers, the actor's before the critic's.
        """
        first, second, last = self._weights
        hidden = np.tanh(first @ self._observe(summary, x_px, speed_px, tolerance_px) + self._biases[0])
        self.hidden = np.tanh(second @ hidden + self._biases[1])
        slower, keep, faster, value = (last @ self.hidden + self._biases[2]).tolist()
        return _softmax(slower, keep, faster), value

    def _observe(self, summary: FloatArray, x_px: float, speed_px: float, tolerance_px: float) -> FloatArray:
        seen, horizons = self._seen, len(HORIZONS)
        coming_px = summary[:horizons] - np.float32(x_px) - np.float32(speed_px) * _AHEAD
        seen[:horizons] = coming_px / np.float32(PX)
        spread, music_speed, here, halted = summary[horizons:].tolist()
        seen[horizons:] = (
            (float(summary[0]) - x_px) / tolerance_px,
            speed_px / 10.0,
            music_speed / 10.0,
            (music_speed - speed_px) / 4.0,
            spread / PX,
            here,
            halted,
            tolerance_px / 170.0,
        )
        return np.clip(seen, -6.0, 6.0, out=seen)


def _softmax(*logits: float) -> tuple[float, float, float]:
    best = max(logits)
    slower, keep, faster = (math.exp(logit - best) for logit in logits)
    total = slower + keep + faster
    return slower / total, keep / total, faster / total


def _sigmoid(x: FloatArray) -> FloatArray:
    """Through tanh: no overflow, one pass."""
    return np.float32(0.5) * np.tanh(np.float32(0.5) * x) + np.float32(0.5)


def _beside(left: FloatArray, right: FloatArray) -> FloatArray:
    """Both on the diagonal: each works on its own half."""
    both = np.zeros((len(left) + len(right), left.shape[1] + right.shape[1]), np.float32)
    both[: len(left), : left.shape[1]] = left
    both[len(left) :, left.shape[1] :] = right
    return both


def _array(parameter: object) -> FloatArray:
    assert isinstance(parameter, Tensor)  # what torch says of a module's attributes is not that precise
    return np.ascontiguousarray(parameter.detach().float().numpy())
