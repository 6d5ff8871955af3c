/* The parser of options against tables of its own, and against noise; the words of progress; JSON strings. */
#include "options.h"
#include "progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct values {
    cli_list inputs;
    const char *text;
    long n;
    double x;
    int choice;
    bool flag;
} values;

static const cli_option OPTIONS[] = {
    {"input", 'i', CLI_LIST, offsetof(values, inputs), "PATH", .help = "many"},
    {"text", 't', CLI_STRING, offsetof(values, text), "TEXT", .help = "one"},
    {"number", 'n', CLI_INTEGER, offsetof(values, n), "N", .least = -5, .most = 2e9},
    {"real", 0, CLI_REAL, offsetof(values, x), "X", .least = 0, .most = -1},
    {"choice", 0, CLI_CHOICE, offsetof(values, choice), .choices = "a|bb|ccc"},
    {"flag", 'f', CLI_FLAG, offsetof(values, flag), .help = "on or off"},
    CLI_END,
};
static const cli_command COMMAND = {
    .name = "test", .arguments = "[FILE...]", .options = OPTIONS, .values_size = sizeof(values)};

const cli_command *const cli_commands[] = {&COMMAND, NULL};

typedef struct parsed {
    values v;
    cli_common common;
    cli_list arguments;
    bool help;
    electra_error err;
    electra_status status;
} parsed;

static parsed parse(int argc, char **argv)
{
    parsed p;
    memset(&p, 0, sizeof p);
    p.status = cli_parse(&COMMAND, argc, argv, &p.common, &p.v, &p.arguments, &p.help, &p.err);
    return p;
}

static void clear(parsed *p)
{
    cli_values_clear(&COMMAND, &p->v, &p->arguments);
}

#define PARSE(...) parse((int)(sizeof((char *[]){__VA_ARGS__}) / sizeof(char *)), (char *[]){__VA_ARGS__})

static void parses_numbers(void **state)
{
    (void)state;
    static const struct {
        char *text;
        long value;
        bool valid;
    } CASES[] = {
        {"0", 0, true},
        {"-5", -5, true},
        {"+7", 7, true},
        {"12k", 12000, true},
        {"2G", 2000000000, true},
        {"1M", 1000000, true},
        {"-6", 0, false},
        {"3G", 0, false},
        {"", 0, false},
        {"k", 0, false},
        {"1kk", 0, false},
        {"1.5", 0, false},
        {"1e3", 0, false},
        {"0x10", 0, false},
        {" 1", 0, false},
        {"1 ", 0, false},
        {"9223372036854775808", 0, false},
        {"9223372036854775807G", 0, false},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; ++i) {
        parsed p = PARSE("--number", CASES[i].text);
        assert_int_equal(p.status, CASES[i].valid ? ELECTRA_OK : ELECTRA_MISUSE);
        if (CASES[i].valid) {
            assert_int_equal(p.v.n, CASES[i].value);
        } else {
            assert_string_equal(p.err.where, "--number");
            assert_non_null(strstr(p.err.message, "from -5 to 2000000000"));
        }
        clear(&p);
    }
}

static void parses_reals(void **state)
{
    (void)state;
    static const struct {
        char *text;
        double value;
        bool valid;
    } CASES[] = {
        {"0", 0, true},    {".5", 0.5, true}, {"1e-3", 1e-3, true}, {"2k", 2000, true},   {"-1", 0, false},
        {"nan", 0, false}, {"inf", 0, false}, {"+inf", 0, false},   {"0x1", 0, false},    {"1e400", 0, false},
        {"1,5", 0, false}, {"", 0, false},    {"--5", 0, false},    {"1e308G", 0, false},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; ++i) {
        parsed p = PARSE("--real", CASES[i].text);
        assert_int_equal(p.status, CASES[i].valid ? ELECTRA_OK : ELECTRA_MISUSE);
        if (CASES[i].valid) {
            assert_true(p.v.x == CASES[i].value);
        }
        clear(&p);
    }
}

static void parses_lists_and_arguments(void **state)
{
    (void)state;
    parsed p = PARSE("one", "-i", "a", "-", "-ib", "--flag", "two", "--input=--c", "--", "--three");
    assert_int_equal(p.status, ELECTRA_OK);
    assert_int_equal(p.v.inputs.n, 4);
    assert_string_equal(p.v.inputs.items[1], "-");
    assert_string_equal(p.v.inputs.items[3], "--c");
    assert_true(p.v.flag);
    assert_int_equal(p.arguments.n, 3);
    assert_string_equal(p.arguments.items[2], "--three");
    clear(&p);
    assert_null(p.v.inputs.items);
}

static void suggests_what_was_meant(void **state)
{
    (void)state;
    parsed p = PARSE("--choice", "cc");
    assert_int_equal(p.status, ELECTRA_MISUSE);
    assert_string_equal(p.err.message, "'cc' is none of a|bb|ccc; did you mean 'ccc'?");
    clear(&p);
    p = PARSE("--choice", "zebra");
    assert_string_equal(p.err.message, "'zebra' is none of a|bb|ccc");
    clear(&p);
    p = PARSE("--input-file", "x");
    assert_string_equal(p.err.message, "unknown option; did you mean --input?");
    clear(&p);
    p = PARSE("--textt=5");
    assert_string_equal(p.err.message, "unknown option; did you mean --text?");
    clear(&p);
}

static void knows_what_was_given(void **state)
{
    (void)state;
    parsed p = PARSE("--flag");
    assert_false(p.common.seed_given);
    assert_int_equal(p.common.seed, 42);
    assert_int_equal(p.common.runtime.threads, 0);
    clear(&p);
    p = PARSE("--seed", "42", "--threads", "2", "--no-flag");
    assert_true(p.common.seed_given);
    assert_int_equal(p.common.runtime.threads, 2);
    clear(&p);
    p = PARSE("--help", "--nonsense");
    assert_true(p.help);
    clear(&p);
    p = PARSE("--", "--help");
    assert_false(p.help);
    assert_int_equal(p.arguments.n, 1);
    clear(&p);
    p = PARSE("--device", "cuda:0");
    assert_int_equal(p.status, ELECTRA_NO_RESOURCE);
    clear(&p);
}

static void finds_the_nearest(void **state)
{
    (void)state;
    const char *const WORDS[] = {"vocab", "prepare", "pretrain", "bench"};
    assert_string_equal(cli_nearest("voacb", WORDS, 4), "vocab");
    assert_string_equal(cli_nearest("pretran", WORDS, 4), "pretrain");
    assert_string_equal(cli_nearest("prep", WORDS, 4), "prepare");
    assert_null(cli_nearest("xyz", WORDS, 4));
    /* what is too long, or called otherwise by other programs */
    static const char *const OPTIONS_THERE[] = {"batch", "learning-rate", "regress", "multilabel", "max-length"};
    static const struct {
        const char *word, *found;
    } CASES[] = {{"batch-size", "batch"},        {"lr", "learning-rate"},          {"regression", "regress"},
                 {"multi-label", "multilabel"},  {"max-seq-length", "max-length"}, {"ner", NULL},
                 {"learning_rate", "learning-rate"}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        const char *found = cli_nearest(CASES[i].word, OPTIONS_THERE, 5);
        assert_true(CASES[i].found ? found && strcmp(found, CASES[i].found) == 0 : !found);
    }
    assert_null(cli_nearest("", WORDS, 4));
    assert_null(cli_nearest("a-word-that-is-much-longer-than-any-word-that-there-is", WORDS, 4));
}

/* Command lines of random pieces: nothing crashes or leaks, and a failure always has words. */
static void survives_noise(void **state)
{
    (void)state;
    static char *const PIECES[] = {
        "--input",
        "-i",
        "--text",
        "--text=",
        "-t",
        "-n",
        "--number",
        "5",
        "-5",
        "--number=1k",
        "--real",
        "1e3",
        "--",
        "-",
        "",
        "--choice",
        "bb",
        "--flag",
        "-f",
        "-fx",
        "--no-",
        "--no-x",
        "--=",
        "---",
        "--flag=",
        "=",
        "\xff\xfe",
        "--\xff",
        "--threads",
        "--seed",
        "--json",
        "-q",
        "--color",
        "--no-input",
        "-\x01",
        "--no-flag",
        "never",
        "--device",
        "--quietly",
        "--a-name-that-is-much-longer-than-any-name-an-option-could-ever-have-and-then-some-more-of-it-until-it-is-cut",
    };
    uint32_t random = 12345;
    for (int round = 0; round < 20000; ++round) {
        char *argv[8];
        int argc = 0;
        for (; argc < 8; ++argc) {
            random = random * 1664525U + 1013904223U;
            size_t pick = (random >> 8) % (sizeof PIECES / sizeof PIECES[0] + 6);
            if (pick >= sizeof PIECES / sizeof PIECES[0]) {
                break;
            }
            argv[argc] = PIECES[pick];
        }
        parsed p = parse(argc, argv);
        if (p.status != ELECTRA_OK) {
            assert_true(p.status == ELECTRA_MISUSE || p.status == ELECTRA_NO_RESOURCE);
            assert_true(p.err.message[0] != '\0');
        } else if (!p.help) {
            assert_true(p.v.choice >= 0 && p.v.choice < 3 && p.v.x >= 0 && p.v.n >= -5);
        }
        clear(&p);
    }
}

static void tells_progress(void **state)
{
    (void)state;
    char line[200];
    cli_progress from = {.first_done = 1000, .first_seconds = 10};
    electra_progress now = {.stage = "training", .unit = "steps", .done = 2000, .total = 12345, .seconds = 30};
    cli_progress_line(line, sizeof line, &from, &now);
    assert_string_equal(line, "training 2,000/12,345 steps 16 %, 50 steps/s, 3:27 left");
    now.note = "loss 6.12";
    now.total = 0;
    cli_progress_line(line, sizeof line, &from, &now);
    assert_string_equal(line, "training 2,000 steps, 50 steps/s, loss 6.12");
    now = (electra_progress){.stage = "reading", .unit = "bytes", .done = 2.5e6, .total = 1e10, .seconds = 11};
    cli_progress_line(line, sizeof line, &(cli_progress){.first_seconds = 10}, &now);
    assert_string_equal(line, "reading 2.5 MB/10.0 GB 0 %, 2.5 MB/s, 1:06:39 left");
    cli_progress_line(line, 12, &from, &now);
    assert_int_equal(strlen(line), 11);
}

static void prints_json(void **state)
{
    (void)state;
    static const char TEXT[] = "a\"\\\n\x01\xc3\xa9\xff\xed\xa0\x80\xf0\x9f\x98\x80\xe2\x82";
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    cli_print_json_string(out, TEXT, sizeof TEXT - 1);
    fclose(out);
    assert_string_equal(text, "\"a\\\"\\\\\\n\\u0001\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                              "\xf0\x9f\x98\x80\xef\xbf\xbd\xef\xbf\xbd\"");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_numbers),
        cmocka_unit_test(parses_reals),
        cmocka_unit_test(parses_lists_and_arguments),
        cmocka_unit_test(knows_what_was_given),
        cmocka_unit_test(finds_the_nearest),
        cmocka_unit_test(suggests_what_was_meant),
        cmocka_unit_test(survives_noise),
        cmocka_unit_test(tells_progress),
        cmocka_unit_test(prints_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
