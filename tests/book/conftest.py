"""The toy project, built once for all tests that only look at it, and a browser to look with."""

import pytest
import toy

import browser as chromium


@pytest.fixture
def project(tmp_path):
    """A project that is not built yet."""
    return toy.make_project(tmp_path / "project")


@pytest.fixture(scope="session")
def book(tmp_path_factory):
    """A built project; tests only look at it."""
    project = toy.make_project(tmp_path_factory.mktemp("book") / "project")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("REPOSITORY_URL", raising=False)
        toy.build_project(project)
    return project


@pytest.fixture(scope="session")
def browser():
    if chromium.find_chromium() is None:
        pytest.skip("Chromium is not installed: the pages are not opened")
    with chromium.Browser() as opened:
        yield opened
