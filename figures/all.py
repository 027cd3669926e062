"""Every figure that a Dataset can supply, with its default options."""

import runpy
from contextlib import suppress
from pathlib import Path

import tyro

from wmcl.plotting.data import MissingError
from wmcl.plotting.options import FileOptions, write


def main() -> None:
    """Read the command line and draw all figures."""
    options = tyro.cli(FileOptions, description=__doc__)
    paths = list[Path]()
    for script in sorted(Path(__file__).parent.glob("*.py")):
        module = runpy.run_path(str(script)) if script.name != Path(__file__).name else {}
        chosen = module.get("Options", FileOptions)(options.dataset, options.output)
        try:
            with suppress(MissingError):
                paths += write(module["FIGURES"], chosen) if "FIGURES" in module else []
        except (OSError, ValueError) as error:
            raise SystemExit(f"error: {script.stem}: {error}") from None
    if not paths:
        raise SystemExit(f"error: {options.dataset} holds nothing that a figure draws")
    print("\n".join(f"Wrote {path}" for path in paths))


if __name__ == "__main__":
    main()
