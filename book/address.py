"""Writes the project's public address into every file that needs it: `make address URL=...`.

The address is kept in _config.yml, as `repository: url`. It is also written into the first cell of
every notebook (Colab installs the library from it) and into the marked places of the README and
of book/how_to_run.md:

    <!-- address:badges --> ... <!-- /address -->      links to the repository and to Colab
    <!-- address:clone -->  ... <!-- /address -->      the command that clones the repository

The README is also the page of the package on an index, where a link to a file of the project leads
nowhere and a picture is not seen: there they get the whole address.
"""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "_ext"))

import guard
import repo_address
import setup_cell
from guard import BookError
from notebook_files import read_text, replace_text

ROOT = Path(__file__).resolve().parent.parent
CONFIG_LINE = re.compile(r'^(repository:\n(?:  .*\n)*?  url: )"([^"\n]*)"', re.MULTILINE)
PLACE = re.compile(r"(<!-- address:(\w+) -->\n).*?(<!-- /address -->)", re.DOTALL)
# A link or a picture of a text, with the address in front that an earlier call has put there.
LINK = re.compile(
    r"(?P<picture>!?)(?P<words>\[[^\]]*\])\("
    r"(?:https://(?:github|raw\.githubusercontent)\.com/[\w.-]+/[\w.-]+/(?:blob/)?main/)?"
    r"(?P<path>[\w./-]+)\)"
)
EXPECTED = "https://github.com/owner/name"


class AddressError(BookError):
    """The address is not usable, or a file has no place for it; the message is one line."""


def checked(url):
    """Returns the address in its usual form; raises AddressError if it is not usable."""
    address = repo_address.normal(url)
    if not address or not url.strip().startswith("https://") or "@" in url:
        raise AddressError(f"expected URL={EXPECTED}, got URL={url.strip()}")
    return address


def marked_text(kind, address, first):
    """Returns the text for a marked place of this kind; `first` is the first notebook's name."""
    if kind == "clone":
        return f"```bash\ngit clone {address}\ncd {address.rsplit('/', 1)[1]}\n```\n"
    if kind == "badges":
        project = address.removeprefix("https://github.com/")
        colab = f"https://colab.research.google.com/github/{project}/blob/main/notebooks/{first}"
        badge = "https://colab.research.google.com/assets/colab-badge.svg"
        return f"[Repository]({address}) [![Open in Colab]({badge})]({colab})\n"
    raise AddressError(f"unknown mark <!-- address:{kind} -->: expected badges or clone")


def with_whole_links(text, address, root):
    """Returns the text with whole addresses in the place of paths of the project's own files."""

    def whole(match):
        if not (root / match["path"]).exists():
            return match[0]
        raw = address.replace("https://github.com", "https://raw.githubusercontent.com")
        begin = f"{raw}/main" if match["picture"] else f"{address}/blob/main"
        return f"{match['picture']}{match['words']}({begin}/{match['path']})"

    return LINK.sub(whole, text)


def changes(root, address):
    """Returns {path: new text} for every file that contains the address."""
    new = {}
    config = root / "_config.yml"
    new[config], count = CONFIG_LINE.subn(rf'\1"{address}"', read_text(config))
    if count != 1:
        raise AddressError(f'{config} has no line `  url: ""` under `repository:`')
    notebooks = sorted((root / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    for path in notebooks + [path.with_suffix(".py") for path in notebooks]:
        text = read_text(path)
        new[path], count = setup_cell.LINE.subn(rf"\g<1>{address}\g<2>", text)
        if count != 1:
            raise AddressError(f"{path} does not begin with the set-up cell of CONTRIBUTING.md")
    first = notebooks[0].name if notebooks else ""
    for path in (root / "README.md", root / "book" / "how_to_run.md"):
        if path.is_file():
            text = read_text(path)
            new[path] = PLACE.sub(lambda m: m[1] + marked_text(m[2], address, first) + m[3], text)
    readme = root / "README.md"
    if readme in new:
        new[readme] = with_whole_links(new[readme], address, root)
    return new


def configured(root):
    """Returns the address in _config.yml, or "" if there is none yet."""
    match = CONFIG_LINE.search(read_text(root / "_config.yml"))
    return match[2] if match else ""


def write(root, url):
    """Writes the address; returns it and the paths of the changed files."""
    address = checked(url)
    changed = [(p, text) for p, text in changes(root, address).items() if read_text(p) != text]
    for path, text in changed:
        replace_text(path, text)
    return address, [path for path, _ in changed]


def announce(url):
    address, changed = write(ROOT, url)
    for path in changed:
        print(f"wrote {path.relative_to(ROOT)}")
    print(f"the address is {address}" + ("" if changed else ", as before"))


def main():
    guard.run(lambda: announce(sys.argv[1] if len(sys.argv) > 1 else ""))


if __name__ == "__main__":
    main()
