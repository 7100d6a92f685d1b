"""Photographs are read upright or refused by what is wrong; hashes of copies are near; views are what copies show."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from brazada.images.car_damage import networks, photos
from brazada.images.car_damage.duplicates import CUTS, closest, grouped, view
from brazada.images.car_damage.tasks import augment
from brazada.ingest.whole import Refused


def drawn(width=120, height=90, mode="RGB"):
    rng = np.random.default_rng(4)
    return Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize((width, height), 3).convert(mode)


def saved(image, form="JPEG", **options):
    content = io.BytesIO()
    image.save(content, form, **options)
    return content.getvalue()


def bomb():
    """The header of a PNG of 60,000 x 60,000 pixels, and none of them."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(b"")
    chunks = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in (header, data))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no JPEG, PNG or WebP that can be read"),
        (b"a text named photo.jpg", "no JPEG, PNG or WebP that can be read"),
        (saved(drawn(), "GIF"), "no JPEG, PNG or WebP that can be read"),
        (saved(drawn())[:900], "a broken JPEG: image file is truncated"),
        (saved(drawn(), "PNG")[:-2000], "a broken PNG"),
        (saved(drawn(31, 90)), "31 x 90 pixels, less than 32 a side"),
        (bomb(), "60,000 x 60,000|bomb"),
    ],
)
def test_what_is_no_whole_photograph_is_refused(content, reason):
    with pytest.raises(Refused) as refused:
        photos.opened(content)
    assert any(part in refused.value.reason for part in reason.split("|"))


@pytest.mark.parametrize(
    ("form", "mode"), [("JPEG", "RGB"), ("JPEG", "CMYK"), ("JPEG", "L"), ("PNG", "RGBA"), ("PNG", "P"), ("WEBP", "RGB")]
)
def test_every_sound_kind_is_read(form, mode):
    picture, facts = photos.opened(saved(drawn(mode=mode), form))
    assert (picture.mode, picture.size) == ("RGB", (120, 90))
    assert facts == (form, 120, 90, 1)


def test_a_photograph_is_turned_as_its_exif_says():
    exif = Image.Exif()
    exif[0x0112] = 6
    content = saved(drawn(), exif=exif, quality=95)
    picture, facts = photos.opened(content)
    assert facts == ("JPEG", 120, 90, 6)
    assert picture.size == (90, 120)
    upright = np.asarray(drawn().rotate(-90, expand=True), np.int16)
    assert np.abs(np.asarray(picture, np.int16) - upright).mean() < 5
    assert Image.open(io.BytesIO(photos.squared(content, 64))).size == (64, 64)


def test_severity_and_part_are_those_of_the_folders_or_of_a_manifest():
    content = saved(drawn())

    def told(path, by=None):
        (row,) = photos.read(by, path, content)
        return row[2:5]

    assert told("file:/a/train/Minor/1.JPG") == ("minor", 0, "train")
    assert told("file:/a/severe/1.jpg") == ("severe", 2, None)
    assert told("file:/x/1.jpg", {"file:/x/1.jpg": ("moderate", "val")}) == ("moderate", 1, "val")
    with pytest.raises(Refused, match="found cats"):
        told("file:/a/train/cats/1.jpg")


def test_hashes_of_copies_are_near_and_of_others_far():
    def hashed(image):
        grey = np.asarray(image.convert("L").resize((64, 64), 1), np.uint8)
        return photos.perceptual_hash(grey), grey

    def apart(one, other):
        return ((one ^ other) & (2**64 - 1)).bit_count()

    own, grey = hashed(drawn())
    recompressed = Image.open(io.BytesIO(saved(drawn(), quality=30)))
    assert apart(own, hashed(recompressed)[0]) <= 4
    other = Image.fromarray(np.random.default_rng(9).integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize((120, 90), 3)
    assert apart(own, hashed(other)[0]) > 16
    views = {photos.perceptual_hash(view(grey, number)) for number in range(8)}
    for copy in (drawn().rotate(90, expand=True), drawn().transpose(0), drawn().transpose(0).rotate(180)):
        assert min(apart(hashed(copy)[0], seen) for seen in views) <= 4
    cut = drawn().crop((0, 0, 108, 81))
    top_left = 8 * list(CUTS).index("top left")
    assert apart(hashed(cut)[0], photos.perceptual_hash(view(grey, top_left))) <= 8


def test_a_closer_look_finds_which_part_a_picture_shows():
    grey = np.asarray(drawn(320, 320).convert("L"), np.uint8)
    whole, part = (np.asarray(Image.fromarray(at).resize((64, 64), 4)) for at in (grey, grey[30:320, 10:300]))
    likeness, (top, left, side) = closest(whole, part)
    assert likeness > 0.98
    assert (top, left, side) == (6, 2, 58)
    other = np.random.default_rng(4).integers(0, 256, (64, 64), dtype=np.uint8)
    assert closest(whole, other)[0] < 0.6
    assert closest(np.full((64, 64), 7, np.uint8), other)[0] == 0


def test_groups_are_what_pairs_connect():
    import pandas as pd

    pairs = pd.DataFrame([("a", "b"), ("c", "d"), ("b", "e")], columns=["id", "other"])
    assert grouped(pairs) == {"a": "a", "b": "a", "e": "a", "c": "c", "d": "c"}
    assert grouped(pairs[:0]) == {}


def test_the_published_network_has_its_layers():
    spec = {"size": 224, "classes": ["minor", "moderate", "severe"]}
    model = networks.build(networks.published, spec, 1)
    convolutions = [(3 * 3 * before + 1) * filters for before, filters in ((3, 32), (32, 64), (64, 128), (128, 256))]
    normal = [4 * filters for filters in (32, 64, 128, 256)]
    dense = (14 * 14 * 256 + 1) * 512 + (512 + 1) * 3
    assert model.count_params() - model.layers[2].count_params() == sum(convolutions) + sum(normal) + dense
    assert networks.build(networks.residual, {**spec, "size": 96}, 1).output_shape == (None, 3)


def test_augmented_photographs_keep_their_size_and_differ():
    pictures = np.repeat(np.asarray(drawn(64, 64))[None], 8, axis=0)
    spec = {"rotation_degrees": 15.0, "brightness": 0.2, "contrast": 0.2, "mirror": True, "zoom": 0.3}
    changed = augment(pictures, spec, np.random.default_rng(2))
    assert (changed.shape, changed.dtype) == (pictures.shape, np.uint8)
    assert len({picture.tobytes() for picture in changed}) == 8
    still = {**spec, "rotation_degrees": 0.0, "brightness": 0.0, "contrast": 0.0, "mirror": False, "zoom": 0.0}
    np.testing.assert_array_equal(augment(pictures, still, np.random.default_rng(2)), pictures)
