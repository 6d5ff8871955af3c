#!/usr/bin/env python3
"""Write src/text/unicode_tables.c: the sets of characters that the reference tokenizer treats specially.

The reference (the Rust library `tokenizers`) carries Unicode tables of several ages, so its sets are measured: every
Unicode scalar value is passed through it. What a character decomposes to or what its lower case is comes from
utf8proc at run time; the tables only say *whether* the reference decomposes, reorders or lower-cases it, which keeps
results the same under any newer utf8proc. The two sets for the final sigma of Greek are measured on Python's own
str.lower(), which the published pre-training data went through.

    python3 -m venv venv && venv/bin/pip install tokenizers==0.23.3
    venv/bin/python tools/gen_unicode_tables.py > src/text/unicode_tables.c

Needs Python 3.11 or later (Unicode 14 or later, for lower-case mappings that utf8proc 2.8 knows).
"""

import sys
import unicodedata

import tokenizers
from tokenizers import normalizers, pre_tokenizers

SCALARS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
PLAIN = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)


def bert(**changes):
    return normalizers.BertNormalizer(**{**PLAIN, **changes}).normalize_str


def members(test):
    return [c for c in SCALARS if test(chr(c))]


def reordered(c):
    """Does the reference's normalisation move the mark c among other marks?"""
    nfd = normalizers.NFD().normalize_str
    cls = unicodedata.combining(c)
    if cls == 0:
        return False
    pair = c + "\u0334" if cls > 1 else "\u0301" + c  # classes 1 and 230
    return nfd("a" + pair) == "a" + nfd(pair[1] + pair[0])


def case_ignorable(c):
    """Python skips c when it looks for the neighbours of a capital sigma."""
    return ("A\u03a3" + c + "A").lower()[1] == "\u03c3" and ("A" + c + "\u03a3").lower().endswith("\u03c2") and (
        c + "\u03a3").lower().endswith("\u03c3")


def cased(c):
    return (c + "\u03a3").lower().endswith("\u03c2")


def pieces(c):
    return len(pre_tokenizers.BertPreTokenizer().pre_tokenize_str("a" + c + "b"))


def ranges(points):
    out = []
    for c in points:
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def print_set(name, points):
    rows = ranges(points)
    print(f"/* {len(points)} characters */")
    print(f"static const el_range {name}[] = {{")
    line = "   "
    for first, last in rows:
        item = f" {{0x{first:04X}, 0x{last:04X}}},"
        if len(line) + len(item) > 118:
            print(line)
            line = "   "
        line += item
    print(line)
    print("};\n")


def main():
    clean, marks, lower = bert(clean_text=True), bert(strip_accents=True), bert(lowercase=True)
    nfd = normalizers.NFD().normalize_str
    chinese = bert(handle_chinese_chars=True)
    split = {c: pieces(chr(c)) for c in SCALARS}
    sets = {
        "CONTROL": members(lambda c: clean(c) == ""),
        "SPACE": [c for c in SCALARS if split[c] == 2],
        "PUNCTUATION": [c for c in SCALARS if split[c] == 3],
        "IDEOGRAPH": members(lambda c: chinese(c) != c),
        "MARK": members(lambda c: marks(c) == ""),
        "DECOMPOSES": members(lambda c: nfd(c) != c),
        "REORDERED": members(reordered),
        "LOWERS": members(lambda c: lower(c) != c),
        "CASED": members(cased),
        "CASE_IGNORABLE": members(case_ignorable),
    }
    spaces = set(members(lambda c: clean(c) == " ")) | set(sets["CONTROL"])
    assert set(sets["SPACE"]) <= spaces, "a separator that cleaning neither drops nor maps"

    print(f"""/* Sets of characters, measured on tokenizers {tokenizers.__version__} and, for the last two, on Python
 * {sys.version.split()[0]} (Unicode {unicodedata.unidata_version}).
 * Made by tools/gen_unicode_tables.py; change that, not this. */
// clang-format off
#include "text/unicode_tables.h"
""")
    for name, points in sets.items():
        print_set(name, points)

    print("const el_char_set EL_CHAR_SETS[EL_CHAR_SETS_N] = {")
    for name in sets:
        print(f"    {{EL_CHAR_{name}, {name}, sizeof {name} / sizeof {name}[0]}},")
    print("};\n")

    odd = [c for c in sets["LOWERS"] if len(lower(chr(c))) > 1 or lower(chr(c)) != chr(c).lower()]
    print("const el_lower_exception EL_LOWER_EXCEPTIONS[] = {")
    for c in odd:
        to = [ord(x) for x in lower(chr(c))] + [0]
        print(f"    {{0x{c:04X}, {{0x{to[0]:04X}, 0x{to[1]:04X}}}}},")
    print("};\nconst size_t EL_LOWER_EXCEPTIONS_N = sizeof EL_LOWER_EXCEPTIONS / sizeof EL_LOWER_EXCEPTIONS[0];")


main()
