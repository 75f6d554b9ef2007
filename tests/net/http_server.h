/** A small HTTP server on 127.0.0.1 whose answers a test makes. */
#ifndef TESTS_NET_HTTP_SERVER_H
#define TESTS_NET_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>

struct http_server;

/** What a client sent. */
struct served_request {
    const char *head; /**< request line and headers, NUL-terminated */
    const char *body;
    size_t body_size;
    int on_connection; /**< 0 for the first request of a connection, 1 for the next, … */
    int connection;    /**< number of the connection, from 0 */
};

/**
 * Write an answer to `socket`, or nothing. False: close the connection. Called on several threads
 * at once.
 */
typedef bool (*http_server_fn)(void *state, const struct served_request *request, int socket);

/** Fails the test if it cannot start. */
struct http_server *http_server_new(http_server_fn fn, void *state);

/** "http://127.0.0.1:PORT"; borrowed. */
const char *http_server_url(const struct http_server *server);

/** Ends all connections and waits for their threads. */
void http_server_free(struct http_server *server);

/** Write a text, the whole of it. */
void http_server_say(int socket, const char *text);

/** Close so that the client sees a reset. */
void http_server_reset(int socket);

#endif
