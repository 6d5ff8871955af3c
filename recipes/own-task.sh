#!/usr/bin/env bash
# An own task from beginning to end, on the data in data/: pre-train on text, fine-tune on 320 labelled rows, score on
# 100 others, ask. recipes/own-task.md says what each step is for.
#
#     recipes/own-task.sh             works in build/own-task; run again, it goes on from where it was
#     MINUTES=30 recipes/own-task.sh  pre-trains for longer
#     ELECTRA=electra recipes/own-task.sh  with a program that stands elsewhere; WORK: a folder elsewhere
#     TRIALS=1 EPOCHS=10 recipes/own-task.sh  fine-tunes for less
set -euo pipefail
cd "$(dirname "$0")/.."

electra=${ELECTRA:-build/release/electra}
minutes=${MINUTES:-3}
rows=data/task-source
work=${WORK:-build/own-task}

step() {
    printf '\n==> %s\n' "$*"
}
show() { # runs a command that the reader should see
    printf '    $ %s\n' "$*" >&2
    "$@"
}

if ! command -v "$electra" >/dev/null; then
    echo "There is no $electra yet: scripts/quickstart.sh builds it, or" >&2
    echo "    cmake --preset release && cmake --build --preset release --target electra" >&2
    exit 1
fi
mkdir -p "$work"

step "A vocabulary, and the text as examples to pre-train on"
[ -s "$work/vocab.txt" ] || show "$electra" vocab --input data --output "$work/vocab.txt" --size 4000
[ -s "$work/shards/manifest.json" ] ||
    show "$electra" prepare --input data --vocab "$work/vocab.txt" --output "$work/shards" --max-length 64 --heldout 0.05

step "Pre-training the tiny preset for $minutes minutes (Ctrl-C saves; run this script again to go on)"
hours=$(awk -v m="$minutes" 'BEGIN { print m / 60 }')
show "$electra" pretrain --data "$work/shards" --output "$work/run" --size tiny --embeddings all --discriminator-weight 5 \
    --hours "$hours"

step "Fine-tuning on the labelled rows: trials with different seeds"
show "$electra" finetune --model "$work/run/discriminator" --output "$work/source" \
    --train "$rows/train.tsv" --dev "$rows/dev.tsv" --kind classify --text-column text --label-column label \
    --max-length 64 --learning-rate 1e-3 --layer-decay 1 --epochs "${EPOCHS:-30}" --trials "${TRIALS:-3}"

step "The score of the model that was kept, once more"
show "$electra" evaluate --model "$work/source" --dev "$rows/dev.tsv" --kind classify --text-column text \
    --label-column label --max-length 64

step "Asking it"
cat >"$work/sentences.txt" <<'END'
My fellow citizens, our economy is strong and our nation is at peace.
The captain took up his pistol and went on deck, for the wind had gone round and the schooner lay in the bay.
"Tha' must come into th' garden," said the boy, "an' see how th' roses has grown."
END
show "$electra" predict --model "$work/source" "$work/sentences.txt"

step "Done"
cat <<END
Curves, trials and what was taken for what:  $work/source/report.html (open it in a browser)
The numbers:                                 $work/source/results.json, $work/source/predictions.jsonl
The model:                                   $work/source, a folder that Hugging Face's transformers load as it is
END
