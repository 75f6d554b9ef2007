/** One server that plays all services that give keys and tokens, and a clock that a test moves. */
#ifndef TESTS_NET_CREDENTIAL_SERVER_H
#define TESTS_NET_CREDENTIAL_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/retry.h"
#include "net/http_server.h"

/** What it answers instead of keys. */
enum credential_fault {
    FAULT_NONE,
    FAULT_NO_JSON,   /**< text that is neither JSON nor XML */
    FAULT_NO_FIELDS, /**< an empty object or element */
    FAULT_500,
    FAULT_400, /**< with an error of the service */
    FAULT_SILENT,
    FAULT_NUL, /**< a NUL in a text, where there is JSON */
    FAULT_LINE /**< a line end in a token */
};

struct credential_server {
    struct http_server *server;
    struct time_source clock; /**< for what is tested */
    _Atomic int64_t now_ms;   /**< only the test moves it */
    _Atomic int64_t life_ms;  /**< of what is given; 0: for ever */
    atomic_int fault;
    atomic_int given;     /**< keys and tokens so far; each has its number, from 1 */
    atomic_int requests;  /**< of any kind */
    pthread_mutex_t gate; /**< held by a test: no answer until it is let go */
    char last_head[4096];
    char last_body[8192];
};

void credential_server_start(struct credential_server *server);
/** Every client must be gone. */
void credential_server_stop(struct credential_server *server);

/** Set a variable to the server's URL and a path behind it. */
void credential_server_name(const struct credential_server *server, const char *variable,
                            const char *path);

/** Unset all that the providers look at; HOME is a folder without files, and nothing is
 * asked of the machine on which the tests run. */
void credential_environment_clear(const char *folder);

/** A file in a folder, which may be run. */
void credential_file_write(const char *folder, const char *name, const char *text);

/** Set a variable to its path. */
void credential_file_name(const char *folder, const char *name, const char *variable);

#endif
