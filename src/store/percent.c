#include "store/percent.h"

#include "base/error.h"

static bool is_unreserved(char character) {
    return (character >= '0' && character <= '9') || (character >= 'a' && character <= 'z') ||
           (character >= 'A' && character <= 'Z') || character == '_' || character == '.' ||
           character == '-' || character == '~';
}

/* Value of a hexadecimal digit, -1 for another character. */
static int digit_value(char character) {
    if (character >= '0' && character <= '9') {
        return character - '0';
    }
    if (character >= 'a' && character <= 'f') {
        return character - 'a' + 10;
    }
    return character >= 'A' && character <= 'F' ? character - 'A' + 10 : -1;
}

ktk_status ktki_percent_encode_plus(struct buffer *out, const char *text, ktk_error *err) {
    static const char digits[] = "0123456789ABCDEF";
    ktk_status status = KTK_OK;

    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        char code[3] = {'%', digits[byte >> 4], digits[byte & 15]};

        if (is_unreserved(*text)) {
            KTKI_TRY(ktki_buffer_append_byte(out, byte, err));
        } else if (*text == ' ') {
            KTKI_TRY(ktki_buffer_append_byte(out, '+', err));
        } else {
            KTKI_TRY(ktki_buffer_append(out, code, sizeof(code), err));
        }
    }
out:
    return status;
}

ktk_status ktki_percent_decode(struct buffer *out, const char *text, size_t size,
                               bool is_plus_space, ktk_error *err) {
    ktk_status status = KTK_OK;

    for (size_t i = 0; i < size; i++) {
        char byte = text[i];

        if (byte == '%' && size - i > 2 && digit_value(text[i + 1]) >= 0 &&
            digit_value(text[i + 2]) >= 0) {
            byte = (char)(digit_value(text[i + 1]) * 16 + digit_value(text[i + 2]));
            i += 2;
        } else if (byte == '+' && is_plus_space) {
            byte = ' ';
        }
        KTKI_TRY(ktki_buffer_append_byte(out, (uint8_t)byte, err));
    }
out:
    return status;
}
