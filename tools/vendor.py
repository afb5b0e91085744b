"""Fetch the browser libraries of `static/vendor/` again, from their npm packages.

    python tools/vendor.py           # unpack the pinned versions and write vendor.json
    python tools/vendor.py --check   # only compare the files with vendor.json

Needs npm and a registry for the first form; nothing is built, files are copied as published. Only
what the pages load is kept. `tests/service/test_maps.py` holds every file to its sha256 and no
stylesheet to a foreign address.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

VENDOR = Path(__file__).resolve().parent.parent / "static" / "vendor"
MANIFEST = VENDOR / "vendor.json"

GROUPED = "leaflet.groupedlayercontrol.min"

PACKAGES: dict[str, tuple[str, dict[str, str]]] = {
    "leaflet": (
        "1.9.4",
        {
            "dist/leaflet.js": "leaflet/leaflet.js",
            "dist/leaflet.css": "leaflet/leaflet.css",
            "dist/images/layers.png": "leaflet/images/layers.png",
            "dist/images/layers-2x.png": "leaflet/images/layers-2x.png",
            "dist/images/marker-icon.png": "leaflet/images/marker-icon.png",
            "LICENSE": "leaflet/LICENSE",
        },
    ),
    "leaflet-groupedlayercontrol": (
        "0.6.1",
        {
            f"dist/{GROUPED}.js": f"groupedlayercontrol/{GROUPED}.js",
            f"dist/{GROUPED}.css": f"groupedlayercontrol/{GROUPED}.css",
            "LICENSE.txt": "groupedlayercontrol/LICENSE.txt",
        },
    ),
}
"""npm package: pinned version, and which of its files go where under `static/vendor/`."""


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def fetch(name: str, version: str, files: dict[str, str], folder: Path) -> dict[str, Any]:
    """Pack one npm package into `folder`, copy its files, and return its entry of the manifest."""
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("npm is not on the PATH; install Node.js to fetch the browser libraries again")
    packed = subprocess.run(  # noqa: S603
        [npm, "pack", "--silent", f"{name}@{version}"], cwd=folder, check=True, capture_output=True, text=True
    )
    with tarfile.open(folder / packed.stdout.split()[-1]) as archive:
        archive.extractall(folder / name, filter="data")
    source = folder / name / "package"
    about = json.loads((source / "package.json").read_text(encoding="utf-8"))
    for inside, target in files.items():
        (VENDOR / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / inside, VENDOR / target)
    return {
        "package": name,
        "version": about["version"],
        "licence": about["license"],
        "source": f"npm:{name}@{version}",
        "files": {target: sha256(VENDOR / target) for target in sorted(files.values())},
    }


def faults() -> list[str]:
    """What differs between the folder and its manifest, one sentence each."""
    entries = json.loads(MANIFEST.read_text(encoding="utf-8"))
    known = {path: digest for entry in entries for path, digest in entry["files"].items()}
    there = {p.relative_to(VENDOR).as_posix() for p in VENDOR.rglob("*") if p.is_file() and p != MANIFEST}
    found = [f"{path} is not in vendor.json" for path in sorted(there - known.keys())]
    for path, digest in sorted(known.items()):
        if path not in there:
            found.append(f"{path} is missing")
        elif sha256(VENDOR / path) != digest:
            found.append(f"{path} has changed since it was fetched")
    return found


def main() -> int:
    """Fetch or check; 1 if the check found faults."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="compare only, fetch nothing")
    if not parser.parse_args().check:
        with tempfile.TemporaryDirectory() as folder:
            entries = [fetch(name, *pinned, Path(folder)) for name, pinned in PACKAGES.items()]
        text = json.dumps(entries, indent=2, ensure_ascii=False) + "\n"
        MANIFEST.write_text(text, encoding="utf-8", newline="\n")
    for fault in (found := faults()):
        print(fault, file=sys.stderr)  # noqa: T201
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
