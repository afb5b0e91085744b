"""``python -m layers.synthetic FOLDER [--issues N]``: write the office files of the sample city."""

from __future__ import annotations

import argparse
import sys

import numpy as np

from . import SEED, sample_city, write_office_files
from .complaints import ISSUES

if __name__ == "__main__":
    asked = argparse.ArgumentParser(prog="python -m layers.synthetic")
    asked.add_argument("folder")
    asked.add_argument("--issues", type=int, default=ISSUES)
    told = asked.parse_args()
    for path in write_office_files(sample_city(np.random.default_rng(SEED), told.issues), told.folder):
        sys.stdout.write(f"{path}  {path.stat().st_size / 1e6:.2f} MB\n")
