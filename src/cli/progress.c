#include "progress.h"

#include "interrupt.h"
#include "output.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const double REDRAW_SECONDS = 0.2;   /* on a terminal */
static const double FIRST_LINE_SECONDS = 5; /* elsewhere: short jobs say nothing */
static const double FURTHER_LINES_SECONDS = 30;

/* ---- words ----------------------------------------------------------------------------------------------------------
 */

/* 1234567 -> "1,234,567"; bytes as "1.2 MB". */
static void name_amount(char *text, size_t size, double amount, bool bytes)
{
    if (bytes) {
        static const char *const UNITS[] = {"B", "kB", "MB", "GB", "TB"};
        size_t unit = 0;
        while (amount >= 1000 && unit + 1 < sizeof UNITS / sizeof UNITS[0]) {
            amount /= 1000;
            ++unit;
        }
        snprintf(text, size, "%.*f %s", unit > 0 && amount < 100, amount, UNITS[unit]);
        return;
    }
    char digits[40];
    snprintf(digits, sizeof digits, "%.0f", amount);
    size_t n = strlen(digits), used = 0;
    for (size_t i = 0; i < n && used + 2 < size; ++i) {
        text[used++] = digits[i];
        if (i + 1 < n && (n - i - 1) % 3 == 0 && digits[i] != '-') {
            text[used++] = ',';
        }
    }
    text[used] = '\0';
}

static void name_rate(char *text, size_t size, double rate, const char *unit)
{
    if (strcmp(unit, "bytes") == 0) {
        char amount[48];
        name_amount(amount, sizeof amount, rate, true);
        snprintf(text, size, "%s/s", amount);
    } else if (rate >= 1e6) {
        snprintf(text, size, "%.1f M %s/s", rate / 1e6, unit);
    } else if (rate >= 1e4) {
        snprintf(text, size, "%.0f k %s/s", rate / 1e3, unit);
    } else {
        snprintf(text, size, "%.*f %s/s", rate < 10 ? 2 : 0, rate, unit);
    }
}

static void name_duration(char *text, size_t size, double seconds)
{
    if (!(seconds < 1e7)) {
        snprintf(text, size, "days");
        return;
    }
    long whole = lround(seconds);
    if (whole >= 3600) {
        snprintf(text, size, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
    } else {
        snprintf(text, size, "%ld:%02ld", whole / 60, whole % 60);
    }
}

static void append(char *text, size_t size, const char *separator, const char *more)
{
    size_t used = strlen(text);
    if (used < size) {
        snprintf(text + used, size - used, "%s%s", used ? separator : "", more);
    }
}

void cli_progress_line(char *text, size_t size, const cli_progress *progress, const electra_progress *now)
{
    const char *unit = now->unit ? now->unit : "";
    bool bytes = strcmp(unit, "bytes") == 0;
    char done[48], total[48], part[128];
    snprintf(text, size, "%s", now->stage ? now->stage : "");
    name_amount(done, sizeof done, now->done, bytes);
    name_amount(total, sizeof total, now->total, bytes);
    bool known = now->total > 0;
    snprintf(part, sizeof part, "%s%s%s%s%s", done, known ? "/" : "", known ? total : "", bytes ? "" : " ",
             bytes ? "" : unit);
    append(text, size, " ", part);
    if (known) {
        snprintf(part, sizeof part, "%.0f %%", floor(100 * fmin(now->done / now->total, 1)));
        append(text, size, " ", part);
    }
    double seconds = now->seconds - progress->first_seconds;
    double rate = seconds > 0 ? (now->done - progress->first_done) / seconds : 0;
    if (rate > 0) {
        name_rate(part, sizeof part, rate, unit);
        append(text, size, ", ", part);
    }
    if (rate > 0 && now->total > now->done) {
        char left[32];
        name_duration(left, sizeof left, (now->total - now->done) / rate);
        append(text, size, ", ", left);
        append(text, size, " ", "left");
    }
    if (now->note && *now->note) {
        append(text, size, ", ", now->note);
    }
}

/* ---- lines ----------------------------------------------------------------------------------------------------------
 */

static void erase(void *user)
{
    cli_progress *progress = user;
    if (progress->drawn) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
        progress->drawn = false;
    }
}

static size_t terminal_width(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : 80;
}

/* Cut to the width, so that the line does not wrap and can be redrawn; never inside a UTF-8 sequence. */
static void cut(char *text, size_t columns)
{
    size_t seen = 0;
    for (char *at = text; *at; ++at) {
        if (((unsigned char)*at & 0xC0) != 0x80 && seen++ == columns) {
            *at = '\0';
            return;
        }
    }
}

static void show(cli_progress *progress, const electra_progress *now)
{
    char line[512];
    cli_progress_line(line, sizeof line, progress, now);
    progress->shown_seconds = now->seconds;
    if (progress->terminal) {
        cut(line, terminal_width() - 1);
        fprintf(stderr, "\r%s\033[K", line);
        fflush(stderr);
        progress->drawn = true;
    } else {
        fprintf(stderr, "%s\n", line);
    }
}

static void begin_stage(cli_progress *progress, const electra_progress *now)
{
    snprintf(progress->stage, sizeof progress->stage, "%s", now->stage ? now->stage : "");
    progress->first_done = now->done;
    progress->first_seconds = now->seconds;
}

static bool on_progress(void *user, const electra_progress *now)
{
    cli_progress *progress = user;
    if (!progress->quiet) {
        bool new_stage = strncmp(progress->stage, now->stage ? now->stage : "", sizeof progress->stage - 1) != 0;
        bool restarted = now->seconds < progress->shown_seconds || now->done < progress->first_done;
        if (new_stage || restarted) {
            begin_stage(progress, now);
            progress->shown_seconds = restarted ? now->seconds : progress->shown_seconds;
        }
        double since = now->seconds - progress->shown_seconds;
        double wait = progress->shown_seconds > 0 ? FURTHER_LINES_SECONDS : FIRST_LINE_SECONDS;
        if (since >= (progress->terminal ? REDRAW_SECONDS : wait)) {
            show(progress, now);
        }
    }
    return cli_interrupt_asked();
}

static void on_log(void *user, electra_log_level level, const char *line)
{
    cli_progress *progress = user;
    if (progress->quiet || (level == ELECTRA_LOG_DEBUG && !progress->verbose)) {
        return;
    }
    erase(progress);
    if (level == ELECTRA_LOG_WARNING) {
        fprintf(stderr, "%swarning:%s %s\n", progress->color ? "\033[33m" : "", progress->color ? "\033[0m" : "", line);
    } else {
        fprintf(stderr, "%s\n", line);
    }
}

void cli_progress_wire(cli_progress *progress, cli_common *common)
{
    const char *term = getenv("TERM");
    *progress = (cli_progress){.terminal = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0,
                               .quiet = common->quiet,
                               .verbose = common->verbose,
                               .color = common->color_stderr};
    common->runtime.log = on_log;
    common->runtime.log_user = progress;
    common->runtime.progress = on_progress;
    common->runtime.progress_user = progress;
    cli_output_before_write(erase, progress);
}

void cli_progress_end(cli_progress *progress)
{
    erase(progress);
    cli_output_before_write(NULL, NULL);
}
