"""As much CBOR as the Kinesis API needs, and nothing decided for the reader: tags stay tags."""

import dataclasses
import struct


@dataclasses.dataclass(frozen=True)
class Tagged:
    tag: int
    value: object


def _head(major, argument):
    for limit, info, form in ((24, None, ""), (2**8, 24, ">B"), (2**16, 25, ">H"), (2**32, 26, ">I"),
                              (2**64, 27, ">Q")):
        if argument < limit:
            return (bytes([major << 5 | argument]) if info is None
                    else bytes([major << 5 | info]) + struct.pack(form, argument))
    raise ValueError(argument)


def encode(value, indefinite=False):
    """`indefinite` writes maps and lists without their sizes, as AWS's own SDKs may."""
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        return _head(3, len(value.encode())) + value.encode()
    if isinstance(value, Tagged):
        return _head(6, value.tag) + encode(value.value, indefinite)
    if isinstance(value, dict):
        items = [encode(part, indefinite) for pair in value.items() for part in pair]
        return (b"\xbf" + b"".join(items) + b"\xff" if indefinite
                else _head(5, len(value)) + b"".join(items))
    if isinstance(value, list):
        items = [encode(part, indefinite) for part in value]
        return (b"\x9f" + b"".join(items) + b"\xff" if indefinite
                else _head(4, len(value)) + b"".join(items))
    raise TypeError(type(value))


def decode(data):
    value, rest = _decode(memoryview(data))
    assert not len(rest), f"{len(rest)} bytes after the end"
    return value


_BREAK = object()


def _decode(data):
    major, info, data = data[0] >> 5, data[0] & 31, data[1:]
    if major == 7:
        return _simple(info, data)
    if info == 31:
        return _indefinite(major, data)
    if info >= 24:
        size = 1 << (info - 24)
        info, data = int.from_bytes(data[:size], "big"), data[size:]
    if major == 0:
        return info, data
    if major == 1:
        return -1 - info, data
    if major in (2, 3):
        piece = bytes(data[:info])
        return (piece if major == 2 else piece.decode()), data[info:]
    if major == 6:
        value, data = _decode(data)
        return Tagged(info, value), data
    items = []
    for _ in range(info * (2 if major == 5 else 1)):
        item, data = _decode(data)
        items.append(item)
    return _container(major, items), data


def _indefinite(major, data):
    items = []
    while True:
        item, data = _decode(data)
        if item is _BREAK:
            return _container(major, items), data
        items.append(item)


def _container(major, items):
    if major == 2:
        return b"".join(items)
    if major == 3:
        return "".join(items)
    return dict(zip(items[::2], items[1::2])) if major == 5 else items


def _simple(info, data):
    if info == 31:
        return _BREAK, data
    if info in (20, 21, 22, 23):
        return {20: False, 21: True}.get(info), data
    form, size = {25: (">e", 2), 26: (">f", 4), 27: (">d", 8)}[info]
    return struct.unpack(form, data[:size])[0], data[size:]
