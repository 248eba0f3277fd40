"""Builds the book: executes the notebooks, then turns them and the prose into HTML.

    notebooks/NN.ipynb --papermill--> _build/executed/NN.ipynb
    executed outputs + today's source, book/, _config.yml, _toc.yml --> _build/src
    _build/src --jupyter-book, strict, execution off--> _build/html

Only what has changed is done again. The new pages replace the old ones in one step, and only if
there was no error: after an error the last good book is still there.
"""

import guard

if __name__ == "__main__":
    guard.stop_at_once()

import argparse
import functools
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat

import browser
import pages
import twins
from execute import digest, execute_all, tree_digest
from guard import BookError
from notebook_files import read_yaml

ROOT = Path(__file__).resolve().parent.parent
TOOLS = Path(__file__).resolve().parent
COLOUR = re.compile(r"\x1b\[[\d;]*m")
PAGES = (".md", ".ipynb", ".rst")
NOT_COPIED = ("*.py", "*.sh", "__pycache__", ".ipynb_checkpoints")


class Steps:
    """Prints each step's seconds as it ends, and the total."""

    def __init__(self):
        self.begin = self.last = time.perf_counter()

    def done(self, name, note=""):
        now = time.perf_counter()
        print(f"{name}: {now - self.last:.1f} s{note}", flush=True)
        self.last = now

    def total(self):
        return time.perf_counter() - self.begin


def find_notebooks(root):
    found = sorted((root / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    if not found:
        raise BookError(f"no notebook in {root / 'notebooks'}: expected NN_name.ipynb")
    return found


def check_toc(root, notebooks):
    listed = toc_files(root)
    missing = [path.stem for path in notebooks if f"notebooks/{path.stem}" not in listed]
    if missing:
        raise BookError(f"_toc.yml does not list notebooks/{', notebooks/'.join(missing)}")
    lost = [entry for entry in sorted(listed) if not is_page(root / entry)]
    if lost:
        raise BookError(f"_toc.yml lists {', '.join(lost)}: there is no such page")


def is_page(path):
    return any(path.with_name(f"{path.name}{end}").is_file() for end in ("", *PAGES))


def check_config(root):
    path = root / "_config.yml"
    if not isinstance(read_yaml(path), dict):
        raise BookError(f"{path}: expected 'name: value' lines")


def toc_files(root):
    """Returns all `root:` and `file:` entries of _toc.yml."""
    contents = read_yaml(root / "_toc.yml")

    def entries(node):
        if isinstance(node, list):
            for item in node:
                yield from entries(item)
        elif isinstance(node, dict):
            for key, value in node.items():
                if key in ("file", "root"):
                    yield str(value).removesuffix(".md").removesuffix(".ipynb")
                else:
                    yield from entries(value)

    return set(entries(contents))


def copy_sources(root, source, executed):
    """Writes everything that Sphinx reads into the folder `source`.

    The folders have the same names as in the project, so that paths in pages stay valid.
    """
    guard.remove(source)
    source.mkdir(parents=True)
    skip = shutil.ignore_patterns(*NOT_COPIED)
    shutil.copytree(root / "book", source / "book", ignore=skip)
    shutil.copytree(TOOLS / "_ext", source / "book" / "_ext", dirs_exist_ok=True)
    for name in ("_config.yml", "_toc.yml"):
        shutil.copy2(root / name, source / name)
    # Quoted by literalinclude, included, and read by front_matter.
    for name in ("pcnnlib", "benchmarks", "main.py", "CHANGELOG.md", "CITATION.cff"):
        path = root / name
        if path.is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(path, source / name, ignore=ignore)
        elif path.is_file():
            shutil.copy2(path, source / name)
    for folder in ("notebooks", "downloads"):
        (source / folder).mkdir()
    for name, notebook in executed.items():
        nbformat.write(notebook.page(name), source / "notebooks" / f"{name}.ipynb")
        nbformat.write(notebook.file(), source / "downloads" / f"{name}.ipynb")


def page_key(root, source):
    import repo_address

    return digest(
        tree_digest(source),
        tree_digest(root / "requirements.lock"),
        tree_digest(root / "results"),  # models that draw in a page
        tree_digest(*sorted(TOOLS.glob("*.py"))),
        sys.version,
        os.environ.get("REPOSITORY_URL", ""),
        repo_address.git_remote(root),
    )


def seal(key, html):
    """What stands beside the pages: also of the pages themselves, which may have been damaged."""
    return digest(key, tree_digest(html)).encode()


def build_html(source, work, log):
    """Runs Jupyter Book, every warning an error; returns the folder with the pages."""
    guard.remove(work)
    command = [str(Path(sys.executable).parent / "jupyter-book"), "build", str(source)]
    command += ["--path-output", str(work), "-W", "-n", "--keep-going", "--quiet"]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONUTF8": "1", "NO_COLOR": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    log.write_text(done.stdout + done.stderr, encoding="utf-8")
    html = work / "_build" / "html"
    if done.returncode or not (html / "index.html").is_file():
        lines = [line.strip() for line in (done.stdout + done.stderr).splitlines()]
        errors = [x for x in lines if "WARNING" in x or "ERROR" in x or "rror:" in x] or lines[-5:]
        errors = [COLOUR.sub("", x).replace(f"{source}{os.sep}", "") for x in dict.fromkeys(errors)]
        print("\n".join(errors), file=sys.stderr)
        raise BookError(
            f"the pages do not build: {len(errors)} problems, listed above and in {log}"
        )
    return html


def check(html):
    """Raises BookError if a page would fetch something or has an error in the browser.

    Returns a note for the reader if there is no browser to open the pages in, else "".
    """
    found, note = pages.problems(html), " (no Chromium found: the pages were not opened)"
    if not found and browser.find_chromium():
        try:
            found, note = browser.complaints_of_pages(html), ""
        except browser.BrowserError as error:
            note = f" (the pages were not opened: {error})"
    if found:
        print("\n".join(found), file=sys.stderr)
        raise BookError(f"the pages are not sound: {len(found)} problems, listed above")
    return note


def build(root, params, execute_only=False, output=None):
    """Builds the book of the project at `root`; returns the path of its first page."""
    output = output or root / "_build"
    with guard.only_one(output):
        return build_alone(root, params, execute_only, output)


def build_alone(root, params, execute_only, output):
    steps = Steps()
    print_line = functools.partial(print, flush=True)
    twins.synchronise(root / "notebooks", print_line=print_line)
    notebooks = find_notebooks(root)
    if not execute_only:
        check_toc(root, notebooks)
        check_config(root)
        guard.restore_folder(output / "html")
    store = output / ("smoke" if execute_only else "executed")
    executed = execute_all(notebooks, params, root, store, print_line)
    steps.done("notebooks")
    if execute_only:
        return None

    source, html, key_file = output / "src", output / "html", output / "html.key"
    copy_sources(root, source, executed)
    sys.path.insert(0, str(TOOLS / "_ext"))
    key = page_key(root, source)
    first = html / "index.html"
    if first.is_file() and key_file.is_file() and key_file.read_bytes() == seal(key, html):
        print_line("pages: unchanged")
    else:
        new = build_html(source, output / "work", output / "sphinx.log")
        steps.done("pages")
        note = check(new)
        steps.done("checks", note)
        guard.remove(key_file)
        guard.replace_folder(html, new)
        key_file.write_bytes(seal(key, html))
    print(f"book: {steps.total():.1f} s in all")
    print(f"open {first}")
    return first


def main():
    parser = argparse.ArgumentParser(description="Execute the notebooks and build the book.")
    parser.add_argument("--params", type=Path, default=ROOT / "notebooks/params/quick.yaml")
    parser.add_argument("--root", type=Path, default=ROOT, help="the project to build")
    parser.add_argument("--execute-only", action="store_true", help="stop before the pages")
    options = parser.parse_args()
    guard.run(lambda: build(options.root.resolve(), options.params, options.execute_only))


if __name__ == "__main__":
    main()
