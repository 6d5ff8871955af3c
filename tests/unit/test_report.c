/* report.html and TensorBoard events from a run's files: complete, safe to open, healed after a kill. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <electra/report.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/io.h"
#include "base/mem.h"
#include "report/events.pb-c.h"
#include "support/alloc.h"

static char folder[64];

static const char *in_folder(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void put(const char *name, const char *text)
{
    assert_int_equal(el_write_file(in_folder(name), text, strlen(text), NULL), ELECTRA_OK);
}

static char *get(const char *name, size_t *bytes)
{
    char *text = NULL;
    electra_error err = {0};
    if (el_read_file(&text, bytes, in_folder(name), 1 << 24, &err) != ELECTRA_OK) {
        fail_msg("%s", err.message);
    }
    return text;
}

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/electra-report-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return el_remove_tree(folder, NULL) == ELECTRA_OK ? 0 : -1;
}

static const char LINES[] =
    "{\"step\":10,\"tokens\":1000,\"seconds\":1.5,\"time\":1700000000,\"progress\":0.5,\"learning_rate\":0.001,"
    "\"loss\":40.25,"
    "\"generator_loss\":8,\"discriminator_loss\":0.645,\"gradient_norm\":2,\"tokens_per_second\":667}\n"
    "{\"step\":20,\"tokens\":2000,\"seconds\":3,\"time\":1700000002,\"progress\":1,\"learning_rate\":0,\"loss\":39,"
    "\"generator_loss\":7.5,\"discriminator_loss\":0.625,\"gradient_norm\":1,\"tokens_per_second\":667}\n"
    "{\"step\":20,\"tokens\":2000,\"seconds\":3,\"time\":1700000003,\"progress\":1,\"heldout_auc\":0.75,"
    "\"heldout_discriminator_loss\":0.5,\"heldout_generator_accuracy\":0}\n"
    "{\"step\":20,\"warning\":\"<script>alert(1)</script> & more\"}\n";

static electra_status write_report(electra_error *err)
{
    const char *runs[] = {folder};
    electra_report_options options = electra_report_options_default();
    options.runs = runs;
    options.n_runs = 1;
    return electra_report_write(&options, err);
}

/* ---- the page ---- */

static void test_page_needs_no_network_and_escapes(void **state)
{
    (void)state;
    put("metrics.jsonl", LINES);
    put("settings.json", "{\"data\":\"</script><img src=x onerror=alert(2)>\",\"steps\":20}\n");
    assert_int_equal(write_report(NULL), ELECTRA_OK);
    char *page = get("report.html", NULL);
    assert_null(strstr(page, "http:"));
    assert_null(strstr(page, "https:"));
    assert_null(strstr(page, "@DATA@"));
    assert_null(strstr(page, "<img"));
    assert_null(strstr(page, "alert(1)</script>"));
    assert_non_null(strstr(page, "\\u003cscript\\u003ealert(1)\\u003c/script\\u003e \\u0026 more"));
    assert_non_null(strstr(page, "\"generator_loss\":[8.0,7.5]"));
    assert_non_null(strstr(page, "\"heldout_auc\":[0.75]"));
    /* two scripts are opened, two are closed: the data cannot end theirs */
    size_t closed = 0;
    for (const char *at = page; (at = strstr(at, "</script")); at++) {
        closed++;
    }
    assert_int_equal(closed, 2);
    el_free(page);
}

static void test_long_runs_are_thinned(void **state)
{
    (void)state;
    char *text = el_alloc(1, 4000000);
    size_t used = 0;
    for (int i = 1; i <= 30000; i++) {
        used += (size_t)snprintf(text + used, 4000000 - used, "{\"step\":%d,\"loss\":1,\"generator_loss\":1}\n", i);
    }
    put("metrics.jsonl", text);
    el_free(text);
    assert_int_equal(write_report(NULL), ELECTRA_OK);
    size_t bytes = 0;
    el_free(get("report.html", &bytes));
    assert_true(bytes < 200000);
}

static void test_broken_runs_are_told(void **state)
{
    (void)state;
    electra_error err = {0};
    (void)unlink(in_folder("metrics.jsonl"));
    assert_int_equal(write_report(&err), ELECTRA_INVALID);
    assert_non_null(strstr(err.message, "has no metrics.jsonl"));
    put("metrics.jsonl", "{\"step\":1,\"loss\":2}\n{\"step\":\"two\"}\n");
    assert_int_equal(write_report(&err), ELECTRA_INVALID);
    assert_non_null(strstr(err.message, "line 2"));
    /* a last line without an end is what a kill leaves */
    put("metrics.jsonl", "{\"step\":1,\"loss\":2}\n{\"step\":2,\"lo");
    assert_int_equal(write_report(&err), ELECTRA_OK);
    electra_report_options options = electra_report_options_default();
    assert_int_equal(electra_report_write(&options, &err), ELECTRA_MISUSE);
    assert_int_equal(electra_report_write(NULL, &err), ELECTRA_MISUSE);
    assert_int_equal(electra_report_events(NULL, &err), ELECTRA_MISUSE);
}

static void test_any_allocation_may_fail(void **state)
{
    (void)state;
    put("metrics.jsonl", LINES);
    for (unsigned long n = 1; n < 30; n++) {
        test_fail_allocation(n);
        const electra_status page = write_report(NULL);
        test_fail_allocation(0);
        assert_true(page == ELECTRA_OK || page == ELECTRA_NO_RESOURCE || page == ELECTRA_INVALID);
        test_fail_allocation(n);
        const electra_status events = electra_report_events(folder, NULL);
        test_fail_allocation(0);
        assert_true(events == ELECTRA_OK || events == ELECTRA_NO_RESOURCE || events == ELECTRA_INVALID);
    }
}

/* ---- the page of fine-tuning ---- */

static const char TUNED_SETTINGS[] = "{\"format\":\"electra-finetune-1\",\"epochs\":3,\"train\":\"</script><img src=x>\"}\n";
static const char TUNED_LINES[] =
    "{\"trial\":1,\"step\":5,\"epoch\":0.5,\"loss\":1.25,\"learning_rate\":0.001}\n"
    "{\"trial\":1,\"step\":10,\"epoch\":1,\"task\":\"own\",\"dev\":{\"accuracy\":0.5,\"loss\":1.5},\"best\":true}\n"
    "{\"trial\":1,\"step\":10,\"warning\":\"it collapsed </script>\"}\n"
    "{\"trial\":2,\"step\":5,\"epoch\":0.5,\"loss\":0.75}\n"
    "{\"trial\":2,\"step\":10,\"epoch\":1,\"task\":\"own\",\"dev\":{\"accuracy\":0.875},\"best\":true}\n"
    "{\"trial\":2,\"step\":15,\"lo";
static const char TUNED_RESULTS[] =
    "{\"task\":\"own\",\"kind\":\"classify\",\"metric\":\"accuracy\",\"trials\":[{\"trial\":1,\"seed\":42,"
    "\"dev\":{\"accuracy\":0.5}}],\"confusion\":{\"labels\":[\"<a>\",\"b\"],\"counts\":[[3,1],[0,4]]},"
    "\"finished\":false}\n";

static void put_tuned(void)
{
    put("metrics.jsonl", TUNED_LINES);
    put("settings.json", TUNED_SETTINGS);
    put("results.json", TUNED_RESULTS);
}

static void no_longer_tuned(void)
{
    (void)unlink(in_folder("results.json"));
    (void)unlink(in_folder("settings.json"));
}

static void assert_page_has(const char *text, bool expected)
{
    char *page = get("report.html", NULL);
    if (!strstr(page, text) == expected) {
        fail_msg("the page %s %s", expected ? "lacks" : "holds", text);
    }
    el_free(page);
}

/* A curve for each trial, the results as they are, and nothing that could end the data's script. */
static void test_trials_are_curves(void **state)
{
    (void)state;
    put_tuned();
    assert_int_equal(write_report(NULL), ELECTRA_OK);
    assert_page_has("{\"name\":\"trial 1\",\"finished\":true,\"training\":{\"step\":[5.0],\"trial\":[1.0],"
                    "\"epoch\":[0.5],\"loss\":[1.25],\"learning_rate\":[0.001]},\"heldout\":{\"step\":[10.0],"
                    "\"epoch\":[1.0],\"accuracy\":[0.5],\"loss\":[1.5]},\"warnings\":[{\"step\":10,\"text\":"
                    "\"it collapsed \\u003c/script\\u003e\"}]}",
                    true);
    assert_page_has("{\"name\":\"trial 2\",\"finished\":false", true);
    assert_page_has("\"heldout\":{\"step\":[10.0],\"epoch\":[1.0],\"accuracy\":[0.875]}", true);
    assert_page_has("\"labels\":[\"\\u003ca\\u003e\",\"b\"],\"counts\":[[3,1],[0,4]]", true);
    assert_page_has("<img", false);
    no_longer_tuned();
}

/* Tasks that were evaluated at one step share its row, also before the first trial has ended. */
static void test_tasks_are_told_apart(void **state)
{
    (void)state;
    put("settings.json", "{\"format\":\"electra-finetune-1\",\"task\":\"rte,sts-b\"}\n");
    put("metrics.jsonl", "{\"trial\":1,\"step\":4,\"task\":\"rte\",\"dev\":{\"accuracy\":0.5}}\n"
                         "{\"trial\":1,\"step\":4,\"task\":\"sts-b\",\"dev\":{\"spearman\":0.25}}\n"
                         "{\"trial\":1,\"step\":8,\"task\":\"rte\",\"dev\":{\"accuracy\":0.75}}\n");
    assert_int_equal(write_report(NULL), ELECTRA_OK);
    assert_page_has("\"heldout\":{\"step\":[4.0,8.0],\"rte: accuracy\":[0.5,0.75],\"sts-b: spearman\":[0.25,null]}", true);
    no_longer_tuned();
}

static void test_broken_trials_are_told(void **state)
{
    (void)state;
    electra_error err = {0};
    static const struct {
        const char *lines, *told;
    } BROKEN[] = {{"{\"trial\":1,\"step\":1,\"loss\":2}\n[1,2]\n", "line 2"},
                  {"{\"step\":1,\"loss\":2}\n", "trial"},
                  {"{\"trial\":\"one\",\"step\":1}\n", "trial"},
                  {"{\"trial\":-1,\"step\":1}\n", "trial"},
                  {"{\"trial\":1}\n", "step"},
                  {"nonsense\n", "line 1"}};
    put_tuned();
    for (size_t i = 0; i < sizeof BROKEN / sizeof *BROKEN; i++) {
        put("metrics.jsonl", BROKEN[i].lines);
        assert_int_equal(write_report(&err), ELECTRA_INVALID);
        assert_non_null(strstr(err.message, BROKEN[i].told));
    }
    put("metrics.jsonl", TUNED_LINES);
    put("results.json", "{\"trials\":");
    assert_int_equal(write_report(&err), ELECTRA_INVALID);
    put("results.json", "[{\"trials\":7}]"); /* not ours, but no harm */
    assert_int_equal(write_report(&err), ELECTRA_OK);
    (void)unlink(in_folder("metrics.jsonl"));
    assert_int_equal(write_report(&err), ELECTRA_INVALID);
    assert_non_null(strstr(err.message, "has no metrics.jsonl"));
    no_longer_tuned();
}

static void test_runs_of_two_kinds_are_refused(void **state)
{
    (void)state;
    electra_error err = {0};
    char other[128];
    (void)snprintf(other, sizeof other, "%s/other", folder);
    assert_int_equal(el_make_folders(other, NULL), ELECTRA_OK);
    put("metrics.jsonl", LINES);
    put("other/metrics.jsonl", TUNED_LINES);
    put("other/settings.json", TUNED_SETTINGS);
    const char *runs[] = {folder, other, other};
    electra_report_options options = electra_report_options_default();
    options.runs = runs;
    options.n_runs = 2;
    options.output = in_folder("report.html");
    assert_int_equal(electra_report_write(&options, &err), ELECTRA_MISUSE);
    assert_non_null(strstr(err.message, "one of fine-tuning"));
    options.runs = runs + 1;
    options.output = NULL;
    assert_int_equal(electra_report_write(&options, &err), ELECTRA_MISUSE); /* whose would it be? */
    assert_string_equal(err.where, "output");
    options.output = in_folder("report.html");
    assert_int_equal(electra_report_write(&options, &err), ELECTRA_OK);
    assert_page_has("\"name\":\"other, trial 2\"", true);
}

/* What is made of a run's files copes with the failure of any one allocation, of which it makes more than `least`. */
static void fail_allocations(electra_status (*make)(electra_error *err), unsigned long least)
{
    test_fail_json_too();
    put_tuned();
    for (unsigned long n = 1;; n++) {
        const unsigned long before = test_allocations();
        electra_error err = {0};
        test_fail_allocation(n);
        const electra_status status = make(&err);
        const bool beyond = test_allocations() - before < n;
        test_fail_allocation(0);
        /* without memory jansson's lexer calls a file broken */
        if (status != ELECTRA_OK && status != ELECTRA_NO_RESOURCE && !strstr(err.message, "not valid JSON")) {
            fail_msg("allocation %lu: %s", n, err.message);
        }
        if (status == ELECTRA_OK && beyond) {
            assert_true(n > least);
            break;
        }
    }
}

static void test_any_allocation_of_trials_may_fail(void **state)
{
    (void)state;
    fail_allocations(write_report, 100);
    assert_page_has("\"name\":\"trial 2\"", true);
    no_longer_tuned();
}

/* ---- TensorBoard ---- */

static const char EVENTS[] = "tensorboard/events.out.tfevents.0.electra";

static void test_crc32c(void **state)
{
    (void)state;
    unsigned char zeros[32] = {0};
    assert_int_equal(el_crc32c("123456789", 9), 0xe3069283); /* the check value of the catalogue of CRCs */
    assert_int_equal(el_crc32c(zeros, 32), 0x8a9136aa);      /* RFC 3720 B.4 */
    /* large data take another way, which must agree with the definition, bit by bit */
    enum { LARGE = (1 << 16) + 5 };
    unsigned char *large = malloc(LARGE);
    assert_non_null(large);
    uint32_t expected = 0xffffffff;
    for (size_t i = 0; i < LARGE; i++) {
        large[i] = (unsigned char)(i * 2654435761u >> 11);
        expected ^= large[i];
        for (int bit = 0; bit < 8; bit++) {
            expected = expected >> 1 ^ (expected & 1 ? 0x82f63b78 : 0);
        }
    }
    assert_int_equal(el_crc32c(large, LARGE), (uint32_t)~expected);
    free(large);
}

static uint64_t little_endian(const unsigned char *at, size_t n)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++) {
        value |= (uint64_t)at[i] << (8 * i);
    }
    return value;
}

/* Check every frame and checksum; the number of records, and the last value of a tag. */
static size_t read_events_of(const char *name, const char *tag, float *value, int64_t *step)
{
    size_t bytes = 0;
    unsigned char *file = (unsigned char *)get(name, &bytes);
    size_t at = 0;
    size_t n = 0;
    while (at < bytes) {
        assert_true(at + 16 <= bytes);
        const uint64_t length = little_endian(file + at, 8);
        assert_int_equal(little_endian(file + at + 8, 4), el_crc32c_masked(file + at, 8));
        assert_true(at + 16 + length <= bytes);
        const unsigned char *data = file + at + 12;
        assert_int_equal(little_endian(data + length, 4), el_crc32c_masked(data, length));
        Electra__Events__Event *event = electra__events__event__unpack(NULL, length, data);
        assert_non_null(event);
        if (n == 0) {
            assert_int_equal(event->what_case, ELECTRA__EVENTS__EVENT__WHAT_FILE_VERSION);
            assert_string_equal(event->file_version, "brain.Event:2");
        } else {
            for (size_t i = 0; i < event->summary->n_value; i++) {
                if (strcmp(event->summary->value[i]->tag, tag) == 0) {
                    *value = event->summary->value[i]->simple_value;
                    *step = event->step;
                }
            }
        }
        electra__events__event__free_unpacked(event, NULL);
        at += length + 16;
        n++;
    }
    el_free(file);
    return n;
}

static size_t read_events(const char *tag, float *value, int64_t *step)
{
    return read_events_of(EVENTS, tag, value, step);
}

static void test_events_read_back(void **state)
{
    (void)state;
    float value = 0;
    int64_t step = 0;
    put("metrics.jsonl", LINES);
    assert_int_equal(electra_report_events(folder, NULL), ELECTRA_OK);
    assert_int_equal(read_events("train/generator_loss", &value, &step), 4);
    assert_true(value == 7.5f && step == 20);
    assert_int_equal(read_events("heldout/auc", &value, &step), 4);
    assert_true(value == 0.75f && step == 20);
    /* zero is a value, not a missing one */
    value = 1;
    assert_int_equal(read_events("heldout/generator_accuracy", &value, &step), 4);
    assert_true(value == 0);
}

static void test_events_heal(void **state)
{
    (void)state;
    float value = 0;
    int64_t step = 0;
    put("metrics.jsonl", LINES);
    assert_int_equal(electra_report_events(folder, NULL), ELECTRA_OK);
    size_t whole = 0;
    char *right = get(EVENTS, &whole);
    for (size_t cut = 0; cut < whole; cut++) { /* torn anywhere */
        assert_int_equal(truncate(in_folder(EVENTS), (off_t)cut), 0);
        assert_int_equal(electra_report_events(folder, NULL), ELECTRA_OK);
        size_t bytes = 0;
        char *healed = get(EVENTS, &bytes);
        assert_int_equal(bytes, whole);
        assert_memory_equal(healed, right, whole);
        el_free(healed);
    }
    el_free(right);
    /* the run went back to step 10 and came to another number */
    put("metrics.jsonl",
        "{\"step\":10,\"loss\":40.25,\"generator_loss\":8}\n{\"step\":20,\"loss\":3,\"generator_loss\":2}\n");
    assert_int_equal(electra_report_events(folder, NULL), ELECTRA_OK);
    assert_int_equal(read_events("train/generator_loss", &value, &step), 3);
    assert_true(value == 2);
}

static const char FIRST_TRIAL[] = "tensorboard/trial-1/events.out.tfevents.0.electra";
static const char SECOND_TRIAL[] = "tensorboard/trial-2/events.out.tfevents.0.electra";

static void test_events_of_trials(void **state)
{
    (void)state;
    float value = 0;
    int64_t step = 0;
    put_tuned();
    assert_int_equal(electra_report_events(folder, NULL), ELECTRA_OK);
    assert_int_equal(read_events_of(FIRST_TRIAL, "train/loss", &value, &step), 3); /* a warning is no number */
    assert_true(value == 1.25f && step == 5);
    assert_int_equal(read_events_of(FIRST_TRIAL, "own/accuracy", &value, &step), 3);
    assert_true(value == 0.5f && step == 10);
    assert_int_equal(read_events_of(SECOND_TRIAL, "own/accuracy", &value, &step), 3); /* a torn line is none */
    assert_true(value == 0.875f && step == 10);
    value = -1;
    assert_int_equal(read_events_of(SECOND_TRIAL, "train/step", &value, &step), 3);
    assert_true(value == -1);
    no_longer_tuned();
}

static electra_status write_events(electra_error *err)
{
    return electra_report_events(folder, err);
}

static void test_any_allocation_of_their_events_may_fail(void **state)
{
    (void)state;
    fail_allocations(write_events, 20);
    float value = 0;
    int64_t step = 0;
    assert_int_equal(read_events_of(SECOND_TRIAL, "own/accuracy", &value, &step), 3);
    no_longer_tuned();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page_needs_no_network_and_escapes),
        cmocka_unit_test(test_long_runs_are_thinned),
        cmocka_unit_test(test_broken_runs_are_told),
        cmocka_unit_test(test_any_allocation_may_fail),
        cmocka_unit_test(test_trials_are_curves),
        cmocka_unit_test(test_tasks_are_told_apart),
        cmocka_unit_test(test_broken_trials_are_told),
        cmocka_unit_test(test_runs_of_two_kinds_are_refused),
        cmocka_unit_test(test_crc32c),
        cmocka_unit_test(test_events_read_back),
        cmocka_unit_test(test_events_heal),
        cmocka_unit_test(test_events_of_trials),
        cmocka_unit_test(test_any_allocation_of_their_events_may_fail),
        cmocka_unit_test(test_any_allocation_of_trials_may_fail), /* last: jansson's allocations fail from then on */
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
