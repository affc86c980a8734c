"""Reads histograms as HdrHistogram's formats define them, without any code of the box.

Standard input: lines that begin with HISTFAAA (base64 of a compressed V2 histogram), lines of an
interval log, lines of a percentile distribution (.hgrm). Standard output: one JSON object per
histogram and per distribution.
"""

import base64
import json
import re
import struct
import sys
import zlib

COMPRESSED_V2 = 0x1C849304
ENCODED_V2 = 0x1C849303
COOKIE_BASE = 0xFFFFFF0F
PERCENTILES = {"p50": 50, "p90": 90, "p99": 99, "p999": 99.9, "p9999": 99.99, "max": 100}


def zigzag_leb128(data):
    """The signed numbers of the counts array: seven bits a byte, the ninth byte whole."""
    numbers, at = [], 0
    while at < len(data):
        value, shift = 0, 0
        while True:
            byte = data[at]
            at += 1
            if shift == 56:
                value |= byte << shift
                break
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        numbers.append((value >> 1) ^ -(value & 1))
    return numbers


def decode(text):
    """Classes of a histogram: highest value of each, with its count."""
    raw = base64.b64decode(text, validate=True)
    cookie, length = struct.unpack(">II", raw[:8])
    assert cookie & COOKIE_BASE == COMPRESSED_V2 & COOKIE_BASE, hex(cookie)
    payload = zlib.decompress(raw[8:])
    assert length == len(raw) - 8, (length, len(raw))
    cookie, length, offset, digits, lowest, highest, ratio = struct.unpack(">IIiiqqd", payload[:40])
    assert cookie & COOKIE_BASE == ENCODED_V2 & COOKIE_BASE, hex(cookie)
    assert (offset, ratio) == (0, 1.0) and len(payload) == 40 + length
    sub_bits = (2 * 10**digits - 1).bit_length()
    half = 1 << (sub_bits - 1)
    unit_shift = lowest.bit_length() - 1
    classes, index = [], 0
    for number in zigzag_leb128(payload[40:]):
        if number < 0:
            index -= number
            continue
        if number > 0:
            bucket = index // half - 1
            sub = index % half + half
            if bucket < 0:
                bucket, sub = 0, index
            low = sub << (bucket + unit_shift)
            classes.append((low + (1 << (bucket + unit_shift)) - 1, number))
        index += 1
    return classes, highest


def percentiles(classes):
    total = sum(count for _, count in classes)
    found = {"count": total}
    for name, percentile in PERCENTILES.items():
        rank = max(1, min(total, -(-percentile * total // 100)))
        below = 0
        for value, count in classes:
            below += count
            if below >= rank:
                found[name] = value
                break
    return found


def interval(line):
    tag = re.match(r"Tag=([^,]+),", line)
    rest = line[tag.end():] if tag else line
    begin, length, highest, histogram = rest.split(",")
    classes, _ = decode(histogram)
    row = percentiles(classes)
    row.update(tag=tag and tag.group(1), begin=float(begin), length=float(length),
               interval_max=float(highest))
    return row


def main():
    rows, times, log = [], {}, False
    distribution = None
    for line in sys.stdin:
        line = line.strip()
        if line.startswith("HISTFAAA"):
            rows.append(percentiles(decode(line)[0]))
        elif line == "#[Histogram log format version 1.3]":
            log = True
        elif time := re.match(r"#\[(StartTime|BaseTime): *([\d.]+) \(seconds since epoch\)", line):
            times[time.group(1)] = float(time.group(2))
        elif line.startswith('"StartTimestamp","Interval_Length"'):
            assert log and set(times) == {"StartTime", "BaseTime"}, (log, times)
        elif line.startswith("Tag="):
            rows.append(interval(line))
        elif line.startswith("Value ") and line.endswith("1/(1-Percentile)"):
            distribution = []
        elif distribution is not None and re.match(r"[\d.]+ +[\d.]+ +\d+", line):
            value, quantile, count = line.split()[:3]
            distribution.append((float(value), float(quantile), int(count)))
        elif end := re.match(r"#\[Max += +([\d.]+), Total count += +(\d+)\]", line):
            assert distribution == sorted(distribution)
            # One of nothing has no rows.
            last = distribution[-1][1:] if distribution else (1.0, 0)
            assert last == (1.0, int(end.group(2))), (last, line)
            rows.append({"hgrm_max": float(end.group(1)), "count": int(end.group(2))})
            distribution = None
    for row in rows:
        print(json.dumps(row))


main()
