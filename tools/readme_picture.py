"""Make the README's picture: what ``vultus detect --draw`` shows on a public-domain portrait (see docs/images)."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import skimage.data
from PIL import Image

TARGET = Path(__file__).resolve().parents[1] / "docs" / "images" / "astronaut.jpg"


def main() -> None:
    """Write the picture."""
    with tempfile.TemporaryDirectory() as folder:
        photograph = Path(folder) / "astronaut.png"
        Image.fromarray(skimage.data.astronaut()).save(photograph)
        subprocess.run(
            [sys.executable, "-m", "vultus", "detect", photograph, "--landmarks106", "--draw", TARGET], check=True
        )


if __name__ == "__main__":
    main()
