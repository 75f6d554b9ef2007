#include "net/xml.h"

#include <expat.h>

#include "base/error.h"
#include "net/shared_library.h"

#define TEXT_BYTES_MAX ((size_t)64 * 1024)

/* What is used of expat, named as there. */
struct expat_api {
    XML_Parser (*create)(const XML_Char *encoding);
    void (*free)(XML_Parser parser);
    void (*set_user_data)(XML_Parser parser, void *state);
    void (*set_elements)(XML_Parser parser, XML_StartElementHandler start,
                         XML_EndElementHandler end);
    void (*set_text)(XML_Parser parser, XML_CharacterDataHandler text);
    void (*set_doctype)(XML_Parser parser, XML_StartDoctypeDeclHandler start);
    enum XML_Status (*parse)(XML_Parser parser, const char *data, int size, int is_final);
    enum XML_Status (*stop)(XML_Parser parser, XML_Bool resumable);
    enum XML_Error (*error_code)(XML_Parser parser);
    const XML_LChar *(*error_text)(enum XML_Error code);
    XML_Size (*line)(XML_Parser parser);
};

struct reading {
    struct expat_api api;
    XML_Parser parser;
    xml_element_fn fn;
    void *state;
    struct buffer path; /* without a NUL */
    struct buffer text; /* of all elements that are open, one after the other */
    size_t text_starts[KTKI_XML_DEPTH_MAX];
    size_t depth;
    ktk_status status; /* why the reading was ended, with its error */
    ktk_error error;
};

static ktk_status load(struct expat_api *out, ktk_error *err) {
    static const char *const names[] = {"libexpat.so.1", NULL};
    struct expat_api api = {0};
    const struct library_symbol symbols[] = {
        {"XML_ParserCreate", &api.create},
        {"XML_ParserFree", &api.free},
        {"XML_SetUserData", &api.set_user_data},
        {"XML_SetElementHandler", &api.set_elements},
        {"XML_SetCharacterDataHandler", &api.set_text},
        {"XML_SetStartDoctypeDeclHandler", &api.set_doctype},
        {"XML_Parse", &api.parse},
        {"XML_StopParser", &api.stop},
        {"XML_GetErrorCode", &api.error_code},
        {"XML_ErrorString", &api.error_text},
        {"XML_GetCurrentLineNumber", &api.line},
    };
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_library_load(names, "stores in S3 and Azure", "libexpat1", symbols,
                               sizeof(symbols) / sizeof(symbols[0]), err));
    *out = api;
out:
    return status;
}

static void end_with(struct reading *reading, ktk_status status) {
    if (status != KTK_OK && reading->status == KTK_OK) {
        reading->status = status;
        (void)reading->api.stop(reading->parser, XML_FALSE);
    }
}

static ktk_status open_element(struct reading *reading, const char *name, ktk_error *err) {
    ktk_status status = KTK_OK;

    if (reading->depth == KTKI_XML_DEPTH_MAX) {
        KTKI_FAIL(err, KTK_E_LIMIT, "elements are nested more than %d deep", KTKI_XML_DEPTH_MAX);
    }
    KTKI_TRY(reading->depth == 0 ? KTK_OK : ktki_buffer_append_byte(&reading->path, '/', err));
    KTKI_TRY(ktki_buffer_append_text(&reading->path, name, err));
    reading->text_starts[reading->depth++] = reading->text.size;
out:
    return status;
}

static void XMLCALL start_element(void *state, const XML_Char *name, const XML_Char **attributes) {
    struct reading *reading = state;

    (void)attributes;
    if (reading->status == KTK_OK) {
        end_with(reading, open_element(reading, name, &reading->error));
    }
}

static ktk_status close_element(struct reading *reading, const char *name, ktk_error *err) {
    size_t start = reading->text_starts[--reading->depth];
    size_t name_size = strlen(name);
    ktk_status status = KTK_OK;

    KTKI_TRY(ktki_buffer_append_byte(&reading->path, '\0', err));
    KTKI_TRY(ktki_buffer_append_byte(&reading->text, '\0', err));
    KTKI_TRY(reading->fn(reading->state, (const char *)reading->path.data,
                         (const char *)reading->text.data + start, err));
    reading->text.size = start;
    reading->path.size -= name_size + 1 + (reading->depth > 0 ? 1 : 0);
out:
    return status;
}

static void XMLCALL end_element(void *state, const XML_Char *name) {
    struct reading *reading = state;

    if (reading->status == KTK_OK) {
        end_with(reading, close_element(reading, name, &reading->error));
    }
}

static void XMLCALL take_text(void *state, const XML_Char *text, int size) {
    struct reading *reading = state;

    if (reading->status == KTK_OK && reading->depth > 0) {
        end_with(reading, ktki_buffer_append(&reading->text, text, (size_t)size, &reading->error));
    }
}

static void XMLCALL refuse_doctype(void *state, const XML_Char *name, const XML_Char *system_id,
                                   const XML_Char *public_id, int has_internal) {
    struct reading *reading = state;

    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_internal;
    end_with(reading, ktk_error_set(&reading->error, KTK_E_CORRUPT,
                                    "a document type in an answer of a store is not read"));
}

static ktk_status parse(struct reading *reading, const void *data, size_t size, ktk_error *err) {
    const struct expat_api *api = &reading->api;
    ktk_status status = KTK_OK;

    if (size > INT32_MAX) {
        KTKI_FAIL(err, KTK_E_LIMIT, "XML of %zu bytes is too long", size);
    }
    if (api->parse(reading->parser, data, (int)size, 1) != XML_STATUS_OK) {
        if (reading->status != KTK_OK) {
            status = reading->status;
            if (err != NULL) {
                *err = reading->error;
            }
            goto out;
        }
        KTKI_FAIL(err,
                  api->error_code(reading->parser) == XML_ERROR_NO_MEMORY ? KTK_E_NO_MEMORY
                                                                          : KTK_E_CORRUPT,
                  "no XML in line %llu: %s", (unsigned long long)api->line(reading->parser),
                  api->error_text(api->error_code(reading->parser)));
    }
    status = reading->status;
    if (status != KTK_OK && err != NULL) {
        *err = reading->error;
    }
out:
    return status;
}

ktk_status ktki_xml_read(const ktk_allocator *allocator, const void *data, size_t size,
                         xml_element_fn fn, void *state, ktk_error *err) {
    struct reading reading = {.fn = fn, .state = state};
    ktk_status status = KTK_OK;

    ktki_buffer_init(&reading.path, allocator, TEXT_BYTES_MAX);
    ktki_buffer_init(&reading.text, allocator, TEXT_BYTES_MAX);
    KTKI_TRY(load(&reading.api, err));
    reading.parser = reading.api.create(NULL);
    if (reading.parser == NULL) {
        KTKI_FAIL(err, KTK_E_NO_MEMORY, "not enough memory to read XML");
    }
    reading.api.set_user_data(reading.parser, &reading);
    reading.api.set_elements(reading.parser, start_element, end_element);
    reading.api.set_text(reading.parser, take_text);
    reading.api.set_doctype(reading.parser, refuse_doctype);
    KTKI_TRY(parse(&reading, data, size, err));
out:
    if (reading.parser != NULL) {
        reading.api.free(reading.parser);
    }
    ktki_buffer_clear(&reading.path);
    ktki_buffer_clear(&reading.text);
    return status;
}

ktk_status ktki_xml_append_text(struct buffer *out, const char *text, ktk_error *err) {
    ktk_status status = KTK_OK;

    for (; *text != '\0'; text++) {
        uint8_t byte = (uint8_t)*text;

        /* Line ends are characters of their own only when they are spelled out. */
        KTKI_TRY(byte < ' ' || strchr("\"&<>", byte) != NULL
                     ? ktki_buffer_append_format(out, err, "&#%d;", byte)
                     : ktki_buffer_append_byte(out, byte, err));
    }
out:
    return status;
}
