/** Profiles of AWS' shared files. */
#ifndef KTKI_NET_AWS_PROFILE_H
#define KTKI_NET_AWS_PROFILE_H

#include <kartothek/error.h>

#include "base/buffer.h"

enum aws_setting {
    AWS_ACCESS_KEY,
    AWS_SECRET_KEY,
    AWS_SESSION_TOKEN,
    AWS_ROLE,
    AWS_SOURCE_PROFILE,
    AWS_CREDENTIAL_SOURCE,
    AWS_EXTERNAL_ID,
    AWS_ROLE_SESSION_NAME,
    AWS_DURATION_SECONDS,
    AWS_MFA_SERIAL,
    AWS_WEB_IDENTITY_TOKEN_FILE,
    AWS_CREDENTIAL_PROCESS,
    AWS_REGION,
    AWS_SSO_START_URL,
    AWS_SSO_SESSION,
    AWS_SETTING_COUNT
};

enum aws_profile_files {
    AWS_CREDENTIALS_FILE = 1, /**< AWS_SHARED_CREDENTIALS_FILE, or else ~/.aws/credentials */
    AWS_CONFIG_FILE = 2,      /**< AWS_CONFIG_FILE, or else ~/.aws/config */
    AWS_BOTH_FILES = 3        /**< what both say, is as the credentials file has it */
};

struct aws_profile {
    const ktk_allocator *allocator;
    bool is_there;
    char *values[AWS_SETTING_COUNT]; /**< NULL: not set */
};

/** `name`, or else that of AWS_PROFILE, or else "default". */
const char *ktki_aws_profile_name(const char *name);

/**
 * Read a profile. One that is in no file has no values. KTK_E_CORRUPT with file and line.
 *
 * @param out to be cleared in any case
 */
ktk_status ktki_aws_profile_read(struct aws_profile *out, const ktk_allocator *allocator,
                                 const char *name, enum aws_profile_files files, ktk_error *err);

/** A zeroed one is allowed. */
void ktki_aws_profile_clear(struct aws_profile *profile);

#endif
