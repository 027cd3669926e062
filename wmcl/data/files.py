"""Read archives and gzipped files as streams, of which nothing is written to disk.

What could do harm when unpacked has no place to do it: no path of an archive is followed. An archive that holds links,
devices or paths that lead out of it is refused all the same, as none that this package knows does; and so is more data
than there can be, before it fills the memory.
"""

import gzip
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple, Protocol, runtime_checkable

_BLOCK = 1 << 20
_LONGEST = 1 << 16  # bytes of a name, or of anything else that stands before a file in an archive


class DamagedError(ValueError):
    """This error says that a file ends too early or cannot be unpacked."""


@runtime_checkable
class Stream(Protocol):
    """A stream holds bytes to be read once."""

    def read(self, size: int = -1, /) -> bytes:
        """Return at most so many bytes; none at the end. A negative number stands for all."""


class Member(NamedTuple):
    """A member is a file, possibly in an archive. Its content must be read before the next one is taken."""

    name: str
    """name of the file, without folders and without .gz"""
    where: str
    """name of the file in messages"""
    stream: Stream
    folder: str = ""
    """folder of the file in its archive"""

    def content(self, most: int) -> bytes:
        """Read the whole file.

        Raises:
            ValueError: if it is longer than ``most`` bytes.
        """
        found = read_up_to(self.stream, most + 1)
        if len(found) > most:
            raise ValueError(f"{self.where} has more than {most} bytes: it must not be longer")
        return found


def read_up_to(stream: Stream, size: int) -> bytes:
    """Read so many bytes, or fewer if the stream ends before; a size that a file only claims takes no memory."""
    found = bytearray()
    while len(found) < size and (more := stream.read(min(size - len(found), _BLOCK))):
        found += more
    return bytes(found)


def members(path: Path, has: Callable[[str], bool], most_bytes: int, is_archive: bool) -> Iterator[Member]:
    """Read the files in an archive whose names a function accepts, or the one file that a path names.

    Raises:
        ValueError: naming the file, if it is damaged, larger than ``most_bytes`` when unpacked, or not to be trusted.
    """
    with path.open("rb") as file:
        plain = _Limited(_unpacked(path, file), path.name, most_bytes)
        if is_archive:
            yield from _of_archive(plain, path.name, has, most_bytes)
        else:
            yield Member(path.name.removesuffix(".gz"), path.name, plain)


def _unpacked(path: Path, file: BinaryIO) -> Stream:
    return gzip.GzipFile(fileobj=file) if path.name.endswith((".gz", ".tgz")) else file


def _of_archive(plain: "_Limited", archive: str, has: Callable[[str], bool], most_bytes: int) -> Iterator[Member]:
    with _named(archive):
        tar = tarfile.open(fileobj=plain, mode="r|", bufsize=_BLOCK, tarinfo=_Header)  # type: ignore[call-overload]  # noqa: SIM115
        while (info := tar.next()) is not None:
            tar.members = []  # it would remember a hundred thousand files
            path = PurePosixPath(info.name)
            where = f"{archive}: {info.name}"
            _check_member(info, path, where, most_bytes)
            if info.isfile() and has(path.name.removesuffix(".gz")):
                packed = _Named(tar.extractfile(info), where)
                inside = _Limited(gzip.GzipFile(fileobj=packed), where, most_bytes) if path.suffix == ".gz" else packed  # type: ignore[call-overload]
                yield Member(path.name.removesuffix(".gz"), where, inside, path.parent.name)
        while plain.read(_BLOCK):  # to the end, where the checksum of the whole stands
            pass


def _check_member(info: tarfile.TarInfo, path: PurePosixPath, where: str, most_bytes: int) -> None:
    if not (info.isfile() or info.isdir()):
        raise ValueError(f"{where} is a link or a device: an archive must hold files and folders alone")
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{where} leads out of the archive: its paths must stay inside")
    if info.size > most_bytes:
        raise ValueError(f"{where} has {info.size} bytes: it must not have more than {most_bytes}")


class _Header(tarfile.TarInfo):
    """This is what an archive says of a file, with names of limited length.

    The library of archives reads long names whole, however long they are said to be.
    """

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.size > _LONGEST and not (self.isfile() or self.isdir()):
            raise tarfile.ReadError(f"a header has {self.size} bytes, and must not have more than {_LONGEST}")
        return super()._proc_member(archive)  # type: ignore[misc]


@contextmanager
def _named(where: str) -> Iterator[None]:
    """Add the name of a damaged file to what the libraries say about it."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile, tarfile.TarError) as error:
        raise DamagedError(f"{where} is damaged: {error}") from error


class _Named:
    """This is a stream whose errors name it."""

    def __init__(self, stream: Stream | None, where: str) -> None:
        assert stream is not None  # it is a file
        self._stream, self._where = stream, where

    def read(self, size: int = -1, /) -> bytes:
        with _named(self._where):
            return self._stream.read(size)


class _Limited(_Named):
    """This is a stream that refuses to yield more than it may."""

    def __init__(self, stream: Stream, where: str, most: int) -> None:
        super().__init__(stream, where)
        self._most = self._left = most

    def read(self, size: int = -1, /) -> bytes:
        found = super().read(size)
        self._left -= len(found)
        if self._left < 0:
            raise ValueError(f"{self._where} has more than {self._most} bytes when unpacked: it must not have more")
        return found
