"""A toy book, built once for all tests that only read it, and a browser that opens its pages."""

import fcntl

import pytest
import toy


@pytest.fixture
def project(tmp_path):
    """A project that is not built yet."""
    return toy.make_project(tmp_path / "project")


@pytest.fixture(scope="session")
def book(tmp_path_factory):
    """A built project, only to be read. Test processes that run side by side share one."""
    folder = tmp_path_factory.getbasetemp()
    if folder.name.startswith("popen"):  # the folder of one of several test processes
        folder = folder.parent
    project, ready = folder / "book" / "project", folder / "book" / "ready"
    with open(folder / "book.lock", "w") as lock, pytest.MonkeyPatch.context() as patch:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            patch.delenv("REPOSITORY_URL", raising=False)
            toy.build_project(toy.make_project(project))
            ready.touch()
    return project
