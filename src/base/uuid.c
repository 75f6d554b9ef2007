#include "base/uuid.h"

#include <errno.h>
#include <stdint.h>
#include <sys/random.h>
#include <time.h>

#include "base/error.h"

#define UUID_BYTES ((size_t)16)

static ktk_status fill_random(uint8_t *out, size_t size, ktk_error *err) {
    while (size > 0) {
        ssize_t got = getrandom(out, size, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return ktki_error_errno(err, errno, "cannot get random bytes for a new name");
        }
        out += got;
        size -= (size_t)got;
    }
    return KTK_OK;
}

ktk_status ktki_uuid7(char out[KTKI_UUID_TEXT_SIZE], ktk_error *err) {
    static const char hex[] = "0123456789abcdef";
    uint8_t bytes[UUID_BYTES];
    struct timespec now;
    uint64_t milliseconds;
    uint32_t fraction;
    ktk_status status = KTK_OK;

    if (clock_gettime(CLOCK_REALTIME, &now) != 0) {
        KTKI_FAIL(err, KTK_E_IO, "cannot read the clock for a new name");
    }
    KTKI_TRY(fill_random(bytes + 8, UUID_BYTES - 8, err));
    milliseconds = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    /* The 12 bits behind the version hold the fraction of the millisecond (RFC 9562, 6.2, method
     * 3), so that names made in quick succession sort too. */
    fraction = (uint32_t)((uint64_t)(now.tv_nsec % 1000000) * 4096 / 1000000);
    for (int i = 0; i < 6; i++) {
        bytes[i] = (uint8_t)(milliseconds >> (8 * (5 - i)));
    }
    bytes[6] = (uint8_t)(0x70 | fraction >> 8);
    bytes[7] = (uint8_t)fraction;
    bytes[8] = (uint8_t)(0x80 | (bytes[8] & 0x3F));
    for (size_t i = 0; i < UUID_BYTES; i++) {
        out[2 * i] = hex[bytes[i] >> 4];
        out[2 * i + 1] = hex[bytes[i] & 0xF];
    }
    out[2 * UUID_BYTES] = '\0';
out:
    return status;
}
