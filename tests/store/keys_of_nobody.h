/** Keys for servers of the tests that do not look at them. */
#ifndef KTK_TESTS_STORE_KEYS_OF_NOBODY_H
#define KTK_TESTS_STORE_KEYS_OF_NOBODY_H

#include <stdlib.h>

/** From here on this process finds them where it looks for keys of S3 and Azure. */
static inline void use_keys_of_nobody(void) {
    (void)setenv("AWS_ACCESS_KEY_ID", "k", 1);
    (void)setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
    (void)unsetenv("AWS_SESSION_TOKEN");
    (void)setenv("AZURE_STORAGE_ACCOUNT_NAME", "account", 1);
    (void)setenv("AZURE_STORAGE_ACCOUNT_KEY", "MDEyMw==", 1);
    (void)unsetenv("AZURE_STORAGE_CONNECTION_STRING");
}

#endif
