#!/usr/bin/env python3
"""Write what the official metrics make of random and of awkward inputs into tests/golden/metrics.

    python3 -m venv venv && venv/bin/pip install scikit-learn==1.9.1 scipy==1.17.1 seqeval==1.2.2
    venv/bin/python tools/gen_metrics.py --official FOLDER

FOLDER holds the official scorers evaluate-v1.1.py and evaluate-v2.0.py of SQuAD and conlleval.pl of the CoNLL shared
tasks (version 2004-01-26; perl runs it), which are not ours to distribute. All texts here are of our own invention.

    classes.jsonl     single classes, with scikit-learn's accuracy, Matthews correlation, precision, recall, F1
    labels.jsonl      several labels, with micro and macro averages and exact match
    numbers.jsonl     numbers, with SciPy's correlations and the mean squared error; null is NaN
    spans.jsonl       labels of words, with seqeval's and conlleval's counts and scores
    normalize.jsonl   answers and what the official scorer normalises them to
    squad.jsonl       answers to questions, with both official scorers' numbers

With --times 50 --output OTHER_FOLDER it makes fifty times as many from another seed; the test program takes that folder
as its argument: build/release/tests/golden_test_metrics OTHER_FOLDER
"""

import argparse
import contextlib
import importlib.util
import io
import json
import math
import pathlib
import random
import re
import subprocess
import types
import warnings

import numpy as np
from scipy import stats
from seqeval.metrics import sequence_labeling as seqeval
from sklearn import metrics

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent


def number(x):
    return None if math.isnan(x) else float(x)


# ---- classes -----------------------------------------------------------------------------------------------------------


def prf(gold, predicted, **how):
    values = metrics.precision_recall_fscore_support(gold, predicted, zero_division=0, **how)[:3]
    return [v.tolist() if isinstance(v, np.ndarray) else float(v) for v in values]


def classes_case(name, n_classes, gold, predicted):
    each = prf(gold, predicted, labels=list(range(n_classes)), average=None)
    return {"name": name, "n_classes": n_classes, "gold": gold, "predicted": predicted,
            "accuracy": metrics.accuracy_score(gold, predicted),
            "matthews": float(metrics.matthews_corrcoef(gold, predicted)),
            "macro": prf(gold, predicted, average="macro"),
            "classes": [list(row) for row in zip(*each)]}


def classes_cases(rng, times):
    yield classes_case("one row right", 2, [1], [1])
    yield classes_case("one row wrong", 2, [1], [0])
    yield classes_case("all right", 3, [0, 1, 2, 2], [0, 1, 2, 2])
    yield classes_case("all wrong", 2, [0, 1, 1, 0], [1, 0, 0, 1])
    yield classes_case("collapsed", 2, [0, 1, 1, 0, 1], [1, 1, 1, 1, 1])
    yield classes_case("one class occurs", 2, [1, 1, 1, 1], [1, 0, 1, 0])
    yield classes_case("one class in both", 2, [0, 0, 0], [0, 0, 0])
    yield classes_case("a class that neither occurs nor is predicted", 4, [0, 1, 3, 0], [3, 1, 3, 0])
    yield classes_case("a class never predicted", 3, [0, 1, 2, 2, 1], [0, 1, 1, 0, 1])
    yield classes_case("a class that never occurs", 3, [0, 1, 0, 1], [2, 1, 2, 1])
    yield classes_case("no agreement at all", 3, [0, 0, 0], [1, 2, 1])
    yield classes_case("rare class", 2, [0] * 150 + [1], [0] * 149 + [1, 1])
    for i in range(16 * times):
        n_classes = rng.choice([2, 2, 2, 3, 3, 5, 12])
        n = rng.randint(1, 120)
        weights = [rng.random() ** 3 for _ in range(n_classes)]
        gold = rng.choices(range(n_classes), weights, k=n)
        luck = rng.random()
        predicted = [g if rng.random() < luck else rng.choices(range(n_classes), weights)[0] for g in gold]
        yield classes_case(f"random {i}", n_classes, gold, predicted)


# ---- labels ------------------------------------------------------------------------------------------------------------


def labels_case(name, gold, predicted):
    g, p = np.array(gold), np.array(predicted)
    return {"name": name, "gold": gold, "predicted": predicted, "micro": prf(g, p, average="micro"),
            "macro": prf(g, p, average="macro"), "exact": float(metrics.accuracy_score(g, p))}


def labels_cases(rng, times):
    yield labels_case("no label holds", [[0, 0], [0, 0]], [[0, 0], [0, 0]])
    yield labels_case("none is predicted", [[0, 1], [1, 1]], [[0, 0], [0, 0]])
    yield labels_case("all are predicted", [[0, 1, 0], [1, 1, 0]], [[1, 1, 1], [1, 1, 1]])
    yield labels_case("a label that never holds", [[1, 0, 0], [0, 1, 0]], [[1, 0, 1], [0, 1, 0]])
    for i in range(8 * times):
        n, k, density, noise = rng.randint(1, 40), rng.randint(2, 8), rng.random(), rng.random()
        gold = [[int(rng.random() < density) for _ in range(k)] for _ in range(n)]
        predicted = [[g if rng.random() > noise else int(rng.random() < density) for g in row] for row in gold]
        yield labels_case(f"random {i}", gold, predicted)


# ---- numbers -----------------------------------------------------------------------------------------------------------


def numbers_case(name, x, y):
    a, b = np.array(x, dtype=float), np.array(y, dtype=float)
    return {"name": name, "x": [number(v) for v in x], "y": [number(v) for v in y],
            "pearson": number(stats.pearsonr(a, b).statistic), "spearman": number(stats.spearmanr(a, b).statistic),
            "mse": number(np.mean((a - b) ** 2))}


def numbers_cases(rng, times):
    yield numbers_case("two points up", [1, 2], [5, 7])
    yield numbers_case("two points down", [1, 2], [7, 5])
    yield numbers_case("constant x", [3, 3, 3, 3], [1, 2, 3, 4])
    yield numbers_case("constant y", [1, 2, 3], [0.1, 0.1, 0.1])
    yield numbers_case("both constant", [1, 1], [2, 2])
    yield numbers_case("NaN", [1, 2, math.nan, 4], [1, 2, 3, 4])
    yield numbers_case("ties", [1, 1, 2, 2, 2, 3, 3, 3, 3], [2, 1, 1, 3, 3, 3, 2, 2, 3])
    yield numbers_case("all but one tied", [0, 0, 0, 0, 1], [5, 4, 3, 2, 1])
    yield numbers_case("minus zero is zero", [0.0, -0.0, 1.0, 2.0], [1, 2, 3, 3])
    yield numbers_case("perfect", [0.1 * i for i in range(20)], [0.3 * i - 7 for i in range(20)])
    yield numbers_case("monotonous", [0.1 * i for i in range(20)], [math.exp(i) for i in range(20)])
    yield numbers_case("large mean", [1000 + v / 8 for v in (1, 5, 2, 7, 3)], [2, 4, 1, 9, 4])
    yield numbers_case("uncorrelated", [-1, 0, 1, 0], [0, 1, 0, -1])
    yield numbers_case("huge", [1e150, -3e150, 2e150, 5e149], [1e-200, 2e-200, -4e-200, 3e-200])
    for i in range(16 * times):
        n, slope, noise = rng.randint(3, 60), rng.uniform(-1, 1), rng.random()
        x = [rng.uniform(0, 5) for _ in range(n)]
        if i % 2:
            x = [round(v) + 0.0 for v in x]
        y = [slope * v + noise * rng.gauss(0, 1) for v in x]
        if i % 4 == 3:
            y = [round(v, 1) for v in y]
        yield numbers_case(f"random {i}", x, y)


# ---- spans -------------------------------------------------------------------------------------------------------------


def seqeval_scores(gold, predicted):
    g, p = set(seqeval.get_entities(gold)), set(seqeval.get_entities(predicted))
    names = sorted({t for t, _, _ in g | p})
    each = seqeval.precision_recall_fscore_support(gold, predicted, average=None)
    micro = seqeval.precision_recall_fscore_support(gold, predicted, average="micro")[:3]
    macro = seqeval.precision_recall_fscore_support(gold, predicted, average="macro")[:3] if names else [0, 0, 0]
    types_ = {}
    for i, name in enumerate(names):
        counts = [sum(s[0] == name for s in spans) for spans in (g, p, g & p)]
        types_[name] = counts + [float(v[i]) for v in each[:3]]
    return {"types": types_, "all": [len(g), len(p), len(g & p)] + [float(v) for v in micro], "macro": [float(v) for v in macro],
            "accuracy": float(seqeval.accuracy_score(gold, predicted))}


def per_cent(line):
    """The numbers of "name:  12.34%; name: 56.78%"."""
    return [float(part.split(":")[1].strip(" %").split()[0]) for part in line.split(";")]


def conlleval_scores(gold, predicted, script):
    lines = ["".join(f"w {g} {p}\n" for g, p in zip(*sentence)) for sentence in zip(gold, predicted)]
    said = subprocess.run(["perl", script], input="\n".join(lines) + "\n", text=True, capture_output=True, check=True)
    first, second, *rest = said.stdout.splitlines()
    # processed N tokens with N phrases; found: N phrases; correct: N.
    words, *counts = [int(n) for n in re.findall(r"\d+", first)]
    types_ = {}
    for line in rest:
        name, _, numbers = line.partition(":")
        types_[name.strip()] = [int(line.split()[-1])] + per_cent(numbers)
    return {"words": words, "all": counts + per_cent(second)[1:], "accuracy": per_cent(second)[0], "types": types_}


def spans_case(name, script, *sentences):
    gold, predicted = [s[0].split() for s in sentences], [s[1].split() for s in sentences]
    return {"name": name, "gold": gold, "predicted": predicted, "seqeval": seqeval_scores(gold, predicted),
            "conlleval": conlleval_scores(gold, predicted, script)}


def well_formed(rng, scheme, n, kinds):
    """Labels of random spans."""
    out = []
    while len(out) < n:
        length = min(rng.choice([1, 1, 1, 2, 2, 3, 5]), n - len(out))
        if rng.random() < 0.5:
            out += ["O"] * length
            continue
        kind = rng.choice(kinds)
        if scheme == "BIOES":
            marks = ["S"] if length == 1 else ["B"] + ["I"] * (length - 2) + ["E"]
        elif scheme == "IOB2":
            marks = ["B"] + ["I"] * (length - 1)
        else:
            marks = ["B" if out and out[-1][2:] == kind else "I"] + ["I"] * (length - 1)
        out += [f"{m}-{kind}" for m in marks]
    return out


def spans_cases(rng, times, script):
    def case(name, *sentences):
        return spans_case(name, script, *sentences)

    yield case("nothing anywhere", ("O O O", "O O O"))
    yield case("nothing found", ("B-PER I-PER O", "O O O"))
    yield case("nothing there", ("O O O", "O B-LOC O"))
    yield case("all right", ("B-PER I-PER O B-LOC", "B-PER I-PER O B-LOC"))
    yield case("I after O begins a span", ("B-PER I-PER O", "I-PER I-PER O"))
    yield case("type changes within I", ("B-PER I-PER I-PER", "B-PER I-LOC I-PER"))
    yield case("type changes within I, both", ("B-PER I-LOC O", "I-PER I-LOC O"))
    yield case("IOB1 neighbours", ("I-PER B-PER I-PER O", "I-PER I-PER I-PER O"))
    yield case("ends with the sentence", ("B-PER", "B-PER"), ("I-PER", "I-PER"), ("O", "I-PER"))
    yield case("boundary too short", ("B-PER I-PER I-PER O", "B-PER I-PER O O"))
    yield case("boundary too long", ("B-PER I-PER O O", "B-PER I-PER I-PER O"))
    yield case("same place, other type", ("B-PER I-PER O", "B-LOC I-LOC O"))
    yield case("BIOES", ("S-PER S-PER B-LOC I-LOC E-LOC O", "S-PER S-PER B-LOC E-LOC S-LOC O"))
    yield case("BIOES broken", ("E-PER I-PER E-PER B-PER E-PER B-PER O", "I-PER E-PER E-PER S-PER I-PER E-PER I-PER"))
    yield case("S within a span", ("B-X I-X E-X", "B-X S-X E-X"), ("S-X I-X", "S-X O"), ("E-X S-X B-X", "E-X B-X B-X"))
    yield case("types with dashes", ("B-ORG-GOV I-ORG-GOV O", "B-ORG-GOV I-ORG O"))
    yield case("tags without types", ("B I O B", "B I O I"), ("S E B", "S O B"))
    yield case("raw types", ("NOUN VERB NOUN O", "NOUN NOUN NOUN O"))
    yield case("a type called 0", ("B-0 I-0 O B-0", "B-0 I-0 O I-0"))
    yield case("dots and brackets", (". B-X . I-X", ". I-X . B-X"), ("[-X [-X ]-X", "[-X B-X ]-X"))
    yield case("other letters", ("U-X U-X L-X O", "B-X U-X L-X O"), ("L U U-X", "L U I-X"), ("U O U", "U O L"))
    yield case("letters beyond ASCII", ("B-ÉTAT I-ÉTAT É-X O", "B-ÉTAT I-ETAT É-X É-X"))
    for i in range(9 * times):
        scheme = ("IOB1", "IOB2", "BIOES")[i % 3]
        sentences = []
        for _ in range(rng.randint(1, 6)):
            gold = well_formed(rng, scheme, rng.randint(1, 14), ["PER", "LOC", "ORG"])
            predicted = [g if rng.random() < 0.8 else w
                         for g, w in zip(gold, well_formed(rng, scheme, len(gold), ["PER", "LOC"]))]
            sentences.append((" ".join(gold), " ".join(predicted)))
        yield case(f"{scheme} {i}", *sentences)
    for i in range(9 * times):
        alphabet = [t + "-" + k for t in ("BI", "BIES", "BIES[]Ux")[i % 3] for k in ("X", "Y")] + ["O"] * 2
        sentences = []
        for _ in range(rng.randint(1, 4)):
            gold = [rng.choice(alphabet) for _ in range(rng.randint(1, 12))]
            sentences.append((" ".join(gold), " ".join(g if rng.random() < 0.6 else rng.choice(alphabet) for g in gold)))
        yield case(f"any labels {i}", *sentences)


# ---- answers -----------------------------------------------------------------------------------------------------------

FRAGMENTS = [
    "the", "The", "THE", "a", "A", "an", "An", "tea", "then", "ant", "A.", "the-", "an'", "the_", "_a_", "a_b", "U.S.", "u s",
    "«the»", "“a”", "‘an’", "the—end", "the–", "a…", "a东", "東京", "the東", "naïve", "nai\u0308ve", "a\u0301", "the\u0301", "\u0301a",
    "ΟΔΟΣ", "Σ", "ΑΣ.", "ΑΣ'Α", "ΣΑΣ-Σ", "'Σ", "AΣ\u0301", "İstanbul", "ISPARTA", "ışık", "ß", "ẞ", "ǅ", "ﬁ", "\u212a", "Å", "Ⅷ",
    "½", "a½", "the²", "1,000", "$5", "5%", "１２", "٣", "a٣", "x+y", "C#", "!", "?!", "...", "—", "€", "\u2014the\u2014", "o'clock",
    "harbour", "Anna", "1889", "river", "blue", "Blue", "lantern", "north", "North", "\U0001f600", "a\U0001f600", "\u0915\u093f", "a\u0903",
    "the\u200bend", "the\u00adend", "a\u2060", "\u200d",
]
SPACES = [" ", " ", " ", " ", "  ", "\t", "\n", "\u00a0", "\u3000", "\u2003", "\u2028", "\u2029", "\u0085", "\u001c", "\u001f", "\u1680", "\u202f",
          "\u205f", "\u000b", "\r\n", "", "\u200b", "\ufeff"]


def answer(rng, most=5):
    text = rng.choice(["", "", " ", "\u00a0"])
    for _ in range(rng.randint(0, most)):
        text += rng.choice(FRAGMENTS) + rng.choice(SPACES)
    return text


def like(rng, text):
    """An answer that has something in common with the text."""
    words = text.split(" ")
    kind = rng.randint(0, 5)
    if kind == 0:
        return text
    if kind == 1:
        return text.upper()
    if kind == 2:
        rng.shuffle(words)
        return "the  " + " ".join(words) + "."
    if kind == 3:
        return " ".join(words[:max(1, len(words) // 2)])
    if kind == 4:
        return " ".join(words + words[:1] + [rng.choice(FRAGMENTS)])
    return answer(rng)


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem.replace("-", "_").replace(".", "_"), path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def dataset_of(questions):
    return [{"paragraphs": [{"qas": [{"id": str(i), "answers": [{"text": g} for g in q["golds"]]}
                                     for i, q in enumerate(questions)]}]}]


def squad1(official, questions):
    predictions = {str(i): q["prediction"] for i, q in enumerate(questions) if q["prediction"] is not None}
    with contextlib.redirect_stderr(io.StringIO()):
        all_ = official.evaluate(dataset_of(questions), predictions)
        left = [q for q in questions if q["prediction"] is not None]
        mrqa = official.evaluate(dataset_of(left), {str(i): q["prediction"] for i, q in enumerate(left)}) if left else None
        each = [official.evaluate(dataset_of([q]), {} if q["prediction"] is None else {"0": q["prediction"]})
                for q in questions]
    return {"exact": all_["exact_match"], "f1": all_["f1"], "mrqa": mrqa and [mrqa["exact_match"], mrqa["f1"]],
            "each": [[e["exact_match"], e["f1"]] for e in each]}


def squad2(official, questions, threshold, folder):
    """Runs the official main(); that is what it is, with files, arguments and all."""
    predictions = {str(i): q["prediction"] for i, q in enumerate(questions)}
    odds = {str(i): q["null_odds"] for i, q in enumerate(questions)}
    names = {n: str(folder / n) for n in ("data.json", "predictions.json", "odds.json", "out.json")}
    for name, content in (("data.json", {"data": dataset_of(questions)}), ("predictions.json", predictions),
                          ("odds.json", odds)):
        pathlib.Path(names[name]).write_text(json.dumps(content))
    official.OPTS = types.SimpleNamespace(
        data_file=names["data.json"], pred_file=names["predictions.json"], na_prob_file=names["odds.json"],
        na_prob_thresh=threshold, out_file=names["out.json"], out_image_dir=None, verbose=False)
    official.main()
    scores = json.loads(pathlib.Path(names["out.json"]).read_text())
    exact, f1 = official.get_raw_scores(dataset_of(questions), predictions)
    return dict(scores, each=[[exact[str(i)], f1[str(i)]] for i in range(len(questions))])


def squad_case(name, official, folder, questions, threshold=None):
    out = {"name": name, "questions": questions}
    if threshold is None:
        out["squad1"] = squad1(official[0], questions)
    else:
        out.update(threshold=threshold, squad2=squad2(official[1], questions, threshold, folder))
    return out


def question(prediction, *golds, null_odds=0.0):
    return {"golds": list(golds), "prediction": prediction, "null_odds": null_odds}


def squad_cases(rng, times, official, folder):
    def case(name, *questions, threshold=None):
        return squad_case(name, official, folder, list(questions), threshold)

    articles = [question("The", "a"), question("the", "an answer", "the"), question("", "."), question("x", "the")]
    yield case("nothing is left of articles", *articles)
    yield case("nothing is left of articles", *articles, question("the"), question("."), threshold=1.0)
    yield case("missing", question(None, "x"), question("x", "x"), question("y", "x", "Y."))
    yield case("all missing", question(None, "x"))
    yield case("words counted as often as they occur", question("a b b c", "b c c b b"), question("b", "b b b"))
    yield case("no question has an answer", question("", null_odds=3.0), question("x", null_odds=-1.0),
               question("y", null_odds=9.0), threshold=1.0)
    yield case("every question has one", question("x", "x", null_odds=3.0), question("", "x", null_odds=-1.0),
               question("y", "x y", null_odds=9.0), threshold=-2.75)
    yield case("equal odds", *[question(p, *g, null_odds=0.5) for p, g in
                               (("x", ["x"]), ("y", []), ("z", ["z"]), ("", []), ("u", ["v"]), ("w", ["w"]))],
               threshold=0.5)
    yield case("odds of 0 and -0", question("x", "x", null_odds=0.0), question("y", null_odds=-0.0),
               question("z", "z", null_odds=-0.0), threshold=0.0)
    yield case("best is to answer none", question("x", null_odds=-5.0), question("y", null_odds=-4.0),
               question("z", "q", null_odds=-3.0), threshold=1.0)
    yield case("one question", question("x y", "x", null_odds=2.5), threshold=-2.75)
    for i in range(7 * times):
        questions = []
        for _ in range(rng.randint(1, 25)):
            golds = [answer(rng) for _ in range(rng.randint(1, 3))]
            prediction = None if rng.random() < 0.05 else like(rng, rng.choice(golds))
            questions.append(question(prediction, *golds))
        yield case(f"1.1 random {i}", *questions)
    for i in range(7 * times):
        questions = []
        for _ in range(rng.randint(1, 30)):
            golds = [answer(rng) for _ in range(rng.choice([0, 0, 1, 1, 2, 3]))]
            prediction = like(rng, rng.choice(golds)) if golds else answer(rng, 2)
            odds = rng.gauss(1.0 if not golds else -1.0, 2)
            questions.append(question(prediction, *golds, null_odds=float(round(odds)) if i % 2 else odds))
        yield case(f"2.0 random {i}", *questions, threshold=rng.choice([1.0, -2.75, 0.0]))


def normalize_cases(rng, times, official):
    texts = FRAGMENTS + SPACES + [answer(rng) for _ in range(120 * times)]
    for text in texts:
        assert official[0].normalize_answer(text) == official[1].normalize_answer(text)
        yield {"text": text, "normalized": official[0].normalize_answer(text)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--official", type=pathlib.Path, required=True, help="folder of the official scorers")
    parser.add_argument("--output", type=pathlib.Path, default=REPOSITORY / "tests/golden/metrics")
    parser.add_argument("--times", type=int, default=1, help="how many times as many random cases")
    parser.add_argument("--scratch", type=pathlib.Path, default=pathlib.Path("/tmp"))
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # constant vectors, odd labels and the like are here on purpose
    rng = random.Random(17 if options.times == 1 else 17 + options.times)
    official = load(options.official / "evaluate-v1.1.py"), load(options.official / "evaluate-v2.0.py")
    files = {
        "classes": classes_cases(rng, options.times), "labels": labels_cases(rng, options.times),
        "numbers": numbers_cases(rng, options.times),
        "spans": spans_cases(rng, options.times, options.official / "conlleval.pl"),
        "normalize": normalize_cases(rng, options.times, official),
        "squad": squad_cases(rng, options.times, official, options.scratch),
    }
    options.output.mkdir(parents=True, exist_ok=True)
    for name, cases in files.items():
        lines = [json.dumps(c, allow_nan=False, separators=(",", ":")) + "\n" for c in cases]
        (options.output / f"{name}.jsonl").write_text("".join(lines))
        print(f"{name}.jsonl: {len(lines)} cases")


if __name__ == "__main__":
    main()
