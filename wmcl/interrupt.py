"""Hold Ctrl-C back where something must not stop in the middle."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupt:
    """An interrupt holds the first Ctrl-C back until it suits; a second one stops at once.

    Args:
        held: whether to do so at all. Only the main thread of a program can: elsewhere Ctrl-C is left as it is.
    """

    def __init__(self, held: bool) -> None:
        self.requested = False
        """flag that Ctrl-C was pressed"""
        self._held = held and threading.current_thread() is threading.main_thread()

    def __enter__(self) -> "Interrupt":
        if self._held:
            self._before = signal.signal(signal.SIGINT, self._hold)
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        if self._held and not self.requested:
            signal.signal(signal.SIGINT, self._before)
        if kind is None:
            self.stop("interrupted")

    def stop(self, message: str) -> None:
        """Stop now, if Ctrl-C was pressed.

        Raises:
            KeyboardInterrupt: with the message.
        """
        if self.requested:
            raise KeyboardInterrupt(message)

    def _hold(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        signal.signal(signal.SIGINT, self._before)


@contextmanager
def interruption_stays_one() -> Iterator[None]:
    """Raise KeyboardInterrupt where Ctrl-C made something else fail: libraries that it stops raise anything."""
    before = signal.getsignal(signal.SIGINT)
    if not callable(before) or threading.current_thread() is not threading.main_thread():
        yield
        return
    came = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal came
        came = True
        before(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield
    except Exception as error:
        if came:
            raise KeyboardInterrupt("interrupted") from error
        raise
    finally:
        if signal.getsignal(signal.SIGINT) is note:
            signal.signal(signal.SIGINT, before)
