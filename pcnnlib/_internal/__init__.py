"""What is plumbing: backends, devices, processes, files and argument checks. Not for users."""
