#!/usr/bin/env python3
"""Does what `electra finetune` wrote load in transformers without a warning, and does it predict the same there?

    python tools/check_finetuned.py ELECTRA MODEL_DIR... [--inputs FILE] [--most N]

ELECTRA is the program; each MODEL_DIR holds a model with a head of a task. FILE has a JSON object a line, as
`electra predict --format jsonl` reads them: {"text":..}, {"text":..,"text_pair":..}, {"question":..,"context":..} or
{"prompt":..,"choices":[..]}, whatever the models are for; without it a few inputs of ours are used. For each it is checked that
  - AutoConfig, AutoTokenizer and the Auto class of the head load it, and neither Python's warnings nor the library's log nor
    the loading report (missing, unexpected or mismatched weights) has anything to say;
  - its labels are named both ways, and there is an output for each;
  - ids and types of every input are those of `electra tokenize` (texts and pairs);
  - predictions are those of `electra predict`: labels, numbers, places and answers the same, probabilities within 1e-5;
  - what save_pretrained writes is read by electra and predicts the same to the last bit.
Inputs that transformers does not take in one piece (longer than the model's positions, where electra uses windows) are left
out and counted. Where transformers still has the pipeline for questions (version 4), it is asked, too.

Needs torch and transformers (tried with transformers 4.57.6 and 5.24.0). Prints one line a check, exits 1 if one failed.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import check_transformers as base  # sets the environment that transformers reads, so it comes first

import torch
import transformers

TOLERANCE = 1e-5  # of probabilities; of numbers relative to the larger of them and 1
QUESTION_LENGTH = 384  # longer ones are read in windows, here and there
NEAR = 1e-4  # scores that are so close may change places

TEXTS = base.TEXTS + ["I would not see it twice.", "Two of three is not enough?", "12 of the 1,000 birds were seen again."]
PAIRS = [
    ("A man walks his dog.", "Somebody is outside."), ("It rained all day.", "The sun shone."),
    ("Café naïve", "— 東京!"), ("x", "the the the the the"), ("Who lives near the harbour?", "Anna lives there."),
]
CONTEXT = ("Anna lives in a small village near the harbour, and her brother, who is older, keeps the lighthouse. In 1889 a "
           "storm took the lantern; for nine nights no ship dared to come in.")
QUESTIONS = [("Where does Anna live?", CONTEXT), ("Who keeps the lighthouse?", CONTEXT),
             ("When was the storm?", CONTEXT), ("What is the price of tea?", CONTEXT), ("Who?", "Nobody — 東京 did.")]
CHOICES = [("The cat sat", ["on the mat.", "of the mat.", "seven."]), ("It was the best of times,", ["it was the worst.", "no"])]

AUTO = {
    "SequenceClassification": transformers.AutoModelForSequenceClassification,
    "TokenClassification": transformers.AutoModelForTokenClassification,
    "QuestionAnswering": transformers.AutoModelForQuestionAnswering,
    "MultipleChoice": transformers.AutoModelForMultipleChoice,
}


class Model:
    """A directory as transformers sees it."""

    def __init__(self, folder):
        self.folder = folder
        architecture = json.load(open(os.path.join(folder, "config.json"), encoding="utf-8"))["architectures"][0]
        self.head = architecture.partition("For")[2]
        if self.head not in AUTO:
            raise SystemExit(f"{folder} holds {architecture}, which has no head of a task")
        print(f"{folder}: {architecture}")
        with base.Listener() as listener:
            self.config = transformers.AutoConfig.from_pretrained(folder)
            self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
            self.model, info = AUTO[self.head].from_pretrained(folder, output_loading_info=True)
        self.model.eval()
        name = type(self.model).__name__
        base.report(name == architecture, f"{AUTO[self.head].__name__} gives {name}")
        base.report(listener.heard == "", f"loads without a warning {listener.heard.strip()[:300]}")
        complaints = {k: list(v) for k, v in info.items() if v and k != "conversion_errors"}
        base.report(not complaints, f"no weight is missing, unexpected or mismatched {complaints or ''}")

    def numbers(self, *texts):
        """The network's output for one input."""
        with torch.no_grad():
            return self.model(**self.tokenizer(*texts, return_tensors="pt"))

    def fits(self, *texts):
        most = self.config.max_position_embeddings
        most = min(most, QUESTION_LENGTH) if self.head == "QuestionAnswering" else most
        return len(self.tokenizer(*texts)["input_ids"]) <= most

    def label(self, i):
        return self.config.id2label[int(i)]


def ask(program, folder, inputs, *options):
    lines = "".join(json.dumps(i) + "\n" for i in inputs)
    done = subprocess.run([program, "predict", "--model", folder, "--format", "jsonl", "--json", "--quiet", *options],
                          input=lines, text=True, capture_output=True)
    if done.returncode != 0:
        raise RuntimeError(f"electra predict: {done.stderr.strip()}")
    return [json.loads(line) for line in done.stdout.splitlines()]


class Tally:
    """How many inputs agree, and by how much scores differ."""

    def __init__(self, what):
        self.what, self.n, self.wrong, self.worst = what, 0, 0, 0.0

    def add(self, source, theirs, ours, same, difference):
        """same: everything but the scores is."""
        self.n += 1
        self.worst = max(self.worst, difference)
        if not same or difference > TOLERANCE:
            self.wrong += 1
            if self.wrong <= 3:
                print(f"  {source!r:.200}\n    theirs {theirs!r:.300}\n    ours   {ours!r:.300}")

    def report(self):
        base.report(self.n > 0 and self.wrong == 0,
                    f"{self.n - self.wrong} of {self.n} {self.what}; scores differ by at most {self.worst:.1e}")


def same_order(theirs, ours):
    """Whether two rankings [(name, score)] agree but for neighbours whose scores are all but equal."""
    scores = dict(theirs)
    ranked = [scores.get(name) for name, _ in ours]
    return (sorted(scores) == sorted(name for name, _ in ours)
            and all(a >= b - NEAR * max(1, abs(a)) for a, b in zip(ranked, ranked[1:])))


def difference_of(theirs, ours):
    found = dict(ours)
    return max((abs(s - found.get(name, float("inf"))) / max(1, abs(s)) for name, s in theirs), default=0.0)


# ---- the heads ---------------------------------------------------------------------------------------------------------


def check_labels(m):
    names = [m.config.id2label.get(i) for i in range(m.config.num_labels)]
    both = all(m.config.label2id.get(name) == i for i, name in enumerate(names))
    base.report(None not in names and both and len(set(names)) == len(names),
                f"{len(names)} labels, named both ways: {', '.join(map(str, names))[:100]}")


def check_tokens(program, m, inputs):
    done = subprocess.run([program, "tokenize", "--model", m.folder, "--format", "jsonl", "--json", "--quiet"], text=True,
                          input="".join(json.dumps(i) + "\n" for i in inputs), capture_output=True, check=True)
    tally = Tally("inputs have the same ids and types")
    for source, line in zip(inputs, done.stdout.splitlines()):
        theirs, ours = m.tokenizer(*texts_of(source)), json.loads(line)
        tally.add(source, theirs, ours, theirs["input_ids"] == ours["ids"] and theirs["token_type_ids"] == ours["type_ids"], 0)
    tally.report()


def texts_of(source):
    return (source["text"], source["text_pair"]) if source.get("text_pair") else (source["text"],)


def check_classes(program, m, inputs):
    kind = m.config.problem_type
    sigmoid = kind == "multi_label_classification" or m.config.num_labels == 1
    tally = Tally(f"predictions are the same ({kind})")
    for source, ours in zip(inputs, ask(program, m.folder, inputs, "--top-k", "0")):
        values = m.numbers(*texts_of(source)).logits[0].double()
        if kind != "regression":
            values = values.sigmoid() if sigmoid else values.softmax(-1)
        theirs = sorted(((m.label(i), v) for i, v in enumerate(values.tolist())), key=lambda x: -x[1])
        ours = [(x["label"], x["score"]) for x in ours]
        tally.add(source, theirs, ours, same_order(theirs, ours), difference_of(theirs, ours))
    tally.report()


def check_words(program, m, inputs):
    tally = Tally("texts have the same label for each token")
    for source, ours in zip(inputs, ask(program, m.folder, inputs, "--aggregation", "none", "--all-labels")):
        out = m.numbers(source["text"])
        scores = torch.softmax(out.logits[0].double(), -1)
        places = m.tokenizer(source["text"], return_offsets_mapping=True)["offset_mapping"]
        theirs = []
        for i in range(1, scores.shape[0] - 1):
            best = int(scores[i].argmax())
            theirs.append((m.label(best), i, *places[i], scores[i, best].item()))
        found = [(x["entity"], x["index"], x["start"], x["end"], x["score"]) for x in ours]
        same = len(theirs) == len(found) and all(
            a[1:4] == b[1:4] and (a[0] == b[0] or near_label(m, scores, a, b)) for a, b in zip(theirs, found))
        tally.add(source, theirs, found, same, max((abs(a[4] - b[4]) for a, b in zip(theirs, found)), default=0.0))
    tally.report()


def near_label(m, scores, theirs, ours):
    """The other label is all but as likely."""
    return theirs[4] - scores[ours[1], m.config.label2id[ours[0]]].item() < NEAR


def best_span(m, question, context, most=15):
    """Of one window: the best start and end of the context by the product of their probabilities, as exact tokens."""
    out = m.numbers(question, context)
    encoding = m.tokenizer(question, context, return_offsets_mapping=True)
    allowed = torch.tensor([s == 1 for s in encoding.sequence_ids()])
    allowed[0] = True
    probabilities = []
    for logits in (out.start_logits, out.end_logits):
        p = torch.softmax(torch.where(allowed, logits[0].double(), torch.tensor(-10000.0, dtype=torch.float64)), -1)
        p[0] = 0  # its share stays missing: "no answer" was not asked for
        probabilities.append(p)
    scores = (probabilities[0][:, None] * probabilities[1][None, :]).triu().tril(most - 1)
    at = int(scores.argmax())
    start, end = divmod(at, scores.shape[1])
    places = encoding["offset_mapping"]
    return scores.max().item(), places[start][0], places[end][1], scores, places


def check_questions(program, m, inputs):
    tally = Tally("answers are the same")
    for source, ours in zip(inputs, ask(program, m.folder, inputs, "--no-align-words")):
        score, start, end, scores, places = best_span(m, source["question"], source["context"])
        theirs = {"score": score, "start": start, "end": end, "answer": source["context"][start:end]}
        same = all(theirs[k] == ours[k] for k in ("start", "end", "answer")) or (
            # another one that is all but as good
            any(score - scores[s, e].item() < NEAR * score for s in range(len(places)) for e in range(s, len(places))
                if places[s][0] == ours["start"] and places[e][1] == ours["end"]))
        tally.add(source, theirs, ours, same, abs(score - ours["score"]))
    tally.report()


def check_question_pipeline(program, m, inputs):
    if "question-answering" not in transformers.pipelines.SUPPORTED_TASKS:
        print(f"      the pipeline for questions is not in transformers {transformers.__version__}; not asked")
        return
    from transformers import pipeline
    asked = pipeline("question-answering", model=m.model, tokenizer=m.tokenizer)
    for more, options in (({}, []), ({"top_k": 4}, ["--top-k", "4"]),
                          ({"handle_impossible_answer": True}, ["--allow-none"])):
        tally = Tally(f"answers are those of the pipeline {more or ''}")
        for source, ours in zip(inputs, ask(program, m.folder, inputs, *options)):
            with base.Listener():
                theirs = asked(question=source["question"], context=source["context"], **more)
            theirs, ours = [x if isinstance(x, list) else [x] for x in (theirs, ours)]
            places = [[(x["start"], x["end"], x["answer"]) for x in answers] for answers in (theirs, ours)]
            tally.add(source, theirs, ours, places[0] == places[1],
                      max(abs(a["score"] - b["score"]) for a, b in zip(theirs, ours)))
        tally.report()


def check_choices(program, m, inputs):
    tally = Tally("choices are the same")
    for source, ours in zip(inputs, ask(program, m.folder, inputs)):
        prompts = [source["prompt"]] * len(source["choices"])
        batch = m.tokenizer(prompts, source["choices"], padding=True, return_tensors="pt")
        with torch.no_grad():
            scores = torch.softmax(m.model(**{k: v[None] for k, v in batch.items()}).logits[0].double(), -1).tolist()
        theirs = sorted(enumerate(scores), key=lambda x: -x[1])
        ours = [(x["choice"], x["score"]) for x in ours]
        tally.add(source, theirs, ours, same_order(theirs, ours), difference_of(theirs, ours))
    tally.report()


# ---- the inputs --------------------------------------------------------------------------------------------------------

HEADS = {
    # members of an input, what it is for transformers' tokenizer, our own inputs, the checks
    "SequenceClassification": (("text",), [{"text": t} for t in TEXTS] + [{"text": a, "text_pair": b} for a, b in PAIRS],
                               [check_labels, check_tokens, check_classes]),
    "TokenClassification": (("text",), [{"text": t} for t in TEXTS], [check_labels, check_tokens, check_words]),
    "QuestionAnswering": (("question", "context"), [{"question": q, "context": c} for q, c in QUESTIONS],
                          [check_questions, check_question_pipeline]),
    "MultipleChoice": (("prompt", "choices"), [{"prompt": p, "choices": c} for p, c in CHOICES], [check_choices]),
}


def pieces_of(source):
    """The texts of each sequence that the model reads for this input."""
    if "choices" in source:
        return [(source["prompt"], c) for c in source["choices"]]
    return [(source["question"], source["context"])] if "question" in source else [texts_of(source)]


def inputs_for(m, given, most):
    members, own, _ = HEADS[m.head]
    inputs = [i for i in given if all(k in i for k in members)] if given else own
    if not inputs:
        raise SystemExit(f"{m.folder}: no line of the inputs has {' and '.join(members)}")
    fitting = [i for i in inputs if all(m.fits(*texts) for texts in pieces_of(i))]
    # white space only: nothing to predict for one side, an error for the other
    fitting = [i for i in fitting if all(t.strip() for texts in pieces_of(i) for t in texts)][:most]
    print(f"      {len(fitting)} inputs; left out: {len(inputs) - len(fitting)} that are too long, empty, or too many")
    return fitting


def check_saved(program, m, inputs):
    with tempfile.TemporaryDirectory() as again:
        m.model.save_pretrained(again)
        m.tokenizer.save_pretrained(again)
        same = ask(program, m.folder, inputs) == ask(program, again, inputs)
        base.report(same, f"what it saves ({', '.join(sorted(os.listdir(again)))}) predicts the same")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--inputs", help="a file with a JSON object a line")
    parser.add_argument("--most", type=int, default=500, help="how many of the inputs are used (default 500)")
    arguments = parser.parse_args()
    given = []
    if arguments.inputs:
        given = [json.loads(line) for line in open(arguments.inputs, encoding="utf-8") if line.strip()]
    program = os.path.abspath(arguments.program)
    print(f"transformers {transformers.__version__}, torch {torch.__version__}")
    for folder in arguments.folders:
        m = Model(folder)
        inputs = inputs_for(m, given, arguments.most)
        for check in HEADS[m.head][2]:
            check(m) if check is check_labels else check(program, m, inputs)
        check_saved(program, m, inputs)
    print("all agree" if base.failures == 0 else f"{base.failures} checks FAILED")
    return base.failures != 0


if __name__ == "__main__":
    sys.exit(main())
