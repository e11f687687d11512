"""What differs from run to run in Baton's output, made the same: ids, moments, durations, ports.

SPDX-License-Identifier: Apache-2.0
"""
import re


def normalise(text):
    text = re.sub(r"exec_\d+_[0-9a-z]{9}", "exec_ID", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", "TIME", text)
    text = re.sub(r"\b\d+ ms\b|\b\d+\.\d s\b", "N ms", text)
    text = re.sub(r'"(duration_ms|duration)": ?\d+', r'"\1":N', text)
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)
