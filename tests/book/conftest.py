"""A toy book, built once for all tests that only read it, and a browser that opens its pages."""

import pytest
import toy
from once import made_once


@pytest.fixture
def project(tmp_path):
    """A project that is not built yet."""
    return toy.make_project(tmp_path / "project")


@pytest.fixture(scope="session")
def book(tmp_path_factory):
    """A built project, only to be read. Test processes that run side by side share one."""

    def build(folder):
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("REPOSITORY_URL", raising=False)
            toy.build_project(toy.make_project(folder / "project"))

    return made_once(tmp_path_factory, "book", build) / "project"
