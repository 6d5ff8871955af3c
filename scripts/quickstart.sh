#!/usr/bin/env bash
# From nothing to a small ELECTRA in a few minutes: installs what is missing, builds, trains a vocabulary, prepares the
# text in data/, pre-trains the tiny preset for three minutes, and shows what it learned.
#
#     scripts/quickstart.sh            works in build/quickstart; run again, it goes on from where it was
#     MINUTES=10 scripts/quickstart.sh trains for longer
set -euo pipefail
cd "$(dirname "$0")/.."

minutes=${MINUTES:-3}
text=data
work=build/quickstart
electra=build/release/electra

step() {
    printf '\n==> %s\n' "$*"
}
show() { # runs a command that the reader should see
    printf '    $ %s\n' "$*" >&2
    "$@"
}

step "What the build needs"
scripts/dependencies.sh

step "Building (log: build/build.log)"
mkdir -p "$work"
if ! { cmake --preset release && cmake --build --preset release --target electra --parallel "$(nproc)"; } >build/build.log 2>&1; then
    tail -n 30 build/build.log
    echo "The build failed; the whole log is build/build.log." >&2
    exit 1
fi
"$electra" --version

step "A vocabulary of word pieces, from the text itself"
[ -s "$work/vocab.txt" ] || show "$electra" vocab --input "$text" --output "$work/vocab.txt" --size 2000

step "Text to examples: token ids, in shards that training reads; one document in twenty is held out"
[ -s "$work/shards/manifest.json" ] ||
    show "$electra" prepare --input "$text" --vocab "$work/vocab.txt" --output "$work/shards" --max-length 32 --heldout 0.05

step "Pre-training the tiny preset for $minutes minutes (Ctrl-C saves; run this script again to go on)"
hours=$(awk -v m="$minutes" 'BEGIN { print m / 60 }')
show "$electra" pretrain --data "$work/shards" --output "$work/run" --size tiny --hours "$hours"

# ---- what came of it ---------------------------------------------------------------------------------------------------
metric() { # the last value of $1 in the run's metrics
    local value
    value=$(grep -o "\"$1\": *[-0-9.eE+]*" "$work/run/metrics.jsonl" | tail -n 1 | sed 's/.*: *//' || true)
    [ -n "$value" ] || { echo "$work/run/metrics.jsonl has no $1: the run ended before its first evaluation" >&2; exit 1; }
    echo "$value"
}
percent() {
    awk -v x="$1" 'BEGIN { printf "%.1f %%", 100 * x }'
}
accuracy=$(metric heldout_generator_accuracy)
perplexity=$(metric heldout_generator_perplexity)
auc=$(metric heldout_auc)
commonest=$(metric heldout_commonest_accuracy)

step "What it learned, measured on the text held out"
cat <<END
The generator fills in hidden words. It named the very word that stood there in $(percent "$accuracy")
of all places; always answering the commonest token would be right in $(percent "$commonest").
(Its perplexity is $perplexity: it is as unsure as if it chose among so many words at random.)

The discriminator looks for words that the generator put in. Shown one replaced and one original word, it tells which
is which in $(percent "$auc") of all cases; guessing gives 50 %. That is the number called AUC.

Minutes of training show that it learns, not what it can do: published ELECTRA models train for days.
END

step "Which word is out of place? (the second of each pair has one wrong word)"
cat >"$work/sentences.txt" <<'END'
He opened the door and went into the house.
He opened the door and went into the of.
She said that she would come in the morning.
She said that she would come in the had.
The old man looked at the sea for a long time.
The old man looked at the sea for a was time.
END
show "$electra" detect --color always --model "$work/run/discriminator" "$work/sentences.txt"

step "What to do next"
cat <<END
Look at the curves:             $work/run/report.html (open it in a browser)
Train for longer:               MINUTES=30 scripts/quickstart.sh
Your own text, any language:    $electra vocab --input FOLDER --output vocab.txt
                                $electra prepare --input FOLDER --vocab vocab.txt --output shards
                                $electra pretrain --data shards --output run --size mini --hours 8
A larger model:                 --size mini, small, base or large
The models themselves:          $work/run/discriminator and $work/run/generator, folders that Hugging Face's
                                transformers load as they are
Everything else:                $electra --help
END
