/* electra pretrain from end to end on a tiny corpus, through the program: it learns, the number of threads changes
 * nothing, whatever stops it costs at most the steps since the last checkpoint, and what makes no sense is refused
 * before anything is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <electra/electra.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/rng.h"
#include "support/program.h"
#include "train/run_metrics.h"

static char root[64];   /* everything of this test */
static const char *said; /* stderr of the last program */

/* ---- files ---- */

static const char *in_root(const char *name)
{
    static char paths[8][512];
    static size_t next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", root, name);
    return path;
}

static void put(const char *name, const char *text)
{
    assert_int_equal(el_write_file(in_root(name), text, strlen(text), NULL), ELECTRA_OK);
}

static void assert_same_file(const char *a, const char *b)
{
    el_map x, y;
    assert_int_equal(el_map_open(&x, in_root(a), NULL), ELECTRA_OK);
    assert_int_equal(el_map_open(&y, in_root(b), NULL), ELECTRA_OK);
    assert_int_equal(x.size, y.size);
    assert_memory_equal(x.data, y.data, x.size);
    el_map_close(&x);
    el_map_close(&y);
}

static void assert_same_models(const char *a, const char *b)
{
    char x[256], y[256];
    snprintf(x, sizeof x, "%s/discriminator/model.safetensors", a);
    snprintf(y, sizeof y, "%s/discriminator/model.safetensors", b);
    assert_same_file(x, y);
    snprintf(x, sizeof x, "%s/generator/model.safetensors", a);
    snprintf(y, sizeof y, "%s/generator/model.safetensors", b);
    assert_same_file(x, y);
}

/* ---- the program ---- */

/* Start `electra pretrain` with words of `line` (output folders are relative to root). */
static pid_t start(const char *line)
{
    char words[1024];
    snprintf(words, sizeof words, "pretrain %s", line);
    return test_program_start(TEST_PROGRAM, root, words);
}

static int finish(pid_t child)
{
    return test_program_finish(child, root, &said);
}

static int run(const char *line)
{
    return finish(start(line));
}

static void must_run(const char *line)
{
    const int code = run(line);
    if (code != 0) {
        fail_msg("electra pretrain %s: exit %d: %s", line, code, said);
    }
}

static void must_fail(const char *line, int code, const char *words)
{
    const int got = run(line);
    if (got != code || !strstr(said, words)) {
        fail_msg("electra pretrain %s: exit %d (expected %d), should say \"%s\", says: %s", line, got, code, words,
                 said);
    }
}

/* ---- what it learns from ---- */

static const char *const SUBJECTS[] = {"the cat", "the dog", "a bird", "my friend", "the old man", "her sister"};
static const char *const VERBS[] = {"sees", "likes", "finds", "hears", "follows"};
static const char *const OBJECTS[] = {"a red ball", "the green tree", "a small house", "the cold river", "some bread"};
static const char *const ENDS[] = {"in the morning", "at night", "near the sea", "every day"};

static void make_vocabulary(void)
{
    char text[2048] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n.\n";
    static const char WORDS[] =
        "the cat dog a bird my friend old man her sister sees likes finds hears follows red ball "
        "green tree small house cold river some bread in morning at night near sea every day ";
    for (const char *at = WORDS; *at; at++) {
        const size_t used = strlen(text);
        text[used] = *at == ' ' ? '\n' : *at;
        text[used + 1] = '\0';
    }
    put("vocab.txt", text);
}

#define PICK(list, random) (list)[el_rng_below(&(random), sizeof(list) / sizeof(list)[0])]

static void make_text(void)
{
    char *text = el_alloc(1, 400000);
    size_t used = 0;
    el_rng_stream random = {.key = 7};
    for (int i = 0; i < 3000; i++) {
        used += (size_t)snprintf(text + used, 400000 - used, "%s %s %s %s .\n%s", PICK(SUBJECTS, random),
                                 PICK(VERBS, random), PICK(OBJECTS, random), PICK(ENDS, random), i % 5 ? "" : "\n");
    }
    put("text.txt", text);
    el_free(text);
}

static int set_up(void **state)
{
    (void)state;
    /* in memory if possible: hundreds of files are flushed here, and no disk is being tested */
    snprintf(root, sizeof root, "%s/electra-pretrain-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(root)) {
        return -1;
    }
    make_vocabulary();
    make_text();
    put("config.json", "{\"embedding_size\":16,\"hidden_size\":16,\"num_hidden_layers\":1,\"num_attention_heads\":2,"
                       "\"intermediate_size\":32,\"max_position_embeddings\":32}");
    const char *inputs[] = {in_root("text.txt")};
    electra_prepare_options options = electra_prepare_options_default();
    options.inputs = inputs;
    options.n_inputs = 1;
    options.vocabulary = in_root("vocab.txt");
    options.output = in_root("shards");
    options.max_length = 16;
    options.heldout = 0.1;
    electra_error err = {0};
    if (electra_prepare(&options, NULL, &err) != ELECTRA_OK) {
        fail_msg("%s", err.message);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return el_remove_tree(root, NULL) == ELECTRA_OK ? 0 : -1;
}

/* All runs of one kind; the test of each adds what it is about. */
#define SAME  " --data shards --size tiny --config config.json --batch 8 --eval-sequences 32 --threads 1"
#define SHORT SAME " --steps 120 --log-every 4 --save-every 10"

/* The uninterrupted run that others are compared with; made once. */
static void need_reference(void)
{
    if (!el_is_file(in_root("reference/result.json"))) {
        must_run("--output reference" SHORT);
    }
}

enum { CURVE_LINES = 2048 };

typedef struct curve {
    electra_metrics lines[CURVE_LINES];
    size_t n;
} curve;

static void see(void *user, const electra_metrics *line)
{
    curve *c = user;
    if (!line->warning && c->n < CURVE_LINES) {
        c->lines[c->n++] = *line;
    }
}

static void read_curve(curve *c, const char *name)
{
    *c = (curve){0};
    electra_error err = {0};
    if (el_metrics_read(in_root(name), UINT64_MAX, see, c, &err) != ELECTRA_OK) {
        fail_msg("%s", err.message);
    }
}

static bool near(double a, double b, double tolerance)
{
    return (isnan(a) && isnan(b)) || fabs(a - b) <= tolerance * fmax(fabs(a), fabs(b));
}

/* The same steps with the same numbers, but for the clock. */
static void assert_same_curve(const char *a, const char *b, double tolerance)
{
    static curve x, y;
    read_curve(&x, a);
    read_curve(&y, b);
    assert_int_equal(x.n, y.n);
    for (size_t i = 0; i < x.n; i++) {
        assert_int_equal(x.lines[i].step, y.lines[i].step);
        assert_true(near(x.lines[i].generator_loss, y.lines[i].generator_loss, tolerance));
        assert_true(near(x.lines[i].discriminator_loss, y.lines[i].discriminator_loss, tolerance));
        assert_true(near(x.lines[i].heldout_auc, y.lines[i].heldout_auc, tolerance > 0 ? 0.01 : 0));
    }
}

/* ---- it learns ---- */

static void test_it_learns(void **state)
{
    (void)state;
    static curve c;
    put("wider.json", "{\"embedding_size\":32,\"hidden_size\":32,\"num_hidden_layers\":1,\"num_attention_heads\":2,"
                      "\"intermediate_size\":64,\"max_position_embeddings\":32}");
    must_run("--output learns --data shards --size tiny --config wider.json --batch 8 --threads 1 --steps 600 "
             "--log-every 20 "
             "--eval-every 200 --learning-rate 3e-3");
    read_curve(&c, "learns/metrics.jsonl");
    double first = 0, last = 0, accuracy = 0, commonest = 1;
    size_t evaluations = 0;
    for (size_t i = 0; i < c.n; i++) {
        if (!isnan(c.lines[i].generator_loss)) {
            first = first > 0 ? first : c.lines[i].generator_loss;
            last = c.lines[i].generator_loss;
        } else {
            evaluations++;
            accuracy = c.lines[i].heldout_generator_accuracy;
            commonest = c.lines[i].heldout_commonest_accuracy;
            assert_true(c.lines[i].heldout_auc >= 0 && c.lines[i].heldout_auc <= 1);
            assert_true(near(c.lines[i].heldout_generator_perplexity, exp(c.lines[i].heldout_generator_loss), 1e-6));
        }
    }
    assert_int_equal(evaluations, 3);
    print_message("generator loss %.3f -> %.3f, accuracy %.3f, commonest %.3f\n", first, last, accuracy, commonest);
    assert_true(last < 0.8 * first);
    assert_true(accuracy > 1.5 * commonest);
    static const char *const FILES[] = {"settings.json",
                                        "result.json",
                                        "report.html",
                                        "tensorboard/events.out.tfevents.0.electra",
                                        "discriminator/config.json",
                                        "discriminator/vocab.txt",
                                        "generator/tokenizer.json"};
    for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++) {
        char path[256];
        snprintf(path, sizeof path, "learns/%s", FILES[i]);
        assert_true(el_is_file(in_root(path)));
    }
    char *page = NULL;
    assert_int_equal(el_read_file(&page, NULL, in_root("learns/report.html"), 1 << 24, NULL), ELECTRA_OK);
    assert_null(strstr(page, "http:"));
    assert_null(strstr(page, "https:"));
    assert_non_null(strstr(page, "heldout_generator_accuracy"));
    el_free(page);
}

static void test_threads_change_nothing(void **state)
{
    (void)state;
    need_reference();
    must_run("--output two-threads" SHORT " --threads 2");
    assert_same_models("reference", "two-threads");
    assert_same_curve("reference/metrics.jsonl", "two-threads/metrics.jsonl", 0);
}

static void test_micro_batches_change_only_rounding(void **state)
{
    (void)state;
    must_run("--output whole --steps 20 --log-every 1" SAME);
    must_run("--output quarters --steps 20 --log-every 1 --micro-batch 2" SAME);
    assert_same_curve("whole/metrics.jsonl", "quarters/metrics.jsonl", 1e-5);
}

static void test_the_clock_ends_it(void **state)
{
    (void)state;
    static curve c;
    must_run("--output clock --hours 0.0003 --log-every 1" SAME); /* a second */
    read_curve(&c, "clock/metrics.jsonl");
    assert_true(c.n >= 2);
    double progress = 0;
    for (size_t i = 0; i < c.n; i++) { /* the rate falls with the time that was left when the step began */
        assert_true(isnan(c.lines[i].learning_rate) || c.lines[i].learning_rate <= 2e-3 * (1 - progress) + 1e-9);
        progress = c.lines[i].progress;
    }
    assert_true(c.n == CURVE_LINES || (c.lines[c.n - 1].seconds >= 0.0003 * 3600 && near(progress, 1, 1e-9)));
    assert_true(el_is_file(in_root("clock/result.json")));
}

/* ---- stopped and gone on with ---- */

static void test_killed_at_any_moment(void **state)
{
    (void)state;
    need_reference();
    el_rng_stream random = {.key = (uint64_t)time(NULL)};
    print_message("seed of the moments: %llu\n", (unsigned long long)random.key);
    int kills = 0;
    for (int runs = 0; kills < 20; runs++) {
        assert_true(runs < 400); /* a quiet machine ends many a run before its moment comes */
        (void)el_remove_tree(in_root("killed"), NULL);
        int code = 1;
        while (code != 0) {
            const pid_t child = start("--output killed" SHORT);
            /* moments grow with the tries, so that each run comes to its end */
            test_pause_ms((long)el_rng_below(&random, 60 + 20 * (uint64_t)kills));
            assert_int_equal(kill(child, SIGKILL), 0);
            code = finish(child);
            assert_true(code == 0 || code == 1000 + SIGKILL);
            kills += code != 0;
            if (kills >= 20 && code != 0) {
                must_run("--output killed" SHORT);
                code = 0;
            }
        }
        assert_same_models("reference", "killed");
        assert_same_curve("reference/metrics.jsonl", "killed/metrics.jsonl", 0);
        /* nothing is left of the killed writers */
        must_run("--output killed" SHORT);
        assert_non_null(strstr(said, "is finished"));
    }
    print_message("killed %d times\n", kills);
}

static void test_interrupted(void **state)
{
    (void)state;
    need_reference();
    static const int SIGNALS[] = {SIGINT, SIGTERM};
    for (size_t i = 0; i < 2; i++) {
        (void)el_remove_tree(in_root("stopped"), NULL);
        const pid_t child = start("--output stopped" SHORT);
        for (int waited = 0; waited < 5000 && !el_is_folder(in_root("stopped/discriminator")); waited++) {
            test_pause_ms(1);
        }
        assert_int_equal(kill(child, SIGNALS[i]), 0);
        const int code = finish(child);
        if (code != 130) {
            fail_msg("exit %d: %s", code, said);
        }
        assert_non_null(strstr(said, "the same command goes on"));
        must_run("--output stopped"); /* all settings are remembered */
        assert_non_null(strstr(said, "going on after step"));
        assert_same_models("reference", "stopped");
        assert_same_curve("reference/metrics.jsonl", "stopped/metrics.jsonl", 0);
    }
}

static void flip(const char *name, off_t at_from_start, int whence)
{
    FILE *file = fopen(in_root(name), "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)at_from_start, whence), 0);
    const int byte = fgetc(file);
    assert_int_equal(fseek(file, -1, SEEK_CUR), 0);
    assert_int_equal(fputc(byte ^ 1, file), byte ^ 1);
    assert_int_equal(fclose(file), 0);
}

static void test_damaged_checkpoints(void **state)
{
    (void)state;
    need_reference();
    /* in the length, the header, the state, and the last tensor */
    static const struct {
        off_t at;
        int whence;
    } PLACES[] = {{2, SEEK_SET}, {12, SEEK_SET}, {120, SEEK_SET}, {5000, SEEK_SET}, {-1, SEEK_END}};
    for (size_t i = 0; i < sizeof PLACES / sizeof PLACES[0]; i++) {
        (void)el_remove_tree(in_root("damaged"), NULL);
        must_run("--output damaged" SHORT " --keep 0");
        (void)unlink(in_root("damaged/result.json"));
        flip("damaged/checkpoints/step-00000120.safetensors", PLACES[i].at, PLACES[i].whence);
        assert_int_equal(truncate(in_root("damaged/checkpoints/step-00000110.safetensors"), 1000), 0);
        must_run("--output damaged");
        assert_non_null(strstr(said, "set aside"));
        assert_non_null(strstr(said, "going on after step 100"));
        assert_true(el_is_file(in_root("damaged/checkpoints/step-00000120.safetensors.damaged")));
        assert_same_models("reference", "damaged");
        assert_same_curve("reference/metrics.jsonl", "damaged/metrics.jsonl", 0);
    }
    /* none is left: nothing is begun afresh silently */
    (void)el_remove_tree(in_root("damaged"), NULL);
    must_run("--output damaged" SHORT " --keep 1");
    (void)unlink(in_root("damaged/result.json"));
    flip("damaged/checkpoints/step-00000120.safetensors", -1, SEEK_END);
    must_fail("--output damaged", 3, "is damaged");
}

static void test_old_checkpoints_go(void **state)
{
    (void)state;
    must_run("--output kept" SHORT " --keep 3");
    assert_false(el_is_file(in_root("kept/checkpoints/step-00000090.safetensors")));
    assert_true(el_is_file(in_root("kept/checkpoints/step-00000100.safetensors")));
    assert_true(el_is_file(in_root("kept/checkpoints/step-00000120.safetensors")));
}

static void test_full_disk(void **state)
{
    (void)state;
    need_reference();
    assert_int_equal(mkdir(in_root("disk"), 0777), 0);
    if (mount("none", in_root("disk"), "tmpfs", 0, "size=16m") != 0) {
        print_message("SKIPPED: no small file system can be mounted here (%s)\n", strerror(errno));
        assert_int_equal(rmdir(in_root("disk")), 0);
        skip();
    }
    /* as much as is left after two checkpoints, so that a third one does not fit */
    must_run("--output disk/run" SHORT " --steps 120 --keep 0");
    (void)el_remove_tree(in_root("disk/run"), NULL);
    const pid_t child = start("--output disk/run" SHORT " --keep 0");
    for (int waited = 0; waited < 5000 && !el_is_file(in_root("disk/run/checkpoints/step-00000020.safetensors"));
         waited++) {
        test_pause_ms(1);
    }
    assert_int_equal(kill(child, SIGSTOP), 0);
    const int filler = open(in_root("disk/filler"), O_WRONLY | O_CREAT, 0666);
    static const char ZEROS[65536];
    while (write(filler, ZEROS, sizeof ZEROS) > 0) {
    }
    assert_int_equal(close(filler), 0);
    assert_int_equal(kill(child, SIGCONT), 0);
    const int code = finish(child);
    const bool kept = el_is_file(in_root("disk/run/checkpoints/step-00000010.safetensors"));
    const bool told = strstr(said, "No space left on device") != NULL;
    assert_int_equal(unlink(in_root("disk/filler")), 0);
    const int again = run("--output disk/run");
    if (again == 0) {
        assert_same_models("reference", "disk/run");
        assert_same_curve("reference/metrics.jsonl", "disk/run/metrics.jsonl", 0);
    }
    assert_int_equal(umount(in_root("disk")), 0);
    assert_int_equal(rmdir(in_root("disk")), 0);
    assert_int_equal(code, 1);
    assert_true(kept && told);
    assert_int_equal(again, 0);
}

/* ---- gone on with differently ---- */

static void test_other_settings_are_refused(void **state)
{
    (void)state;
    need_reference();
    must_fail("--output reference --learning-rate 0.5", 2, "learning_rate is 0.002, you ask for 0.5");
    must_fail("--output reference --batch 16 --seed 7", 2, "seed is 42, you ask for 7; batch is 8, you ask for 16");
    must_fail("--output reference --steps 60", 2, "steps is 120, you ask for 60");
    must_fail("--output reference --hours 1", 2, "hours is not set, you ask for 1");
    must_fail("--output reference --size mini", 2, "size is tiny, you ask for mini");
    put("other.json", "{\"hidden_size\":32}");
    must_fail("--output reference --config other.json", 2, "config is another");
    /* other shards under the old name */
    electra_prepare_options options = electra_prepare_options_default();
    const char *inputs[] = {in_root("text.txt")};
    options.inputs = inputs;
    options.n_inputs = 1;
    options.vocabulary = in_root("vocab.txt");
    options.output = in_root("other-shards");
    options.max_length = 12;
    options.heldout = 0.1;
    assert_int_equal(electra_prepare(&options, NULL, NULL), ELECTRA_OK);
    must_fail("--output reference --data other-shards", 2, "the content of data is");
}

static void test_finished_and_made_longer(void **state)
{
    (void)state;
    must_run("--output longer --steps 40 --log-every 10" SAME);
    char *before = NULL, *after = NULL;
    assert_int_equal(el_read_file(&before, NULL, in_root("longer/metrics.jsonl"), 1 << 20, NULL), ELECTRA_OK);
    must_run("--output longer");
    assert_non_null(strstr(said, "is finished (40 steps)"));
    assert_int_equal(el_read_file(&after, NULL, in_root("longer/metrics.jsonl"), 1 << 20, NULL), ELECTRA_OK);
    assert_string_equal(before, after);
    el_free(before);
    el_free(after);
    must_run("--output longer --steps 60");
    assert_non_null(strstr(said, "going on after step 40"));
    static curve c;
    read_curve(&c, "longer/metrics.jsonl");
    assert_int_equal(c.lines[c.n - 1].step, 60);
}

static void test_beginning_from_a_former_run(void **state)
{
    (void)state;
    need_reference();
    static curve fresh, warm;
    must_run("--output warm --init reference --steps 8 --log-every 4 --eval-every 4 --learning-rate 1e-9" SAME);
    read_curve(&warm, "warm/metrics.jsonl");
    read_curve(&fresh, "reference/metrics.jsonl");
    const electra_metrics *end = &fresh.lines[fresh.n - 1];
    /* the networks are those of the former run, for they hardly moved */
    assert_true(near(warm.lines[1].heldout_generator_loss, end->heldout_generator_loss, 1e-4));
    assert_true(near(warm.lines[1].heldout_auc, end->heldout_auc, 1e-3));
    must_run("--output warm-one --init reference/discriminator --steps 2" SAME);
    must_fail("--output cold --init nowhere --steps 2" SAME, 3, "nowhere");
    must_fail("--output cold --init reference --steps 2 --data shards --size tiny --batch 2", 3, "reference");
    assert_false(el_is_folder(in_root("cold"))); /* nothing was written */
}

static void test_looking_at_a_run(void **state)
{
    (void)state;
    must_run("--output seen" SHORT " --keep 2");
    electra_run_summary about;
    electra_error err = {0};
    assert_int_equal(electra_run_describe(in_root("seen"), &about, &err), ELECTRA_OK);
    assert_true(about.finished && about.n_checkpoints == 2 && about.checkpoint_step == 120 && about.last.step == 120);
    assert_int_equal(about.n_lines - about.n_warnings, 30 + 20); /* a line every 4 steps, an evaluation every 6 */
    flip("seen/checkpoints/step-00000110.safetensors", -5, SEEK_END);
    assert_int_equal(electra_run_describe(in_root("seen"), &about, &err), ELECTRA_INVALID);
    assert_non_null(strstr(err.message, "step-00000110.safetensors is damaged"));
    assert_int_equal(electra_run_describe(in_root("shards"), &about, &err), ELECTRA_INVALID);
    assert_non_null(strstr(err.message, "no settings.json"));
}

/* ---- misuse ---- */

static void test_bad_options(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int code;
        const char *words;
    } CASES[] = {
        {"--data shards --size tiny", 2, "output"},
        {"--output bad --size tiny", 2, "shards"},
        {"--output bad --data nowhere --size tiny", 3, "nowhere"},
        {"--output bad --data shards --size huge", 2, "huge"},
        {"--output bad --data shards --steps 0", 2, "0"},
        {"--output bad --data shards --steps ten", 2, "ten"},
        {"--output bad --data shards --size tiny --steps 10 --hours 1", 2, "only one of steps and hours"},
        {"--output bad --data shards --size tiny --batch 4 --micro-batch 8", 2, "more than the batch"},
        {"--output bad --data shards --size tiny --steps 10 --warmup 20", 2, "warm-up"},
        {"--output bad --data shards --learning-rate -1", 2, "-1"},
        {"--output bad --data shards --mask-prob 0.95", 2, "0.95"},
        {"--output bad --data shards --generator-size 2", 2, "2"},
        {"--output bad --data shards --embeddings all --generator-size 0.5", 2, "one encoder"},
        {"--output bad --data shards --embeddings some", 2, "some"},
        {"--output bad --data shards --compat tensorflow", 2, "tensorflow"},
        {"--output bad --data shards --dropout 1", 2, "1"},
        {"--output bad --data shards --size tiny --config nowhere.json", 3, "nowhere.json"},
        {"--output bad --data shards --size tiny --config vocab.txt", 3, "not valid JSON"},
        {"--output bad --data shards --size tiny --config wrong.json", 3, "hidden_width"},
        {"--output bad --data shards --size tiny --config shallow.json", 2, "16 tokens"},
        {"--output bad --data shards --size tiny --config words.json", 2, "vocabulary"},
        {"--output vocab.txt --data shards --size tiny --steps 2", 2, "vocab.txt: is a file"},
        {"--output out --data sh\xff --size tiny --steps 2", 2, "is not UTF-8"},
        {"--output mine --data shards --size tiny --steps 2", 2, "choose another"},
        {"--output bad --data shards --unknown 3", 2, "unknown"},
    };
    put("wrong.json", "{\"hidden_width\":32}");
    put("shallow.json", "{\"max_position_embeddings\":8}");
    put("words.json", "{\"vocab_size\":99}");
    assert_int_equal(el_make_folders(in_root("mine/generator"), NULL), ELECTRA_OK);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        must_fail(CASES[i].line, CASES[i].code, CASES[i].words);
        assert_false(el_is_folder(in_root("bad")));
    }
    electra_error err = {0};
    electra_pretrain_options options = electra_pretrain_options_default();
    options.struct_size = 1;
    assert_int_equal(electra_pretrain(&options, NULL, &err), ELECTRA_MISUSE);
    assert_int_equal(electra_pretrain(NULL, NULL, NULL), ELECTRA_MISUSE);
}

static void test_one_process_at_a_time(void **state)
{
    (void)state;
    const pid_t first = start("--output busy --hours 0.1" SAME);
    for (int waited = 0; waited < 5000 && !el_is_file(in_root("busy/metrics.jsonl")); waited++) {
        test_pause_ms(1);
    }
    must_fail("--output busy --hours 0.1" SAME, 1, "another process");
    assert_int_equal(kill(first, SIGKILL), 0);
    assert_int_equal(finish(first), 1000 + SIGKILL);
}

static void test_a_run_that_diverges_stops(void **state)
{
    (void)state;
    must_fail("--output wild --steps 400 --log-every 10 --save-every 5 --warmup 0 --clip 0 --weight-decay 1 "
              "--learning-rate 10 --initial-deviation 1 --discriminator-weight 1e6" SAME,
              1, "diverged");
    assert_false(el_is_file(in_root("wild/result.json")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_learns),
        cmocka_unit_test(test_threads_change_nothing),
        cmocka_unit_test(test_micro_batches_change_only_rounding),
        cmocka_unit_test(test_the_clock_ends_it),
        cmocka_unit_test(test_killed_at_any_moment),
        cmocka_unit_test(test_interrupted),
        cmocka_unit_test(test_damaged_checkpoints),
        cmocka_unit_test(test_old_checkpoints_go),
        cmocka_unit_test(test_full_disk),
        cmocka_unit_test(test_other_settings_are_refused),
        cmocka_unit_test(test_finished_and_made_longer),
        cmocka_unit_test(test_beginning_from_a_former_run),
        cmocka_unit_test(test_looking_at_a_run),
        cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_one_process_at_a_time),
        cmocka_unit_test(test_a_run_that_diverges_stops),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
