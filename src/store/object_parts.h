/** An object that is put in parts as its bytes come, several of them on their way at a time. */
#ifndef KTKI_STORE_OBJECT_PARTS_H
#define KTKI_STORE_OBJECT_PARTS_H

#include "base/uuid.h"
#include "store/object.h"

/** What services take at least is 5 MiB; of this a line of 100 MB/s sends twelve a second, and the
 * memory of those on their way stays small. */
#define KTKI_PART_BYTES ((size_t)8 << 20)

/** Parts of one object that are on their way at a time, so that the line is never idle. */
#define KTKI_PARTS_IN_FLIGHT 3

/** What the parts on their way from one store take together. Where that is reached - several large
 * objects are put at the same time, or very large parts - an object has one on its way. */
#define KTKI_PARTS_BYTES_MAX (KTKI_PARTS_IN_FLIGHT * KTKI_PART_BYTES)

/** Services count parts up to a number. After each fifth of that number parts become four times as
 * large: 10,000 of them hold 5.2 TiB, and the first 16 GiB are in parts of one size, which is all
 * that some services take. */
#define KTKI_PART_STEPS 5

struct object_parts;

struct object_part {
    struct object_call call;
    struct call_param params[2];
    char name[64]; /**< for a parameter's value */
    struct buffer bytes;
    struct exchange *exchange; /**< NULL: it is not on its way */
};

/** What is a service's own. */
struct object_parts_ops {
    size_t count_max;
    /** The value in one call, as of ktk_store_ops. */
    ktk_status (*put)(void *state, const char *key, const void *data, size_t size,
                      const ktk_put_condition *condition, ktk_store_version *version,
                      ktk_error *err);
    /** Before the first part. */
    ktk_status (*begin)(struct object_parts *parts, ktk_error *err);
    /** Set the parameters of part `index`, from 0. */
    void (*describe)(const struct object_parts *parts, size_t index, struct object_part *part);
    /** Note in the list, which `join` sends, that part `index` was taken; in their order. */
    ktk_status (*note)(struct object_parts *parts, size_t index, const struct http_answer *answer,
                       ktk_error *err);
    ktk_status (*join)(struct object_parts *parts, ktk_store_version *version, ktk_error *err);
    /** Have the service forget the parts. */
    void (*give_up)(struct object_parts *parts);
};

struct object_parts {
    struct object_store *store;
    const struct object_parts_ops *ops;
    const char *key;
    const ktk_put_condition *condition;
    char *id;                       /**< that the service gave; NULL: none */
    char mark[KTKI_UUID_TEXT_SIZE]; /**< of this put alone: that tells its object from others */
    bool is_begun;                  /**< else all that came is in `filling` */
    bool is_joined;                 /**< nothing is to be given up */
    size_t begun_count;             /**< parts that were sent, and those whose answer is there */
    size_t taken_count;
    struct buffer filling; /**< the part that comes next */
    struct buffer list;
    struct object_part parts[KTKI_PARTS_IN_FLIGHT]; /**< part i is in place i % in flight */
};

/** For `begin` of put_ops. */
ktk_status ktki_object_parts_begin(struct object_parts **out, struct object_store *store,
                                   const struct object_parts_ops *ops, const char *key,
                                   const ktk_put_condition *condition, ktk_error *err);

/** As of put_ops; `put` is a struct object_parts. */
ktk_status ktki_object_parts_append(void *put, const void *data, size_t size, ktk_error *err);
ktk_status ktki_object_parts_finish(void *put, ktk_store_version *version, ktk_error *err);
void ktki_object_parts_end(void *put);

/** A large value in one go. */
ktk_status ktki_object_parts_put(struct object_store *store, const struct object_parts_ops *ops,
                                 const char *key, const void *data, size_t size,
                                 ktk_store_version *version, ktk_error *err);

/** What part `index` has, of services that count up to `count_max`. */
size_t ktki_object_part_size(size_t index, size_t count_max);

#endif
