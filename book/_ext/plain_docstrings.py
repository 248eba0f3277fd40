"""Lets docstrings be written as they read best in an editor, and still become good pages.

Three things that reStructuredText would misread are put into its form, before Napoleon sees them:
`code` in single backquotes, tables with bars, and `Input shape: ...` on the line of its heading.
"""

import re

CODE = re.compile(r"(?<![`\w:])`([^`\s](?:[^`]*[^`\s])?)`(?!`)")
SHAPE = re.compile(r"^(\s*)((?:Input|Output) shape): +(\S.*)$")


def code(text):
    # A literal must be followed by space or punctuation: `Split`s needs the empty escape.
    return CODE.sub(
        lambda m: f"``{m[1]}``" + ("\\ " if text[m.end() :][:1].isalnum() else ""), text
    )


def table(rows):
    """The lines of a Markdown table as a list-table."""
    indent = " " * (len(rows[0]) - len(rows[0].lstrip()))
    cells = [[cell.strip() for cell in row.strip().strip("|").split("|")] for row in rows]
    lines = ["", f"{indent}.. list-table::", f"{indent}   :header-rows: 1", ""]
    for row in [cells[0], *cells[2:]]:
        for number, cell in enumerate(row):
            lines.append(f"{indent}   {'  ' if number else '* '}- {cell}")
    return [*lines, ""]


def convert(lines):
    done, rows, inside = [], [], False
    for line in [*lines, ""]:
        if line.strip().startswith("|") and line.strip().endswith("|"):
            rows.append(line)
            continue
        if rows:
            done += table(rows)
            rows = []
        heading = SHAPE.match(line)
        if heading:
            done += ["", f"{heading[1]}**{heading[2]}.** {heading[3]}"]
            inside = True
        elif inside and line.strip():
            done.append(line.strip())  # goes on under the heading, indented only for the eye
        else:
            inside = False
            done.append(line)
    # Sentences can break a line inside backquotes, so the text is taken whole.
    return code("\n".join(done)).split("\n")


def process(app, what, name, obj, options, lines):
    lines[:] = convert(lines)


def setup(app):
    app.connect("autodoc-process-docstring", process, priority=400)  # Napoleon: 500
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
