#!/usr/bin/env bash
# A run of electra finetune as its user sees it: finished, stopped, damaged, of several tasks; what inspect and predict
# say of each.
set -euo pipefail
electra=$(realpath "$1")
encoder=$(cd "$(dirname "$0")/../golden/fixtures/pipeline/discriminator" && pwd)
work=$(realpath "$(mktemp -d)")
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
    echo "FAILED: $*" >&2
    exit 1
}
expect() { # CODE WORDS COMMAND...: WORDS must stand in stderr (or stdout if it ends with 0)
    local code=0 wanted=$1 words=$2
    shift 2
    "$@" >out 2>err || code=$?
    [ "$code" -eq "$wanted" ] || fail "$* ended with $code, not $wanted: $(cat err)"
    grep -qF -- "$words" "$([ "$wanted" -eq 0 ] && echo out || echo err)" || fail "$* said '$(cat out err)' without '$words'"
}
for i in $(seq 40); do printf 'the cat %d sat.\tgood\nthe dog %d ran.\tbad\n' "$i" "$i"; done >rows
(printf 'text\tlabel\n' && cat rows) >train.tsv
tune() { # OUTPUT OPTIONS...
    "$electra" finetune --quiet --threads 1 --model "$encoder" --train train.tsv --dev train.tsv --output "$@"
}

# ---- finished ------------------------------------------------------------------------------------------------------
tune done --epochs 1 --trials 2 --json >json
grep -qE '"metric":"accuracy","trials":2,"mean":[0-9.]+.*"scores":\{"accuracy":\{"mean":[0-9.]+,"std":[0-9.]+\},"matthews":.*"model":"done"\}\],"model":"done"\}$' json ||
    fail "all scores of all tasks should be told: $(cat json)"
expect 0 "done: a sound model" "$electra" inspect --run done
"$electra" inspect --run done --json >again
[ "$(sed 's/"was_finished":[a-z]*//' again)" = "$(sed 's/"was_finished":[a-z]*//' json)" ] || fail "inspect: $(cat again)"
cp -r done broken
head -c 3000 done/model.safetensors >broken/model.safetensors
expect 3 "broken/model.safetensors is cut short" "$electra" inspect --run broken
cp -r done unread
echo '{"trials":' >unread/results.json
expect 3 "unread/results.json" "$electra" inspect --run unread

expect 0 'labels       2 (one of them holds): bad, good' "$electra" inspect --model done
expect 0 '"labels":["bad","good"]}' "$electra" inspect --model done --json
[ -s done/tensorboard/trial-1/events.out.tfevents.0.electra ] || fail "there should be events for TensorBoard"
sum=$(cksum <done/report.html)
expect 2 '--output: a page that compares several runs' "$electra" report --run done broken
[ "$sum" = "$(cksum <done/report.html)" ] || fail "a comparison took the place of a run's own report"
expect 0 'both.html' "$electra" report --run done broken --output both.html
for quiet in '' --verbose; do
    "$electra" finetune $quiet --threads 1 --model "$encoder" --train train.tsv --dev train.tsv --output "told$quiet" \
        --steps 2 >out 2>err
    for words in 'step 2: loss' 'step 2, all scores of own: accuracy .* loss' 's of processor time, at most'; do
        grep -q "$words" err && told=--verbose || told=
        [ "$told" = "$quiet" ] || fail "'$words' belongs to --verbose alone: $(cat err)"
    done
done

# ---- from another working directory --------------------------------------------------------------------------------
mkdir elsewhere
printf 'text\tlabel\nthe cat 1 sat.\tbad\n' >elsewhere/train.tsv # a file that is called as the run's
there() { # ARGUMENTS...: the program in the other directory
    (cd elsewhere && "$electra" "$@")
}
"$electra" evaluate --model done --json >here
there evaluate --model ../done --json >json 2>err
cmp here json || fail "evaluate scored another file: $(cat err)"
! grep -q warning err || fail "evaluate complains of the run's own file: $(cat err)"
there finetune --quiet --threads 1 --output ../done --trials 3 >out || fail "a run should go on from anywhere"
expect 0 'mean of 3 trials' "$electra" inspect --run done

sed 's/\t/,/' train.tsv >blob
ln -s blob linked.csv # whose name says how it is read
"$electra" finetune --quiet --threads 1 --model "$encoder" --train train.tsv --dev linked.csv --output linked --steps 2 >out
there evaluate --model ../linked >out 2>err || fail "a file of another name should be read as it was: $(cat err)"

cp -r done relative # a run of a version that recorded paths as they were given
sed -E -i "s|\"$work/|\"|; /dev_hashes/,/}/d" relative/settings.json
expect 0 'accuracy' "$electra" evaluate --model relative
there evaluate --model ../relative >out 2>err || fail "$(cat err)"
! grep -q warning err || fail "nothing is recorded that could differ: $(cat err)"
expect 0 'own: accuracy' "$electra" finetune --threads 1 --model "$encoder" --train ./train.tsv --output relative
grep -q "\"train\": \"$work/./train.tsv\"" relative/settings.json || fail "paths should be absolute: $(cat relative/settings.json)"

cp train.tsv kept.tsv
sed -i '2s/good/bad/' train.tsv
expect 0 'accuracy' "$electra" evaluate --model done
grep -q "warning: $work/train.tsv: these are not the dev examples that the run had" err || fail "a changed file: $(cat err)"
expect 0 'accuracy' "$electra" evaluate --model done --dev train.tsv
! grep -q warning err || fail "another file may be another one: $(cat err)"
mv kept.tsv train.tsv

# ---- without a dev file ----------------------------------------------------------------------------------------------
"$electra" finetune --quiet --threads 1 --model "$encoder" --train train.tsv --output alone --steps 5 --json >json
there evaluate --model ../alone --predictions said.jsonl >out 2>err || fail "what was held out should be scored: $(cat err)"
grep -qF 'own: the run had no dev file; what is scored are the 8 of 80 training examples that it held out' err || fail "$(cat err)"
grep -q "^accuracy  *$(grep -o '"accuracy":{"mean":[0-9.]*' json | sed 's/.*://')" out || fail "$(cat out) is not $(cat json)"
cmp elsewhere/said.jsonl alone/predictions.jsonl || fail "the same is said about what was held out"
"$electra" finetune --quiet --threads 1 --model "$encoder" --train train.tsv --dev-share 0 --output blind --steps 2 >out
expect 2 'name them, --dev FILE' "$electra" evaluate --model blind

# ---- stopped -------------------------------------------------------------------------------------------------------
"$electra" finetune --quiet --threads 1 --model "$encoder" --train train.tsv --dev train.tsv --output stopped --steps 300000 --trials 3 --eval-every 20 >out 2>err &
job=$!
for _ in $(seq 500); do
    ! grep -qs '"best":true' stopped/metrics.jsonl || break
    sleep 0.02
done
kill -TERM "$job" || fail "the run ended at once: $(cat err)"
code=0
wait "$job" || code=$?
[ "$code" -eq 130 ] || fail "a stopped run ended with $code: $(cat err)"
expect 0 "fine-tuning, not finished" "$electra" inspect --run stopped
grep -qE '^trial 1 of 3, step [0-9]+ of 300000, epoch [0-9.]+$' out || fail "inspect should tell how far it came: $(cat out)"
grep -qE '^own: accuracy [0-9.]+ at the best of its evaluations so far$' out || fail "and how well: $(cat out)"
grep -qx 'the best weights so far are a model: stopped/current/own' out || fail "and where its weights are: $(cat out)"
expect 0 '"trial":1,"trials":3,"step":' "$electra" inspect --run stopped --json
grep -qE '"steps":300000,"epoch":[0-9.]+,"best":\{"own":\{"accuracy":[0-9.]+\}\},"weights":"stopped/current"\}$' out || fail "$(cat out)"
expect 3 'its best weights so far are a model: stopped/current/own' "$electra" predict --model stopped train.tsv
expect 0 '"label":' "$electra" predict --model stopped/current/own rows

# ---- outputs that cannot be ----------------------------------------------------------------------------------------
: >file
expect 2 'file: is a file; a run needs a folder' tune file
expect 2 'file: is a file; a run needs a folder' "$electra" pretrain --data nowhere --output file
expect 2 '--max-length: ' "$electra" predict --model done --max-length 4 rows
expect 2 '"where":"--max-length"' "$electra" predict --json --model done --max-length 4 rows
echo "tuning: all as expected"
