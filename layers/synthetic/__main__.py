"""``python -m layers.synthetic FOLDER``: write the office files of the sample city."""

from __future__ import annotations

import sys

import numpy as np

from . import SEED, sample_city, write_office_files

if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit("usage: python -m layers.synthetic FOLDER")
    for path in write_office_files(sample_city(np.random.default_rng(SEED)), sys.argv[1]):
        sys.stdout.write(f"{path}  {path.stat().st_size / 1e6:.2f} MB\n")
