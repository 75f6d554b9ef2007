#include "net/http_server.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/test.h"

#define CONNECTIONS_MAX 256
#define HEAD_MAX 65536

struct connection {
    struct http_server *server;
    int socket;
    int number;
    pthread_t thread;
};

struct http_server {
    http_server_fn fn;
    void *state;
    int listener;
    char url[64];
    pthread_t thread;
    pthread_mutex_t lock;
    bool is_stopping;
    size_t count;
    struct connection connections[CONNECTIONS_MAX];
};

void http_server_say(int socket, const char *text) {
    size_t size = strlen(text);

    while (size > 0) {
        ssize_t sent = send(socket, text, size, MSG_NOSIGNAL);

        if (sent <= 0) {
            return;
        }
        text += sent;
        size -= (size_t)sent;
    }
}

void http_server_reset(int socket) {
    struct linger now = {1, 0};

    (void)setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

/* Reads up to the end of the headers; the size of the head, 0 at the end of the connection. `*have`
 * bytes are there in all. */
static size_t read_head(int socket, char *head, size_t *have) {
    for (;;) {
        const char *end = *have == 0 ? NULL : memmem(head, *have, "\r\n\r\n", 4);
        ssize_t size;

        if (end != NULL) {
            return (size_t)(end - head) + 4;
        }
        size = recv(socket, head + *have, HEAD_MAX - 1 - *have, 0);
        if (size <= 0) {
            return 0;
        }
        *have += (size_t)size;
    }
}

static bool read_body(int socket, char *body, size_t have, size_t size) {
    while (have < size) {
        ssize_t more = recv(socket, body + have, size - have, 0);

        if (more <= 0) {
            return false;
        }
        have += (size_t)more;
    }
    return true;
}

static bool serve_one(struct connection *connection, int number) {
    static _Thread_local char head[HEAD_MAX];
    struct served_request request = {head, NULL, 0, number, connection->number};
    size_t have = 0;
    size_t head_size = read_head(connection->socket, head, &have);
    const char *length = head_size == 0 ? NULL : strcasestr(head, "content-length:");
    char *body;
    bool goes_on;

    if (head_size == 0) {
        return false;
    }
    request.body_size = length != NULL && length < head + head_size
                            ? strtoul(length + strlen("content-length:"), NULL, 10)
                            : 0;
    body = malloc(request.body_size + 1);
    if (body == NULL || have - head_size > request.body_size) {
        free(body);
        return false;
    }
    memcpy(body, head + head_size, have - head_size);
    head[head_size] = '\0';
    request.body = body;
    goes_on = read_body(connection->socket, body, have - head_size, request.body_size) &&
              connection->server->fn(connection->server->state, &request, connection->socket);
    free(body);
    return goes_on;
}

static void *serve(void *state) {
    struct connection *connection = state;

    for (int number = 0; serve_one(connection, number); number++) {
    }
    pthread_mutex_lock(&connection->server->lock);
    (void)close(connection->socket);
    connection->socket = -1;
    pthread_mutex_unlock(&connection->server->lock);
    return NULL;
}

static void *accept_all(void *state) {
    struct http_server *server = state;

    for (;;) {
        int socket = accept(server->listener, NULL, NULL);
        struct connection *connection;

        if (socket < 0) {
            return NULL;
        }
        pthread_mutex_lock(&server->lock);
        if (server->is_stopping || server->count == CONNECTIONS_MAX) {
            pthread_mutex_unlock(&server->lock);
            (void)close(socket);
            continue;
        }
        connection = &server->connections[server->count];
        connection->server = server;
        connection->socket = socket;
        connection->number = (int)server->count++;
        (void)pthread_create(&connection->thread, NULL, serve, connection);
        pthread_mutex_unlock(&server->lock);
    }
}

struct http_server *http_server_new(http_server_fn fn, void *state) {
    struct http_server *server = calloc(1, sizeof(*server));
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);

    assert_non_null(server);
    server->fn = fn;
    server->state = state;
    (void)pthread_mutex_init(&server->lock, NULL);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(server->listener >= 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(server->listener, 64), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &size), 0);
    (void)snprintf(server->url, sizeof(server->url), "http://127.0.0.1:%d",
                   ntohs(address.sin_port));
    assert_int_equal(pthread_create(&server->thread, NULL, accept_all, server), 0);
    return server;
}

const char *http_server_url(const struct http_server *server) {
    return server->url;
}

void http_server_free(struct http_server *server) {
    pthread_mutex_lock(&server->lock);
    server->is_stopping = true;
    for (size_t i = 0; i < server->count; i++) {
        if (server->connections[i].socket >= 0) {
            (void)shutdown(server->connections[i].socket, SHUT_RDWR);
        }
    }
    pthread_mutex_unlock(&server->lock);
    (void)shutdown(server->listener, SHUT_RDWR);
    (void)pthread_join(server->thread, NULL);
    (void)close(server->listener);
    for (size_t i = 0; i < server->count; i++) {
        (void)pthread_join(server->connections[i].thread, NULL);
    }
    (void)pthread_mutex_destroy(&server->lock);
    free(server);
}
