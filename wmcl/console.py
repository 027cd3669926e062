"""Let programs print on any console: one that knows few signs, one that is closed, one whose reader has gone."""

import io
import os
import sys
from typing import Any


class _Tolerant(io.TextIOWrapper):
    """A stream that replaces signs that its console does not know, and falls silent when nobody reads any more."""

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except BrokenPipeError:
            return self._fall_silent(len(text))

    def flush(self) -> None:
        try:
            super().flush()
        except BrokenPipeError:
            self._fall_silent(0)

    def _fall_silent(self, count: int) -> int:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)
        return count


def any_console() -> None:
    """Make standard output and error of a program usable, whatever they are; call it before anything is printed."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  # it stays open
        elif stream is getattr(sys, f"__{name}__") and isinstance(stream, io.TextIOWrapper):
            setattr(sys, name, _tolerant(stream))


def _tolerant(stream: io.TextIOWrapper) -> Any:
    found = _Tolerant(
        stream.buffer,
        encoding=stream.encoding,
        errors="backslashreplace" if stream.errors == "backslashreplace" else "replace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
    found.mode = stream.mode  # type: ignore[misc]
    return found
