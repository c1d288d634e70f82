"""The dictionary on disk: one compressed file of lines ``word code[,code...]``.

``python -m zelitrio.text.lexicon_file cmudict.dict`` packs the CMU pronouncing dictionary
(https://github.com/cmusphinx/cmudict, BSD-style, notice in data/LICENSE.cmudict) into
data/cmudict.xz.  Entries keep their order: the first pronunciation is the usual one.
"""

from __future__ import annotations

import lzma
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from zelitrio.text.phones import encode

DATA = Path(__file__).parent / "data"
"""The folder of the dictionary and the letter-to-sound model."""
_LINE = re.compile(r"([^\s(]+)(?:\(\d+\))? +([A-Z0-9 ]+?)\s*(?:#.*)?\n?")


def read_cmudict(lines: Iterable[str]) -> dict[str, list[str]]:
    """Read a dictionary in the CMU's text format: words, each with its coded pronunciations in order."""
    entries: dict[str, list[str]] = {}
    for line in lines:
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"cmudict: expected 'word PH ON ES', found {line!r}")
        code = encode(tuple(match[2].split()))
        variants = entries.setdefault(match[1].lower(), [])
        if code not in variants:
            variants.append(code)
    return entries


def pack(entries: dict[str, list[str]]) -> bytes:
    """The bytes of the data file."""
    text = "\n".join(f"{word} {','.join(variants)}" for word, variants in sorted(entries.items()))
    return lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME)


def unpack(data: bytes) -> dict[str, str]:
    """Words with their coded pronunciations, joined by commas, because splitting on look-up is faster."""
    parts = lzma.decompress(data).decode().split()
    return dict(zip(parts[::2], parts[1::2], strict=True))


def load_cmudict() -> dict[str, str]:
    """A new copy of the built-in dictionary, in the format of `unpack`."""
    return unpack((DATA / "cmudict.xz").read_bytes())


def main() -> None:
    """Pack the dictionary named on the command line."""
    with Path(sys.argv[1]).open(encoding="utf-8") as lines:
        packed = pack(read_cmudict(lines))
    (DATA / "cmudict.xz").write_bytes(packed)
    print(f"{len(packed)} bytes")


if __name__ == "__main__":
    main()
