#!/usr/bin/env bash
# Labelled files with something wrong in them, through electra finetune and evaluate: each fault has its message, which
# says what became of the row, and its exit code.
set -euo pipefail
electra=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
    echo "FAILED: $*" >&2
    exit 1
}
printf '%s\n' '[PAD]' '[UNK]' '[CLS]' '[SEP]' '[MASK]' a b c d e f the cat . >vocab.txt
for i in $(seq 60); do printf 'a b c the cat e f .\nthe d .\n\n'; done >text.txt
"$electra" prepare -q --input text.txt --vocab vocab.txt --output data --max-length 16 >/dev/null
echo '{"hidden_size":16,"embedding_size":8,"num_hidden_layers":1,"num_attention_heads":2,"intermediate_size":32,
       "max_position_embeddings":16}' >sizes.json
"$electra" pretrain --quiet --data data --config sizes.json --steps 2 --batch 2 --output run >/dev/null

expect() { # CODE OPTIONS... -- WORDS...: fine-tuning ends with the code and says all the words
    local code=0 wanted=$1 options=()
    shift
    while [ "$1" != -- ]; do
        options+=("$1")
        shift
    done
    shift
    rm -rf out
    "$electra" finetune --model run/discriminator --output out --steps 1 --max-length 16 "${options[@]}" >stdout 2>err || code=$?
    [ "$code" -eq "$wanted" ] || fail "${options[*]} ended with $code, not $wanted: $(head -c 2000 err)"
    for words; do
        grep -qF -- "$words" err || fail "${options[*]} said '$(head -c 2000 err)' without '$words'"
    done
    [ "$wanted" -eq 0 ] || [ ! -f out/model.safetensors ] || fail "${options[*]} left a model"
}
rows() { # FILE ROWS...: lines of printf
    local file=$1
    shift
    printf '%b\n' "$@" >"$file"
}

rows train.tsv 'text\tlabel' 'a b\tyes' 'the cat\tno' 'c d\tyes' 'the e\tno'
rows dev.tsv 'text\tlabel' 'a\tyes' 'the\tno'

# ---- sound files say nothing of the kind -------------------------------------------------------------------------------
expect 0 --train train.tsv --dev dev.tsv -- 'own: 4 training examples, 2 dev examples'
! grep -q 'skipped\|warning: [a-z.]*tsv' err || fail "a sound file is complained of: $(cat err)"

# ---- broken rows: skipped, and said so -----------------------------------------------------------------------------------
rows broken.tsv 'text\tlabel' 'a b\tyes' 'alone' 'the cat\t' 'caf\xe9\tno' 'c\tyes'
expect 0 --train broken.tsv --dev dev.tsv -- 'broken.tsv:3: there is no column label, only 1 column; the row is skipped' \
    'broken.tsv:4: the label is empty; the row is skipped' 'broken.tsv:5: has bytes that are not UTF-8' '3 training examples'
printf 'label,text\nyes,"a, b"\nno,the, cat\nno,"never closed\nno,c\n' >broken.csv
expect 0 --train broken.csv --dev broken.tsv -- '2 training examples, 3 dev examples' # each by its own name
expect 3 --train broken.csv --dev broken.tsv --format csv -- "has no column 'text'"
rows dev.csv 'label,text' 'yes,a' 'no,the'
expect 0 --train broken.csv --dev dev.csv -- "broken.csv:3: 3 cells where the header has 2" \
    'broken.csv:4: a quote that begins a cell has no end (lines 4 to 5 would be one row; reading goes on in line 5)' \
    '2 training examples'
printf '"a film good,pos\nbad film,neg\n"fine film",pos\nthe cat,neg\n' >lost.csv
expect 0 --train lost.csv --dev lost.csv --text-column 1 --label-column 2 -- \
    'lost.csv:1: there is text behind a quote that ends a cell (lines 1 to 3 would be one row' '3 training examples'
rows wide.tsv 'good film\tpos' 'bad\tfilm\tneg' 'bad film\tneg'
expect 0 --train wide.tsv --dev wide.tsv --text-column 1 --label-column 2 -- \
    'wide.tsv:2: 3 cells where the first row has 2' '2 training examples'
rows broken.jsonl '{"text":"a","label":"yes"}' '{"text":"b"}' '{"text":' '{"text":"the","label":"no"}'
rows dev.jsonl '{"text":"a","label":"yes"}' '{"text":"the","label":"no"}'
expect 0 --train broken.jsonl --dev dev.jsonl -- 'broken.jsonl:2: there is no "label"; the row is skipped' \
    'broken.jsonl:3: the line is not valid JSON'
rows broken.conll 'a B-X' 'b' '' 'the O' 'cat B-X' '' 'c O'
expect 0 --train broken.conll --dev broken.conll -- 'broken.conll:2: there is no column -1' 'the sentence is skipped' '2 training'
rows narrow.conll 'Ann NNP B-NP B-PER' '' 'Peter NNP B-NP' '' 'sat VB O O'
expect 0 --train narrow.conll --dev narrow.conll -- \
    'narrow.conll:3: 3 columns where the lines before have 4; the sentence is skipped' '2 training examples'
rows numbers.tsv 'text\tlabel' 'a\t1' 'b\tmany' 'c\t' 'd\t2.5' 'the\tnan'
expect 0 --train numbers.tsv --dev numbers.tsv --kind regress -- "numbers.tsv:3: 'many' is no number; the row is skipped" \
    'numbers.tsv:4: the number is missing' "numbers.tsv:6: 'nan' is no number"

# ---- labels --------------------------------------------------------------------------------------------------------------
rows unknown.tsv 'text\tlabel' 'a\tyes' 'the\tperhaps' 'b\tperhaps'
expect 0 --train train.tsv --dev unknown.tsv -- \
    "unknown.tsv:3: the label 'perhaps' was not there in training; it stands here 2 times, and no answer can equal it"
"$electra" evaluate --model out --dev unknown.tsv >stdout 2>err || fail "evaluate: $(cat err)"
grep -qF "unknown.tsv:3: the label 'perhaps'" err || fail "evaluate does not name the unknown label: $(cat err)"
expect 0 --train train.tsv --dev dev.tsv --labels yes,no,perhaps -- "train.tsv: no row has the label 'perhaps'; it cannot be learned"
expect 0 --train unknown.tsv --dev dev.tsv --labels no,yes -- \
    "unknown.tsv:3: the label 'perhaps' is none of the 2 that the task has; the row is skipped"
rows same.tsv 'text\tlabel' 'a\tyes' 'b\tyes'
expect 0 --train same.tsv --dev same.tsv -- "same.tsv: every row has the label 'yes'; there is nothing to learn"

# ---- answers -------------------------------------------------------------------------------------------------------------
squad() { # ANSWER START
    printf '{"data":[{"paragraphs":[{"context":"the cat .","qas":[{"id":"1","question":"a","answers":[{"text":"%s","answer_start":%d}]},
        {"id":"2","question":"b","answers":[{"text":"cat","answer_start":4}]}]}]}]}' "$1" "$2"
}
squad cat 4 >dev.json
squad cat 1 >moved.json
expect 0 --train moved.json --dev dev.json --kind qa -- "moved.json:1: the answer 'cat' does not stand at 1, but at 4, which is used"
squad dog 4 >absent.json
expect 0 --train absent.json --dev dev.json --kind qa -- \
    "absent.json:1: the answer 'dog' does not stand in the context in these very words; the row is kept"
squad dog 4 | head -c 60 >cut.json
expect 3 --train cut.json --dev dev.json --kind qa -- 'cut.json is not valid JSON'

# ---- files that cannot be used ---------------------------------------------------------------------------------------------
expect 3 --train train.tsv --dev dev.tsv --label-column class -- "train.tsv has no column 'class'. Its first line has 2: text, label"
expect 3 --train train.tsv --dev dev.tsv --label-column 7 -- 'train.tsv has no usable row: there is no column 7 in its rows'
! grep -q 'is skipped' err || fail "a column that is not there is said for every row: $(cat err)"
expect 3 --train nothing.tsv --dev dev.tsv -- 'nothing.tsv'
: >empty.tsv
expect 3 --train empty.tsv --dev dev.tsv -- 'empty.tsv is empty'
rows header.tsv 'text\tlabel'
expect 3 --train header.tsv --dev dev.tsv -- 'header.tsv has no rows'
iconv -f UTF-8 -t UTF-16 train.tsv >wide.tsv
expect 3 --train wide.tsv --dev dev.tsv -- 'wide.tsv is in UTF-16'
rows one.tsv 'text\tlabel' 'a\tyes'
expect 3 --train one.tsv -- 'one.tsv has only 1 usable row, too few to learn from some and evaluate on others'
rows semicolons.csv 'text;label' 'a;yes' 'b;no'
expect 3 --train semicolons.csv -- "There is a ';' in it: --separator ';'?"
rows flags.csv 'text,rude,angry' 'a,1,0' 'b,0,1'
expect 3 --train flags.csv --kind multilabel -- 'If each label has a column with 0 or 1: --label-columns A,B,...'
rows unlabelled.csv 'text,label' 'a,' 'b,'
expect 3 --train unlabelled.csv --kind multilabel -- 'no row of unlabelled.csv has a label'
mkdir -p parts/{train,dev}/{no,yes}
for part in train dev; do echo a >parts/$part/no/1.txt; echo b >parts/$part/yes/1.txt; done
expect 3 --train parts -- "'no' is in parts/train and in parts/dev: name one of them (--train parts/train --dev parts/dev)"
expect 0 --train parts/train --dev parts/dev -- '2 training examples'
tar -czf parts.tar.gz parts
expect 3 --train parts.tar.gz -- 'name one of them (--train parts.tar.gz/parts/train --dev parts.tar.gz/parts/dev)'
expect 0 --train parts.tar.gz/parts/train --dev parts.tar.gz/parts/dev -- '2 training examples'
mkdir folder
expect 3 --train folder -- 'folder has no files in folders: a folder for each class is expected in it'
expect 3 --task rte --data folder -- 'has files of rte: train.tsv for training, dev.tsv for development'
expect 2 --task glue --data folder -- 'there is no task "glue". Known ones: cola'
expect 2 --train train.tsv --dev dev.tsv --kind tag --format tsv -- 'files of TSV cannot hold tags of words'
expect 2 --train train.tsv --dev dev.tsv --kind choice -- 'which columns hold the choices is not said'
expect 2 --train parts/train --dev parts/dev --text-column text -- 'text-column is for files of format tsv, csv'
expect 2 --train parts/train --dev parts/dev --header yes -- 'header is for files of format tsv and csv'
expect 2 --train dev.json --dev dev.json --kind qa --text-column question -- 'text-column is for files of format tsv, csv'
echo "labelled input: all faults are named"
