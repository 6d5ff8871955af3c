/* Lines of metrics.jsonl, measures of detection against brute force, advice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/rng.h"
#include "train/detection.h"
#include "train/run_metrics.h"
#include "train/watch.h"

static char path[64];

static int set_up(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/electra-metrics-XXXXXX");
    const int file = mkstemp(path);
    return file < 0 ? -1 : close(file);
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(path);
}

/* ---- lines ---- */

typedef struct seen {
    size_t n;
    electra_metrics last;
    char warning[64];
} seen;

static void see(void *user, const electra_metrics *line)
{
    seen *s = user;
    s->n++;
    s->last = *line;
    snprintf(s->warning, sizeof s->warning, "%s", line->warning ? line->warning : "");
}

static void test_lines_come_back(void **state)
{
    (void)state;
    el_metrics_log log;
    assert_int_equal(el_metrics_log_open(&log, path, 0, NULL), ELECTRA_OK);
    electra_metrics line;
    el_metrics_clear(&line);
    line.step = 7;
    line.loss = 1.0 / 3;
    line.tokens = 12345678901.0;
    line.heldout_generator_perplexity = HUGE_VAL; /* not a JSON number: left out */
    assert_int_equal(el_metrics_log_add(&log, &line, NULL), ELECTRA_OK);
    const uint64_t kept = log.bytes;
    line.warning = "a \"quoted\" word";
    assert_int_equal(el_metrics_log_add(&log, &line, NULL), ELECTRA_OK);
    assert_int_equal(el_metrics_log_sync(&log, NULL), ELECTRA_OK);
    seen s = {0};
    assert_int_equal(el_metrics_read(path, UINT64_MAX, see, &s, NULL), ELECTRA_OK);
    assert_int_equal(s.n, 2);
    assert_int_equal(s.last.step, 7);
    assert_true(fabs(s.last.loss - 1.0 / 3) < 1e-9);
    assert_true(s.last.tokens == 12345678901.0);
    assert_true(isnan(s.last.heldout_generator_perplexity));
    assert_string_equal(s.warning, "a \"quoted\" word");
    el_metrics_log_close(&log);
    /* gone on from a checkpoint made after the first line */
    assert_int_equal(el_metrics_log_open(&log, path, kept, NULL), ELECTRA_OK);
    assert_int_equal(log.bytes, kept);
    line.step = 8;
    line.warning = NULL;
    assert_int_equal(el_metrics_log_add(&log, &line, NULL), ELECTRA_OK);
    el_metrics_log_close(&log);
    s = (seen){0};
    assert_int_equal(el_metrics_read(path, UINT64_MAX, see, &s, NULL), ELECTRA_OK);
    assert_int_equal(s.n, 2);
    assert_int_equal(s.last.step, 8);
    assert_string_equal(s.warning, "");
    s = (seen){0};
    assert_int_equal(el_metrics_read(path, kept, see, &s, NULL), ELECTRA_OK);
    assert_int_equal(s.n, 1);
}

static void test_merge_keeps_what_is_known(void **state)
{
    (void)state;
    electra_metrics a, b;
    el_metrics_clear(&a);
    el_metrics_clear(&b);
    a.loss = 2;
    b.step = 5;
    b.heldout_auc = 0.6;
    el_metrics_merge(&a, &b);
    assert_true(a.loss == 2 && a.heldout_auc == 0.6 && a.step == 5 && isnan(a.seconds));
    b.heldout_auc = (double)NAN; /* undefined at the next evaluation: the old one is not shown as if it were new */
    b.heldout_recall = 0;
    el_metrics_merge(&a, &b);
    assert_true(a.loss == 2 && isnan(a.heldout_auc) && a.heldout_recall == 0);
}

/* ---- detection ---- */

static void brute_force(el_detection *out, const el_score *scores, size_t n)
{
    double won = 0, pairs = 0, called = 0, right = 0, replaced = 0;
    for (size_t i = 0; i < n; i++) {
        called += scores[i].logit > 0;
        right += scores[i].logit > 0 && scores[i].replaced;
        replaced += scores[i].replaced;
        for (size_t j = 0; j < n; j++) {
            if (scores[i].replaced && !scores[j].replaced) {
                pairs++;
                won += scores[i].logit > scores[j].logit ? 1 : scores[i].logit < scores[j].logit ? 0 : 0.5;
            }
        }
    }
    *out = (el_detection){won / pairs, right / called, right / replaced, replaced / (double)n};
}

static void assert_same(double a, double b)
{
    assert_true((isnan(a) && isnan(b)) || fabs(a - b) < 1e-12);
}

static void test_detection_against_brute_force(void **state)
{
    (void)state;
    for (uint64_t trial = 0; trial < 200; trial++) {
        el_score scores[64];
        el_rng_stream random = {.key = el_rng_mix(trial)};
        const size_t n = 1 + (size_t)el_rng_below(&random, 64);
        const uint64_t levels = trial % 2 ? 4 : 1000; /* many ties, few ties */
        for (size_t i = 0; i < n; i++) {
            scores[i].logit = (float)el_rng_below(&random, levels) - (float)levels / 3;
            scores[i].replaced = el_rng_below(&random, 1 + trial % 5) == 0;
        }
        el_detection expected, got;
        brute_force(&expected, scores, n);
        el_detection_measure(&got, scores, n);
        assert_same(got.auc, expected.auc);
        assert_same(got.precision, expected.precision);
        assert_same(got.recall, expected.recall);
        assert_same(got.share, expected.share);
    }
    el_detection none;
    el_detection_measure(&none, NULL, 0);
    assert_true(isnan(none.auc) && isnan(none.share));
}

/* ---- advice ---- */

static electra_metrics training_line(double progress, double generator_loss)
{
    electra_metrics line;
    el_metrics_clear(&line);
    line.step = (uint64_t)(10000 * progress);
    line.progress = progress;
    line.learning_rate = 1e-3;
    line.generator_loss = generator_loss;
    line.discriminator_loss = 0.3;
    line.loss = generator_loss + 50 * 0.3;
    line.gradient_norm = 2;
    line.replaced_share = 0.9;
    line.skipped_steps = 0;
    return line;
}

static void test_a_healthy_run_hears_nothing(void **state)
{
    (void)state;
    el_watch watch = {0};
    char text[768];
    for (int i = 1; i <= 1000; i++) {
        const double progress = i / 1000.0;
        electra_metrics line = training_line(progress, 4 + 5 * exp(-2 * progress) + 0.1 * sin(i));
        assert_false(el_watch_see(&watch, &line, text, sizeof text));
    }
}

static void test_each_advice(void **state)
{
    (void)state;
    char text[768] = "";
    size_t n = 0;
    el_watch flat = {0};
    for (int i = 1; i <= 1000; i++) {
        electra_metrics line = training_line(i / 1000.0, 6.5);
        n += el_watch_see(&flat, &line, text, sizeof text);
    }
    assert_true(n >= 1 && n <= 3); /* said again, but not at every line */
    assert_non_null(strstr(text, "does not fall"));

    el_watch wild = {0};
    n = 0;
    for (int i = 1; i <= 100; i++) {
        electra_metrics line = training_line(i / 1000.0, 6.5);
        line.gradient_norm = i % 20 ? 2 : 100;
        n += el_watch_see(&wild, &line, text, sizeof text);
    }
    assert_int_equal(n, 1);
    assert_non_null(strstr(text, "learning rate is probably too high"));

    el_watch skips = {0};
    electra_metrics skipped = training_line(0.1, 6);
    skipped.skipped_steps = 2;
    assert_true(el_watch_see(&skips, &skipped, text, sizeof text));
    assert_non_null(strstr(text, "2 steps were skipped"));

    el_watch strong = {0};
    electra_metrics right = training_line(0.1, 0.5);
    right.replaced_share = 0.1;
    assert_true(el_watch_see(&strong, &right, text, sizeof text));
    assert_non_null(strstr(text, "too strong"));

    el_watch blind = {0};
    electra_metrics heldout;
    el_metrics_clear(&heldout);
    heldout.progress = 0.5;
    heldout.step = 5000;
    heldout.heldout_auc = 0.51;
    heldout.heldout_recall = 0;
    heldout.heldout_replaced_share = 0.13;
    assert_true(el_watch_see(&blind, &heldout, text, sizeof text));
    assert_non_null(strstr(text, "calls every token original"));
    heldout.heldout_auc = 0.7; /* ranks them: recall will follow */
    el_watch fine = {0};
    assert_false(el_watch_see(&fine, &heldout, text, sizeof text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_come_back),
        cmocka_unit_test(test_merge_keeps_what_is_known),
        cmocka_unit_test(test_detection_against_brute_force),
        cmocka_unit_test(test_a_healthy_run_hears_nothing),
        cmocka_unit_test(test_each_advice),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
