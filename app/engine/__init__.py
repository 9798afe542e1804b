"""The real-time half of the program: clock, ring, scheduler, frames, runner, snapshot, takes.

Three threads meet here and nowhere else: the audio callback (renders, copies, never waits), the engine thread
(samples -> frames -> decision -> snapshot) and the window's main thread (reads the snapshot, submits events).
"""
