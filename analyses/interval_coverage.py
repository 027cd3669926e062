"""How often do the nominal 95 % intervals hold the truth? Prints the table of docs/reference/statistics.md."""

from dataclasses import dataclass

import tyro
import xarray as xr
from tqdm import tqdm

from wmcl.statistics import coverage
from wmcl.statistics.coverage import SCENARIOS


@dataclass(frozen=True)
class Config:
    """Size of the simulation."""

    simulations: int = 10_000
    """experiments a scenario and number of seeds"""
    seeds: tuple[int, ...] = (3, 5, 10)
    """networks a condition"""
    seed: int = 0
    """of the random numbers"""


def table(found: xr.Dataset) -> str:
    """The lowest coverage over terms of every interval, in Markdown."""
    lowest = found.coverage.min("term")
    names = [str(name) for name in found.interval.values]
    lines = [
        "| scenario | seeds | " + " | ".join(names) + " | planned given |",
        "|---|---" + "|---" * (len(names) + 1) + "|",
    ]
    for scenario in found.scenario.values:
        for seeds in found.seeds.values:
            row = [f"{float(lowest.sel(scenario=scenario, seeds=seeds, interval=name)):.3f}" for name in names]
            given = float(found.given.sel(scenario=scenario, seeds=seeds, interval="planned").min())
            lines.append(f"| {scenario} | {seeds} | " + " | ".join(row) + f" | {given:.2f} |")
    return "\n".join(lines)


def main(config: Config) -> None:
    """Simulate scenario by scenario and print."""
    parts = [
        coverage({name: scenario}, config.seeds, config.simulations, config.seed)
        for name, scenario in tqdm(SCENARIOS.items(), unit="scenario")
    ]
    print(table(xr.concat(parts, "scenario")))


if __name__ == "__main__":
    main(tyro.cli(Config, description=__doc__))
