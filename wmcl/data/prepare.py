"""Read the files of a data set once, and keep them in a form that loads in a moment."""

import itertools
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from wmcl import stored_file
from wmcl.data.data_set import DataSet, Form, Original, Splits
from wmcl.data.files import Member, members
from wmcl.data.folders import originals_of, prepared_file
from wmcl.data.records import Records

_FIELDS = "rows", "offsets", "labels"


def load(data_set: DataSet) -> Splits:
    """Load the records of a data set that has been prepared, or whose files are in its folder.

    Raises:
        ValueError: if it is not on this machine, in a sentence that says how to get it; or if a file is damaged.
    """
    path = prepared_file(data_set)
    if not is_here(data_set):
        raise _not_here(data_set)
    if not path.exists():
        prepare(data_set, originals_of(data_set), progress=False)
    try:
        return _read(data_set, path)
    except ValueError as error:
        raise ValueError(
            f"{error}.\nMake it again:  wmcl data download {data_set.name}\n"
            f"or, if you have its files:  wmcl data download {data_set.name} --from FOLDER"
        ) from error


def load_or_name(data_set: DataSet, other: DataSet, reader: str) -> Splits:
    """Load a data set as :func:`load` does; if only the other one is on this machine, the error says what reads it."""
    if is_here(other) and not is_here(data_set):
        raise _not_here(data_set, f", but {other.name} is: {reader} reads it")
    return load(data_set)


def is_here(data_set: DataSet) -> bool:
    """Tell whether a data set has been prepared, or can be, from files in its folder."""
    where = originals_of(data_set)
    return prepared_file(data_set).exists() or any(found(form, where) for form in data_set.forms.values())


def prepare(data_set: DataSet, folder: Path, form: str | None = None, progress: bool = True) -> Path:
    """Read the files of a data set, wherever they lie, and write the prepared file.

    Args:
        data_set: which one.
        folder: holds its originals in one of their forms, itself or in folders right below: as archives, unpacked, or
            gzipped one by one. It stays as it is.
        form: which form to read; ``None`` takes the first that is complete.
        progress: whether to show how many files were read.

    Returns:
        The prepared file. It appears whole or not at all.

    Raises:
        ValueError: if a file is missing, damaged, or not what it should be.
    """
    splits = read_originals(data_set, folder, form, progress)
    arrays = {f"{name}/{field}": getattr(records, field) for name, records in splits.items() for field in _FIELDS}
    path = prepared_file(data_set)
    description = {"splits": list(splits), "classes": {name: records.classes for name, records in splits.items()}}
    stored_file.write(path, data_set.name, data_set.preparation, arrays, description)
    return path


def read_originals(data_set: DataSet, folder: Path, form: str | None = None, progress: bool = False) -> Splits:
    """Return the records in the files of a folder, as in :func:`prepare`."""
    chosen = data_set.forms[complete_form(data_set, folder, form)]
    each = _members(chosen, found(chosen, folder))
    with tqdm(each, f"reading {data_set.name}", unit=" files", disable=not progress) as bar:  # an error ends its line
        return chosen.read(iter(bar))


def complete_form(data_set: DataSet, folder: Path, form: str | None = None) -> str:
    """Return the first form, or the given one, of which all files are in a folder.

    Raises:
        ValueError: if there is no such folder, or if files are missing, in a sentence that names them.
    """
    if not folder.is_dir():
        wrong = f"{folder} is a file" if folder.exists() else f"there is no folder {folder}"
        raise ValueError(f"{wrong}: name the folder that the files of {data_set.name} are in")
    names = list(data_set.forms) if form is None else [form]
    for name in names:
        if found(data_set.forms[name], folder):
            return name
    raise ValueError(_not_complete(data_set, folder, names))


def instructions(data_set: DataSet, form: str | None = None) -> str:
    """Return how to get a data set, with and without a connection."""
    originals = data_set.forms[form or next(iter(data_set.forms))].originals
    files = "\n".join(f"  {original.name}  {original.url or '(has no public address)'}" for original in originals)
    return (
        f"With a connection:  wmcl data download {data_set.name}\n"
        f"Without one, these files are needed:\n{files}\n"
        f"Put them into {originals_of(data_set)},\n"
        f"or name the folder that they are in:  wmcl data download {data_set.name} --from FOLDER"
    )


def found(form: Form, folder: Path) -> dict[Original, list[Path]]:
    """Find the files of each original of a form below a folder; nothing if any original is missing.

    An archive comes before the files that were unpacked from it.
    """
    by_name = _files(folder)
    files: dict[Original, list[Path]] = {}
    for original in form.originals:
        if original.missing(by_name):
            return {}
        archive = by_name.get(original.name) if original.is_archive else None
        loose = [path for name, path in by_name.items() if original.has_unpacked(name)]
        files[original] = [archive] if archive is not None else loose
    return files


def _files(folder: Path) -> dict[str, Path]:
    """List the files of a folder and of the folders right below it, by name; the upper one wins."""
    if not folder.is_dir():
        return {}
    upper = sorted(folder.iterdir())
    lower = itertools.chain.from_iterable(sorted(path.iterdir()) for path in upper if path.is_dir())
    by_name: dict[str, Path] = {}
    for path in itertools.chain(upper, lower):
        if path.is_file():
            by_name.setdefault(path.name, path)
    return by_name


def _members(form: Form, files: dict[Original, list[Path]]) -> Iterator[Member]:
    for original, paths in files.items():
        for path in paths:
            yield from members(path, original.has, form.most_bytes, path.name == original.name and original.is_archive)


def _not_here(data_set: DataSet, but: str = "") -> ValueError:
    return ValueError(f"{data_set.name} is not in {prepared_file(data_set).parents[1]}{but}.\n{instructions(data_set)}")


def _not_complete(data_set: DataSet, folder: Path, names: list[str]) -> str:
    there = _files(folder)
    missing: dict[str, list[str]] = {}
    for name in names:
        of_form = [file for original in data_set.forms[name].originals for file in original.missing(there)]
        if of_form not in missing.values():  # files and what is in an archive may be the same
            missing[name] = of_form
    what = "These files are missing" if len(missing) == 1 else "One form is needed; of each, these files are missing"
    lines = "".join(f"  {name} ({len(files)}): {', '.join(files)}\n" for name, files in missing.items())
    originals = [original for name in names for original in data_set.forms[name].originals if original.is_archive]
    hint = ""
    if any(original.needs_archive for original in originals):
        hint = ", but archives must not be unpacked"
    elif originals:
        hint = ", and archives unpacked"
    return (
        f"{data_set.name} is not in {folder}, or not all of it. {what}:\n{lines}Files may be gzipped one by one{hint}."
    )


def _read(data_set: DataSet, path: Path) -> Splits:
    arrays, description = stored_file.read(path, data_set.name, data_set.preparation)
    classes = description.get("classes", {})  # older files have none
    return {
        name: Records(classes=tuple(classes.get(name, ())), **{field: arrays[f"{name}/{field}"] for field in _FIELDS})
        for name in description["splits"]
    }
