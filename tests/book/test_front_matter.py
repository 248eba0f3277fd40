"""How the book is cited, whose its images are, and what changed: each said from one place."""

import re
from html import unescape
from pathlib import Path

import yaml
from pybtex.database import parse_string

import front_matter
from pcnnlib.data.sources import SOURCES

ROOT = Path(__file__).resolve().parents[2]
ABOUT = (ROOT / "book" / "about.md").read_text(encoding="utf-8")


def entry(text):
    (found,) = parse_string(text, "bibtex").entries.values()
    return found


def test_bibtex_says_what_the_citation_file_says():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    found = entry(front_matter.bibtex(citation, "2026", "https://github.com/a/b"))
    assert found.fields["title"].strip("{}") == citation["title"]
    assert [str(p).strip("{}") for p in found.persons["author"]] == [
        author["name"] for author in citation["authors"]
    ]
    assert (found.fields["year"], found.fields["url"]) == ("2026", "https://github.com/a/b")
    assert citation["license"] in found.fields["note"]


def test_people_keep_their_names_and_nothing_is_made_up():
    author = {"family-names": "Oord", "name-particle": "van den", "given-names": "Aäron"}
    people = [author, {"family-names": "Plato"}]
    text = front_matter.bibtex({"authors": people, "title": "T: {x}", "license": "MIT"}, "2030")
    found = entry(text)
    first, second = found.persons["author"]
    assert (first.prelast_names, first.last_names) == (["van", "den"], ["Oord"])
    assert (first.first_names, second.last_names) == (["Aäron"], ["Plato"])
    assert "url" not in found.fields


def test_pages_show_the_entry_and_where_to_report(book):
    text = (book / "_build" / "html" / "book" / "index.html").read_text(encoding="utf-8")
    plain = unescape(re.sub(r"<[^>]*>", "", text))
    found = entry(plain[plain.index("@software") : plain.index("Tell whoever")])
    assert "url" not in found.fields  # the toy has no public address
    assert found.fields["title"]


def test_every_data_set_has_its_licence_on_the_page():
    rows = dict(re.findall(r"^\| `(\w+)` \|(.*)\|$", ABOUT, re.M))
    assert set(rows) == set(SOURCES)
    for name, source in SOURCES.items():
        licence = re.match(r"CC BY(-SA)? \d\.\d", source.licence)
        if name == "binarized_mnist":
            assert "that of `mnist`" in rows[name]
            assert source.licence == SOURCES["mnist"].licence
        elif licence:
            assert f"[{licence[0]}](https://" in rows[name]
        else:
            assert "none is stated" in source.licence and "none is stated" in rows[name]


def test_what_changed_is_the_change_log_itself():
    page = (ROOT / "book" / "changes.md").read_text(encoding="utf-8")
    assert page == "```{include} ../CHANGELOG.md\n```\n"
    assert (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").startswith("# What changed\n")
