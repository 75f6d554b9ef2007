#include "progress.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "heap.h"
#include "render.h"

#define FIRST_AFTER_MS 500
#define REDRAW_AFTER_MS 100
#define BAR_WIDTH 24

static volatile sig_atomic_t interrupted;

static struct {
    bool is_on;
    bool is_drawn;
    int64_t row_total;
    int64_t next_draw_ms;
} bar;

static void interrupt(int number) {
    (void)number;
    interrupted = 1;
}

static int64_t now_ms(void) {
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void cli_progress_begin(void) {
    struct sigaction action = {.sa_handler = interrupt, .sa_flags = SA_RESETHAND};

    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    bar.is_on = isatty(STDERR_FILENO) != 0;
    bar.row_total = 0;
    bar.next_draw_ms = now_ms() + FIRST_AFTER_MS;
}

void cli_progress_expect(int64_t rows) {
    bar.row_total = rows < 0 || bar.row_total < 0 ? -1 : bar.row_total + rows;
}

/* `done` of `total` as a bar, if the total is known, and the text behind it. */
static void draw(int64_t done, int64_t total, const char *what) {
    char text[256];
    char filled[BAR_WIDTH + 1] = {0};
    struct winsize size = {.ws_col = 80};
    int used = 0;

    (void)ioctl(STDERR_FILENO, TIOCGWINSZ, &size);
    if (total > 0) {
        double share = done < total ? (double)done / (double)total : 1;

        memset(filled, ' ', BAR_WIDTH);
        memset(filled, '#', (size_t)(share * BAR_WIDTH));
        used = snprintf(text, sizeof(text), "[%s] %3d%%  ", filled, (int)(share * 100));
    }
    (void)snprintf(text + used, sizeof(text) - (size_t)used, "%s", what);
    fprintf(stderr, "\r\033[K%.*s", size.ws_col > 0 ? size.ws_col - 1 : 79, text);
    fflush(stderr);
    bar.is_drawn = true;
}

/* Is it time to draw again? */
static bool is_due(void) {
    int64_t now = bar.is_on ? now_ms() : 0;
    bool due = bar.is_on && now >= bar.next_draw_ms;

    bar.next_draw_ms = due ? now + REDRAW_AFTER_MS : bar.next_draw_ms;
    return due;
}

bool cli_progress_update(void *state, int64_t files, int64_t rows, int64_t bytes) {
    (void)state;
    if (is_due()) {
        draw(rows, bar.row_total,
             cli_format("%s, %s, %s", cli_count(rows, "row", "rows"),
                        cli_count(files, "file", "files"), cli_size(bytes)));
    }
    return interrupted == 0;
}

bool cli_progress_files(int64_t files, int64_t file_count, int64_t bytes) {
    if (is_due()) {
        draw(files, file_count,
             cli_format("%s of %s%s%s", cli_number(files), cli_count(file_count, "file", "files"),
                        bytes < 0 ? "" : ", ", bytes < 0 ? "" : cli_size(bytes)));
    }
    return interrupted == 0;
}

bool cli_was_interrupted(void) {
    return interrupted != 0;
}

void cli_progress_end(void) {
    if (bar.is_drawn) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
    bar.is_drawn = false;
    bar.is_on = false;
}
