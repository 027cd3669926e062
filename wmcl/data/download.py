"""Download originals from their public sources, and verify that files on the disk are still what was fetched."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from wmcl.atomic_file import write_atomically
from wmcl.data.data_set import DataSet, Form, Original
from wmcl.data.fetch import NotTheFileError, fetch, forget, part_of, reason
from wmcl.data.folders import originals_of, prepared_file
from wmcl.data.prepare import found, instructions, load, prepare

_RECORD = "digests.json"


def download(data_set: DataSet, form: str | None = None, progress: bool = True) -> Path:
    """Fetch the originals of a data set, unless they are in its folder already, and prepare it.

    A file whose digest is known is checked against it. Where the source gives none, the digest of the first file that
    could be prepared is written down beside it, and later ones are checked against that. A download that was
    interrupted goes on where it was, if the server can do that.

    Returns:
        The prepared file.

    Raises:
        ValueError: if a file cannot be had, in a sentence that says which are needed, from where, and where to put
            them; or if one is not what it should be.
    """
    where = originals_of(data_set)
    if form is None and _is_prepared(data_set):
        return prepared_file(data_set)
    where.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(where / ".download.lock", timeout=0):
            return _download(data_set, where, form, progress)
    except Timeout:
        raise ValueError(f"{data_set.name} is being downloaded into {where} by another process: wait for it") from None


def _download(data_set: DataSet, where: Path, form: str | None, progress: bool) -> Path:
    there_already = [each for each, known in data_set.forms.items() if found(known, where)]
    name = form or next(iter([*there_already, *data_set.forms]))
    chosen = data_set.forms[name]
    there = found(chosen, where)
    whole = [each for each in chosen.originals if not there or where / each.name in there[each]]
    fetched = [each for each in whole if _fetch(each, chosen, where, instructions(data_set, name), progress)]
    try:
        path = prepare(data_set, where, name, progress)
    except ValueError as error:
        doubtful = [each for each in fetched if _known(each, where) is None]
        if not doubtful:
            raise
        for each in doubtful:
            (where / each.name).unlink(missing_ok=True)
        raise ValueError(
            f"what was fetched is not {data_set.name}: {error}. Nothing was kept of"
            f" {', '.join(f'{each.name} from {each.url}' for each in doubtful)}"
        ) from error
    _record(where, [each.name for each in fetched if each.sha256 is None])
    return path


def _is_prepared(data_set: DataSet) -> bool:
    """Tell whether the prepared file is there, and sound; a damaged one is made again."""
    try:
        return prepared_file(data_set).exists() and bool(load(data_set))
    except ValueError:
        return False


def _fetch(original: Original, form: Form, where: Path, otherwise: str, progress: bool) -> bool:
    """Fetch a file, unless it is there and is the known one; tell whether it came from its address."""
    path, known = where / original.name, _known(original, where)
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is no file: remove it, so that {original.name} can be there")
    if path.exists() and (original.url is None or known in (None, digest(path))):
        return False
    if original.url is None:
        raise ValueError(f"{original.name} has no public address\n{otherwise}")
    try:
        fetch(original.url, path, form.most_bytes, progress)
    except OSError as error:
        why = reason(error, original.url)
        raise ValueError(f"{original.name} could not be fetched: {why}.\n{otherwise}") from error
    except NotTheFileError as error:
        forget(path)
        raise ValueError(f"{original.name} could not be fetched: {error}.\n{otherwise}") from error
    if known is not None and digest(part_of(path)) != known:
        forget(path)
        since = "" if original.sha256 else f", which {where / _RECORD} has from an earlier download"
        way_out = "" if original.sha256 else ". If the new one is right, delete its line there"
        raise ValueError(
            f"{original.name} from {original.url} is not the file with the SHA-256 digest {known}{since}: it changed at"
            f" its source, or on the way here. Nothing was kept of it{way_out}"
        )
    part_of(path).replace(path)
    forget(path)
    return True


def digest(path: Path) -> str:
    """Return the SHA-256 digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(data_set: DataSet) -> Iterator[tuple[Path, str]]:
    """Check every file of a data set on this machine, and say what is wrong with it; nothing if it is sound."""
    where, path = originals_of(data_set), prepared_file(data_set)
    recorded = _recorded(where)
    originals = {original.name: original for form in data_set.forms.values() for original in form.originals}
    for name, original in originals.items():
        known, file = original.sha256 or recorded.get(name), where / name
        if file.is_file() and known is not None:
            yield file, "" if digest(file) == known else f"its SHA-256 digest is not {known}"
    if path.exists():
        try:
            load(data_set)
        except ValueError as error:
            yield path, str(error).removeprefix(f"{path} ").removeprefix("is damaged: ")
        else:
            yield path, ""


def _known(original: Original, where: Path) -> str | None:
    return original.sha256 or _recorded(where).get(original.name)


def _recorded(where: Path) -> dict[str, str]:
    path = where / _RECORD
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}. Delete it, and download again") from error
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ValueError(f"{path} is damaged: it must hold a digest for each name. Delete it, and download again")
    return found


def _record(where: Path, names: list[str]) -> None:
    if names:
        content = json.dumps(_recorded(where) | {name: digest(where / name) for name in names}, indent=1)
        write_atomically(f"{content}\n".encode(), where / _RECORD)
