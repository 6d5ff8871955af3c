#!/usr/bin/env python3
"""Write what the reference tokenizer makes of our own texts into tests/golden/tokenizer.

    python3 -m venv venv && venv/bin/pip install tokenizers==0.23.3
    venv/bin/python tools/gen_tokenizer_fixtures.py

treasure.txt there is input, not output: the beginning of "Treasure Island" (R. L. Stevenson, 1883, public domain).
The vocabularies differ from run to run, because the reference numbers "##" characters in the order of a hash table;
so all files are written together.

    languages.txt             our own sentences in several scripts
    vocab.*.txt, train.json   vocabularies trained by the reference, and the settings of each
    cases.jsonl               texts with ids, offsets and words, under several settings
    pairs.jsonl               pairs and windows
    decode.jsonl              ids and the text that the reference decodes them to
"""

import json
import pathlib
import unicodedata

from tokenizers import BertWordPieceTokenizer, Tokenizer, normalizers

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/tokenizer"

LANGUAGES = """The café's naïve façade cost £12.50 — a "bargain", she said; it wasn't!
Über den Wolken größer als Straße, Äpfel und Öl: 3 Stück für 4,20 €.
Élève, œuvre, garçon: l'été où Noël arriva à Besançon…
¿Dónde está el niño? ¡Mañana, en el año 2024!
Η γρήγορη αλεπού πηδά. ΟΔΥΣΣΕΥΣ ΚΑΙ ΣΟΦΟΣ ΟΔΟΣ.
Быстрая лиса прыгает через ленивого пса; ёлка и йод.
שלום עולם, זה מבחן. مرحبا بالعالم، هذا اختبار.
नमस्ते दुनिया, यह एक परीक्षा है।
東京は日本の首都です。中文分词测试,你好世界!
안녕하세요 세계, 한국어 시험입니다.
ภาษาไทยไม่มีช่องว่าง
İstanbul'da ışık, Iğdır ve DİYARBAKIR.
"""

EDGES = [
    "", " ", "\t\n\r", "a", "A", "hello", "Hello, World!", "don't stop", "x" * 100, "x" * 101, "x" * 200,
    ("e\u0301" * 100), ("e\u0301" * 101), "a" * 99 + "\u00e9", "a" * 100 + "\u00e9", "\u00b5" * 101,
    "The sea-chest (old), 'Bill' said: \"aye!\"", "well...yes?!", "1,234.56 and 7%", "e-mail@host.org/path_x#y",
    "[MASK]", "a[MASK]b", "[mask]", "[[MASK]]", "[CLS] [SEP] [PAD] [UNK]", "[MASK][MASK]", "[MASK", "the [MASK] sea.",
    "\ufeffthe sea", "the\u0000 sea", "s\u0000ea", "\u0000", "\u00adsoft\u00adhyphen", "zero\u200bwidth", "tab\there",
    "line\u2028sep\u2029par", "nb\u00a0space\u3000wide", "vt\u000bff\u000c", "nel\u0085x", "del\u007fx", "\u0001\u0002",
    "caf\u00e9", "cafe\u0301", "x\u0301x", "\u0301", "\u0301abc", "a\u0323\u0307b", "a\u0307\u0323b", "q\u0307\u0323",
    "\u1e9b\u0323", "\u1e0a\u0323", "\u00c5ngstr\u00f6m \u212b \u212a", "\ufb01sh \ufb02at", "\u01c4 \u01c5 \u01c6",
    "\u0130stanbul", "I\u0307", "\u0131", "STRASSE stra\u00dfe \u1e9e", "\u2260 a\u2260b \u226e", "\u1fef\u037e\u0387",
    "\u4e2d\u6587", "a\u4e2db", "\u6771\u4eac\u306f\u65e5\u672c\u3067\u3059\u3002", "\uf900 \U0002f800 \U00020000x",
    "\U0002b820\U0002b920", "\u3042\u304c\u3071", "\u30ab\u30ac\u30d1", "\ud55c\uad6d\uc5b4", "x\ud55cx", "\u1100\u1161",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f44d\U0001f3fd ok \U0001f600", "\u2764\ufe0f", "\U0001f1e9\U0001f1ea",
    "\u0645\u064f\u062d\u064e\u0645\u0651\u064e\u062f", "\u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd", "\u0939\u093f\u0928\u094d\u0926\u0940",
    "\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22", "\u039f\u0394\u039f\u03a3 \u039f\u03a3.", "\u03a3", "\u03a3\u0391 \u0391\u03a3\u0391",
    "\u2018quoted\u2019 \u201ctext\u201d \u2013 \u2014 \u2026", "\u20ac5 \u00a31 \u00a9 \u2122 \u00bd \u00b2", "\ue000private\uf8ff",
    "\U000e0001tag", "\uffff\ufffe", "\ufffdrep", "a\ufffdb", "\U0001d400\U0001d41a", "\u1d160\U0001d160x", "\u0344\u0345",
    "the  quick   brown", " lead and trail ", "a\n\nb\r\nc", "CamelCaseWord", "MiXeD123aBc", "ünïcödé", "O'Neill's",
    "pneumonoultramicroscopicsilicovolcanoconiosis", "averyveryverylongwordindeedthatneverends1234567890abcdef",
    "sixteen_letters_", "abcdefghijklmnop abcdefghijklmnopq", "abcdefgh abcdefghi", "\u0915\u094d\u0937", "\u302a\u3002\u302a",
]

BROKEN = [b"\xff", b"a\xffb", b"the \xc3 sea", b"\xe2\x82", b"\xe2\x28\xa1", b"\xf0\x9f\x98", b"\xed\xa0\x80x", b"\xc0\xafx",
          b"\xf4\x90\x80\x80", b"caf\xe9 au lait", b"\xf0\x9f\x98\x80\x80 ok", b"end\xe4\xb8", b"\xe4\xb8\xe4\xb8\xadx"]

SETTINGS = {
    "uncased": dict(lowercase=True),
    "cased": dict(lowercase=False),
    "uncased-keep-accents": dict(lowercase=True, strip_accents=False),
    "cased-strip-accents": dict(lowercase=False, strip_accents=True),
    "no-chinese": dict(lowercase=True, handle_chinese_chars=False),
    "no-clean": dict(lowercase=True, clean_text=False),
}


def train():
    """Vocabularies of the reference; no ties at the limit of the alphabet, where its choice is random."""
    runs = {
        "uncased": dict(files=["treasure.txt", "languages.txt"], lowercase=True, vocab_size=1600, limit_alphabet=1000),
        "cased": dict(files=["treasure.txt", "languages.txt"], lowercase=False, vocab_size=1400, limit_alphabet=1000),
        "novel": dict(files=["treasure.txt"], lowercase=True, vocab_size=4000, limit_alphabet=1000, min_frequency=5),
        "narrow": dict(files=["treasure.txt"], lowercase=False, vocab_size=700, limit_alphabet=51),
        "all": dict(files=["treasure.txt"], lowercase=True, vocab_size=30000, limit_alphabet=1000, min_frequency=1),
    }
    for name, run in runs.items():
        tokenizer = BertWordPieceTokenizer(lowercase=run["lowercase"])
        counts = {}
        for file in run["files"]:
            text = tokenizer.normalize((FOLDER / file).read_text())
            for c in "".join(text.split()):
                counts[c] = counts.get(c, 0) + 1
        order = sorted(counts.values(), reverse=True)
        limit = run["limit_alphabet"]
        assert len(order) <= limit or order[limit - 1] != order[limit], f"{name}: a tie at the limit: {order[limit-3:limit+3]}"
        tokenizer.train([str(FOLDER / f) for f in run["files"]], vocab_size=run["vocab_size"],
                        min_frequency=run.setdefault("min_frequency", 2), limit_alphabet=limit, show_progress=False)
        vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
        (FOLDER / f"vocab.{name}.txt").write_text("".join(token + "\n" for token, _ in vocabulary))
    (FOLDER / "train.json").write_text(json.dumps(runs, indent=2) + "\n")


def load(name, settings, specials=True):
    path = str(FOLDER / f"vocab.{name}.txt")
    tokenizer = BertWordPieceTokenizer(path, **settings)
    if specials:
        return tokenizer
    bare = json.loads(tokenizer.to_str())
    bare["added_tokens"] = []
    return Tokenizer.from_str(json.dumps(bare))


def line(out, **values):
    out.write(json.dumps(values, ensure_ascii=False, separators=(",", ":")) + "\n")


def described(encoding):
    return dict(ids=encoding.ids, offsets=encoding.offsets,
                words=[-1 if w is None else w for w in encoding.word_ids])


def google(tokenizer, vocabulary, text):
    """Google's order of steps on one text: lower-case whole words, then strip accents, then cut at punctuation."""
    clean = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=True, strip_accents=False, lowercase=False)
    pieces = []
    for word in clean.normalize_str(text).split():
        stripped = normalizers.StripAccents().normalize_str(unicodedata.normalize("NFD", word.lower()))
        for part, _ in tokenizer.pre_tokenizer.pre_tokenize_str(stripped):
            pieces += wordpiece(vocabulary, part)
    return [vocabulary["[CLS]"]] + pieces + [vocabulary["[SEP]"]]


def wordpiece(vocabulary, word):
    ids, start = [], 0
    while start < len(word) <= 200:
        for end in range(len(word), start, -1):
            piece = ("##" if start else "") + word[start:end]
            if piece in vocabulary:
                break
        else:
            return [vocabulary["[UNK]"]]
        ids.append(vocabulary[piece])
        start = end
    return ids or [vocabulary["[UNK]"]]


def cases():
    texts = EDGES + LANGUAGES.splitlines() + (FOLDER / "treasure.txt").read_text().splitlines()[:40]
    with open(FOLDER / "cases.jsonl", "w") as out:
        for name, settings in SETTINGS.items():
            vocabulary = "uncased" if settings["lowercase"] else "cased"
            for specials in (True, False):
                tokenizer = load(vocabulary, settings, specials)
                for text in texts:
                    if name in ("uncased", "cased") or not text.isascii():
                        if specials or "[" in text:
                            line(out, settings=name, vocab=vocabulary, specials=specials, text=text,
                                 **described(tokenizer.encode(text)))
            tokenizer = load(vocabulary, settings)
            for raw in BROKEN:
                line(out, settings=name, vocab=vocabulary, specials=True, hex=raw.hex(),
                     **described(tokenizer.encode(raw.decode("utf-8", "replace"))))
        bare = load("uncased", dict(lowercase=True), False)
        vocabulary = bare.get_vocab()
        words = ["\u039f\u0394\u039f\u03a3", "\u03a3", "\u03a3\u03a3", "\u0391\u03a3.", "\u0391\u03a3.\u0391", "\u0391\u03a3\u0301 \u0391",
                 "'\u0391\u03a3'", "\u0391\u03a3\u00ad\u0391", "\u0391\u00ad\u03a3", "\u03a3\u039f\u03a6\u039f\u03a3, \u039f\u03a3", "1\u03a3", "\u4e2d\u03a3",
                 "\u0391\u03a3\u4e2d\u0391", "\u0391'\u03a3", "\u0391\u03a3'\u0391", "\u0391.\u03a3", "\u0391 \u03a3", "\u0391\u03a3\u2019", "a\u03a3 A\u03a3",
                 "x" * 200, "x" * 201, "the [MASK] sea", "\u0130\u03a3", "\u0391\u0345\u03a3\u0345"]
        for text in words + EDGES:
            line(out, settings="google", vocab="uncased", specials=False, text=text, ids=google(bare, vocabulary, text))


def pairs():
    lines = [t for t in (FOLDER / "treasure.txt").read_text().splitlines() if t.strip()]
    texts = [" ".join(t.split()[: 5 + 9 * (i % 6)]) for i, t in enumerate(lines[8:24])] + ["", "a", "one two", "caf\u00e9 \u4e2d"]
    tokenizer = load("uncased", dict(lowercase=True))
    with open(FOLDER / "pairs.jsonl", "w") as out:
        def write(a, b, **options):
            first = tokenizer.encode(a) if b is None else tokenizer.encode(a, b)
            windows = [first] + (first.overflowing if "stride" in options else [])
            line(out, a=a, b=b, **options,
                 windows=[dict(**described(w), type_ids=w.type_ids) for w in windows])
        for i, a in enumerate(texts):
            b = texts[(5 * i + 3) % len(texts)]
            tokenizer.no_truncation()
            write(a, b)
            for most in (8, 9, 20, 33):
                tokenizer.enable_truncation(most, strategy="longest_first")
                write(a, b, max_length=most, truncation="longest_first")
                write(a, None, max_length=most, truncation="longest_first")
            tokenizer.enable_truncation(16, stride=4, strategy="longest_first")
            write(a, None, max_length=16, truncation="longest_first", stride=4)
            question = "where is the sea ?"
            tokenizer.enable_truncation(20, stride=5, strategy="only_second")
            write(question, a, max_length=20, truncation="only_second", stride=5)
            tokenizer.enable_truncation(20, stride=0, strategy="only_first")
            write(a, question, max_length=20, truncation="only_first", stride=0)


def decode():
    tokenizer = load("uncased", dict(lowercase=True))
    texts = (FOLDER / "treasure.txt").read_text().splitlines()[:60] + LANGUAGES.splitlines() + [
        "don't, it's ! they're ... ok ? 've 're 's 'm n't do not", "' a ' b '", "#hash ## x##y", "[MASK] a [PAD] b",
        ". first", "a . . . b , , c"]
    with open(FOLDER / "decode.jsonl", "w") as out:
        for text in texts:
            ids = tokenizer.encode(text).ids
            line(out, ids=ids, all=tokenizer.decode(ids, skip_special_tokens=False), text=tokenizer.decode(ids))


def main():
    (FOLDER / "languages.txt").write_text(LANGUAGES)
    train()
    cases()
    pairs()
    decode()


main()
