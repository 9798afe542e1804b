"""The work of Inside, in a child process: following a file, the map of states, reasons, pictures.

It takes seconds and all of a core, so neither the window nor the sound may wait for it. The other side is
`app.scenes.inside_desk`; what both say is in `app.sessions.inside.requests`.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from app.engine.runner import InlineRunner
from app.sessions.headless import follow_sound, sound_of
from app.sessions.inside.requests import (
    Begin,
    Draw,
    Drawn,
    Embed,
    Explain,
    Explained,
    GoOn,
    MakeMap,
    Open,
    Problem,
    Reasons,
    Request,
)
from app.sessions.inside.run import Run, keeping
from models.features import SPEC
from models.inside.embedding_map import NoMap, chosen_rows, embedding_map, project, why_no_map
from models.inside.listening import (
    Attributions,
    NoGradients,
    NotTheFollower,
    attribute,
    fit_of_sound,
    moment_of,
    reader_of,
)
from models.inside.moments import fit_map, gradients_picture
from models.inside.packed import PackedFit
from models.inside.record import Record, Recorder, Recording
from models.inside.timeline import timeline
from models.players import load_player
from pieces.errors import RipienoError

FloatArray = NDArray[np.float32]

class Study:
    """What the child knows between requests; the first one is Open."""

    def answer(self, request: Request) -> object:
        """The reply to a request; a Problem for what the user can mend."""
        try:
            return self._answer(request)
        except RipienoError as error:
            return Problem(str(error))

    def _answer(self, request: Request) -> object:
        match request:
            case Open():
                self._open(request)
                return None
            case Begin():
                return self._begin(request)
            case GoOn():
                return self._go_on(request.frames)
            case Embed():
                return self._embed(request)
            case MakeMap():
                return self._map(request.record)
            case Explain():
                return self._explain(request)
            case Draw():
                return self._draw(request)

    def _open(self, request: Open) -> None:
        self.piece, self._seed, self._colours = request.piece, request.seed, request.colours
        self._explained: tuple[int, FloatArray, Attributions | None] | None = None
        self._player = load_player(request.follower, request.seed, relocate=True)
        self._recorder = Recorder(self._player)
        self._recorder.open(self.piece)

    def _begin(self, request: Begin) -> int:
        sound, rate = sound_of(self.piece, request.audio, request.midi, self._seed)
        self._fits: list[PackedFit | None] = []
        snapshots = follow_sound(self.piece, InlineRunner(self._recorder), sound, rate)
        self._moments = keeping(snapshots, self._fits)
        self._recording = Recording(self._recorder)
        return round(len(sound) / rate * SPEC.fps)

    def _go_on(self, frames: int) -> int | Run:
        before = len(self._recording)
        for moment in islice(self._moments, frames):
            self._recording.add(moment)
        if len(self._recording) == before + frames:
            return len(self._recording)
        return Run(self._recording.finish(), tuple(self._fits))

    def _embed(self, request: Embed) -> FloatArray:
        self._recorder.reset(request.x_px)
        for frame in request.frames:
            self._recorder.step(frame)
            self._recorder.rest()
        kept = self._recorder.embeddings
        return np.stack(kept) if kept else np.zeros((len(request.frames), 0), np.float32)

    def _map(self, followed: Record) -> tuple[NDArray[np.int64], NDArray[np.float64]] | Problem:
        if why := why_no_map(followed):
            return Problem(why)
        rows = chosen_rows(followed)
        return rows, project(followed.embeddings[followed.heard[rows]], self._seed)

    def _explain(self, request: Explain) -> Explained:
        try:
            reader = reader_of(self._player)
        except NotTheFollower:
            return Explained(request.row, None, "Only Ripieno's own follower says why")
        moment = moment_of(self.piece, request.frames, request.column)
        logits = fit_of_sound(reader, moment)
        try:
            found = attribute(reader, moment, steps=request.steps)
        except NoGradients as error:
            self._explained = request.row, logits, None
            return Explained(request.row, None, str(error))
        self._explained = request.row, logits, found
        reasons = Reasons(
            found.column, found.first_px, found.strip, found.strip_gradients, found.frames,
            found.frames_gradients, found.error, found.rough,
        )  # fmt: skip
        return Explained(request.row, reasons)

    def _draw(self, request: Draw) -> Drawn:
        run, row = request.run, request.row
        pictures, left_out = {"timeline": timeline(run.record, self._colours)}, []
        if not why_no_map(run.record):
            try:
                pictures["map"] = embedding_map(run.record, self._colours, self._seed)
            except NoMap:
                left_out.append("map")
        if row is not None and self._explained is not None and self._explained[0] == row:
            _, logits, found = self._explained
            at_s = round(float(run.record.time_s[row]), 1)
            pictures[f"fit at {at_s:g} s"] = self._fit_picture(run, row, logits)
            if found is None:
                left_out.append("gradients")
            else:
                pictures[f"gradients at {at_s:g} s"] = gradients_picture(found, at_s, self._colours)
        return Drawn(pictures, tuple(left_out))

    def _fit_picture(self, run: Run, row: int, logits: FloatArray) -> bytes:
        fit = run.fits[row]
        followed = replace(run.record, fits={row: None if fit is None else fit.unpacked()})
        return fit_map(self.piece, followed, row, logits, self._colours)
