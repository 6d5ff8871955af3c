#!/usr/bin/env bash
# electra detect, fill and inspect --model, on a pair of models that is trained here for two steps.
set -euo pipefail
electra=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
unset NO_COLOR

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# Run a command that must end with an exit code; its stdout and stderr are kept in files.
expect() { # CODE WORDS COMMAND...: WORDS must stand in stderr (or stdout if it ends with 0)
    local code=0 wanted=$1 words=$2
    shift 2
    "$@" >out 2>err || code=$?
    [ "$code" -eq "$wanted" ] || fail "$* ended with $code, not $wanted: $(cat err)"
    if [ "$wanted" -eq 0 ]; then
        grep -qF -- "$words" out || fail "$* printed '$(cat out)' without '$words'"
    else
        grep -qF -- "$words" err || fail "$* said '$(cat err)' without '$words'"
    fi
}

# ---- two models --------------------------------------------------------------------------------------------------
for i in $(seq 60); do
    printf 'The cat sat on mat number %d. A dog ran after the cats!\n\n' "$i"
done >corpus.txt
printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' '.' '!' '"' a b c d e f g h i j k l m n o p q r s t u v w x y z \
    '##a' '##d' '##g' '##n' '##o' '##r' '##s' the cat sat on mat number dog ran after 1 2 3 4 5 >vocab.txt
"$electra" prepare --quiet --input corpus.txt --vocab vocab.txt --output data --max-length 24 >/dev/null
echo '{"hidden_size":16,"embedding_size":8,"num_hidden_layers":1,"num_attention_heads":2,"intermediate_size":32,
       "max_position_embeddings":24}' >sizes.json
"$electra" pretrain --quiet --data data --output run --config sizes.json --steps 2 --batch 2 >/dev/null
d=run/discriminator
g=run/generator

# ---- detect ------------------------------------------------------------------------------------------------------
printf 'The cat sat.\n\na d\xc3\xb6g "ran"\n' >lines.txt
expect 0 '{"text":"The cat sat.","tokens":[{"token":"the","start":0,"end":3,"score":' "$electra" detect --model $d lines.txt
[ "$(wc -l <out)" -eq 3 ] || fail "three lines should give three answers"
grep -qxF '{"text":"","tokens":[]}' out || fail "an empty line should give an empty answer"
grep -qF '"text":"a dög \"ran\""' out || fail "the text should come back as it was"
cp out expected
"$electra" detect --model $d <lines.txt | cmp - expected || fail "stdin and a file should give the same"
"$electra" detect --model $d --threads 2 --max-length 24 lines.txt | cmp - expected || fail "threads change the answer"
printf 'n\ttext\n1\tThe cat sat.\n2\t\n3\ta d\xc3\xb6g "ran"\n' >lines.tsv
"$electra" detect --model $d --format tsv --text-column text lines.tsv | cmp - expected || fail "tsv"
printf '{"text":"The cat sat."}\n{"text":""}\n{"text":"a d\\u00f6g \\"ran\\""}\n' >lines.jsonl
"$electra" detect --model $d --format jsonl lines.jsonl | cmp - expected || fail "jsonl"
for i in $(seq 300); do printf 'the cats ran '; done >long.txt
expect 0 '"start":3896,"end":3899,' "$electra" detect --model $d long.txt
expect 0 $'\033[1;31mThe\033[0m \033[1;31mcat\033[0m \033[1;31msat.\033[0m' "$electra" detect --model $d --color always --threshold 0 lines.txt
grep -q 'replaced.*probability at least 0' err || fail "a legend belongs on stderr"
expect 0 $'The cat sat.' "$electra" detect --model $d --color always --threshold 1 lines.txt
expect 2 'is a generator; finding replaced tokens needs a discriminator' "$electra" detect --model $g lines.txt
expect 2 'threshold' "$electra" detect --model $d --threshold 2 lines.txt
expect 3 'nothere.txt' "$electra" detect --model $d nothere.txt
printf '{"text":"the cat"}\nnonsense\n' >bad.jsonl
expect 3 'bad.jsonl, line 2' "$electra" detect --model $d --format jsonl bad.jsonl
[ "$(wc -l <out)" -eq 1 ] || fail "the line before the bad one should have been answered"
printf '{"text":"the cat","text_pair":"ran"}\n' >pair.jsonl
expect 3 'takes single texts' "$electra" detect --model $d --format jsonl pair.jsonl

# ---- fill --------------------------------------------------------------------------------------------------------
echo 'The [MASK] sat.' >masked.txt
expect 0 '[{"score":0.' "$electra" fill --model $g masked.txt
[ "$(grep -o '"token_str"' out | wc -l)" -eq 5 ] || fail "five candidates are the default"
grep -q '"sequence":"the [^"]* sat\."' out || fail "the sequence should be the filled text: $(cat out)"
echo 'The [MASK] sat on [MASK].' >two.txt
expect 0 '[[{"score":0.' "$electra" fill --model $g --top-k 2 --json two.txt
[ "$(grep -o '"token_str"' out | wc -l)" -eq 4 ] || fail "two candidates for each of two masks"
expect 0 '[MASK]' "$electra" fill --model $g --color always --top-k 1 two.txt
[ "$(wc -l <out)" -eq 3 ] || fail "the line, and a line for each mask"
printf 'the [MASK]\nno mask\n' >none.txt
expect 3 'none.txt, line 2: the text holds no [MASK]' "$electra" fill --model $g none.txt
[ "$(wc -l <out)" -eq 1 ] || fail "the line before should have been answered"
expect 2 'is a discriminator; filling [MASK] needs a generator' "$electra" fill --model $d masked.txt
expect 2 'top-k' "$electra" fill --model $g --top-k 0 masked.txt

# ---- inspect -----------------------------------------------------------------------------------------------------
expect 0 'a sound discriminator' "$electra" inspect --model $d
expect 0 '"kind":"generator","layers":1,' "$electra" inspect --model $g --json
expect 0 '13549057 (embeddings' "$electra" inspect --size small
expect 0 '"size":"base"' "$electra" inspect --size base --json
expect 2 'tiny, mini, small, base and large' "$electra" inspect --size huge
expect 3 'it looks like the output of pretrain' "$electra" inspect --model run
mkdir broken
cp $d/* broken
head -c 3000 $d/model.safetensors >broken/model.safetensors
expect 3 'broken/model.safetensors is cut short' "$electra" inspect --model broken
cp $d/model.safetensors broken
sed -i 's/"hidden_size": 16/"hidden_size": 32/' broken/config.json
expect 3 'with the sizes of config.json it should be' "$electra" inspect --model broken
cp $g/config.json broken
expect 3 'broken' "$electra" inspect --model broken
for missing in config.json model.safetensors; do
    rm -rf broken
    cp -r $d broken
    rm broken/$missing
    expect 3 "$missing" "$electra" inspect --model broken
done
rm -f broken/tokenizer.json broken/vocab.txt
cp $d/model.safetensors broken
expect 0 'none: no tokenizer.json or vocab.txt' "$electra" inspect --model broken
expect 3 'holds no tokenizer' "$electra" detect --model broken lines.txt
echo "all answers as expected"
