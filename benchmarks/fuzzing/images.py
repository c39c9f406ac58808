"""Files of images, as rows come in and as a model reads them: 8 bits of the points, or a refusal that names the row."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from fuzzing.kind import Files, Found, Kind


class Images(Kind):
    """Images of every format and mode that is opened."""

    name = "images"
    seconds, memory = 2.0, 256 * 2**20

    @classmethod
    def prepare(cls, folder: Path) -> None:
        for name, content in sound_images().items():
            (folder / name).mkdir(parents=True)
            (folder / name / "image").write_bytes(content)

    def use(self, name: str, folder: Path) -> str:
        from headstart.corpus import OtherColumns, as_corpus
        from headstart.inputs import ImageInput

        (content,) = [path.read_bytes() for path in folder.iterdir()] or [b""]
        corpus = as_corpus({"image": [content, None]}, text=OtherColumns("image"))
        for reading in (ImageInput("image", 5, 4, 3), ImageInput("image", 5, 4, 1), ImageInput.fit(corpus)):
            pixels: Any = reading.encode(corpus).examples.fields["pixels"]
            if pixels.dtype != np.uint8 or pixels.shape != (2, reading.channels, reading.height, reading.width):
                raise Found("other pixels", f"{pixels.shape} {pixels.dtype}")
        return "used"


def sound_images() -> Files:
    """Return a small image in every format and mode."""
    from PIL import Image

    points = np.random.default_rng(0).integers(0, 256, (12, 9, 3)).astype(np.uint8)
    picture, found = Image.fromarray(points), {}
    modes = {
        "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"), "JPEG": ("L", "RGB", "CMYK"), "GIF": ("P",), "BMP": ("1", "L", "RGB"),
        "TIFF": ("L", "RGB", "CMYK", "F", "I;16"), "WEBP": ("RGB", "RGBA"),
    }  # fmt: skip
    for format_, some in modes.items():
        for mode in some:
            image = (
                Image.fromarray(points[:, :, 0].astype(np.uint16) * 257) if mode == "I;16" else picture.convert(mode)
            )
            stored = io.BytesIO()
            image.save(stored, format_)
            found[f"{format_}-{mode.replace(';', '')}"] = stored.getvalue()
    for format_ in ("GIF", "PNG", "TIFF", "WEBP"):
        stored = io.BytesIO()
        picture.save(stored, format_, save_all=True, append_images=[picture.rotate(90), picture.rotate(180)])
        found[f"{format_}-moving"] = stored.getvalue()
    return found
