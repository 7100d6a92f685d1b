"""IDX files are read as they say or refused by what is wrong; the published networks have their published sizes."""

import struct

import numpy as np
import pytest

from brazada.errors import InputError
from brazada.images.fashion import idx, networks
from brazada.images.fashion.ingest import read
from brazada.images.fashion.tables import CLASSES
from brazada.images.fashion.tasks import augment
from brazada.ingest.whole import Refused
from brazada.simulate.fashion import idx as written

PICTURES = written(np.zeros((3, 28, 28), np.uint8))
LABELS = written(np.array([0, 9, 4], np.uint8))


def test_pictures_and_labels_are_rows():
    rows = list(read("/a/train-images-idx3-ubyte", PICTURES, LABELS))
    assert [row[:5] for row in rows] == [
        ("train-00000", "train", 0, "T-shirt/top", 0),
        ("train-00001", "train", 1, "Ankle boot", 9),
        ("train-00002", "train", 2, "Coat", 4),
    ]
    assert rows[0][5] == bytes(784)


@pytest.mark.parametrize(
    ("pictures", "labels", "reason"),
    [
        (b"eleven byte", LABELS, "pictures: no IDX file: 11 bytes that begin with 656c6576"),
        (b"", LABELS, "pictures: no IDX file: 0 bytes that begin with nothing"),
        (PICTURES[:9], LABELS, "pictures: the header is cut off after 9 bytes"),
        (PICTURES[:-1], LABELS, "pictures: the header says 3 x 28 x 28 bytes, found 2351"),
        (PICTURES + b"\0", LABELS, "pictures: the header says 3 x 28 x 28 bytes, found 2353"),
        (LABELS, LABELS, "pictures: expected uint8 in 3 dimensions, found uint8 in 1: 3"),
        (  # QMNIST's labels
            PICTURES,
            struct.pack(">4B2I", 0, 0, 12, 2, 3, 8) + bytes(96),
            "labels: expected uint8 in 1 dimensions, found int32 in 2: 3 x 8",
        ),
        (PICTURES, written(np.zeros(2, np.uint8)), "expected a label for each picture, found 2 labels for 3 pictures"),
        (PICTURES, written(np.array([1, 2, 10], np.uint8)), "labels: expected 0 to 9, found 10"),
        (written(np.zeros((3, 32, 32), np.uint8)), LABELS, "pictures: expected 28 x 28, found 32 x 32"),
    ],
)
def test_what_disagrees_with_its_header_is_refused_by_name(pictures, labels, reason):
    with pytest.raises(Refused) as refused:
        list(read("/a/train-images-idx3-ubyte", pictures, labels))
    assert refused.value.reason == reason


def test_pictures_are_paired_with_their_labels():
    uris = [f"file:/a/{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]
    mixed = ["file:/b/train-images-idx3-ubyte.gz", "file:/b/train-labels-idx1-ubyte"]
    assert idx.pairs([*uris, *mixed]) == [tuple(uris[:2]), tuple(uris[2:]), tuple(mixed)]
    for alone in (uris[:1], uris[1:], [*uris, mixed[1]]):
        with pytest.raises(InputError, match="alone"):
            idx.pairs(alone)
    with pytest.raises(InputError, match="qmnist-test-labels-idx2-int"):
        idx.pairs([*uris, "file:/a/qmnist-test-labels-idx2-int"])


@pytest.mark.parametrize(
    ("features", "parameters", "fixed"),
    [(networks.cnn, 306_906, 928), (networks.rnn, 135_498, 128), (networks.bilstm, 1_340_042, 0)],
)
def test_the_published_networks_have_their_numbers_of_parameters(features, parameters, fixed):
    model = networks.build(features, {"classes": CLASSES}, 1)
    assert model.count_params() == parameters
    assert sum(int(np.prod(variable.shape)) for variable in model.non_trainable_variables) == fixed
    assert model.input_shape == (None, 28, 28)
    assert model(np.zeros((2, 28, 28), np.uint8)).shape == (2, 10)


def test_a_network_trained_on_mirrored_pictures_tells_a_picture_as_its_mirror():
    pictures = np.random.default_rng(3).integers(0, 256, (4, 28, 28), np.uint8)
    one, both = (networks.build(networks.residual, {"classes": CLASSES, "mirror": on}, 1) for on in (False, True))
    both.layers[-1].model.set_weights(one.get_weights())
    mean = (one(pictures) + one(pictures[:, :, ::-1])) / 2
    np.testing.assert_allclose(both(pictures), mean, atol=1e-6)
    np.testing.assert_allclose(both(pictures[:, :, ::-1]), mean, atol=1e-6)
    assert both.count_params() == one.count_params()
    assert len(both.trainable_variables) == len(one.trainable_variables)


def test_augmented_pictures_are_shifted_mirrored_and_partly_erased():
    picture = np.zeros((1, 28, 28), np.uint8)
    picture[0, 10:18, 4:10] = 200
    many = augment(np.repeat(picture, 400, axis=0), {}, np.random.default_rng(1))
    assert many.dtype == np.uint8
    assert many.shape == (400, 28, 28)
    weight = (many == 200).sum(axis=(1, 2))
    untouched = many[weight == 48]
    left = (untouched[:, :, :14] == 200).any(axis=(1, 2)).mean()
    assert 0.3 < left < 0.7  # mirrored by half
    assert 0.3 < np.mean((many > 0).sum(axis=(1, 2)) != 48) < 0.6  # erased by half, some of it black on black
    assert (
        len({tuple(np.argwhere(each == 200)[0]) for each in untouched}) > 30
    )  # five places down, five across, two sides
