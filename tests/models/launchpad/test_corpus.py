from __future__ import annotations

import contextlib
import zlib

import numpy as np
import pytest

from models.launchpad.corpus import BadCorpus, Corpus, composed_corpus, densities
from models.launchpad.instrument import LAUNCHPAD

EVERY_KEY = set(range(12))


def test_composed_bars_are_the_same_again_and_others_from_another_seed() -> None:
    assert (composed_corpus(3, 50).bars == composed_corpus(3, 50).bars).all()
    assert (composed_corpus(3, 50).bars != composed_corpus(4, 50).bars).any()


def test_the_shipped_bars_are_those_that_agents_were_trained_on() -> None:
    assert zlib.crc32(composed_corpus().bars.astype("<u8").tobytes()) == 2765258299


def test_composed_bars_are_music_of_a_playable_density_on_sixteenths() -> None:
    corpus = composed_corpus(0, 500)
    off_grid = np.uint64(~0x1111111111111111 & (2**64 - 1))
    assert corpus.bars.shape == (500, LAUNCHPAD.keys) and not (corpus.bars & off_grid).any()
    assert corpus.densities.min() >= 6 and 9 < corpus.densities.mean() < 16
    assert ((corpus.bars != 0).sum(1) >= 2).all()


def test_composed_bars_are_in_every_key() -> None:
    corpus = composed_corpus(0, 500)
    lowest = {int(np.flatnonzero(bar)[0] + LAUNCHPAD.lowest_pitch) % 12 for bar in corpus.bars}
    assert lowest == EVERY_KEY


def test_densities_count_cells() -> None:
    bars = np.zeros((2, 24), np.uint64)
    bars[0, 3], bars[0, 9] = 0b1011, 1 << 63
    assert densities(bars).tolist() == [4, 0]


def test_a_corpus_survives_the_file(tmp_path) -> None:
    corpus = Corpus(composed_corpus(1, 20).bars, "mine", "sustained")
    corpus.save(tmp_path / "corpus.npz")
    for place in (tmp_path, tmp_path / "corpus.npz"):
        again = Corpus.load(place)
        assert (again.bars == corpus.bars).all() and (again.name, again.roll) == ("mine", "sustained")


def test_an_empty_corpus_is_refused() -> None:
    with pytest.raises(BadCorpus):
        Corpus(np.zeros((0, 24), np.uint64), "nothing")


@pytest.mark.parametrize("seed", range(40))
def test_a_corpus_with_wrong_bytes_is_read_or_refused(tmp_path, seed: int) -> None:
    path, rng = tmp_path / "corpus.npz", np.random.default_rng(seed)
    composed_corpus(0, 20).save(path)
    content = np.frombuffer(path.read_bytes(), np.uint8).copy()
    content[rng.integers(0, len(content), 3)] = rng.integers(0, 256, 3)
    path.write_bytes(content.tobytes())
    with contextlib.suppress(BadCorpus):
        assert Corpus.load(path).bars.shape[1] == LAUNCHPAD.keys


def test_other_files_are_refused(tmp_path) -> None:
    (tmp_path / "junk.npz").write_bytes(b"PK\3\4 junk")
    (tmp_path / "text.npz").write_text("no corpus")
    np.savez(tmp_path / "other.npz", bars=np.zeros((3, 24), np.uint64))
    Corpus(np.ones((2, 5), np.uint64), "narrow").save(tmp_path / "narrow.npz")
    for name in ("junk", "text", "other", "narrow", "missing"):
        with pytest.raises(BadCorpus):
            Corpus.load(tmp_path / f"{name}.npz")
