"""Looks at a page with a headless Chromium for some seconds, as somebody with a keyboard would.

Arguments: URL, seconds, width, height, picture. Prints one JSON object: the text of the page, what
the keyboard reached, whether the page is wider than its window, and every complaint of the browser.
"""

import base64
import json
import os
import select
import subprocess
import sys
import tempfile
import time

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--remote-debugging-pipe"]
ANSWER_S = 60


class Browser:
    """Chromium behind the two pipes of its debugging protocol."""

    def __init__(self, profile):
        commands, self.to = os.pipe()
        self.answers, events = os.pipe()

        def place():
            # The protocol's pipes are descriptors 3 and 4.
            saved = [os.dup(commands), os.dup(events)]
            saved = [os.dup(fd) if fd < 5 else fd for fd in saved]
            saved = [os.dup(fd) if fd < 5 else fd for fd in saved]
            os.dup2(saved[0], 3)
            os.dup2(saved[1], 4)

        self.process = subprocess.Popen(
            ["chromium", *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            preexec_fn=place, close_fds=False, stderr=subprocess.DEVNULL)
        os.close(commands)
        os.close(events)
        self.rest, self.number, self.session, self.events = b"", 0, None, []

    def receive(self, deadline):
        while b"\0" not in self.rest:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.answers], [], [], left)[0]:
                return None
            more = os.read(self.answers, 1 << 20)
            if not more:
                raise SystemExit("the browser has ended")
            self.rest += more
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + ANSWER_S
        while answer := self.receive(deadline):
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise SystemExit(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)
        raise SystemExit(f"{method}: no answer")

    def value(self, expression):
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def watch(self, seconds):
        deadline = time.monotonic() + seconds
        while event := self.receive(deadline):
            self.events.append(event)

    def complaints(self):
        kinds = {"Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"}
        found = [json.dumps(event["params"]) for event in self.events if event.get("method") in kinds]
        # A browser asks for an icon by itself.
        return [text for text in found if "favicon" not in text]


def main():
    url, seconds, width, height, picture = sys.argv[1:]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(profile)
        try:
            target = browser.call("Target.createTarget", url="about:blank")["targetId"]
            attached = browser.call("Target.attachToTarget", targetId=target, flatten=True)
            browser.session = attached["sessionId"]
            for domain in ("Page", "Runtime", "Log"):
                browser.call(f"{domain}.enable")
            browser.call("Emulation.setDeviceMetricsOverride", width=int(width), height=int(height),
                         deviceScaleFactor=1, mobile=int(width) < 600)
            browser.call("Page.navigate", url=url)
            browser.watch(float(seconds))
            shot = browser.call("Page.captureScreenshot", captureBeyondViewport=True)
            with open(picture, "wb") as file:
                file.write(base64.b64decode(shot["data"]))
            reached = []
            for _ in range(12):
                for kind in ("keyDown", "keyUp"):
                    browser.call("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab",
                                 windowsVirtualKeyCode=9)
                reached.append(browser.value(
                    "document.activeElement.getAttribute('aria-label')"
                    " || document.activeElement.textContent.trim().slice(0, 40)"))
            print(json.dumps({
                "text": browser.value("document.body.innerText"),
                "markup": browser.value("document.getElementById('host').children.length"),
                "reached": reached,
                "overflows": browser.value(
                    "document.documentElement.scrollWidth > document.documentElement.clientWidth"),
                "complaints": browser.complaints(),
            }))
        finally:
            browser.process.kill()
            browser.process.wait()


main()
