"""The version stands in one place, and what others read about the project is sound."""

import pathlib
import re
import tomllib

import yaml

import pcnnlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


def test_the_version_stands_in_the_package_alone():
    assert PROJECT["project"]["dynamic"] == ["version"] and "version" not in PROJECT["project"]
    assert PROJECT["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "pcnnlib.__version__"}
    assert "version" not in CITATION
    # As setuptools reads it without an import: a plain text on one line.
    source = (ROOT / "pcnnlib" / "__init__.py").read_text(encoding="utf-8")
    assert re.findall(r'^__version__ = "(\d+\.\d+\.\d+)"$', source, re.M) == [pcnnlib.__version__]


def test_the_change_log_begins_with_this_version():
    first = re.findall(r"^## (.*)$", LOG, re.M)[0]
    assert pcnnlib.__version__ in first


def test_the_change_log_has_the_form_that_it_names():
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.*)$", LOG, re.M)) <= kinds
    headings = re.findall(r"^## (.*)$", LOG, re.M)
    form = re.compile(
        r"\[?(Unreleased\]|\d+\.\d+\.\d+\]?)(, to be \d+\.\d+\.\d+| - \d{4}-\d\d-\d\d)?"
    )
    assert all(form.fullmatch(heading) for heading in headings), headings


def test_the_citation_has_the_fields_that_its_format_asks_for():
    assert {"cff-version", "message", "title", "authors"} <= set(CITATION)
    assert CITATION["license"] == PROJECT["project"]["license"]
    assert CITATION["authors"] == PROJECT["project"]["authors"]
    papers = {i["value"] for r in CITATION["references"] for i in r["identifiers"]}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert papers == {"arXiv:1606.05328", "arXiv:1601.06759"} and "arXiv:1606.05328" in readme
