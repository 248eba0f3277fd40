"""Points the repository and Colab buttons at the project's GitHub address, or removes them.

The address is REPOSITORY_URL, else `repository: url` in _config.yml, else the git remote
`origin`. Where none is a GitHub address a button would lead nowhere, so there is none.
"""

import os
import re
import subprocess

GITHUB = re.compile(
    r"^(?:https://(?:[^@/]+@)?github\.com/|(?:ssh://)?git@github\.com[:/])"
    r"(?P<owner>[\w.-]+)/(?P<name>[\w.-]+?)(?:\.git)?/?$"
)


def normal(address):
    """https://github.com/owner/name for any spelling of a GitHub address, else ''."""
    match = GITHUB.match((address or "").strip())
    return f"https://github.com/{match['owner']}/{match['name']}" if match else ""


def git_remote(folder):
    command = ["git", "-C", str(folder), "remote", "get-url", "origin"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def find(configured, folder):
    candidates = (os.environ.get("REPOSITORY_URL"), configured, git_remote(folder))
    return next((address for address in map(normal, candidates) if address), "")


def set_buttons(app, config):
    options = config.html_theme_options
    address = find(options.get("repository_url"), app.srcdir)
    if address:
        options["repository_url"] = address
        options["use_repository_button"] = True
    else:
        options["repository_url"] = ""
        options["use_repository_button"] = False
        options["launch_buttons"] = {}


def setup(app):
    app.connect("config-inited", set_buttons, priority=100)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
