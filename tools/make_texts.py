#!/usr/bin/env python3
"""Makes data/speeches.txt and data/novels.txt from two archives of plain text files (data/README.md names them).

    tools/make_texts.py us_speeches.tar.zst english_novels.15books.tar.zst data

Output: UTF-8, a paragraph a line, a blank line between documents (an address; a chapter). Paragraphs are unwrapped and
runs of white space become one space. Of the addresses that are not UTF-8, four turn out to be ASCII with the quotation
marks and dashes of Big5, the others are Windows-1252. Nothing else is changed. Needs the program zstd."""
import io
import pathlib
import re
import subprocess
import sys
import tarfile

FIRST_SPEECH_YEAR = 1945
NOVELS = [  # plain prose, each published before 1913 by an author who died before 1937
    "Burnett_Garden_1911", "Cbronte_Jane_1847", "Chesterton_Innocence_1911", "Doyle_Hound_1902",
    "Doyle_Lost_1912", "Haggard_Mines_1885", "Stevenson_Treasure_1883",
]
SHORTEST_DOCUMENT = 1000  # characters; title pages and the like join what follows
MOST_BYTES = 4_000_000


def decode(data):
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("big5" if re.search(rb"\xa1[\x58\xa5-\xa8]", data) else "cp1252")


def read_archive(path):
    """{file name without folder: text}"""
    tar = subprocess.run(["zstd", "-dc", path], check=True, stdout=subprocess.PIPE).stdout
    texts = {}
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        for member in archive:
            if member.isfile() and member.name.endswith(".txt"):
                folder, name = member.name.split("/")[-2:]
                texts[folder, name[: -len(".txt")]] = decode(archive.extractfile(member).read())
    return texts


def clean(line):
    return " ".join(line.replace("\ufeff", "").split())


def is_wrapped(text):
    """Whether lines were broken to a width, so that paragraphs are what blank lines part."""
    lines = [line for line in text.splitlines() if line.strip()]
    return sum(len(line) > 150 for line in lines) < len(lines) / 50


def paragraphs(text):
    """[(number of blank lines before it, paragraph)]"""
    wrapped = is_wrapped(text)
    found, blanks, parts = [], 0, []
    for line in text.splitlines() + [""]:
        line = clean(line)
        if line and wrapped:
            parts.append(line)
        elif line:
            found.append((blanks, line))
        elif parts:
            found.append((blanks, " ".join(parts)))
        if line:
            blanks = blanks if parts else 0
        else:
            blanks = 1 if parts else blanks + 1
            parts = []
    return found


def documents_of_novel(text):
    documents, current = [], []
    for blanks, paragraph in paragraphs(text):
        begins = blanks >= 3 or re.fullmatch(r"(chapter\b.{0,20}|\d+\.?|[IVXL]+\.?)", paragraph, re.IGNORECASE)
        if begins and sum(map(len, current)) >= SHORTEST_DOCUMENT:
            documents.append(current)
            current = []
        current.append(paragraph)
    return documents + [current]


def write(path, documents):
    text = "\n\n".join("\n".join(document) for document in documents) + "\n"
    assert len(text.encode()) < MOST_BYTES, f"{path} would have {len(text.encode())} bytes"
    path.write_text(text, encoding="utf-8")
    print(f"{path}: {len(documents)} documents, {len(text.split())} words, {len(text.encode())} bytes")


def main():
    speeches_archive, novels_archive, output = sys.argv[1:]
    output = pathlib.Path(output)
    speeches = read_archive(speeches_archive)
    by_year = sorted(speeches, key=lambda key: (key[1], key[0]))
    recent = [key for key in by_year if int(key[1][:4]) >= FIRST_SPEECH_YEAR]
    write(output / "speeches.txt", [[p for _, p in paragraphs(speeches[key])] for key in recent])
    novels = {name: text for (_, name), text in read_archive(novels_archive).items()}
    write(output / "novels.txt", [d for name in NOVELS for d in documents_of_novel(novels[name])])


if __name__ == "__main__":
    main()
