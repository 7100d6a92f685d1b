"""How well copies of photographs are found: precision and recall by kind, among real photographs.

    python tests/bench/duplicates.py FOLDER [--copies SHARE]

FOLDER holds photographs in [train|val|test/]minor|moderate|severe/, as those of the published set VDS-2.5k
(github.com/VadimsRomanovskis/vehicle-damage-severity-assessment). Copies of a share of them are made, each saved anew
as JPEG of quality 40: turned, mirrored, cut to 88 to 95 %, smaller, or no more than that. Then `brazada images
ingest-car-damage` looks for them among all. Pairs of originals that it finds are listed, to be judged by eye.
"""

import argparse
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table as Grid


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--copies", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        photos, truth = Path(place) / "photos", copies(options, Path(place) / "photos")
        seconds, pairs = found(photos, f"{place}/warehouse")
    report(truth, seconds, {tuple(Path(path).name for path in pair) for pair in pairs})


def copies(options, target):
    """The photographs and copies of some, in one folder; by the name of a copy that of its original, and its kind."""
    from brazada.simulate.car_damage import COPIES, copied

    rng, truth = np.random.default_rng(options.seed), {}
    files = sorted(path for path in options.folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    for number, path in enumerate(files):
        kept = target / path.parent.name / f"{number:05d}{path.suffix}"
        kept.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, kept)
    for number, place in enumerate(rng.permutation(len(files))[: round(options.copies * len(files))]):
        how = COPIES[number % len(COPIES)]
        name = f"{place:05d}_{how}.jpg"
        copied(how, Image.open(files[place]).convert("RGB"), rng).save(
            target / files[place].parent.name / name, quality=40
        )
        truth[name] = f"{place:05d}{files[place].suffix}", how
    return truth


def found(photos, warehouse):
    """Seconds of the ingest, and the paths of every pair that it found."""
    from brazada.images.car_damage.ingest import ingest
    from brazada.report import job
    from brazada.settings import load

    settings, started = load(overrides=[f"warehouse.path={warehouse}"], variables={}), time.perf_counter()
    with job("bench", settings, ()) as here:
        ingest(here, [str(photos)])
        seconds = time.perf_counter() - started
        named = here.store.read("images.photos").frame.select("id", "path").collect()
        rows = here.store.read("images.duplicates").frame.select("id", "other").collect()
    names = {row["id"]: row["path"] for row in named}
    return seconds, [(names[row["id"]], names[row["other"]]) for row in rows]


def report(truth, seconds, pairs):
    found_of = Counter(how for copy, (of, how) in truth.items() if (copy, of) in pairs or (of, copy) in pairs)
    all_of = Counter(how for _, how in truth.values())
    grid = Grid("copy", "made", "found", "recall")
    for how, count in all_of.items():
        grid.add_row(how, str(count), str(found_of[how]), f"{found_of[how] / count:.3f}")
    grid.add_row("all", str(len(truth)), str(found_of.total()), f"{found_of.total() / len(truth):.3f}")
    origin = {name: of for name, (of, _) in truth.items()}
    strangers = sorted(pair for pair in pairs if len({origin.get(name, name) for name in pair}) > 1)
    console = Console()
    console.print(grid)
    true = len(pairs) - len(strangers)
    console.print(
        f"{len(pairs)} pairs, {true} of them copies that were made: precision at least {true / len(pairs):.3f}"
    )
    console.print(f"{seconds:.1f} s for all; other pairs, to be judged by eye: {strangers[:20]}")


if __name__ == "__main__":
    main()
