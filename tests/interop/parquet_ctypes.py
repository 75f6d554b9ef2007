"""
The Parquet engine of libkartothek.so on pyarrow tables, by ctypes and the Arrow C Stream Interface.

Structs are read out of the public headers, so that they cannot differ from them.
"""
import ctypes
import os
import pathlib
import re

import pyarrow

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HEADERS = ROOT / "include" / "kartothek"
C_TYPES = {"size_t": ctypes.c_size_t, "int64_t": ctypes.c_int64, "int32_t": ctypes.c_int32, "bool": ctypes.c_bool, "double": ctypes.c_double}
STREAM_SIZE = 5 * ctypes.sizeof(ctypes.c_void_p)


class KtkError(Exception):
    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


def header_text(name="parquet.h"):
    return re.sub(r"/\*.*?\*/", "", (HEADERS / name).read_text(), flags=re.S)


def enum_values(text):
    return {name: int(value) for name, value in re.findall(r"\b(KTK_\w+) = (\d+)", text)}


def header_struct(name, header="parquet.h"):
    """A ctypes structure as a header has it."""
    body = re.search(r"typedef struct {} \{{(.*?)\}} {};".format(name, name), header_text(header), re.S).group(1)
    fields = []
    for declaration in filter(None, (part.strip() for part in body.split(";"))):
        kind, field, size = re.fullmatch(r"(.*?)(\w+)(?:\[(\d+)\])?", " ".join(declaration.split())).groups()
        kind = kind.strip()
        if size is not None:
            fields.append((field, ctypes.c_char * int(size)))
            continue
        pointer = ctypes.c_char_p if kind == "const char *" else ctypes.c_void_p
        fields.append((field, pointer if kind.endswith("*") else C_TYPES.get(kind, ctypes.c_int)))
    return type(name, (ctypes.Structure,), {"_fields_": fields})


def option_struct(name):
    """A structure of options, and its initial values."""
    text = header_text()
    struct = header_struct(name)
    fields = struct._fields_
    macro = re.search(r"#define {}_INIT\s*\\?\s*\{{(.*?)\}}".format(name.upper()), text, re.S).group(1)
    names = enum_values(text)
    values = [part.strip(" \\\n") for part in macro.split(",")]
    assert len(values) == len(fields), "{} and its INIT differ in length".format(name)
    constants = {"NULL": None, "false": False, "true": True, **names}
    init = {field: constants[value] if value in constants else int(value) for (field, _), value in zip(fields[1:], values[1:])}
    return struct, init


Error = header_struct("ktk_error", "error.h")
ColumnOptions = header_struct("ktk_parquet_column_options")


class Library:
    def __init__(self, path):
        self.lib = ctypes.CDLL(str(path))
        self.context = ctypes.c_void_p()
        self.read_options = option_struct("ktk_parquet_read_options")
        self.write_options = option_struct("ktk_parquet_write_options")
        self.compressions = {name[len("KTK_COMPRESSION_") :].lower(): value for name, value in enum_values(header_text()).items() if name.startswith("KTK_COMPRESSION_")}
        for name in ("ktk_context_free", "ktk_parquet_file_free"):
            getattr(self.lib, name).restype = None
        self.call("ktk_context_new", ctypes.byref(self.context), None)

    def call(self, name, *arguments):
        error = Error()
        status = getattr(self.lib, name)(*arguments, ctypes.byref(error))
        if status != 0:
            raise KtkError(status, error.message.decode())

    @staticmethod
    def fill(options, given):
        struct, init = options
        made = struct(size=ctypes.sizeof(struct))
        for name, value in {**init, **given}.items():
            setattr(made, name, value)
        return made

    def read(self, path, columns=None, **given):
        """The table in a file; errors of decoding come as pyarrow's exceptions."""
        stream = (ctypes.c_byte * STREAM_SIZE)()
        file = ctypes.c_void_p()
        if columns is not None:
            texts = (ctypes.c_char_p * max(1, len(columns)))(*[name.encode() for name in columns])
            given = dict(given, columns=ctypes.cast(texts, ctypes.c_void_p), column_count=len(columns))
        options = self.fill(self.read_options, given)
        self.call("ktk_parquet_open_path", ctypes.byref(file), self.context, os.fsencode(path))
        try:
            self.call("ktk_parquet_read", ctypes.byref(stream), file, ctypes.byref(options))
            return pyarrow.RecordBatchReader._import_from_c(ctypes.addressof(stream)).read_all()
        finally:
            self.lib.ktk_parquet_file_free(file)

    def write(self, path, table, batch_rows=None, **given):
        """Write a table; `compression` is a name."""
        if isinstance(given.get("compression"), str):
            given = dict(given, compression=self.compressions[given["compression"]])
        options = self.fill(self.write_options, given)
        stream = (ctypes.c_byte * STREAM_SIZE)()
        reader = pyarrow.RecordBatchReader.from_batches(table.schema, table.to_batches(batch_rows))
        reader._export_to_c(ctypes.addressof(stream))
        self.call("ktk_parquet_write_path", self.context, os.fsencode(path), ctypes.byref(stream), ctypes.byref(options))
