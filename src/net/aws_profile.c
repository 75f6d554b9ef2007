#include "net/aws_profile.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/secret.h"
#include "net/credential_file.h"
#include "net/credential_request.h"

static const char *const setting_names[AWS_SETTING_COUNT] = {
    [AWS_ACCESS_KEY] = "aws_access_key_id",
    [AWS_SECRET_KEY] = "aws_secret_access_key",
    [AWS_SESSION_TOKEN] = "aws_session_token",
    [AWS_ROLE] = "role_arn",
    [AWS_SOURCE_PROFILE] = "source_profile",
    [AWS_CREDENTIAL_SOURCE] = "credential_source",
    [AWS_EXTERNAL_ID] = "external_id",
    [AWS_ROLE_SESSION_NAME] = "role_session_name",
    [AWS_DURATION_SECONDS] = "duration_seconds",
    [AWS_MFA_SERIAL] = "mfa_serial",
    [AWS_WEB_IDENTITY_TOKEN_FILE] = "web_identity_token_file",
    [AWS_CREDENTIAL_PROCESS] = "credential_process",
    [AWS_REGION] = "region",
    [AWS_SSO_START_URL] = "sso_start_url",
    [AWS_SSO_SESSION] = "sso_session",
};

struct reading {
    struct aws_profile *out;
    const char *name;
    bool is_config;
    bool is_here; /* in a section of the profile */
};

static bool is_text(const char *text, size_t size, const char *wanted) {
    return strlen(wanted) == size && memcmp(text, wanted, size) == 0;
}

/* Of the config file "[default]", "[profile x]" and "[profile "x y"]", else "[x]". */
static bool is_of_profile(const struct reading *reading, const struct profile_line *line) {
    const char *text = line->section;
    size_t size = line->section_size;

    if (reading->is_config && size > 7 && memcmp(text, "profile", 7) == 0 &&
        (text[7] == ' ' || text[7] == '\t')) {
        for (text += 7, size -= 7; size > 0 && (*text == ' ' || *text == '\t'); text++, size--) {
        }
        if (size >= 2 && (*text == '"' || *text == '\'') && text[size - 1] == *text) {
            text++;
            size -= 2;
        }
        return is_text(text, size, reading->name);
    }
    return (!reading->is_config || is_text(text, size, "default")) &&
           is_text(text, size, reading->name);
}

static ktk_status take_line(void *state, const struct profile_line *line, ktk_error *err) {
    struct reading *reading = state;
    struct aws_profile *out = reading->out;
    ktk_status status = KTK_OK;

    if (line->key == NULL) {
        reading->is_here = is_of_profile(reading, line);
        out->is_there = out->is_there || reading->is_here;
    }
    if (line->key == NULL || !reading->is_here) {
        goto out;
    }
    for (size_t i = 0; i < AWS_SETTING_COUNT; i++) {
        if (strlen(setting_names[i]) != line->key_size ||
            strncasecmp(line->key, setting_names[i], line->key_size) != 0) {
            continue;
        }
        ktki_free_text(out->allocator, out->values[i]);
        out->values[i] = NULL;
        KTKI_TRY(line->value_size == 0 ? KTK_OK
                                       : ktki_copy_text(out->allocator, line->value,
                                                        line->value_size, &out->values[i], err));
    }
out:
    return status;
}

/* What is not ours to read is not there: the home of another, whose name is in the environment. */
static ktk_status read_file(struct reading *reading, const char *variable, const char *in_home,
                            ktk_error *err) {
    const ktk_allocator *allocator = reading->out->allocator;
    const char *named = ktki_credential_environment(variable);
    const char *home = ktki_credential_environment("HOME");
    struct buffer path;
    struct buffer text;
    bool is_there = false;
    ktk_status status = KTK_OK;

    ktki_buffer_init(&path, allocator, 0);
    ktki_buffer_init(&text, allocator, 0);
    if (named == NULL && home == NULL) {
        goto out;
    }
    if (named != NULL && strncmp(named, "~/", 2) == 0 && home != NULL) {
        KTKI_TRY(ktki_buffer_append_format(&path, err, "%s%s", home, named + 1));
    } else {
        KTKI_TRY(named != NULL ? ktki_buffer_append_text(&path, named, err)
                               : ktki_buffer_append_format(&path, err, "%s%s", home, in_home));
    }
    KTKI_TRY(ktki_buffer_append_byte(&path, '\0', err));
    status = ktki_credential_file_read(&text, (const char *)path.data, &is_there, err);
    if (status == KTK_E_DENIED && named == NULL) {
        status = KTK_OK;
    }
    KTKI_TRY(status);
    status = ktki_profile_lines(text.data, text.size, take_line, reading, err);
    if (status != KTK_OK) {
        ktki_error_context(err, "'%s'", (const char *)path.data);
    }
out:
    ktki_buffer_clear(&path);
    ktki_buffer_clear(&text);
    return status;
}

const char *ktki_aws_profile_name(const char *name) {
    if (name == NULL || name[0] == '\0') {
        name = ktki_credential_environment("AWS_PROFILE");
    }
    return name == NULL ? "default" : name;
}

ktk_status ktki_aws_profile_read(struct aws_profile *out, const ktk_allocator *allocator,
                                 const char *name, enum aws_profile_files files, ktk_error *err) {
    struct reading reading = {.out = out, .name = name};
    ktk_status status = KTK_OK;

    *out = (struct aws_profile){.allocator = allocator};
    if (((unsigned)files & (unsigned)AWS_CONFIG_FILE) != 0) {
        reading.is_config = true;
        KTKI_TRY(read_file(&reading, "AWS_CONFIG_FILE", "/.aws/config", err));
    }
    if (((unsigned)files & (unsigned)AWS_CREDENTIALS_FILE) != 0) {
        reading.is_config = false;
        reading.is_here = false;
        KTKI_TRY(read_file(&reading, "AWS_SHARED_CREDENTIALS_FILE", "/.aws/credentials", err));
    }
out:
    return status;
}

void ktki_aws_profile_clear(struct aws_profile *profile) {
    for (size_t i = 0; i < AWS_SETTING_COUNT && profile->allocator != NULL; i++) {
        ktki_free_secret(profile->allocator, profile->values[i]);
        profile->values[i] = NULL;
    }
}
