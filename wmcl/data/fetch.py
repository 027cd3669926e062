"""Fetch a file over HTTP: a transfer that broke off goes on, and no more than a stated number of bytes is taken."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from requests import exceptions
from tqdm import tqdm
from urllib3.exceptions import HTTPError

from wmcl.atomic_file import write_atomically

_BLOCK = 1 << 16
_SECONDS = 60  # without a single byte
_PAGES = b"<!doctype html", b"<html"


class NotTheFileError(ValueError):
    """This error says that what a server sends cannot be the file."""


def fetch(url: str, path: Path, most_bytes: int, progress: bool) -> None:
    """Fetch a file into ``path`` with the ending ``.part``, after which it is whole; the caller moves it.

    What an earlier call has of it is kept, if the server says that the file is still the same.

    Raises:
        OSError: if the server does not answer, or the connection breaks off; or the disk is full.
        NotTheFileError: if the server sends a web page instead, or more than ``most_bytes``.
    """
    part = part_of(path)
    part.parent.mkdir(parents=True, exist_ok=True)
    has, tag = _so_far(part, url)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={has}-", "If-Range": tag} if has else {})
    with requests.get(url, headers=headers, stream=True, timeout=_SECONDS) as answer:
        goes_on = answer.status_code == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {has}-")
        if has and not goes_on and answer.status_code in (206, 416):  # the server has another idea of what is there
            forget(path)
            fetch(url, path, most_bytes, progress)
            return
        answer.raise_for_status()
        _write(answer, part, url, has if goes_on else 0, most_bytes, progress)


def part_of(path: Path) -> Path:
    """Return where a file is while it is fetched."""
    return path.with_name(f"{path.name}.part")


def forget(path: Path) -> None:
    """Remove what is there of a file that was fetched in part."""
    part_of(path).unlink(missing_ok=True)
    _notes_of(part_of(path)).unlink(missing_ok=True)


def reason(error: OSError, url: str) -> str:
    """Return the reason of an error in few words, where libraries use many."""
    host = urlsplit(url).hostname
    match error:
        case exceptions.HTTPError() if error.response is not None:
            return f"{host} answered with status {error.response.status_code}"
        case exceptions.Timeout():
            return f"{host} did not answer in time"
        case exceptions.SSLError():
            return f"there is no secure connection to {host}"
        case exceptions.ConnectionError():
            return f"there is no connection to {host}"
        case exceptions.RequestException():
            return f"the connection to {host} broke off"
        case _:
            return str(error)


def _notes_of(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _so_far(part: Path, url: str) -> tuple[int, str]:
    """Return how many bytes are there, and the mark of the server's file that they are of."""
    if not (part.is_file() and _notes_of(part).is_file()):
        return 0, ""
    try:
        notes: Any = json.loads(_notes_of(part).read_text(encoding="utf-8"))
    except ValueError:  # whatever they were, the file is fetched from its beginning
        return 0, ""
    is_known = isinstance(notes, dict) and notes.get("url") == url and isinstance(notes.get("tag"), str)
    return (part.stat().st_size, notes["tag"]) if is_known else (0, "")


def _write(answer: requests.Response, part: Path, url: str, has: int, most_bytes: int, progress: bool) -> None:
    length = answer.headers.get("Content-Length", "")
    total = has + int(length) if length.isdecimal() else None
    _check_size(total or 0, most_bytes, url)
    tag = answer.headers.get("ETag", "")
    if not tag or tag.startswith("W/"):
        tag = answer.headers.get("Last-Modified", "")
    write_atomically(json.dumps({"url": url, "tag": tag} if tag else {}).encode(), _notes_of(part))
    name = part.name.removesuffix(".part")
    with (
        part.open("ab" if has else "wb") as file,
        tqdm(desc=name, total=total, initial=has, unit="B", unit_scale=True, leave=False, disable=not progress) as bar,
    ):
        try:
            for block in answer.raw.stream(_BLOCK, decode_content=False):
                if not has and block.lstrip()[:20].lower().startswith(_PAGES):
                    raise NotTheFileError(
                        f"{urlsplit(url).hostname} sends a web page instead of it; is there a login or a proxy between?"
                    )
                has += len(block)
                _check_size(has, most_bytes, url)
                file.write(block)
                bar.update(len(block))
        except HTTPError as error:
            raise exceptions.ChunkedEncodingError(error) from error
    if total is not None and has != total:
        raise exceptions.ChunkedEncodingError(f"{has} of {total} bytes came")


def _check_size(size: int, most_bytes: int, url: str) -> None:
    if size > most_bytes:
        raise NotTheFileError(f"{urlsplit(url).hostname} sends more than {most_bytes} bytes, which it cannot have")
