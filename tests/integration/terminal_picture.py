"""What a program shows on a terminal, as an SVG picture that moves: the screens in their time, the last one where
nothing moves (printers, readers who want no motion).

Understood: text, newline, carriage return, ESC [ n A (up), ESC [ 2 K (clear the line), ESC [ ... m (ignored).
"""
import fcntl
import html
import os
import pty
import re
import struct
import subprocess
import termios
import time

COLUMNS, ROWS = 122, 16
CELL_WIDTH, CELL_HEIGHT, FONT = 7.8, 18, 13
LONGEST_REST = 2.0   # seconds that a screen is shown, however long it really stood
SHORTEST = 0.25
LAST_SCREEN = 6.0
CONTROL = re.compile(r"\x1b\[([0-9;]*)([A-Za-z])")


class Screen:
    def __init__(self):
        self.lines = [""]
        self.row = self.column = 0

    def feed(self, text):
        at = 0
        while at < len(text):
            found = CONTROL.match(text, at)
            if found:
                number, kind = found.groups()
                if kind == "A":
                    self.row = max(0, self.row - int(number or 1))
                elif kind == "K" and number == "2":
                    self.lines[self.row] = ""
                at = found.end()
                continue
            c = text[at]
            at += 1
            if c == "\n":
                self.row += 1
                if self.row == len(self.lines):
                    self.lines.append("")
            elif c == "\r":
                self.column = 0
            else:
                line = self.lines[self.row].ljust(self.column)
                self.lines[self.row] = line[:self.column] + c + line[self.column + 1:]
                self.column += 1

    def shown(self):
        wrapped = []
        for line in self.lines:
            line = line.rstrip()
            wrapped += [line[i:i + COLUMNS] for i in range(0, max(len(line), 1), COLUMNS)]
        return tuple(wrapped[-ROWS:])


def record(command, shown, env):
    """Runs it on a terminal of its own; [(second, screen)] and its exit code."""
    screen = Screen()
    screen.feed("$ " + shown + "\r\n")
    frames = [(0.0, screen.shown())]
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    began = time.monotonic()
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=env, close_fds=True)
    os.close(slave)
    pending = b""
    try:
        while True:
            try:
                more = os.read(master, 65536)
            except OSError:  # the other side is closed
                break
            if not more:
                break
            pending += more
            whole = pending.rfind(b"\n") + 1  # whole lines only: no screen half drawn
            screen.feed(pending[:whole].decode("utf-8", "replace"))
            pending = pending[whole:]
            if screen.shown() != frames[-1][1]:
                frames.append((time.monotonic() - began, screen.shown()))
    finally:
        code = process.wait()
        os.close(master)
    return frames, code


def timed(frames):
    """[(seconds to show, screen)], without long rests and without screens nobody could read."""
    out = []
    for i, (second, screen) in enumerate(frames):
        rest = frames[i + 1][0] - second if i + 1 < len(frames) else LAST_SCREEN
        if out and rest < SHORTEST and i + 1 < len(frames):
            out[-1][0] += rest
            continue
        out.append([min(rest, LONGEST_REST) if i + 1 < len(frames) else rest, screen])
    return out


def svg(frames, title):
    screens = timed(frames)
    total = sum(rest for rest, _ in screens)
    rows = max(len(screen) for _, screen in screens)
    width, height = round(COLUMNS * CELL_WIDTH) + 24, rows * CELL_HEIGHT + 30
    style, groups, at = [], [], 0.0
    for i, (rest, screen) in enumerate(screens):
        begin, end = 100 * at / total, 100 * (at + rest) / total
        at += rest
        steps = "" if i == 0 else "0%{visibility:hidden}"
        steps += "%.3f%%{visibility:visible}" % begin
        steps += "" if i + 1 == len(screens) else "%.3f%%{visibility:hidden}" % end
        style.append("@keyframes k%d{%s}#s%d{animation:k%d %.2fs step-end infinite}" % (i, steps, i, i, total))
        lines = "".join('<tspan x="12" y="%d">%s</tspan>' % (24 + CELL_HEIGHT * (n + 1) - 14, html.escape(line))
                        for n, line in enumerate(screen) if line)
        still = "visible" if i + 1 == len(screens) else "hidden"
        groups.append('<text id="s%d" visibility="%s">%s</text>' % (i, still, lines))
    return ('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img">\n'
            "<title>%s</title>\n<style>text{font:%dpx ui-monospace,Consolas,Menlo,monospace;fill:#d8dee9;"
            "white-space:pre}\n%s\n@media (prefers-reduced-motion:reduce){text{animation:none!important}}</style>\n"
            '<rect width="100%%" height="100%%" rx="6" fill="#1d222b"/>\n%s\n</svg>\n' % (
                width, height, width, height, html.escape(title), FONT, "\n".join(style), "\n".join(groups)))
