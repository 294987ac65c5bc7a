"""Writes verdicts.json: unusual headers, and what the reference makes of each.

Usage: KIBISIS_RUST=<binary of .ci/rust> python3 testdata/gen/verdicts.py

A case is the text of a header and a number of data bytes (all zero); a file is
the length of the text, the text, the data. The verdict is the line that the Rust
program prints for it, without the message of an error.
"""

import json
import pathlib
import struct

import reference

HERE = pathlib.Path(__file__).resolve().parent
OK = '{"dtype":"I32","shape":[],"data_offsets":[0,4]}'


def entry(dtype='"I32"', shape="[]", offsets="[0,4]", more=""):
    return f'{{"dtype":{dtype},"shape":{shape},"data_offsets":{offsets}{more}}}'


def one(value, name="t"):
    return f'{{"{name}":{value}}}'


def nested(n):
    return "[" * n + "]" * n


def dtype_forms():
    for form in ['"I32"', '{"I32":null}', '{"I32":{}}', '{"I32":[]}', '{"I32":0}', '{"I32":""}',
                 '{"I32":null,"F32":null}', "{}", '["I32"]', '"i32"', '"I32 "', '"\\u0049\\u0033\\u0032"',
                 "15", "17", "null", "true", '"I128"', '""', '{"i32":null}', '{"15":null}']:
        yield f"dtype {form}", one(entry(dtype=form)), 4


def entry_forms():
    yield "entry null", one("null"), 0
    yield "entry true", one("true"), 0
    yield "entry 0", one("0"), 0
    yield "entry string", one('"I32"'), 0
    yield "entry {}", one("{}"), 0
    yield "entry array of 0", one("[]"), 4
    yield "entry array of 2", one('["I32",[]]'), 4
    yield "entry array of 3", one('["I32",[],[0,4]]'), 4
    yield "entry array of 4", one('["I32",[],[0,4],0]'), 4
    yield "entry array of 3, dtype as map", one('[{"I32":null},[],[0,4]]'), 4
    yield "no dtype", one('{"shape":[],"data_offsets":[0,4]}'), 4
    yield "no shape", one('{"dtype":"I32","data_offsets":[0,4]}'), 4
    yield "no data_offsets", one('{"dtype":"I32","shape":[]}'), 4
    yield "field names in other case", one('{"DType":"I32","Shape":[],"Data_Offsets":[0,4]}'), 4
    yield "field order reversed", one('{"data_offsets":[0,4],"shape":[],"dtype":"I32"}'), 4
    yield "dtype twice, equal", one('{"dtype":"I32","dtype":"I32","shape":[],"data_offsets":[0,4]}'), 4
    yield "shape twice", one('{"dtype":"I32","shape":[],"shape":[],"data_offsets":[0,4]}'), 4
    yield "data_offsets twice", one('{"dtype":"I32","shape":[],"data_offsets":[0,4],"data_offsets":[0,4]}'), 4
    yield "dtype twice, one escaped", one('{"dtype":"I32","d\\u0074ype":"I32","shape":[],"data_offsets":[0,4]}'), 4
    yield "field names escaped", one('{"d\\u0074ype":"I32","sh\\u0061pe":[],"data\\u005foffsets":[0,4]}'), 4


def extra_fields():
    for value in ["null", "1", "-0", "-0.0", "1e400", "-1e400", "1e-400", "1" + "0" * 400, "-1" + "0" * 400,
                  "0." + "0" * 400 + "1", "0." + "0" * 400 + "1e401", "1E+2", "18446744073709551616",
                  "1e308", "1.7976931348623157e308", "1.7976931348623158e308", "1.7976931348623159e308", "1e309", "0.1e309", "10e307", "1" + "0" * 308, "1" + "0" * 309,
                  "0e400", "0e99999999999", "1e99999999999", "1e-99999999999", "1.", ".1", "1e", "-", "0x1", '"\\ud800"', '"\\u0000"', '"\\x"', "01", "NaN",
                  '{"a":1,"a":2}', nested(100), nested(124), nested(125), nested(126), nested(127)]:
        short = value if len(value) < 40 else f"{value[:8]}... ({len(value)} characters)"
        yield f"extra field {short}", one(entry(more=f',"x":{value}')), 4
    yield "extra field twice", one(entry(more=',"x":1,"x":2')), 4
    yield "extra field first", one('{"x":[],"dtype":"I32","shape":[],"data_offsets":[0,4]}'), 4
    yield "extra field with an empty name", one(entry(more=',"":1')), 4
    yield "extra key at the root, not an entry", f'{{"x":1,"t":{OK}}}', 4


def duplicates():
    bad = {
        "bad dtype": entry(dtype='"XX"'),
        "missing field": '{"dtype":"I32","shape":[]}',
        "null": "null",
        "a number": "1",
        "{}": "{}",
        "other valid range": entry(offsets="[4,8]"),
        "bad shape for its range": entry(shape="[7]"),
        "reversed range": entry(offsets="[4,0]"),
        "overflowing shape": entry(shape="[18446744073709551615,2]"),
        "equal": OK,
    }
    for what, first in bad.items():
        yield f"name twice: {what}, then valid", f'{{"t":{first},"t":{OK}}}', 4
    for what, last in bad.items():
        if what != "equal":
            yield f"name twice: valid, then {what}", f'{{"t":{OK},"t":{last}}}', 4
    yield "name twice: once escaped", f'{{"t":{entry(shape="[7]")},"\\u0074":{OK}}}', 4
    yield "name thrice, the middle one bad dtype", f'{{"t":{OK},"t":{entry(dtype=chr(34) + "XX" + chr(34))},"t":{OK}}}', 4


def numbers():
    for n in ["1", "1E+2", "1e0", "1.0", "-1", "-0", "01", "+1", '"1"', "null", "true", "[1]",
              "18446744073709551615", "18446744073709551616", "9223372036854775808", "1" + "0" * 400, "0x1"]:
        short = n if len(n) < 40 else "10^400"
        yield f"shape [{short}]", one(entry(shape=f"[{n}]")), 4
    yield "shape [18446744073709551615,0]", one(entry(shape="[18446744073709551615,0]", offsets="[0,0]")), 0
    yield "shape [0,18446744073709551615,18446744073709551615]", one(
        entry(shape="[0,18446744073709551615,18446744073709551615]", offsets="[0,0]")), 0
    yield "shape [18446744073709551615,18446744073709551615,0]", one(
        entry(shape="[18446744073709551615,18446744073709551615,0]", offsets="[0,0]")), 0
    yield "shape null", one(entry(shape="null")), 4
    yield "shape {}", one(entry(shape="{}")), 4
    yield "shape a number", one(entry(shape="1")), 4
    yield "shape a string", one(entry(shape='"1"')), 4
    for offsets in ["[]", "[0]", "[4]", "[0,4,4]", "[0,4,null]", '{"0":0,"1":4}', '{"begin":0,"end":4}', "{}", "null", '"04"', "4",
                    "[0,4.0]", "[0,4e0]", "[-0,4]", "[0,18446744073709551615]", "[0,18446744073709551616]",
                    "[18446744073709551615,3]", "[4,0]", "[1,5]", "[0,null]"]:
        yield f"data_offsets {offsets}", one(entry(offsets=offsets)), 4


def metadata():
    for value in ["null", "{}", "[]", '[["a","b"]]', '""', "1", "false", '{"a":null}', '{"a":1}', '{"a":"b"}', '{"a":{"b":"c"}}', '{"a":["b"]}',
                  '{"a":"b","a":"c"}', '{"":""}', '{"a":"b",}', '{1:"b"}', '{"a":"\\ud83d\\ude00"}', '{"a":"\\ud83d"}', '{"a":' + nested(200) + "}"]:
        short = value if len(value) < 40 else f"{value[:8]}... ({len(value)} characters)"
        yield f"metadata {short}", f'{{"__metadata__":{value},"t":{OK}}}', 4
    yield "metadata last", f'{{"t":{OK},"__metadata__":{{"a":"b"}}}}', 4
    yield "metadata null, twice", f'{{"__metadata__":null,"__metadata__":null,"t":{OK}}}', 4
    yield "metadata null, then {}", f'{{"__metadata__":null,"__metadata__":{{}},"t":{OK}}}', 4
    yield "metadata twice", f'{{"__metadata__":{{"a":"b"}},"__metadata__":{{"c":"d"}},"t":{OK}}}', 4
    yield "metadata twice, the tensor between", f'{{"__metadata__":{{"a":"b"}},"t":{OK},"__metadata__":{{"c":"d"}}}}', 4
    yield "metadata escaped", f'{{"\\u005f_metadata__":{{"a":"b"}},"t":{OK}}}', 4
    yield "metadata escaped and plain", f'{{"\\u005f_metadata__":{{"a":"b"}},"__metadata__":{{"c":"d"}},"t":{OK}}}', 4
    yield "metadata plain and escaped", f'{{"__metadata__":{{"c":"d"}},"\\u005f_metadata__":{{"a":"b"}},"t":{OK}}}', 4
    yield "metadata is a tensor entry", f'{{"__metadata__":{OK}}}', 4
    yield "metadata in capitals", f'{{"__METADATA__":{{"a":"b"}},"t":{OK}}}', 4
    yield "metadata only, no tensors", '{"__metadata__":{"a":"b"}}', 0
    yield "metadata only, data left over", '{"__metadata__":{"a":"b"}}', 4


def names():
    for what, name in [("empty", ""), ("raw DEL", "\x7f"), ("raw U+2028", "\u2028"), ("raw U+FEFF", "\ufeff"), ("raw U+0000", "\0"), ("raw TAB", "\t"),
                       ("raw U+001F", "\x1f"), ("raw U+0080", "\x80"), ("raw U+FFFF", "\uffff"), ("raw U+1F600", "\U0001f600"), ("\\u0000", "\\u0000"),
                       ("\\/", "\\/"), ("\\'", "\\'"), ("\\x41", "\\x41"), ("\\u00e9", "\\u00e9"), ("\\u00E9", "\\u00E9"), ("\\U00e9", "\\U00e9"),
                       ("\\u12", "\\u12"), ("\\ud83d\\ude00", "\\ud83d\\ude00"), ("lone \\ud83d", "\\ud83d"), ("lone \\ude00", "\\ude00"), ("\\ud83d\\ud83d", "\\ud83d\\ud83d"),
                       ("\\ud83dx", "\\ud83dx"), ("all short escapes", '\\"\\\\\\/\\b\\f\\n\\r\\t')]:
        yield f"name {what}", one(OK, name), 4
    yield "name composed and decomposed", f'{{"\u00e9":{OK},"e\u0301":{entry(offsets="[4,8]")}}}', 8


def framing():
    body = one(OK)
    for what, pad in [("space", " "), ("tab", "\t"), ("LF", "\n"), ("CR", "\r"), ("NUL", "\0"), ("form feed", "\f"), ("vertical tab", "\v"),
                      ("NBSP", "\u00a0"), ("U+2028", "\u2028"), ("BOM", "\ufeff")]:
        yield f"leading {what}", pad + body, 4
        yield f"trailing {what}", body + pad, 4
        yield f"{what} inside", body.replace(":", ":" + pad, 1), 4
    yield "header of length 0", "", 0
    yield "header of length 0, data", "", 4
    yield "header of 8 spaces", " " * 8, 0
    for root in ["null", "true", "[]", "0", '""', "{", "}", "{}", "{} {}", "{}{}", "{},", "[{}]"]:
        yield f"root {root}", root, 0
    yield "root array of 2 as the struct", f'[{{"a":"b"}},{{"t":{OK}}}]', 4
    yield "two roots", body + body, 4
    yield "trailing comma in the root", f'{{"t":{OK},}}', 4
    yield "leading comma in the root", f'{{,"t":{OK}}}', 4
    yield "trailing comma in an entry", one(entry(more=",")), 4
    yield "trailing comma in the shape", one(entry(shape="[1,]")), 4
    yield "comment", "/**/" + body, 4
    yield "single quotes", body.replace('"', "'"), 4
    yield "no data", body, 0
    yield "one byte too few", body, 3
    yield "one byte too many", body, 5


def layout():
    yield "order of the JSON against the order of the data", f'{{"a":{entry(offsets="[4,8]")},"b":{OK}}}', 8
    yield "hole", f'{{"a":{OK},"b":{entry(offsets="[5,9]")}}}', 9
    yield "overlap", f'{{"a":{OK},"b":{entry(offsets="[3,7]")}}}', 7
    yield "same range twice", f'{{"a":{OK},"b":{OK}}}', 4
    yield "zero size at a boundary", f'{{"a":{OK},"b":{entry(shape="[0]", offsets="[4,4]")}}}', 4
    yield "zero size at the start", f'{{"a":{OK},"b":{entry(shape="[0]", offsets="[0,0]")}}}', 4
    yield "zero size inside", f'{{"a":{OK},"b":{entry(shape="[0]", offsets="[2,2]")}}}', 4
    yield "zero size past the end", f'{{"a":{OK},"b":{entry(shape="[0]", offsets="[5,5]")}}}', 4
    yield "bad size and a hole", f'{{"a":{entry(shape="[7]")},"b":{entry(offsets="[5,9]")}}}', 9
    for dtype, shape, size in [("F4", "[2]", 1), ("F4", "[3]", 2), ("F4", "[]", 1), ("F4", "[0]", 0), ("F6_E2M3", "[4]", 3), ("F6_E3M2", "[2]", 2),
                               ("F4", "[4611686018427387904]", 1), ("F64", "[288230376151711744]", 1), ("U8", "[2305843009213693952]", 1)]:
        yield f"{dtype} {shape} in {size} bytes", one(entry(dtype=f'"{dtype}"', shape=shape, offsets=f"[0,{size}]")), size


def without_message(answer):
    """The message of an error may name any of several tensors, at random."""
    return " ".join(answer.split()[:2]) if answer.startswith("err ") else answer


def main():
    groups = [dtype_forms, entry_forms, extra_fields, duplicates, numbers, metadata, names, framing, layout]
    cases = [case for group in groups for case in group()]
    files = []
    for _, header, size in cases:
        raw = header.encode()
        files.append(struct.pack("<Q", len(raw)) + raw + bytes(size))
    answers = reference.verdicts(files)
    rows = [
        {"case": case, "header": header, "data": size, "verdict": without_message(answer)}
        for (case, header, size), answer in zip(cases, answers, strict=True)
    ]
    lines = ",\n".join(json.dumps(row) for row in rows)
    (HERE.parent / "verdicts.json").write_text(f"[\n{lines}\n]\n")


if __name__ == "__main__":
    main()
