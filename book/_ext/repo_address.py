"""Sets the address of the repository and Colab buttons, or removes the buttons.

The address is the first GitHub address among the variable REPOSITORY_URL, `repository: url` in
_config.yml and the git remote `origin`. Without one the buttons would lead nowhere.
"""

import os
import re
import subprocess

GITHUB = re.compile(
    r"^(?:https://(?:[^@/]+@)?github\.com/|(?:ssh://)?git@github\.com[:/])"
    r"(?P<owner>[\w.-]+)/(?P<name>[\w.-]+?)(?:\.git)?/?$"
)


def normal(address):
    """Returns https://github.com/owner/name for any form of a GitHub address, else ""."""
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
