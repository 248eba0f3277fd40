"""`python main.py --help`: train a Gated PixelCNN and draw images from it."""

import sys

if __name__ == "__main__":
    try:
        from pcnnlib_startup import main

        sys.exit(main())
    except KeyboardInterrupt:  # before `main` has begun to look after it
        print("main.py: stopped", file=sys.stderr)
        sys.exit(130)
