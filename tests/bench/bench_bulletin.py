"""What a bulletin costs with 25,000 and 100,000 issues: document, register and their rows.

    python tests/bench/bench_bulletin.py [folder]

Promised for 100,000 issues with 600,000 entries of history: bulletin with register within 20 s and 600 MB,
and growth in proportion. Told are a fortnight of last month (what happened since is taken back) and the
whole year, in which all issues are in hand. Each size runs in a process of its own; the stores are kept
in the folder, if one is named. Beside our register stands pandas.to_excel with the same sheets.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import follow_up_store as made
import pandas as pd

from layers.store import Store
from layers.workbooks import Sheet, write_workbook
from service.bulletin_register import sheets
from service.usecases import bulletin_content, bulletins
from service.usecases.bulletin_content import Content
from service.usecases.periods import Period, containing

SIZES = (25_000, 100_000)
PROMISED_S, MEMORY_MB = 20.0, 600


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of computing (the machine may have other work), and what came out."""
    start = time.process_time()
    found = work()
    return time.process_time() - start, found


def measure(path: Path) -> None:
    """Bulletins of a fortnight and of the year, then the register alone beside pandas."""
    with Store.open(path, create=False) as store, tempfile.TemporaryDirectory() as folder:
        start = bulletin_content.settings_on(store, made.END.date()).start
        month_ago = (made.END - timedelta(days=44)).date()
        for words, period in (
            ("a fortnight of last month", containing(month_ago, "fortnight", start)),
            ("the year", containing(made.END.date(), "year", start)),
        ):
            out = Path(folder) / "bulletin.docx"
            seconds, _ = timed(lambda p=period, o=out: bulletins.write(store, p, o, "zh", now=made.END))
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            size = out.with_suffix(".xlsx").stat().st_size / 1e6
            print(f"  {words}: {seconds:.1f} s, peak memory so far {peak:.0f} MB, register {size:.1f} MB")
        fortnight = containing(month_ago, "fortnight", start)
        _beside_pandas(store, fortnight, Path(folder))


def _beside_pandas(store: Store, period: Period, folder: Path) -> None:
    content: Content = bulletin_content.content_of(store, period, now=made.END)
    ours, told = timed(lambda: sheets(content, "", made.END, "zh"))
    writing, _ = timed(lambda: write_workbook(told, folder / "ours.xlsx"))
    rows = sum(len(next(iter(sheet.columns.values()))) for sheet in told)
    theirs, _ = timed(lambda: _pandas(told, folder / "theirs.xlsx"))
    print(f"  register of {rows:,} rows: {ours:.1f} s to put into words, {writing:.1f} s to write;"
          f" pandas.to_excel {theirs:.1f} s, {theirs / writing:.1f} times as long")  # fmt: skip


def _pandas(told: list[Sheet], path: Path) -> None:
    with pd.ExcelWriter(path) as writer:
        for sheet in told:
            pd.DataFrame(dict(sheet.columns)).to_excel(writer, sheet_name=sheet.name, index=False)


def main(folder: Path) -> None:
    """Each size in a process of its own, so that its peak memory is its own."""
    for issues in SIZES:
        path = folder / f"issues_{issues}.db"
        if not path.exists():
            made.build(path, issues)
        print(f"{issues:,} issues (promised for 100,000: {PROMISED_S:.0f} s, {MEMORY_MB} MB)", flush=True)
        subprocess.run([sys.executable, __file__, "--one", str(path)], check=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        measure(Path(sys.argv[2]))
    elif len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))
