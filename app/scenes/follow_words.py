"""What the pill of Follow says: what it waits for, and what to do about it."""

from __future__ import annotations

from app.engine.snapshot import Snapshot
from app.scenes.studio import Studio


def status_words(snapshot: Snapshot, studio: Studio) -> tuple[str, str]:
    """What to say at this moment, and in which colour."""
    session = studio.session
    if session is None:
        return "There is no follower; choose one in Settings", "bad"
    if not session.ready:
        return (session.problem, "bad") if session.problem else ("The follower is getting ready …", "plain")
    resting = snapshot.state in ("paused", "finished")
    if studio.devices.unheard(snapshot) and not resting:
        return studio.devices.unheard_words(), "bad"
    demo = studio.settings.now.source == "demo"
    if snapshot.state == "waiting" and not demo:
        quiet = "; nothing is heard yet" if snapshot.no_signal else ""
        return f"Play: it follows from the first note{quiet}", "you"
    if snapshot.state == "lost":
        if demo:
            return "It has lost its place: click where the music is", "bad"
        return "It has lost you: play on, or click where you are", "bad"
    if snapshot.state == "paused":
        return "Paused. Space goes on", "plain"
    if snapshot.state == "finished":
        return "The end. Space plays it again", "good"
    if snapshot.state == "idle":
        return (
            "Space: the demo plays and is followed" if demo else "Space: it listens and follows you"
        ), "plain"
    return "", "plain"
