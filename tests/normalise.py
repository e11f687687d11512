"""What differs from run to run in Baton's output, made the same: ids, moments,
durations, sizes, charts, ports.

SPDX-License-Identifier: Apache-2.0
"""
import re


def normalise(text):
    text = re.sub(r"\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b", "UUID", text)
    text = re.sub(r"\b(baton task \w+) [0-9a-f]{8}\b", r"\1 UUID", text)
    text = re.sub(r"\([0-9a-f]{8}\)", "(UUID)", text)
    text = re.sub(r"\b[0-9a-f]{40}\b|(?<=\bcommit )[0-9a-f]{10}\b", "COMMIT", text)
    text = re.sub(r"\b(from|at|diff) [0-9a-f]{10}\b", r"\1 COMMIT", text)
    text = re.sub(r"(?m)^[0-9a-f]{8}(?=  )", "TASK    ", text)
    text = re.sub(r"(/worktrees/\w+)-[0-9a-f]{8}/", r"\1-HASH/", text)
    text = re.sub(r"exec_\d+_[0-9a-z]{9}", "exec_ID", text)
    text = re.sub(r"/\S*/tmp\w{8}/|/tmp/tmp\w{8}/", "FOLDER/", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", "TIME", text)
    text = re.sub(r"\b\d+ ms\b|\b\d+\.\d s\b", "N ms", text)
    text = re.sub(r'"(duration_ms|duration|averageDuration|owner|bytes|free_bytes|freed_bytes)": ?[\d.]+',
                  r'"\1":N', text)
    text = re.sub(r"\b\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?\b", "WHEN", text)
    text = re.sub(r"\bjust now\b|\b\d+ (s|min|h) ago\b", "AGO", text)
    text = re.sub(r"\bin \d+ (d \d+ h|h \d+ min|min \d+ s|s)\b", "in SPAN", text)
    text = re.sub(r"\b\d+\.\d [KMG]B\b|\b\d+ bytes(?= freed)", "N KB", text)
    text = re.sub(r" +N ms", " N ms", text)
    text = re.sub(r"│[ ░█▏]{10,}│|\|[ .=-]{10,}\|", "BAR", text)  # of a chart
    text = re.sub(r"(?m)^ +0 N ms$", "AXIS", text)
    text = re.sub(r"\b\d+(?=,? \(?baton (run|worker|library)\b)", "PID", text)
    text = re.sub(r"\bworker \d+ is\b", "worker PID is", text)
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)
