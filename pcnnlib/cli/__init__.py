"""What can I type? The command line, `python main.py`: train, then draw.

Its flags follow from the configuration classes of `flags`, the training's from `TrainConfig`. A
mistake in the arguments is answered in one line, with exit code 2. `main.py` starts it by way of
`pcnnlib_startup`, which prepares the process before TensorFlow is imported.
"""

from pcnnlib.cli.cluster import CLUSTER
from pcnnlib.cli.parser import command, make_parser
from pcnnlib.cli.run import main

__all__ = ["CLUSTER", "command", "main", "make_parser"]
