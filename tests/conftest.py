"""What tests share: where the real data is, and what CI promises not to skip."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked `testdata` skip with a reason where the data is absent, and fail in CI."""
    folder = test_data_folder()
    if folder.is_dir() or os.environ.get("CI") == "true":
        return
    reason = pytest.mark.skip(reason=f"real test data not found at {folder}; set ZHOUBIAN_TEST_DATA")
    for item in items:
        if item.get_closest_marker("testdata"):
            item.add_marker(reason)


def test_data_folder() -> Path:
    """ZHOUBIAN_TEST_DATA, else ../shared/data beside the checkout."""
    return Path(os.environ.get("ZHOUBIAN_TEST_DATA") or ROOT.parent / "shared" / "data")


test_data_folder.__test__ = False  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real cities."""
    return test_data_folder()


@pytest.fixture(autouse=True)
def _own_language(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test depends on the language or the store of whoever runs it."""
    monkeypatch.delenv("ZHOUBIAN_STORE", raising=False)
    monkeypatch.setenv("ZHOUBIAN_LANG", "en")
    yield
