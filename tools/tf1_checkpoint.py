#!/usr/bin/env python3
"""Write TensorFlow 1 checkpoints (index and data) without TensorFlow, for fixtures.

    python tools/tf1_checkpoint.py PREFIX...

reads the checkpoint of each prefix, writes the same tensors again and says whether both files are the same to the last
byte. Written from the descriptions of the formats (LevelDB's tables; tensor_bundle.proto); needs numpy alone.
"""
import struct
import sys
import tempfile
from pathlib import Path

import numpy as np

TYPES = {np.dtype("<f4"): 1, np.dtype("<f8"): 2, np.dtype("<i4"): 3, np.dtype("<i8"): 9, np.dtype("<f2"): 19}
RESTART_EVERY = 16  # entries
MAGIC = bytes.fromhex("57fb808b247547db")


def crc32c(data):
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0x82f63b78 if n & 1 else 0)
        table.append(n)
    crc = 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 255]
    return crc ^ 0xffffffff


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xa282ead8) & 0xffffffff


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def number(field, n):
    return varint(field << 3) + varint(n) if n else b""


def message(field, content):
    return varint(field << 3 | 2) + varint(len(content)) + content


def block(entries):
    """Entries (sorted keys) as a block with its trailer."""
    out, restarts, last = b"", [], b""
    for i, (key, value) in enumerate(entries):
        shared = 0
        if i % RESTART_EVERY == 0:
            restarts.append(len(out))
        else:
            while shared < min(len(key), len(last)) and key[shared] == last[shared]:
                shared += 1
        out += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        last = key
    restarts = restarts or [0]
    out += struct.pack(f"<{len(restarts) + 1}I", *restarts, len(restarts)) + b"\0"
    return out + struct.pack("<I", masked(out))


def successor(key):
    """The shortest key that is not below this one."""
    for i, byte in enumerate(key):
        if byte != 255:
            return key[:i] + bytes([byte + 1])
    return key


def write(prefix, tensors):
    """tensors: {name: array}; one shard, as TensorFlow writes a model of this size."""
    data = b""
    entries = [(b"", number(1, 1) + message(3, number(1, 1)))]
    for name in sorted(tensors, key=str.encode):
        array = np.ascontiguousarray(tensors[name])
        raw = array.tobytes()
        shape = b"".join(message(2, number(1, n)) for n in np.shape(tensors[name]))
        entries.append((name.encode(), number(1, TYPES[array.dtype]) + message(2, shape) + number(4, len(data)) +
                        number(5, len(raw)) + varint(6 << 3 | 5) + struct.pack("<I", masked(raw))))
        data += raw
    table = block(entries)
    handle = varint(0) + varint(len(table) - 5)
    meta_at, meta = len(table), block([])
    index_at, index = meta_at + len(meta), block([(successor(entries[-1][0]), handle)])
    footer = (varint(meta_at) + varint(len(meta) - 5) + varint(index_at) + varint(len(index) - 5)).ljust(40, b"\0")
    Path(f"{prefix}.index").write_bytes(table + meta + index + footer + MAGIC)
    Path(f"{prefix}.data-00000-of-00001").write_bytes(data)


# ---- reading, for the check ------------------------------------------------------------------------------------------

def take(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def fields(data):
    at = 0
    while at < len(data):
        key, at = take(data, at)
        if key & 7 == 0:
            value, at = take(data, at)
        elif key & 7 == 5:
            value, at = struct.unpack("<I", data[at:at + 4])[0], at + 4
        else:
            length, at = take(data, at)
            value, at = data[at:at + length], at + length
        yield key >> 3, value


def entries_of(table, offset, size):
    content = table[offset:offset + size]
    end = size - 4 - 4 * struct.unpack("<I", content[-4:])[0]
    at, key = 0, b""
    while at < end:
        shared, at = take(content, at)
        added, at = take(content, at)
        length, at = take(content, at)
        key = key[:shared] + content[at:at + added]
        at += added
        yield key, content[at:at + length]
        at += length


def read(prefix):
    table = Path(f"{prefix}.index").read_bytes()
    data = Path(f"{prefix}.data-00000-of-00001").read_bytes()
    at, handles = 0, []
    for _ in range(4):
        value, at = take(table[-48:], at)
        handles.append(value)
    dtypes = {v: k for k, v in TYPES.items()}
    tensors = {}
    for _, handle in entries_of(table, *handles[2:]):
        offset, at = take(handle, 0)
        size, _ = take(handle, at)
        for key, value in entries_of(table, offset, size):
            if key:
                found = dict(fields(value))
                shape = [dict(fields(d)).get(1, 0) for n, d in fields(found.get(2, b"")) if n == 2]
                start = found.get(4, 0)
                tensors[key.decode()] = np.frombuffer(data[start:start + found[5]], dtypes[found[1]]).reshape(shape)
    return tensors


def main():
    different = 0
    for prefix in sys.argv[1:]:
        tensors = read(prefix)
        with tempfile.TemporaryDirectory() as folder:
            again = Path(folder) / "again"
            write(again, tensors)
            same = all(Path(f"{again}{end}").read_bytes() == Path(f"{prefix}{end}").read_bytes()
                       for end in (".index", ".data-00000-of-00001"))
        different += not same
        print(f"{prefix}: {len(tensors)} tensors, written again {'the same bytes' if same else 'DIFFERENT bytes'}")
    return different != 0


if __name__ == "__main__":
    sys.exit(main())
