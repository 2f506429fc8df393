#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""shots.py URL DIR: opens URL in chromium as a phone and as a desktop, by day and by night, leaves
DIR/export-NAME.png of each, and prints a line of JSON of each: what is wider than the screen, which
colours cannot be read, what a screen reader is told, and what the page complained of."""
import base64
import fcntl
import json
import os
import subprocess
import sys
import tempfile
import time

URL, DIR = sys.argv[1], sys.argv[2]
SCREENS = (("phone", 390, 844, "light"), ("phone-dark", 390, 844, "dark"),
           ("desktop", 1280, 900, "light"), ("desktop-dark", 1280, 900, "dark"))

# In the page: everything that a person would see cut off, or could not read.
MEASURE = """(() => {
    const seen = e => e.getClientRects().length > 0;
    const light = c => {
        const [r, g, b] = c.match(/[0-9.]+/g).slice(0, 3).map(v => v / 255)
            .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = e => {
        for (; e; e = e.parentElement) {
            const c = getComputedStyle(e).backgroundColor;
            if (!/, 0\\)$/.test(c)) return c;
        }
        return 'rgb(255, 255, 255)';
    };
    const contrast = e => {
        const a = light(getComputedStyle(e).color), b = light(behind(e));
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    };
    const all = [...document.querySelectorAll('body *')].filter(seen);
    const texts = all.filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()));
    const inner = e => { for (; e; e = e.parentElement)
        if (/auto|scroll/.test(getComputedStyle(e).overflowX)) return true; return false; };
    return {
        scroll_width: document.documentElement.scrollWidth, width: innerWidth,
        wide: all.filter(e => !inner(e) && e.getBoundingClientRect().right > innerWidth + 0.5)
            .map(e => e.tagName + '#' + e.id).slice(0, 5),
        scrolled: all.filter(e => inner(e) && e.scrollWidth > e.clientWidth + 1
            && /auto|scroll/.test(getComputedStyle(e).overflowX)).map(e => e.getAttribute('aria-label')),
        pale: texts.filter(e => contrast(e) < 4.5)
            .map(e => e.tagName + '#' + e.id + ' ' + contrast(e).toFixed(1)).slice(0, 5),
        tiny: texts.filter(e => parseFloat(getComputedStyle(e).fontSize) < 11)
            .map(e => e.tagName + '#' + e.id + ' ' + e.textContent.slice(0, 20)).slice(0, 5),
        small_targets: all.filter(e => /^(BUTTON|INPUT)$/.test(e.tagName)
            && e.getBoundingClientRect().height < 32).map(e => e.tagName + '#' + e.id),
        live: [...document.querySelectorAll('[aria-live=polite]')].map(e => e.id),
        headers: document.querySelectorAll('th').length,
        headers_without_scope: document.querySelectorAll('th:not([scope])').length,
        captions: document.querySelectorAll('table > caption').length,
        pictures_without_name: [...document.querySelectorAll('svg')]
            .filter(e => !e.getAttribute('aria-label') && e.getAttribute('aria-hidden') !== 'true').length,
        rows: document.querySelectorAll('#processes tr').length,
        say: document.getElementById('say').textContent,
    };
})()"""


class Browser:
    """Speaks the browser's own protocol, over its pipes 3 and 4."""

    def __init__(self, home):
        down, up = os.pipe(), os.pipe()
        # Out of the way of 3 and 4.
        take, give = (fcntl.fcntl(fd, fcntl.F_DUPFD, 20) for fd in (down[0], up[1]))
        self.child = subprocess.Popen(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--hide-scrollbars", "--remote-debugging-pipe", "--user-data-dir=" + home],
            env=dict(os.environ, HOME=home), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, close_fds=False,
            preexec_fn=lambda: (os.dup2(take, 3), os.dup2(give, 4)))
        for fd in (down[0], up[1], take, give):
            os.close(fd)
        self.out, self.inp = os.fdopen(down[1], "wb", 0), os.fdopen(up[0], "rb")
        self.number, self.session, self.data = 0, None, b""
        self.complaints = []

    def read(self):
        while b"\0" not in self.data:
            piece = self.inp.read1(1 << 20)
            if not piece:
                sys.exit("chromium has ended")
            self.data += piece
        text, self.data = self.data.split(b"\0", 1)
        return json.loads(text)

    def note(self, message):
        if message.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(str(message["params"]["exceptionDetails"])[:200])
        if message.get("method") == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
            self.complaints.append(message["params"]["entry"]["text"][:200])

    def call(self, method, **params):
        self.number += 1
        request = {"id": self.number, "method": method, "params": params}
        if self.session:
            request["sessionId"] = self.session
        self.out.write(json.dumps(request).encode() + b"\0")
        while True:
            message = self.read()
            if message.get("id") != self.number:
                self.note(message)
                continue
            if "error" in message:
                sys.exit(f"{method}: {message['error']}")
            return message["result"]

    def value(self, expression):
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def open(self):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(domain + ".enable")


def shoot(browser, name, width, height, scheme):
    browser.complaints.clear()
    browser.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                 deviceScaleFactor=1, mobile=width < 600)
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.call("Page.navigate", url=URL)
    for _ in range(100):
        if browser.value("!!document.querySelector('#processes tr')"):
            break
        time.sleep(0.1)
    measures = browser.value(MEASURE)
    picture = browser.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]
    path = os.path.join(DIR, f"export-{name}.png")
    with open(path, "wb") as f:
        f.write(base64.b64decode(picture))
    print(json.dumps(dict(measures, name=name, path=path, complaints=browser.complaints)), flush=True)


with tempfile.TemporaryDirectory() as home:
    b = Browser(home)
    try:
        b.open()
        for screen in SCREENS:
            shoot(b, *screen)
        b.session = None
        b.call("Browser.close")
    finally:
        try:
            b.child.wait(10)
        except subprocess.TimeoutExpired:
            b.child.kill()
            b.child.wait()
