"""`make address` writes the project's address everywhere, and only a usable one."""

import re

import pytest
import toy

import address
import repo_address

URL = "https://github.com/someone/pixels"


@pytest.fixture
def unbuilt(project):
    marks = "# T\n\n<!-- address:badges -->\n<!-- /address -->\n\n<!-- address:clone -->\nold\n"
    (project / "README.md").write_text(marks + "<!-- /address -->\nend\n")
    return project


def test_address_reaches_every_file(unbuilt):
    _, changed = address.write(unbuilt, URL)
    names = {path.name for path in changed}
    assert names == {"_config.yml", "README.md", "01_toy.py", "01_toy.ipynb"}
    assert address.configured(unbuilt) == URL
    assert f'REPOSITORY = "{URL}"  #' in (unbuilt / "notebooks" / "01_toy.py").read_text()
    readme = (unbuilt / "README.md").read_text()
    assert f"git clone {URL}\ncd pixels\n" in readme
    assert "/github/someone/pixels/blob/main/notebooks/01_toy.ipynb" in readme
    assert "old" not in readme
    assert readme.endswith("end\n")


README = """\
![Digits, drawn](book/static/mnist.png) and [chapter 1](notebooks/01_toy.ipynb), [a
guide](book/index.md), [no file](gone.md),
[elsewhere](https://example.org/book/index.md), [here](#x)
"""


def test_a_page_of_an_index_gets_whole_addresses_of_the_projects_own_files(unbuilt):
    """An index shows the README alone: a path in it leads nowhere there."""
    readme = unbuilt / "README.md"
    readme.write_text(README)
    address.write(unbuilt, URL)
    expected = README
    raw = URL.replace("github.com", "raw.githubusercontent.com")
    for path, whole in (
        ("book/static/mnist.png", f"{raw}/main/book/static/mnist.png"),
        ("notebooks/01_toy.ipynb", f"{URL}/blob/main/notebooks/01_toy.ipynb"),
        ("book/index.md", f"{URL}/blob/main/book/index.md"),
    ):
        expected = expected.replace(f"]({path})", f"]({whole})")
    assert readme.read_text() == expected
    assert address.write(unbuilt, URL)[1] == []
    address.write(unbuilt, "https://github.com/o.ther/na-me")
    other = expected.replace("someone/pixels", "o.ther/na-me")
    assert readme.read_text() == other


def test_the_readme_of_the_project_has_no_path_left_but_anchors(unbuilt):
    text = address.with_whole_links(
        (toy.ROOT / "README.md").read_text(encoding="utf-8"), URL, toy.ROOT
    )
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    assert any(link.startswith("https://raw.") and link.endswith(".png") for link in links)
    assert [link for link in links if not link.startswith(("https://", "#"))] == []


def test_twin_still_equals_its_source(unbuilt):
    address.write(unbuilt, URL)
    source = unbuilt / "notebooks" / "01_toy.py"
    cells = toy.twins.jupytext.read(source).cells
    twin = toy.twins.nbformat.read(source.with_suffix(".ipynb"), as_version=4).cells
    assert [cell.source for cell in cells] == [cell.source for cell in twin]
    assert source.with_suffix(".ipynb").read_text(encoding="utf-8") == toy.twins.twin(source)


def test_second_time_changes_nothing_and_another_address_replaces_the_first(unbuilt):
    address.write(unbuilt, URL)
    assert address.write(unbuilt, URL + ".git/") == (URL, [])
    other = "https://github.com/other/name"
    assert len(address.write(unbuilt, other)[1]) == 4
    assert "someone" not in (unbuilt / "README.md").read_text()


@pytest.mark.parametrize(
    "url",
    ["", "github.com/a/b", "https://gitlab.com/a/b", "https://github.com/a", "git@github.com:a/b",
     "https://github.com/a/b/c", "https://me:secret@github.com/a/b", 'https://github.com/a/b"'],
)  # fmt: skip
def test_unusable_address_is_refused_and_nothing_written(unbuilt, url):
    before = (unbuilt / "_config.yml").read_text()
    with pytest.raises(address.AddressError, match="expected URL=https://github.com/owner/name"):
        address.write(unbuilt, url)
    assert (unbuilt / "_config.yml").read_text() == before


def test_notebook_without_the_cell_is_named_and_nothing_written(unbuilt):
    (unbuilt / "notebooks" / "01_toy.py").write_text("# %%\n1\n")
    with pytest.raises(address.AddressError, match=r"01_toy.py does not begin"):
        address.write(unbuilt, URL)
    assert address.configured(unbuilt) == ""


@pytest.mark.parametrize(
    "spelling",
    [URL, URL + "/", URL + ".git", "git@github.com:someone/pixels.git",
     "ssh://git@github.com/someone/pixels", "https://token@github.com/someone/pixels.git"],
)  # fmt: skip
def test_remote_in_any_spelling_gives_the_address(spelling):
    assert repo_address.normal(spelling) == URL


@pytest.mark.parametrize("other", ["", None, "/srv/git/pixels.git", "https://example.org/a/b"])
def test_other_remotes_give_none(other):
    assert repo_address.normal(other) == ""


class Config:
    def __init__(self, **options):
        self.html_theme_options = {"launch_buttons": {"colab_url": "c"}, **options}


class App:
    srcdir = "/"


def test_buttons_follow_the_address(monkeypatch):
    monkeypatch.setattr(repo_address, "git_remote", lambda folder: "git@github.com:a/b.git")
    for variable, configured, expected in [
        ("", "", "https://github.com/a/b"),
        ("", URL, URL),
        ("https://github.com/fork/pixels", URL, "https://github.com/fork/pixels"),
    ]:
        monkeypatch.setenv("REPOSITORY_URL", variable)
        config = Config(repository_url=configured)
        repo_address.set_buttons(App, config)
        assert config.html_theme_options["repository_url"] == expected
        assert config.html_theme_options["use_repository_button"]
        assert config.html_theme_options["launch_buttons"]


def test_buttons_go_where_no_address_is_known(monkeypatch):
    monkeypatch.delenv("REPOSITORY_URL", raising=False)
    monkeypatch.setattr(repo_address, "git_remote", lambda folder: "/srv/git/pixels.git")
    config = Config(repository_url="")
    repo_address.set_buttons(App, config)
    assert not config.html_theme_options["use_repository_button"]
    assert not config.html_theme_options["launch_buttons"]
