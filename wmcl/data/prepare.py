"""Files of a data set, read once and kept in a form that loads in a moment."""

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
    """The records of a data set that has been prepared, or whose files are in its folder.

    Raises:
        ValueError: if it is not on this machine, in a sentence that says how to get it; or if a file is damaged.
    """
    path = prepared_file(data_set)
    if not path.exists():
        where = originals_of(data_set)
        if not any(found(form, where) for form in data_set.forms.values()):
            raise ValueError(f"{data_set.name} is not in {path.parents[1]}.\n{instructions(data_set)}")
        prepare(data_set, where, progress=False)
    return _read(data_set, path)


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
    """The records in the files of a folder, as in :func:`prepare`."""
    names = list(data_set.forms) if form is None else [form]
    for name in names:
        files = found(data_set.forms[name], folder)
        if files:
            each = _members(data_set.forms[name], files)
            return data_set.forms[name].read(
                iter(tqdm(each, f"reading {data_set.name}", unit=" files", disable=not progress))
            )
    raise ValueError(_not_found(data_set, folder, names))


def instructions(data_set: DataSet, form: str | None = None) -> str:
    """How to get a data set, with and without a connection."""
    originals = data_set.forms[form or next(iter(data_set.forms))].originals
    files = "\n".join(f"  {original.name}  {original.url or '(has no public address)'}" for original in originals)
    return (
        f"With a connection:  wmcl data download {data_set.name}\n"
        f"Without one, these files are needed:\n{files}\n"
        f"Put them into {originals_of(data_set)},\n"
        f"or name the folder that they are in:  wmcl data download {data_set.name} --from FOLDER"
    )


def found(form: Form, folder: Path) -> dict[Original, list[Path]]:
    """The files of each original of a form below a folder; nothing if any original is missing.

    An archive comes before the files that were unpacked from it.
    """
    by_name = _files(folder)
    files: dict[Original, list[Path]] = {}
    for original in form.originals:
        archive = by_name.get(original.name) if original.is_archive else None
        loose = [path for name, path in by_name.items() if original.has_unpacked(name)]
        files[original] = [archive] if archive is not None else loose
    return files if all(files.values()) else {}


def _files(folder: Path) -> dict[str, Path]:
    """Files of a folder and of the folders right below it, by name; the upper one where a name is there twice."""
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


def _not_found(data_set: DataSet, folder: Path, names: list[str]) -> str:
    there = _files(folder)
    lines = []
    for name in names:
        missing = [
            original.name
            for original in data_set.forms[name].originals
            if original.name not in there and not any(map(original.has_unpacked, there))
        ]
        lines.append(f"  {name}: {', '.join(missing)}")
    return (
        f"{data_set.name} is not in {folder}. Missing of its form"
        f"{'s' if len(lines) > 1 else ''} (as archives, unpacked, or gzipped one by one):\n" + "\n".join(lines)
    )


def _read(data_set: DataSet, path: Path) -> Splits:
    arrays, description = stored_file.read(path, data_set.name, data_set.preparation)
    classes = description.get("classes", {})  # older files have none
    return {
        name: Records(classes=tuple(classes.get(name, ())), **{field: arrays[f"{name}/{field}"] for field in _FIELDS})
        for name in description["splits"]
    }
