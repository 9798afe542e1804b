"""The real program in a process of its own, without a sound card.

Prints its window, then what it showed last and its frame times.

Started by the journeys (and by hand, to measure): ``python -m tests.app.scenes.real_window [MODE [PIECE]]``.
RIPIENO_TEST_SETTINGS holds settings as JSON, RIPIENO_FOLLOWER the name of who follows.
"""

import json
import os
import sys
import time

os.environ.setdefault("RIPIENO_FOLLOWER", "steady")


def main() -> None:
    begun = time.perf_counter()
    import pygame

    from app.engine.snapshot import Snapshot
    from app.program import build_studio
    from app.settings import SettingsStore
    from app.window import Window, scenes

    silent = {"audio_input": None, "audio_output": None, "midi_input": None}
    SettingsStore().change(**silent | json.loads(os.environ.get("RIPIENO_TEST_SETTINGS", "{}")))
    studio = build_studio(os.environ["RIPIENO_FOLLOWER"])
    last = Snapshot()

    class Watched(Window):
        def close(self) -> None:
            nonlocal last
            last = self.studio.snapshot
            super().close()

    window = Watched(studio, scenes(), sys.argv[1] if len(sys.argv) > 1 else "home")
    window.frame()
    pygame.display.flip()
    up_s = time.perf_counter() - begun
    info = {"window": pygame.display.get_wm_info().get("window", 0), "up_s": round(up_s, 3)}
    print(json.dumps(info), flush=True)
    if len(sys.argv) > 2:
        studio.open(sys.argv[2])
    window.run()
    seen = {"state": last.state, "measure": last.place.measure if last.place else ""}
    print(json.dumps(seen | {"frame_ms": [round(ms, 3) for ms in window.frame_ms]}), flush=True)


if __name__ == "__main__":
    from app.ending import end_process

    main()
    end_process(0)
