"""Every figure that a Dataset can supply, with its default options."""

import runpy
from pathlib import Path

import tyro

from wmcl.plotting import FileOptions, write
from wmcl.plotting.data import MissingError


def main() -> None:
    """Read the command line and draw all figures."""
    options = tyro.cli(FileOptions, description=__doc__)
    for script in sorted(Path(__file__).parent.glob("*.py")):
        if script.name == Path(__file__).name:
            continue
        figure = runpy.run_path(str(script))
        chosen = figure.get("Options", FileOptions)(options.dataset, options.output)
        try:
            paths = write(figure["draw"], chosen, figure["SUFFIX"])
        except MissingError as missing:
            print(f"No {script.stem}: {missing}")
        except (OSError, ValueError) as error:
            raise SystemExit(f"error: {script.stem}: {error}") from None
        else:
            print("\n".join(f"Wrote {path}" for path in paths))


if __name__ == "__main__":
    main()
