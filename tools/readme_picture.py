"""Make the README's pictures from a public-domain portrait (see docs/images).

One is a part of it as it is, to try things on; the other is what ``vultus detect --draw`` shows on the whole.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import skimage.data
from PIL import Image

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "images"
PORTRAIT = 20, 0, 420, 400
"""Left, top, right and bottom of the part, pixels."""


def main() -> None:
    """Write the pictures."""
    whole = Image.fromarray(skimage.data.astronaut())
    whole.crop(PORTRAIT).save(FOLDER / "portrait.jpg", quality=85, optimize=True)
    with tempfile.TemporaryDirectory() as folder:
        photograph = Path(folder) / "astronaut.png"
        whole.save(photograph)
        drawing = FOLDER / "astronaut.jpg"
        subprocess.run(
            [sys.executable, "-m", "vultus", "detect", photograph, "--landmarks106", "--draw", drawing], check=True
        )


if __name__ == "__main__":
    main()
