"""`python main.py --help`: train a Gated PixelCNN and draw images from it."""

import sys

from pcnnlib_startup import main

if __name__ == "__main__":
    sys.exit(main())
