"""PortAudio with a real JACK server that dies while sound flows, and comes back."""
from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

REPO = Path(__file__).parents[3]
PROGRAM = """
    import sys
    from app.devices.audio import AudioChoice, AudioSystem
    from app.devices.null import NullBackend
    from app.devices.apart import ApartBackend
    from app.engine.engine import Engine

    label = "system (JACK Audio Connection Kit)"
    engine = Engine(AudioSystem([ApartBackend()], NullBackend()), AudioChoice(label, label))
    engine.supervisor._watch_s = 0.2
    engine.start()
    for line in sys.stdin:
        told = "|".join(engine.take_messages())
        stream = engine.supervisor.stream
        print(stream and stream.output_label, engine.sample, told, flush=True)
    engine.close()
    print("closed", flush=True)
"""


class Server:
    """A jackd of this test's own, to be killed and started again."""

    def __init__(self, eventually) -> None:
        self._eventually = eventually
        self.name = f"ripieno-vanish-{os.getpid()}"
        self.environment = {**os.environ, "JACK_DEFAULT_SERVER": self.name, "JACK_NO_START_SERVER": "1"}

    def start(self) -> None:
        command = ["jackd", "-n", self.name, "--no-realtime", "-d", "dummy", "-r", "44100", "-p", "256"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        probe = [shutil.which("jack_lsp") or "jack_lsp"]
        assert self._eventually(lambda: subprocess.run(
            probe, env=self.environment, capture_output=True, check=False).returncode == 0)

    def stop(self, how: signal.Signals) -> None:
        self.process.send_signal(how)
        self.process.wait()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_jack_server_that_dies_while_playing_and_comes_back(eventually, how):
    if shutil.which("jackd") is None:
        pytest.skip("jackd is not installed")
    server = Server(eventually)
    server.start()
    program = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)], cwd=REPO, env=server.environment,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )
    seen: list[str] = []

    def says(word: str) -> bool:
        assert program.stdin is not None and program.stdout is not None
        program.stdin.write("?\n")
        program.stdin.flush()
        seen.append(program.stdout.readline())
        return word in seen[-1]

    try:
        assert eventually(lambda: says("system (JACK"))
        server.stop(how)
        assert eventually(lambda: says("is gone")), seen
        assert eventually(lambda: says("none "))
        before = int(seen[-1].split()[1])
        assert eventually(lambda: says("none ") and int(seen[-1].split()[1]) > before + 4410)   # time goes on
        server.start()
        assert eventually(lambda: says("is back")), seen
        assert seen[-1].startswith("system (JACK")
        output, _ = program.communicate(timeout=20)
        assert output.endswith("closed\n") and program.returncode == 0
    finally:
        program.kill()
        server.stop(signal.SIGTERM)
