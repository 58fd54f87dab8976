"""CRC32, CRC32C and CRC64NVME as S3 gives them; the last two by numpy, for Python has the first
alone.

A block of bytes is cut into many lanes whose registers advance together, a column of bytes at a
time; the registers of neighbours are then joined, for a CRC is linear: behind `n` more bytes a
register is what `n` zero bytes make of it, xor the register of those bytes alone.
"""

import functools
import zlib

import numpy as np

# (polynomial, bits reversed; number of bits), from the catalogue of parametrised CRC algorithms.
POLYNOMIALS = {"crc32c": (0x82F63B78, 32), "crc64nvme": (0x9A6C9329AC4BC9B5, 64)}
LANES = 1 << 12
BYTE = np.uint64(8)
LOW = np.uint64(0xFF)


class Crc:
    """A checksum that grows with `update`, used like those of hashlib."""

    def __init__(self, kind: str):
        self.kind = kind
        self.value = 0

    def update(self, content: bytes):
        if self.kind == "crc32":
            self.value = zlib.crc32(content, self.value)
        else:
            self.value = continued(self.kind, self.value, content)

    def digest(self) -> bytes:
        return self.value.to_bytes(8 if self.kind == "crc64nvme" else 4, "big")


def continued(kind: str, value: int, content: bytes) -> int:
    """The CRC of what gave `value` followed by `content`."""
    if not content:
        return value
    ones = (1 << POLYNOMIALS[kind][1]) - 1
    register = np.array([value ^ ones], np.uint64)
    shifted = feed_zeros(register, zero_bytes(kind, len(content)))
    return (int(shifted[0]) ^ register_of(kind, content)) ^ ones


def register_of(kind: str, content: bytes) -> int:
    """The register after `content`, begun at zero."""
    # Zeros in front leave a register of zero as it is, so that every lane can be equally long.
    length = -(-len(content) // LANES)
    padded = np.zeros(LANES * length, np.uint8)
    padded[len(padded) - len(content) :] = np.frombuffer(content, np.uint8)
    columns = np.ascontiguousarray(padded.reshape(LANES, length).T)
    table = byte_table(kind)
    registers = np.zeros(LANES, np.uint64)
    for column in columns:
        registers = (registers >> BYTE) ^ table[(registers ^ column) & LOW]
    # Join neighbours until one is left; what each stands for doubles.
    while len(registers) > 1:
        registers = feed_zeros(registers[0::2], zero_bytes(kind, length)) ^ registers[1::2]
        length *= 2
    return int(registers[0])


@functools.cache
def byte_table(kind: str) -> np.ndarray:
    """(256,): the register after one byte, begun at zero."""
    polynomial = np.uint64(POLYNOMIALS[kind][0])
    one = np.uint64(1)
    table = np.arange(256, dtype=np.uint64)
    for _ in range(8):
        table = np.where(table & one, (table >> one) ^ polynomial, table >> one)
    return table


@functools.lru_cache(maxsize=256)
def zero_bytes(kind: str, n: int) -> np.ndarray:
    """(8, 256): what `n` zero bytes, at least one, make of each byte of a register."""
    if n == 1:
        values = np.stack([np.arange(256, dtype=np.uint64) << np.uint64(8 * i) for i in range(8)])
        return (values >> BYTE) ^ byte_table(kind)[values & LOW]
    half = zero_bytes(kind, n // 2)
    whole = feed_zeros(half, half)
    return feed_zeros(whole, zero_bytes(kind, 1)) if n % 2 else whole


def feed_zeros(registers: np.ndarray, operator: np.ndarray) -> np.ndarray:
    """What the zero bytes of an operator make of registers of any shape."""
    found = np.zeros_like(registers)
    for i in range(8):
        found ^= operator[i][(registers >> np.uint64(8 * i)) & LOW]
    return found
