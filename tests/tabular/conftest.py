import pytest


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WENGERT_CAPTURE_VERIFY", "10")  # what is replayed is what would have run
    return tmp_path
