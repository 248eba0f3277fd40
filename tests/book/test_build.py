"""What `make book` promises: only what changed, clear errors, and the last good book kept."""

import re
import shutil

import pytest
import toy

import build
import execute
import notebook_figures
from guard import BookError


@pytest.fixture
def built(book, tmp_path):
    """A built project of the test's own."""
    return shutil.copytree(book, tmp_path / "built")


def page(project):
    return (project / "_build" / "html" / "notebooks" / "01_toy.html").read_text(encoding="utf-8")


def edit(project, old, new):
    assert old in toy.NOTEBOOK
    toy.write_notebook(project, toy.NOTEBOOK.replace(old, new))


def test_page_shows_the_values_of_the_run_and_no_machinery(book):
    text = page(book)
    assert '<span class="mi">4</span>  <span class="c1"># how many' in text  # quick.yaml, not 3
    widget_state = '<script type="application/vnd'
    for machinery in ("injected", "REPOSITORY", "google.colab", "papermill", widget_state):
        assert machinery not in text
    assert "one 3" in text
    assert "It rises." in text


def test_computed_text_and_shown_source_stand_on_the_page_like_any_other(book):
    text = page(book)
    assert "<p>The sum is <strong>5</strong>, says\n" in text  # steps is 4 in quick.yaml
    assert re.search(r'class="math[^>]*>\\\(a_4\\\)<', text)
    assert '<span class="k">def</span><span class="w"> </span><span class="nf">rgb_to_yiq' in text
    assert text.index("The sum is") < text.index("<b>between</b>") < text.index("rgb_to_yiq")
    assert "show_text(" not in text.replace("</span>", "")


def test_links_to_papers_lead_to_their_entries_and_others_stay(book):
    html = book / "_build" / "html"
    entries = (html / "book" / "bibliography.html").read_text(encoding="utf-8")
    pages = {"../book/bibliography.html": page(book)}
    pages["bibliography.html"] = (html / "book" / "index.html").read_text(encoding="utf-8")
    found = []
    for address, text in pages.items():
        found += re.findall(rf'<a class="citation[^"]*" href="{address}#(\w+)">', text)
    assert found == ["oord2016conditional", "salimans2017pixelcnn", "oord2016pixel"]
    for key in found:
        assert f'id="{key}"' in entries
    assert 'href="https://arxiv.org/abs/1"' in page(book)
    assert 'href="https://arxiv.org/abs/1606.05328"' in entries


def test_figure_reaches_another_page_as_it_is(book):
    index = (book / "_build" / "html" / "book" / "index.html").read_text(encoding="utf-8")
    assert '<svg role="img" aria-label="a line"></svg>A line.' in index


def test_figure_is_found_by_the_beginning_of_its_alt_text(book):
    notebook = book / "_build" / "src" / "notebooks" / "01_toy.ipynb"
    assert len(notebook_figures.find_figures(notebook, "a line")) == 1
    assert notebook_figures.find_figures(notebook, "a curve") == []


def test_second_build_does_nothing(built, capsys):
    toy.build_project(built)
    out = capsys.readouterr().out
    assert "01_toy: unchanged" in out
    assert "pages: unchanged" in out


def test_changed_prose_keeps_the_outputs(built, capsys):
    edit(built, "Mathematics:", "New words:")
    toy.build_project(built)
    assert "01_toy: unchanged" in capsys.readouterr().out
    assert "New words:" in page(built)
    assert "one 3" in page(built)


def test_changed_library_executes_again(built, monkeypatch):
    ran = []
    monkeypatch.setattr(execute, "run_jobs", lambda jobs, *_: ran.extend(job.name for job in jobs))
    monkeypatch.setattr(build, "build_html", lambda *_: pytest.fail("not needed here"))
    (built / "pcnnlib").mkdir()
    (built / "pcnnlib" / "masks.py").write_text("A = 1\n")
    with pytest.raises(pytest.fail.Exception):
        toy.build_project(built)
    assert ran == ["01_toy"]


def test_raising_notebook_is_named_and_the_last_good_book_stays(built):
    before = page(built)
    edit(built, "plt.plot(range(steps))", 'raise ValueError("no\\nsuch plot")')
    with pytest.raises(BookError) as error:
        toy.build_project(built)
    assert str(error.value) == (
        "01_toy.ipynb, code cell 4 (`import matplotlib.pyplot as plt`) raised "
        "ValueError: no such plot"
    )
    assert page(built) == before


def test_broken_page_leaves_the_last_good_book(built, capsys):
    before = page(built)
    (built / "book" / "index.md").write_text("# Toy\n\n{doc}`nowhere`\n")
    with pytest.raises(BookError, match="the pages do not build"):
        toy.build_project(built)
    assert "nowhere" in capsys.readouterr().err
    assert page(built) == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stepps: 1", "no notebook has a parameter stepps; known are name, steps"),
        ("01_toy: {stepps: 1}", "01_toy has no parameter stepps; it has name, steps"),
        ("07_none: {steps: 1}", "no notebook is called 07_none"),
        ("- steps", "expected 'name: value' lines, got list"),
        ("steps: [", "is not YAML"),
    ],
)
def test_wrong_parameter_file_is_one_clear_line(project, text, message):
    params = project / "notebooks" / "params" / "quick.yaml"
    params.write_text(text)
    with pytest.raises(BookError, match=message) as error:
        toy.build_project(project)
    assert "\n" not in str(error.value)


def test_missing_notebooks_and_missing_toc_entries_are_named(project):
    (project / "_toc.yml").write_text("format: jb-book\nroot: book/index\n")
    with pytest.raises(BookError, match=r"_toc.yml does not list notebooks/01_toy"):
        toy.build_project(project)
    for path in (project / "notebooks").glob("01_toy.*"):
        path.unlink()
    with pytest.raises(BookError, match="no notebook in"):
        toy.build_project(project)
