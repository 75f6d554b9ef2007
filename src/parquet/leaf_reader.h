/**
 * Decoding the pages of one column chunk straight into the buffers of an Arrow array.
 *
 * What becomes of a page's values is decided by table: by the kind of buffers they go to (enum
 * sink_kind) and the page's encoding. A new encoding is a new column of that table, a new kind of
 * result a new row.
 */
#ifndef KTKI_PARQUET_LEAF_READER_H
#define KTKI_PARQUET_LEAF_READER_H

#include "arrow/array.h"
#include "parquet/page.h"
#include "parquet/row_ranges.h"
#include "parquet/schema_read.h"
#include "parquet/validity.h"

enum sink_kind {
    SINK_NULLS,   /* no buffers at all */
    SINK_FIXED,   /* values of `width` bytes */
    SINK_BITS,    /* booleans */
    SINK_TEXT_32, /* offsets of 32 bits and bytes */
    SINK_TEXT_64, /* offsets of 64 bits and bytes */
    SINK_INDEX,   /* indices of 32 bits into the dictionary of the chunk */
    SINK_KIND_COUNT
};

/** Move `count` plain values of `in_width` bytes (0: each with its size in front) to `out_width`
 * bytes each. False if the input ends too early or a value does not fit. */
typedef bool (*plain_reader)(struct cursor *in, size_t in_width, size_t count, uint8_t *out,
                             size_t out_width);

/** How values of a physical type become values of an Arrow type. */
struct value_rule {
    enum sink_kind kind;
    enum sink_kind entries; /* of the chunk's dictionary: that of its values; SINK_INDEX never */
    enum parquet_type physical;
    size_t width;       /* SINK_FIXED: bytes in memory */
    size_t plain_width; /* SINK_FIXED: bytes in the file; 0: varies */
    plain_reader read;  /* SINK_FIXED: NULL: the bytes are the same */
    bool is_utf8;       /* SINK_TEXT_*: must be UTF-8 */
};

/** `type` must be what ktki_parquet_leaf_type() and ktki_parquet_schema_restore() make of `leaf`,
 * or its values' type where that is a dictionary. */
struct value_rule ktki_value_rule(const struct schema_element *leaf, const struct data_type *type);

/** Say why `rule->read` fails for `count` values that begin at `values`: KTK_E_UNSUPPORTED for an
 * INT96 beyond the range of nanoseconds, KTK_E_CORRUPT for the rest. */
ktk_status ktki_value_fault(const struct value_rule *rule, struct cursor values, size_t count,
                            ktk_error *err);

/** The buffers that are being filled. Slots [0, validity.length) hold what they will hold, but for
 * texts that wait (see `waiting`). */
struct leaf_sink {
    const ktk_allocator *allocator;
    struct validity validity; /* its capacity is that of the values */
    uint8_t *values;          /* values, bits, offsets or indices */
    size_t values_size;
    uint8_t *bytes;        /* texts */
    size_t bytes_capacity; /* slack included */
    uint64_t bytes_size;
    int64_t waiting; /* from this slot on texts are only dictionary indices yet */
};

/** The dictionary of a chunk, in scratch memory: entries of the sink's width, or texts; entry
 * `count` is an empty text, for nulls. */
struct chunk_dictionary {
    bool is_present;
    uint32_t count;
    const uint8_t *values;
    const struct text_entry *texts;
    const uint8_t *bytes;
    bool is_even;     /* all texts but that for nulls are of the same size, */
    size_t even_size; /* this one */
};

struct leaf_reader {
    const ktk_allocator *allocator;
    const struct kernels *kernels;
    struct read_scratch *scratch;
    int64_t page_bytes_max; /* of a page's values, whatever its encoding makes them */
    struct page_format format;
    struct value_rule rule;
    struct leaf_sink sink;
    struct chunk_dictionary dictionary;
    struct page_walk pages;
    size_t next_page; /* data page to be read next */
    /** Texts: where `size` bytes of a page go, as `sink.bytes_size`; NULL: behind those before. */
    ktk_status (*take_room)(struct leaf_reader *reader, uint64_t size, ktk_error *err);
    bool is_selective; /* rows are dropped page by page: room is made for one page at a time */
};

/** A page whose levels are decoded already. */
struct page_values {
    struct page_parts parts;
    int64_t slot; /* the first one */
    size_t count;
    size_t dense_count; /* those that are not null */
};

/** Buffers for `capacity` slots. */
ktk_status ktki_sink_init(struct leaf_sink *sink, const struct value_rule *rule,
                          const ktk_allocator *allocator, int64_t capacity, ktk_error *err);
void ktki_sink_clear(struct leaf_sink *sink);

/** Load the dictionary page of the chunk. */
ktk_status ktki_dictionary_load(struct leaf_reader *reader, const struct page *page,
                                ktk_error *err);

/** Decode the values of a page into its slots. */
ktk_status ktki_page_decode(struct leaf_reader *reader, struct page_values *page,
                            enum parquet_encoding encoding, ktk_error *err);

/** Keep of the slots from `slot` on, which are those of the rows from `first_row` on, only those
 * whose rows are wanted; the room of the others is used again. */
void ktki_sink_keep(struct leaf_reader *reader, int64_t slot, const struct row_ranges *rows,
                    int64_t first_row);

/** What is left to be done behind the last page. */
ktk_status ktki_sink_finish(struct leaf_reader *reader, ktk_error *err);

/**
 * Values whose encoding is undone into those of PLAIN, after which all is as with PLAIN: the place
 * for `size` bytes of them. It is their slots, if nothing is left to be done there.
 */
ktk_status ktki_plain_image(struct leaf_reader *reader, const struct page_values *page, size_t size,
                            uint8_t **out, ktk_error *err);

/** Take the values from the place that ktki_plain_image() gave. */
ktk_status ktki_plain_image_finish(struct leaf_reader *reader, struct page_values *page,
                                   const uint8_t *image, size_t size, ktk_error *err);

/* Rows of the table, for ktki_page_decode() alone. */

ktk_status ktki_fixed_plain(struct leaf_reader *reader, struct page_values *page, ktk_error *err);
ktk_status ktki_fixed_dictionary(struct leaf_reader *reader, struct page_values *page,
                                 ktk_error *err);
ktk_status ktki_fixed_delta(struct leaf_reader *reader, struct page_values *page, ktk_error *err);
ktk_status ktki_fixed_delta_length(struct leaf_reader *reader, struct page_values *page,
                                   ktk_error *err);
ktk_status ktki_fixed_delta_text(struct leaf_reader *reader, struct page_values *page,
                                 ktk_error *err);
ktk_status ktki_fixed_split(struct leaf_reader *reader, struct page_values *page, ktk_error *err);
ktk_status ktki_bits_plain(struct leaf_reader *reader, struct page_values *page, ktk_error *err);
ktk_status ktki_bits_rle(struct leaf_reader *reader, struct page_values *page, ktk_error *err);
ktk_status ktki_text_plain(struct leaf_reader *reader, struct page_values *page, ktk_error *err);
ktk_status ktki_text_dictionary(struct leaf_reader *reader, struct page_values *page,
                                ktk_error *err);
ktk_status ktki_text_delta_length(struct leaf_reader *reader, struct page_values *page,
                                  ktk_error *err);
ktk_status ktki_text_delta(struct leaf_reader *reader, struct page_values *page, ktk_error *err);
ktk_status ktki_index_dictionary(struct leaf_reader *reader, struct page_values *page,
                                 ktk_error *err);

/** Dictionary indices of all slots of a page, `null` where there is none. */
ktk_status ktki_indices_unpack(struct leaf_reader *reader, struct page_values *page, uint32_t null,
                               uint32_t *out, ktk_error *err);

/** Start reading the indices of a page. */
ktk_status ktki_indices_begin(struct leaf_reader *reader, struct page_values *page, ktk_error *err);

/** Where the indices of texts that wait are kept, by slot. */
uint32_t *ktki_text_indices(struct leaf_reader *reader);

/** Turn the indices that wait before slot `end` into texts; room for `extra` bytes more is made at
 * once. */
ktk_status ktki_text_flush(struct leaf_reader *reader, int64_t end, uint64_t extra, ktk_error *err);

/** Bytes of the texts that wait before slot `end`. */
uint64_t ktki_text_waiting(struct leaf_reader *reader, int64_t end);

/** The second half of ktki_text_flush(): there is room for what waits. No byte behind the texts is
 * written. */
void ktki_text_place(struct leaf_reader *reader, int64_t end);

/** KTK_E_LIMIT if so many bytes of texts are more than the offsets can say. */
ktk_status ktki_text_check_size(const struct leaf_reader *reader, uint64_t size, ktk_error *err);

/** Make room for `size` bytes of texts, and what the plain pages from the next one on have. */
ktk_status ktki_text_make_room(struct leaf_reader *reader, uint64_t size, ktk_error *err);

/** Make room for `size` bytes of a page's texts, behind the texts before it. */
ktk_status ktki_text_reserve(struct leaf_reader *reader, const struct page_values *page,
                             uint64_t size, ktk_error *err);

/** The texts of a page and their offsets are in place: `size` bytes. They must be UTF-8 if that is
 * the type. */
ktk_status ktki_text_add(struct leaf_reader *reader, const struct page_values *page, uint64_t size,
                         ktk_error *err);

#endif
