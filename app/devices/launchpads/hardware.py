"""Real Launchpads, there or not: found by name once a second, taken over while somebody listens, given back.

Threads: one of this module's own finds, paints (at most 30 times a second) and gives back; rtmidi's calls
`_received`; every other method may be called by any thread and only leaves word. A Launchpad that is
unplugged is missed with one sentence, as one that another program holds; plugged in again, it is taken over
and shows everything anew. Where there is no MIDI, where its system ends or where anything fails, MIDI is
opened anew after a while.
"""
from __future__ import annotations

import atexit
import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Literal

from app.devices.launchpads.lights import lights
from app.devices.launchpads.link import Link
from app.devices.launchpads.models import Model
from app.devices.launchpads.paging import Pages
from app.devices.launchpads.surface import PadHands, PadView, dark_view
from app.devices.midi_ports import CLIENT_NAME, RETRY_LOOKS, NoMidi, open_ports
from app.engine.clock import now_s

log = logging.getLogger(__name__)

POLL_S = 1.0
FRAME_S = 1 / 30

_News = Literal["connected", "gone", "refused", "failed"]


class Launchpads:
    """The `PadSurface` of the first Launchpad that is connected.

    tell: takes a sentence for the user, in this module's thread. api: one of rtmidi's; None the first that
    works.
    """

    def __init__(self, tell: Callable[[str], None] = log.info, api: int | None = None,
                 poll_s: float = POLL_S) -> None:
        self._tell = tell
        self._api = api
        self._poll_s = poll_s
        self._pages = Pages()
        self._view: PadView = dark_view()
        self._hands: PadHands | None = None
        self._link: Link | None = None
        self._said: _News | None = None
        self._look_at_s = 0.0
        self._changed, self._stop = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Look for Launchpads from now on. Never raises: without MIDI there are none until there is."""
        thread = threading.Thread(target=self._run, name="launchpads", daemon=True)
        thread.start()
        self._thread = thread
        atexit.register(self.close)  # a crash must not leave it in programmer mode

    def close(self) -> None:
        """Give the Launchpad back. May be called twice; a start that comes later opens nothing."""
        self._stop.set()
        if self._thread is None:
            return
        atexit.unregister(self.close)
        self._changed.set()
        self._thread.join()
        self._thread = None

    # --- what every thread may call -----------------------------------------------------------------

    @property
    def connected(self) -> str | None:
        """Name of the model that is taken over."""
        link = self._link
        model = None if link is None else link.model
        return None if model is None else model.name

    @property
    def lowest_key(self) -> int:
        """The lowest of the eight keys it shows."""
        return self._pages.lowest_key

    def listen(self, hands: PadHands | None) -> None:
        """Take the Launchpad over and tell `hands` what is pressed; None: give it back."""
        self._hands = hands
        self._look_at_s = 0.0
        self._changed.set()

    def show(self, view: PadView) -> None:
        """Look like this with the next frame of lights."""
        self._view = view
        self._changed.set()

    def scroll_to(self, lowest_key: int) -> None:
        """Show the eight keys from there up."""
        self._pages.scroll_to(lowest_key)
        self._changed.set()

    def send_clock(self, message: Sequence[int]) -> None:
        """A message of the MIDI clock that goes out."""
        link = self._link
        if link is not None:
            link.send_clock(message)

    # --- rtmidi's thread ----------------------------------------------------------------------------

    def _received(self, message: Sequence[int], moment_s: float) -> None:
        link, hands = self._link, self._hands
        model = None if link is None else link.model
        place = None if model is None else model.pressed(message)
        if place is not None and hands is not None:
            self._pages.press(place, hands)
            self._changed.set()

    # --- the thread of this module ------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with suppress(NoMidi):  # whoever opens the keyboards has said so
                    self._serve(Link(*open_ports(self._received, self._api, f"{CLIENT_NAME} pads")))
            except Exception:
                if self._said != "failed":
                    log.exception("the Launchpad failed")
                self._say("failed", "The Launchpad failed, the music goes on. It is tried again; details are "
                                    "in the log.")  # fmt: skip
            self._stop.wait(RETRY_LOOKS * self._poll_s)

    def _serve(self, link: Link) -> None:
        """Until it is closed, fails, or its MIDI system ends."""
        self._link = link
        try:
            while not self._stop.is_set() and not link.is_cut_off:
                self._turn(link)
            if link.model is not None and link.is_cut_off:
                self._miss(link, link.model)
        finally:
            self._link = None
            link.delete()  # in any case: it must not be left in programmer mode

    def _turn(self, link: Link) -> None:
        self._changed.clear()
        if now_s() >= self._look_at_s:
            self._look_at_s = now_s() + self._poll_s
            self._look(link)
        if link.model is not None:
            self._paint(link, link.model)
        if not self._stop.wait(FRAME_S):
            self._changed.wait(self._poll_s)

    def _paint(self, link: Link, model: Model) -> None:
        """What shows its lights is connected; told before, one that fails each time would be told of each."""
        if link.paint(lights(self._view, self._pages)):
            self._say("connected", f"{model.name} is connected.")
        else:
            self._miss(link, model)

    def _look(self, link: Link) -> None:
        """Miss what is gone, give back what nobody listens to, take over what is there and wanted."""
        if link.model is not None and not link.is_there:
            self._miss(link, link.model)
        if link.model is not None and self._hands is None:
            link.give_back()
        if link.model is None and self._hands is not None:
            self._take(link, link.find())

    def _miss(self, link: Link, model: Model) -> None:
        link.drop()
        self._say("gone", f"{model.name} is gone, the music goes on. Connect it again, it will be used.")

    def _take(self, link: Link, model: Model | None) -> None:
        """What is there and cannot be taken is said once; not of one that fails while it is unplugged."""
        if model is None:
            self._said = None
        elif not link.take(model) and self._said not in ("gone", "failed"):
            self._say("refused", f"{model.name} is held by another program. Close that one, then it is used.")

    def _say(self, news: _News, sentence: str) -> None:
        if news != self._said:
            self._said = news
            self._tell(sentence)
