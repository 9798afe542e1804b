"""The launchpad (RL-DJ) live: song, bars, session, export. The scene talks to `LaunchpadSession` only."""

from app.sessions.launchpad.arrangement import Arrangement, Link, Part, ScaleLock
from app.sessions.launchpad.conductor import Judge
from app.sessions.launchpad.history import AGENT, NOBODY, START, YOU
from app.sessions.launchpad.parts import SongProblem
from app.sessions.launchpad.questions import Agent
from app.sessions.launchpad.session import LaunchpadSession
from app.sessions.launchpad.snapshot import LaunchpadSnapshot
from app.sessions.launchpad.song import Song

__all__ = ["AGENT", "NOBODY", "START", "YOU", "Agent", "Arrangement", "Judge",
           "LaunchpadSession", "LaunchpadSnapshot", "Link", "Part", "ScaleLock", "Song",
           "SongProblem"]  # fmt: skip
