#include "base/float_text.h"

#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool ktki_parse_f64(const char *text, size_t size, double *out) {
    char copy[1100];
    char *end;
    locale_t c_locale;
    double value;

    if (size == 0 || size >= sizeof(copy) || text[0] == ' ' || memchr(text, 'x', size) != NULL) {
        return false;
    }
    memcpy(copy, text, size);
    copy[size] = '\0';
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    value = strtod_l(copy, &end, c_locale);
    freelocale(c_locale);
    if (end != copy + size) {
        return false;
    }
    *out = value;
    return true;
}

size_t ktki_format_f64(double value, char text[KTKI_NUMBER_TEXT_MAX]) {
    int precision = 15;
    double back = 0;

    if (isnan(value)) {
        return (size_t)snprintf(text, KTKI_NUMBER_TEXT_MAX, "nan");
    }
    if (isinf(value)) {
        return (size_t)snprintf(text, KTKI_NUMBER_TEXT_MAX, "%s", value < 0 ? "-inf" : "inf");
    }
    do {
        (void)snprintf(text, KTKI_NUMBER_TEXT_MAX, "%.*g", precision++, value);
    } while (precision <= 17 && (!ktki_parse_f64(text, strlen(text), &back) || back != value));
    if (strpbrk(text, ".e") == NULL) {
        strcat(text, ".0");
    }
    return strlen(text);
}
