/** Types of fields and elements in the compact Thrift protocol. */
#ifndef KTKI_PARQUET_THRIFT_H
#define KTKI_PARQUET_THRIFT_H

enum thrift_type {
    THRIFT_STOP = 0,
    THRIFT_TRUE = 1,  /* as the type of a field: the value itself; of an element: any bool */
    THRIFT_FALSE = 2, /* likewise */
    THRIFT_BYTE = 3,
    THRIFT_I16 = 4,
    THRIFT_I32 = 5,
    THRIFT_I64 = 6,
    THRIFT_DOUBLE = 7,
    THRIFT_BINARY = 8,
    THRIFT_LIST = 9,
    THRIFT_SET = 10,
    THRIFT_MAP = 11,
    THRIFT_STRUCT = 12,
    THRIFT_UUID = 13
};

#endif
