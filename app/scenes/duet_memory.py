"""What Duet keeps of its choices for the next time, in the settings.

The microphone is not among it: it is never opened before somebody asks for it. Nor is what the command line
asks for, unless it was changed since. Used by the thread of the window; only `part` may be set by any.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from app.scenes.studio import Studio
from app.sessions.duet.choices import USUAL, Choices

REST_S = 1.0
"""A slider that is dragged is written once it rests."""


class DuetMemory:
    """What was remembered, and what is to be.

    Attributes:
        choices: everything that can be set.
        agent: name of who plays the other line, "" the usual one.
        part: name or path of what plays your part, "" you.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        now = studio.settings.now
        recalled = Choices.recalled(now.duet_choices)
        self.choices = recalled.but(**studio.duet_wishes.choices)
        self._wishes = {name: (getattr(self.choices, name), getattr(recalled, name))
                        for name in studio.duet_wishes.choices}  # fmt: skip
        self.agent, self.part = now.duet_agent, now.duet_part
        self._seen, self._since_s, self._kept = self._now(), 0.0, True

    def see(self, choices: Choices, t_s: float) -> None:
        """Once a frame: write what has changed and then rested for a moment."""
        self.choices = choices
        now = self._now()
        if now != self._seen:
            self._seen, self._since_s, self._kept = now, t_s, False
        elif not self._kept and t_s - self._since_s >= REST_S:
            self.keep()

    def keep(self) -> None:
        """Write what has changed, at once."""
        self._kept = True
        settings, now = self._studio.settings.now, self._all()
        changed = {name: value for name, value in now.items() if value != getattr(settings, name)}
        if changed:
            self._studio.change(**changed)

    def _now(self) -> tuple[Choices, str, str]:
        return self.choices, self.agent, self.part

    def _all(self) -> dict[str, Any]:
        usual, values = asdict(USUAL), asdict(self.choices)
        for name, (wished, recalled) in self._wishes.items():
            if values[name] == wished:
                values[name] = recalled
        chosen = {name: value for name, value in values.items() if value != usual[name]}
        return {"duet_choices": chosen, "duet_agent": self.agent, "duet_part": self.part}
