"""Files with some of their bytes damaged: a picture, or a reason; weights, or a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasette_revimg.errors import WeightsError
from datasette_revimg.models.weights import readers
from datasette_revimg.pictures.decoding import decode
from datasette_revimg.pictures.isolated import IsolatedDecoder
from datasette_revimg.pictures.opening import ImageError, formats
from kit import seeds
from kit.fuzzing import Change, changes, damaged, examples
from kit.weight_files import LITTLE


@pytest.fixture(scope="module")
def pictures() -> dict[str, bytes]:
    return seeds.pictures()


@pytest.fixture(scope="module")
def decoder() -> Iterator[IsolatedDecoder]:
    """Decode in another process, which a decoder's crash may end."""
    decoder = IsolatedDecoder()
    yield decoder
    decoder.close()


@pytest.mark.parametrize("kind", formats())
@examples(60)
@given(variant=st.integers(0, 5), each=changes)
def test_pictures(
    pictures: dict[str, bytes],
    decoder: IsolatedDecoder,
    kind: str,
    variant: int,
    each: list[Change],
) -> None:
    variants = [data for name, data in pictures.items() if name.split(",")[0] == kind]
    data = damaged(variants[variant % len(variants)], each)
    try:
        picture = decoder.decode(data, (24, 16))
    except ImageError as error:
        reason = str(error)
    else:
        assert picture.array.shape == (24, 16, 3)
        assert picture.width > 0 < picture.height
        return
    # In words, which no library's are.
    assert reason
    for jargon in ("Error", "error", "bytes not processed", "tile cannot", "crashed"):
        assert jargon not in reason


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return seeds.weights(tmp_path_factory.mktemp("seeds"))


def test_the_files_are_good_before(
    pictures: dict[str, bytes], weights: dict[str, bytes], tmp_path: Path
) -> None:
    """Weights are read up to the shapes of their tensors."""
    for data in pictures.values():
        assert decode(data, (24, 16)).array.shape == (24, 16, 3)
    for data in weights.values():
        (tmp_path / "x").write_bytes(data)
        with pytest.raises(WeightsError, match="has the shape"):
            readers.read_convolutions(tmp_path / "x")


@pytest.mark.parametrize("kind", LITTLE)
@examples(60)
@given(each=changes)
def test_weights(
    weights: dict[str, bytes],
    tmp_path_factory: pytest.TempPathFactory,
    kind: str,
    each: list[Change],
) -> None:
    """Even the whole file is refused, for the shapes of its tensors: none may be accepted."""
    file = tmp_path_factory.getbasetemp() / "weights"
    file.write_bytes(damaged(weights[kind], each))
    with pytest.raises(WeightsError) as caught:
        readers.read_convolutions(file)
    assert str(caught.value).startswith(f"{file}: ")
