"""Run the command ``wmcl``; each command imports what it needs, so that help comes at once."""

import argparse
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import wmcl
from wmcl.console import any_console

if TYPE_CHECKING:
    from wmcl.data import DataSet


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; an error is printed as a sentence, and the exit status is then 1."""
    any_console()
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except (ValueError, OSError) as error:
        print(f"wmcl: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("wmcl: interrupted; no file was left half written", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="wmcl", description="Working memory and continual learning in recurrent networks."
    )
    parser.add_argument("--version", action="version", version=f"wmcl {wmcl.__version__}")
    groups = parser.add_subparsers(required=True, metavar="COMMAND")
    data = groups.add_parser("data", help="data sets: fetch, prepare, check", description=_DATA)
    commands = data.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: object, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        made.set_defaults(run=run)
        return made

    command("list", _list, "the data sets, their licences and whom to cite")
    getting = command("download", _download, "fetch a data set from its source, check it and prepare it")
    getting.add_argument("name", help="of the data set, as listed")
    getting.add_argument(
        "--from", dest="folder", type=Path, metavar="FOLDER", help="of its files, if you have them already"
    )
    getting.add_argument("--form", help="in which form to take it, where its source has several; see the list")
    checking = command("verify", _verify, "check every file of a data set, or of all, against its digest")
    checking.add_argument("name", nargs="?", help="of the data set, as listed")
    command("where", _where, "the folder of the data, which the environment variable WMCL_DATA chooses, and its files")
    return parser


_DATA = "Data sets of others. Each is fetched from its public source, checked, and prepared once into one compact file."


def _list(options: argparse.Namespace) -> int:
    from wmcl.data import DATA_SETS
    from wmcl.data.folders import prepared_file

    for data_set in DATA_SETS.values():
        state = "prepared" if prepared_file(data_set).exists() else "not on this machine"
        print(f"{data_set.name}  ({state})\n  {data_set.title}\n{_terms(data_set)}")
        print(f"  forms:    {', '.join(data_set.forms)}")
    return 0


def _named(name: str) -> "DataSet":
    from wmcl.data import DATA_SETS

    if name not in DATA_SETS:
        raise ValueError(f"name is {name!r}: it must be one of {', '.join(DATA_SETS)}")
    return DATA_SETS[name]


def _download(options: argparse.Namespace) -> int:
    from wmcl.data.download import download
    from wmcl.data.prepare import complete_form, prepare

    data_set = _named(options.name)
    if options.form is not None and options.form not in data_set.forms:
        raise ValueError(f"form is {options.form!r}: it must be one of {', '.join(data_set.forms)}")
    folder, form = options.folder, options.form
    if folder is not None:
        form = complete_form(data_set, folder, form)
    print(f"{data_set.title}\n{_terms(data_set)}")
    path = download(data_set, form) if folder is None else prepare(data_set, folder, form)
    print(f"Prepared: {path}")
    return 0


def _verify(options: argparse.Namespace) -> int:
    from wmcl.data import DATA_SETS
    from wmcl.data.download import verify
    from wmcl.data.folders import folder
    from wmcl.data.prepare import instructions

    chosen = DATA_SETS.values() if options.name is None else [_named(options.name)]
    results = {data_set.name: list(verify(data_set)) for data_set in chosen}
    for path, wrong in itertools.chain(*results.values()):
        print(f"{'damaged' if wrong else 'sound  '}  {path}{f': {wrong}' if wrong else ''}")
    if not any(results.values()):  # of several, those that are not there need not be
        for data_set in chosen:
            print(f"{data_set.name} is not in {folder()}.\n{instructions(data_set)}")
        return 1
    return int(any(wrong for _, wrong in itertools.chain(*results.values())))


def _where(options: argparse.Namespace) -> int:
    from wmcl.data import DATA_SETS
    from wmcl.data.folders import folder, originals_of, prepared_file

    print(folder())
    for data_set in DATA_SETS.values():
        files = [prepared_file(data_set), *sorted(originals_of(data_set).glob("*"))]
        for path in files:
            if path.exists():
                print(f"  {path.relative_to(folder())}  {path.stat().st_size / 1e6:.1f} MB")
    return 0


def _terms(data_set: "DataSet") -> str:
    return f"  licence:  {data_set.licence}\n  cite:     {data_set.citation}\n  source:   {data_set.page}"


if __name__ == "__main__":
    sys.exit(main())
