"""Applies exported students to a folder of pictures, without torch: what every exported folder has as predict.pyz."""

import sys

from kdml.deploy.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
