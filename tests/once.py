"""What takes long to make and is only read: made once, though several processes share the tests."""

import fcntl
import shutil


def made_once(tmp_path_factory, name, make):
    """Folder that `make(folder)` fills in the first test process that asks for `name`.

    Others wait for it, and then share it: to be read, or copied, but not to be changed.
    """
    base = tmp_path_factory.getbasetemp()
    if base.name.startswith("popen"):  # the folder of one of several test processes
        base = base.parent
    folder, ready = base / name, base / f"{name}.ready"
    with open(base / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            shutil.rmtree(folder, ignore_errors=True)  # what a failed attempt has left
            folder.mkdir()
            make(folder)
            ready.touch()
    return folder
