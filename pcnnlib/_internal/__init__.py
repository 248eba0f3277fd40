"""What is plumbing: backends, devices, processes, files and argument checks. Not for users."""

from pcnnlib._internal.requirements import check_requirements

# Here, because all other modules import from this folder: before any of them can fail.
check_requirements()
