#include "version.h"

#include <string.h>

static ktk_status open_at(ktk_dataset **out, struct session *session, const char *uuid,
                          const char *text, ktk_error *err) {
    int64_t time_us;
    ktk_status status = ktk_time_parse(&time_us, text, err);

    session->is_usage_error = status == KTK_E_INVALID;
    return status == KTK_OK ? ktk_dataset_open_at(out, session->store, uuid, time_us, err) : status;
}

static ktk_status open_version(ktk_dataset **out, struct session *session, const char *uuid,
                               const char *text, ktk_error *err) {
    ktk_status status = ktk_dataset_open_version(out, session->store, uuid, text, err);

    session->is_usage_error = status == KTK_E_INVALID;
    return status;
}

ktk_status cli_open_dataset(ktk_dataset **out, struct session *session, const char *uuid,
                            const struct version_values *state, ktk_error *err) {
    if (state->version != NULL && state->at != NULL) {
        return cli_usage(session, err, "--version and --at exclude each other");
    }
    if (state->version != NULL) {
        return open_version(out, session, uuid, state->version, err);
    }
    return state->at != NULL ? open_at(out, session, uuid, state->at, err)
                             : ktk_dataset_open(out, session->store, uuid, err);
}

ktk_status cli_open_state(ktk_dataset **out, struct session *session, const char *uuid,
                          const char *text, ktk_error *err) {
    bool is_time = strpbrk(text, "-:") != NULL;

    return is_time ? open_at(out, session, uuid, text, err)
                   : open_version(out, session, uuid, text, err);
}

ktk_status cli_refuse_version(struct session *session, const struct version_values *state,
                              const char *path, ktk_error *err) {
    const char *option = state->version != NULL ? "--version" : "--at";

    return state->version == NULL && state->at == NULL
               ? KTK_OK
               : cli_usage(session, err, "%s is for datasets, and '%s' is a file", option, path);
}
