#!/usr/bin/env python3
"""Makes data/task-source/train.tsv and dev.tsv from data/novels.txt and data/speeches.txt: which of four sources is this
passage from?

    tools/make_task.py data

A row is one or more whole sentences of one paragraph, 20 to 50 words in all, and the name of its source. Rows of dev come
from the last chapters of a novel and the latest addresses, rows of train from those before, so no passage stands beside
its neighbour. Passages are taken at even distances; nothing is drawn at random, so the files are the same every time."""
import pathlib
import re
import sys

# label, file, the line that its first document begins with (None: all of the file), the line the next source begins with
SOURCES = [
    ("speech", "speeches.txt", None, None),
    ("jane_eyre", "novels.txt", "Jane Eyre", "THE INNOCENCE OF FATHER BROWN"),
    ("secret_garden", "novels.txt", "THE SECRET GARDEN", "Jane Eyre"),
    ("treasure_island", "novels.txt", "TREASURE ISLAND", None),
]
TRAIN_ROWS, DEV_ROWS = 80, 25  # of each source
DEV_SHARE = 0.25               # of the documents
FEWEST_WORDS, MOST_WORDS = 20, 50
# a sentence ends behind . ! ? and a closing quote, and the next begins with a capital or an opening quote
SENTENCE_END = re.compile(r"(?<=[.!?])(?:\"|')? +(?=[\"'A-Z])|(?<=[.!?][\"']) +(?=[\"'A-Z])")
SHORT_FORMS = re.compile(r"\b(Mr|Mrs|Dr|St|Messrs|[A-Z])\.$")


def documents(text, first, behind):
    found = []
    for document in text.strip().split("\n\n"):
        lines = document.split("\n")
        if first is not None and not found and lines[0] != first:
            continue
        if behind is not None and lines[0] == behind:
            break
        found.append(lines)
    return found


def sentences(paragraph):
    whole, begin = [], 0
    for end in SENTENCE_END.finditer(paragraph):
        if not SHORT_FORMS.search(paragraph[: end.start()]):
            whole.append(paragraph[begin : end.end()].strip())
            begin = end.end()
    return whole + [paragraph[begin:].strip()]


def passages(document):
    """At most one of a paragraph: its first sentences, as few as have the words, unless they break off a quotation."""
    for paragraph in document[1:]:
        taken = []
        for sentence in sentences(paragraph):
            taken.append(sentence)
            words = sum(len(part.split()) for part in taken)
            if words >= FEWEST_WORDS:
                text = " ".join(taken)
                if words <= MOST_WORDS and re.search(r"[.!?][\"']?$", text) and text.count('"') % 2 == 0:
                    yield text
                break


def at_even_distances(items, n):
    if len(items) < n:
        sys.exit(f"only {len(items)} passages where {n} are wanted")
    return [items[i * len(items) // n] for i in range(n)]


def main():
    folder = pathlib.Path(sys.argv[1])
    rows = {"train": [], "dev": []}
    for label, name, first, behind in SOURCES:
        all_documents = documents((folder / name).read_text(encoding="utf-8"), first, behind)
        cut = len(all_documents) - int(len(all_documents) * DEV_SHARE)
        for split, part, n in (("train", all_documents[:cut], TRAIN_ROWS), ("dev", all_documents[cut:], DEV_ROWS)):
            found = at_even_distances([p for document in part for p in passages(document)], n)
            rows[split].append([(text, label) for text in found])
    output = folder / "task-source"
    output.mkdir(exist_ok=True)
    for split, by_source in rows.items():
        mixed = [row for together in zip(*by_source) for row in together]  # a row of each source in turn
        assert len({text for text, _ in mixed}) == len(mixed)
        lines = ["text\tlabel"] + [f"{text}\t{label}" for text, label in mixed]
        (output / f"{split}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
