"""Whether the Kubernetes API answers at the cluster's endpoint all the while something happens.

Asked again and again by a thread of its own, each time over a new connection, as a client that
comes just now would. It judges nothing: a scenario says how long a silence it bears.
"""

import threading
import time
from types import TracebackType
from typing import Self

from provider import api_server

PAUSE_SECONDS = 0.25
# Packets to a machine that is gone are lost without a word: longer than this is no answer.
ANSWER_SECONDS = 2.0


class Availability:
    """A watch over `endpoint` (an https URL) for as long as its `with` block lasts."""

    def __init__(self, kubeconfig: str, endpoint: str) -> None:
        self.kubeconfig, self.endpoint = kubeconfig, endpoint
        self.asked = 0
        self.longest_silence = 0.0
        self.last_words = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="availability")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        answered = time.monotonic()
        while not self._ended.wait(PAUSE_SECONDS):
            self.asked += 1
            reason = self._missing()
            now = time.monotonic()
            self.longest_silence = max(self.longest_silence, now - answered)
            if reason is None:
                answered = now
            else:
                self.last_words = reason

    def _missing(self) -> str | None:
        try:
            with api_server.connect(self.kubeconfig, self.endpoint) as client:
                answer = client.get("/readyz", timeout=ANSWER_SECONDS)
        except api_server.Unreachable as error:
            return api_server.problem(error)
        return None if answer.status_code == 200 else f"HTTP {answer.status_code} from /readyz"
