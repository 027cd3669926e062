"""Download originals from their public sources, and verify that files on the disk are still what was fetched."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pooch
from requests import exceptions
from tqdm import tqdm

from wmcl.atomic_file import write_atomically
from wmcl.data.data_set import DataSet, Original
from wmcl.data.folders import originals_of, prepared_file
from wmcl.data.prepare import found, instructions, load, prepare

_RECORD = "digests.json"


def download(data_set: DataSet, form: str | None = None, progress: bool = True) -> Path:
    """Fetch the originals of a data set, unless they are in its folder already, and prepare it.

    A file whose digest is known is checked against it. Where the source gives none, the digest of the first download is
    written down beside the files, and later ones are checked against that.

    Returns:
        The prepared file.

    Raises:
        ValueError: if a file cannot be had, in a sentence that says which are needed, from where, and where to put
            them; or if one is not what it should be.
    """
    where = originals_of(data_set)
    there_already = [each for each, known in data_set.forms.items() if found(known, where)]
    name = form or next(iter([*there_already, *data_set.forms]))
    chosen = data_set.forms[name]
    if form is None and _is_prepared(data_set):
        return prepared_file(data_set)
    there = found(chosen, where)
    for original in chosen.originals:
        is_unpacked = bool(there) and where / original.name not in there[original]
        if not is_unpacked:
            _fetch(original, where, instructions(data_set, name), progress)
    return prepare(data_set, where, name, progress)


def _is_prepared(data_set: DataSet) -> bool:
    """Tell whether the prepared file is there, and sound; a damaged one is made again."""
    try:
        return prepared_file(data_set).exists() and bool(load(data_set))
    except ValueError:
        return False


def _fetch(original: Original, where: Path, otherwise: str, progress: bool) -> None:
    if original.url is None:
        if (where / original.name).exists():
            return
        raise ValueError(f"{original.name} has no public address\n{otherwise}")
    known = original.sha256 or _recorded(where).get(original.name)
    pooch.get_logger().setLevel("WARNING")
    try:
        pooch.retrieve(
            original.url,
            known_hash=None if known is None else f"sha256:{known}",
            fname=original.name,
            path=where,
            downloader=partial(_get, name=original.name, progress=progress),
        )
    except OSError as error:
        raise ValueError(
            f"{original.name} could not be fetched: {_reason(error, original.url)}.\n{otherwise}"
        ) from error
    except ValueError as error:
        raise ValueError(
            f"{original.name} from {original.url} is not the file with the SHA-256 digest {known}: it changed at its"
            " source, or on the way here. Nothing was kept of it"
        ) from error
    if original.sha256 is None:
        _record(where, original.name)


def _get(url: str, output: str, pool: object, name: str, progress: bool) -> None:
    """Download a file, with a progress bar that leaves no line behind, also where the connection breaks off."""
    # a bar without a total counts as none; the true one is found out
    with tqdm(desc=name, total=1, unit="B", unit_scale=True, leave=False, disable=not progress) as bar:
        pooch.HTTPDownloader(progressbar=bar)(url, output, pool)


def _reason(error: OSError, url: str) -> str:
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


def verify(data_set: DataSet) -> Iterator[tuple[Path, str]]:
    """Check every file of a data set on this machine, and say what is wrong with it; nothing if it is sound."""
    where, path = originals_of(data_set), prepared_file(data_set)
    recorded = _recorded(where)
    originals = {original.name: original for form in data_set.forms.values() for original in form.originals}
    for name, original in originals.items():
        known, file = original.sha256 or recorded.get(name), where / name
        if file.exists() and known is not None:
            yield file, "" if pooch.file_hash(file) == known else f"its SHA-256 digest is not {known}"
    if path.exists():
        try:
            load(data_set)
        except ValueError as error:
            yield path, str(error).removeprefix(f"{path} ").removeprefix("is damaged: ")
        else:
            yield path, ""


def _recorded(where: Path) -> dict[str, str]:
    path = where / _RECORD
    return json.loads(path.read_text()) if path.exists() else {}


def _record(where: Path, name: str) -> None:
    content = json.dumps(_recorded(where) | {name: pooch.file_hash(where / name)}, indent=1)
    write_atomically(f"{content}\n".encode(), where / _RECORD)
