"""Duet (RL-Duet) without its scene: the live session, and the paper's listening test."""

from app.sessions.duet.choices import Choices, DuetProblem
from app.sessions.duet.session import DuetSession
from app.sessions.duet.snapshot import DuetSnapshot, RollNote

__all__ = ["Choices", "DuetProblem", "DuetSession", "DuetSnapshot", "RollNote"]
