"""Images: files as bytes, brought to one size."""

from __future__ import annotations

import io
import warnings
from typing import Annotated, Any, Literal, Self

import numpy as np
from msgspec import Meta

from headstart.arrays import Bytes
from headstart.batches import Examples
from headstart.corpus import Corpus
from headstart.errors import DataError
from headstart.extras import optional
from headstart.inputs.protocol import Encoded, OneColumn
from headstart.plain import Facts, Json
from headstart.records import decoded

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP")
"""Formats that are opened; others, such as EPS, run programs of their own."""
_MOST_POINTS = 50_000_000
"""Of an image before it is made smaller: a small file may unpack to any size."""
_LARGEST = 96
"""Points along a side, where nothing else is asked for: what a network from scratch learns of in reasonable time."""
_LOOKED_AT = 256
_Side = Annotated[int, Meta(ge=1, le=1024)]


class ImageInput(OneColumn, frozen=True):
    """Reads a column of image files as bytes.

    Attributes:
        height: of what the network sees; images are resized to it, whatever their shape.
        width: likewise.
        channels: 3 of colours, 1 of grey.
    """

    height: _Side
    width: _Side
    channels: Literal[1, 3]

    fields = ("pixels",)

    @classmethod
    def fit(cls, corpus: Corpus) -> Self:
        """Learn the size, the median of the first 256 images and 96 points at most, and whether there are colours.

        Raises:
            DataError: no row holds an image, or one that cannot be read.
        """
        (column,) = corpus.reads
        cells = corpus.column(column)[:_LOOKED_AT].to_pylist()
        images = [_opened(file, _where(corpus, row)) for row, file in enumerate(cells) if file is not None]
        if not images:
            raise DataError(
                f"column {column!r} of {corpus.source} holds no image, the rows are null; name another column."
            )
        widths, heights = zip(*(image.size for image in images), strict=True)
        grey = all(image.mode in ("1", "L", "LA", "I", "I;16", "I;16B", "F") for image in images)
        height, width = (max(1, min(int(np.median(side)), _LARGEST)) for side in (heights, widths))
        return cls(column, height, width, 1 if grey else 3)

    def encode(self, corpus: Corpus) -> Encoded:
        """Return the field ``pixels``, uint8 [rows, channels, height, width]; a null is black. Counts are ``n_null``.

        Raises:
            DataError: an image that cannot be read, is damaged, or unpacks to more than 50 million points; names its row.
        """
        cells = self.cells(corpus)
        pixels = np.zeros((len(cells), self.channels, self.height, self.width), np.uint8)
        for row, cell in enumerate(cells):
            if cell.is_valid:
                pixels[row] = self._points(cell.as_py(), _where(corpus, row))
        return Encoded(Examples(fields={"pixels": pixels}), {"n_null": cells.null_count})

    def _points(self, file: bytes, where: str) -> Bytes:
        image = _loaded(file, where)
        image = _in_eight_bits(image).convert("RGB" if self.channels == 3 else "L")
        if image.size != (self.width, self.height):
            image = image.resize((self.width, self.height), _pillow().Resampling.BILINEAR)
        points: Bytes = np.asarray(image, np.uint8).reshape(self.height, self.width, self.channels).transpose(2, 0, 1)
        return points

    def net_options(self) -> Json:
        """Return ``channels``."""
        return {"channels": self.channels}

    def config(self) -> Json:
        """Return what `from_config` takes."""
        return self.to_json()

    @classmethod
    def from_config(cls, config: Facts) -> Self:
        """Build the input again.

        Raises:
            ArtifactError: `config` is not what `config` gave.
        """
        return decoded(cls, config, "the images that this model reads")


def _where(corpus: Corpus, row: int) -> str:
    return f"row {corpus.first + row} (the first is 0)"


def _pillow(part: str = "Image") -> Any:
    return optional(f"PIL.{part}", "images", "Reading images", "pillow")


def _opened(file: bytes, where: str) -> Any:
    """Open an image; nothing of its points is read yet.

    Raises:
        DataError: it is none, or too large.
    """
    pillow = _pillow()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow's own bound, which lies above ours
            image = pillow.open(io.BytesIO(file), formats=FORMATS)
    except Exception as error:  # whatever Pillow stumbles over in bytes that are no image
        why = "of no known format" if isinstance(error, pillow.UnidentifiedImageError) else _reason(error)
        raise DataError(
            f"the image in {where} cannot be read ({why}); expected {', '.join(FORMATS)}. Copy the file again, or leave "
            "the row out."
        ) from error
    if image.size[0] * image.size[1] > _MOST_POINTS:
        raise DataError(
            f"the image in {where} unpacks to {image.size[0]:,} x {image.size[1]:,} points, more than {_MOST_POINTS:,}; make it smaller "
            "first, or leave the row out."
        )
    return image


def _loaded(file: bytes, where: str) -> Any:
    """Return an image, upright, its first one where it moves."""
    image = _opened(file, where)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image.load()
            upright = _pillow("ImageOps").exif_transpose(image)
    except Exception as error:
        raise DataError(
            f"the image in {where} is damaged ({_reason(error)}); copy the file again, or leave the row out."
        ) from error
    return upright


def _in_eight_bits(image: Any) -> Any:
    """Return an image of 8 bits a point: 16 bits become their upper 8, what is transparent becomes white."""
    pillow = _pillow()
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image, np.float64)
        most = 65535.0 if values.max(initial=0) > 255 else 255.0
        return pillow.fromarray(np.rint(np.clip(values / most, 0, 1) * 255).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        seen = image.convert("RGBA")
        white = pillow.new("RGBA", seen.size, (255, 255, 255, 255))
        return pillow.alpha_composite(white, seen).convert("RGB")
    return image


def _reason(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0].rstrip(".")[:200]
