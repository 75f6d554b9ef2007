/* What providers of credentials are made of: files of profiles, commands, memory that is cleared.
 */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/context.h"
#include "base/secret.h"
#include "net/credential_file.h"
#include "net/credential_process.h"

/* --- files of profiles --------------------------------------------------------------------- */

static ktk_status note(void *state, const struct profile_line *line, ktk_error *err) {
    return ktki_buffer_append_format(state, err, "%.*s|%.*s|%.*s\n", (int)line->section_size,
                                     line->section, (int)line->key_size,
                                     line->key == NULL ? "" : line->key, (int)line->value_size,
                                     line->value == NULL ? "" : line->value);
}

static void check_lines(const char *text, const char *wanted) {
    struct buffer got;
    ktk_error err;

    ktki_buffer_init(&got, test_allocator(), 0);
    CHECK_OK(ktki_profile_lines(text, strlen(text), note, &got, &err));
    CHECK_OK(ktki_buffer_append_byte(&got, '\0', &err));
    assert_string_equal((const char *)got.data, wanted);
    ktki_buffer_clear(&got);
}

/* Worked out with Python's configparser.RawConfigParser, which keeps blanks within the brackets. */
static void reads_profiles_as_configparser_does(void **unused) {
    (void)unused;
    check_lines("", "");
    check_lines("# nothing\n ; here\n\n", "");
    check_lines("[a]\nk = v\n", "a||\na|k|v\n");
    check_lines("[ a b ]\r\nK=v=w\r\nl : x y \r\n", "a b||\na b|K|v=w\na b|l|x y\n");
    check_lines("[a]\n  k = 1\n  l = 2\n", "a||\na|k|1\na|l|2\n");
    check_lines("[a]\ns3 =\n  deep = 1\nk = v", "a||\na|s3|\na|k|v\n");
    check_lines("[a]\nk = v # w\n[b]\n  l = #\n", "a||\na|k|v # w\nb||\nb|l|#\n");
    check_lines("[a]\nk = 1\nk = 2\n[a]\nk = 3\n", "a||\na|k|1\na|k|2\na||\na|k|3\n");
}

static void rejects_what_is_no_profile(void **unused) {
    static const struct {
        const char *text;
        int32_t line;
    } bad[] = {{"k = v\n", 1}, {"[a]\nsecretvalue\n", 2}, {"[a\nk = v\n", 1}, {"[a]\n\n= v\n", 3}};
    struct buffer got;
    ktk_error err;

    (void)unused;
    ktki_buffer_init(&got, test_allocator(), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK_STATUS(ktki_profile_lines(bad[i].text, strlen(bad[i].text), note, &got, &err),
                     KTK_E_CORRUPT);
        assert_int_equal(err.detail, bad[i].line);
        assert_null(strstr(err.message, "secretvalue"));
    }
    CHECK_STATUS(ktki_profile_lines("[a]\0\n", 5, note, &got, &err), KTK_E_CORRUPT);
    ktki_buffer_clear(&got);
}

/* --- commands ------------------------------------------------------------------------------ */

struct command {
    const char *text;
    size_t count;
    const char *words; /* joined by '|'; NULL: none */
};

/* Worked out with Python's shlex.split(). */
static void splits_commands_as_a_shell_does(void **unused) {
    static const struct command commands[] = {
        {"a", 1, "a"},
        {"  a  b\tc ", 3, "a|b|c"},
        {"/bin/x 'a b' \"c d\"", 3, "/bin/x|a b|c d"},
        {"a 'b\\c' \"d\\\"e\\f\" g\\ h", 4, "a|b\\c|d\"e\\f|g h"},
        {"a '' \"\"b", 3, "a||b"},
        {"a$HOME `b`;c", 2, "a$HOME|`b`;c"},
        {"", 0, NULL},
        {"   ", 0, NULL},
        {"a 'b", 0, NULL},
        {"a \"b\\\"", 0, NULL},
    };
    ktk_error err;

    (void)unused;
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        struct buffer words;
        size_t count = 99;

        ktki_buffer_init(&words, test_allocator(), 0);
        if (commands[i].words == NULL) {
            CHECK_STATUS(ktki_process_split(&words, commands[i].text, &count, &err), KTK_E_INVALID);
            assert_int_equal(count, 99);
        } else {
            CHECK_OK(ktki_process_split(&words, commands[i].text, &count, &err));
            assert_int_equal(count, commands[i].count);
            assert_int_equal(words.size, strlen(commands[i].words) + 1);
            for (size_t j = 0; j + 1 < words.size; j++) {
                assert_int_equal(words.data[j],
                                 commands[i].words[j] == '|' ? '\0' : commands[i].words[j]);
            }
        }
        ktki_buffer_clear(&words);
    }
}

static ktk_status run(const char *script, int32_t time_max_ms, struct buffer *out, ktk_error *err) {
    char shell[] = "sh";
    char option[] = "-c";
    char text[256];
    char *const words[] = {shell, option, text, NULL};

    (void)snprintf(text, sizeof(text), "%s", script);
    ktki_buffer_clear(out);
    return ktki_process_run(out, words, true, time_max_ms, err);
}

static void runs_programs(void **unused) {
    char missing[] = "/nonexistent/program";
    char *const words[] = {missing, NULL};
    struct buffer out;
    ktk_error err;

    (void)unused;
    ktki_buffer_init(&out, test_allocator(), 0);
    CHECK_OK(run("cat; echo ready", 20000, &out, &err));
    assert_int_equal(out.size, 6);
    assert_memory_equal(out.data, "ready\n", 6);
    CHECK_STATUS(run("echo secretvalue; exit 3", 20000, &out, &err), KTK_E_DENIED);
    CHECK_MESSAGE("'sh' ends with status 3");
    assert_null(strstr(err.message, "secretvalue"));
    CHECK_STATUS(run("kill -9 $$", 20000, &out, &err), KTK_E_DENIED);
    CHECK_MESSAGE("signal 9");
    CHECK_STATUS(run("sleep 30", 100, &out, &err), KTK_E_UNAVAILABLE);
    CHECK_STATUS(run("exec >&-; sleep 30", 100, &out, &err), KTK_E_UNAVAILABLE);
    CHECK_STATUS(run("cat /dev/zero", 20000, &out, &err), KTK_E_LIMIT);
    CHECK_STATUS(ktki_process_run(&out, words, false, 20000, &err), KTK_E_NOT_FOUND);
    CHECK_OK(
        run("i=0; while [ $i -lt 2000 ]; do echo 0123456789; i=$((i+1)); done", 20000, &out, &err));
    assert_int_equal(out.size, 22000);
    ktki_buffer_clear(&out);
    assert_int_equal(test_allocator_live(), 0);
}

/* --- tokens -------------------------------------------------------------------------------- */

static void check_token(const char *text, size_t size, ktk_status wanted, const char *token) {
    char *folder = test_folder_new();
    struct buffer got;
    char path[512];
    FILE *file;
    ktk_error err;

    (void)snprintf(path, sizeof(path), "%s/token", folder);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    (void)fclose(file);
    ktki_buffer_init(&got, test_allocator(), 0);
    CHECK_STATUS(ktki_credential_file_token(&got, path, &err), wanted);
    if (wanted == KTK_OK) {
        assert_string_equal((const char *)got.data, token);
    }
    ktki_buffer_clear(&got);
    test_folder_remove(folder);
}

static void reads_tokens(void **unused) {
    struct buffer got;
    ktk_error err;

    (void)unused;
    check_token("abc", 3, KTK_OK, "abc");
    check_token(" \nabc.d-e\r\n", 11, KTK_OK, "abc.d-e");
    check_token("", 0, KTK_E_IO, NULL);
    check_token(" \n", 2, KTK_E_IO, NULL);
    check_token("a\r\nb", 4, KTK_E_IO, NULL);
    check_token("a\0b", 3, KTK_E_IO, NULL);
    ktki_buffer_init(&got, test_allocator(), 0);
    CHECK_STATUS(ktki_credential_file_token(&got, "/nonexistent/token", &err), KTK_E_DENIED);
    CHECK_STATUS(ktki_credential_file_token(&got, "/", &err), KTK_E_IO);
    ktki_buffer_clear(&got);
    assert_int_equal(test_allocator_live(), 0);
}

/* --- memory -------------------------------------------------------------------------------- */

struct watch {
    int freed;
    int dirty;
};

static void *watch_resize(void *state, void *block, size_t old_size, size_t new_size) {
    struct watch *watch = state;

    if (block != NULL) {
        watch->freed++;
        for (size_t i = 0; i < old_size; i++) {
            watch->dirty += ((const char *)block)[i] != 0;
        }
    }
    return test_allocator()->resize(test_allocator()->state, block, old_size, new_size);
}

static void clears_blocks_before_they_are_freed(void **unused) {
    struct watch watch = {0, 0};
    const ktk_allocator watched = {watch_resize, &watch};
    struct secret_allocator secrets;
    struct buffer buffer;
    ktk_error err;

    (void)unused;
    ktki_secret_allocator_init(&secrets, &watched);
    ktki_buffer_init(&buffer, &secrets.allocator, 0);
    for (int i = 0; i < 1000; i++) {
        CHECK_OK(ktki_buffer_append_text(&buffer, "secret", &err));
    }
    assert_memory_equal(buffer.data + 5994, "secret", 6);
    ktki_buffer_clear(&buffer);
    assert_true(watch.freed > 5);
    assert_int_equal(watch.dirty, 0);
    assert_int_equal(test_allocator_live(), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_profiles_as_configparser_does),
        cmocka_unit_test(rejects_what_is_no_profile),
        cmocka_unit_test(splits_commands_as_a_shell_does),
        cmocka_unit_test(runs_programs),
        cmocka_unit_test(reads_tokens),
        cmocka_unit_test(clears_blocks_before_they_are_freed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
