"""What is committed, for tests that look through all of it."""

import subprocess
from pathlib import Path


def tracked_texts(root: Path) -> dict[str, str]:
    """Text of every file that is committed or about to be, by its path; pictures and links are left out."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True).stdout
    paths = [root / name for name in listed.split("\0") if name]
    found = {}
    for path in paths:
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            if b"\0" not in content:
                found[path.relative_to(root).as_posix()] = content.decode("utf-8")
    return found
