#include "progress.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

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

static void draw(int64_t files, int64_t rows, int64_t bytes) {
    char text[256];
    char filled[BAR_WIDTH + 1] = {0};
    struct winsize size = {.ws_col = 80};
    int used = 0;

    (void)ioctl(STDERR_FILENO, TIOCGWINSZ, &size);
    if (bar.row_total > 0) {
        int64_t done = rows < bar.row_total ? rows : bar.row_total;

        memset(filled, ' ', BAR_WIDTH);
        memset(filled, '#', (size_t)(done * BAR_WIDTH / bar.row_total));
        used =
            snprintf(text, sizeof(text), "[%s] %3d%%  ", filled, (int)(done * 100 / bar.row_total));
    }
    (void)snprintf(text + used, sizeof(text) - (size_t)used, "%s, %s, %s",
                   cli_count(rows, "row", "rows"), cli_count(files, "file", "files"),
                   cli_size(bytes));
    fprintf(stderr, "\r\033[K%.*s", size.ws_col > 0 ? size.ws_col - 1 : 79, text);
    fflush(stderr);
    bar.is_drawn = true;
}

bool cli_progress_update(void *state, int64_t files, int64_t rows, int64_t bytes) {
    int64_t now = bar.is_on ? now_ms() : 0;

    (void)state;
    if (bar.is_on && now >= bar.next_draw_ms) {
        draw(files, rows, bytes);
        bar.next_draw_ms = now + REDRAW_AFTER_MS;
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
