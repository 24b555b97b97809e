"""What an ONNX file says of itself, read without an ONNX library, which the makers of pages need not have.

Reference:
    `onnx.proto`: field 14 of a `ModelProto` holds pairs of texts; Protocol Buffers, Encoding (tags, varints, lengths).
"""

from collections.abc import Iterator

PROPERTIES, KEY, VALUE = 14, 1, 2  # numbers of fields
VARINT, EIGHT_BYTES, LENGTH, FOUR_BYTES = 0, 1, 2, 5  # how values are stored


def properties(content: bytes) -> dict[str, str]:
    """Texts that a file has under names of its maker's choice (`metadata_props`).

    Args:
        content: of the file.

    Raises:
        ValueError: it is no ONNX file, or not a whole one.
    """
    found = {}
    for number, value in _fields(memoryview(content)):
        if number == PROPERTIES:
            pair = {one: bytes(text).decode() for one, text in _fields(value)}
            found[pair.get(KEY, "")] = pair.get(VALUE, "")
    return found


def _fields(content: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Numbers and contents of the fields of a message; those of fixed length are passed over."""
    place = 0
    while place < len(content):
        tag, place = _varint(content, place)
        number, kind = divmod(tag, 8)
        if kind == VARINT:
            _, place = _varint(content, place)
            continue
        if kind not in (EIGHT_BYTES, LENGTH, FOUR_BYTES):
            raise ValueError(f"a field of kind {kind}")
        length, place = _varint(content, place) if kind == LENGTH else (8 if kind == EIGHT_BYTES else 4, place)
        if place + length > len(content):
            raise ValueError("it ends too early")
        if kind == LENGTH:
            yield number, content[place : place + length]
        place += length


def _varint(content: memoryview, place: int) -> tuple[int, int]:
    """Whole number of a varying number of bytes, seven bits each, the lowest first; the place after it."""
    value = shift = 0
    while True:
        if place >= len(content):
            raise ValueError("it ends too early")
        byte = content[place]
        value, shift, place = value | (byte & 0x7F) << shift, shift + 7, place + 1
        if byte < 0x80:
            return value, place
