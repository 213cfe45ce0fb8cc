# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium, spoken to by its DevTools protocol over a pair of pipes."""

import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import time

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
PATH = next(filter(None, map(shutil.which, NAMES)), None)

# A starved machine may take long to start a browser.
MAX_ANSWER_SECONDS = 120


class ProtocolError(Exception):
    """What the browser could not do, such as evaluate something in a page that is just being left."""


class Page:
    """One browser with one page. It notes what the page asked for and what it complained of."""

    def __init__(self, profile, width=1280, height=900):
        """`profile` is a folder of its own."""
        # The browser reads what it is told at descriptor 3 and answers at 4. Numbers from 10 on are
        # in no one's way there.
        (theirs, self._out), (self._in, answers) = os.pipe(), os.pipe()
        theirs, answers = (fcntl.fcntl(each, fcntl.F_DUPFD, 10) for each in (theirs, answers))
        command = [PATH, "--headless", "--remote-debugging-pipe", f"--user-data-dir={profile}"]
        command += [f"--window-size={width},{height}", "--no-first-run", "--disable-gpu"]
        command += ["--disable-dev-shm-usage"]  # containers give it 64 MiB
        if os.geteuid() == 0:
            command.append("--no-sandbox")  # the sandbox does not run as root
        self._process = subprocess.Popen(
            ["bash", "-c", f'exec "$@" 3<&{theirs} 4>&{answers}', "bash", *command],
            pass_fds=(theirs, answers),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(theirs)
        os.close(answers)
        self._received = b""
        self._number = 0
        self._session = None
        self.requests = []
        self.complaints = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.requests.clear()

    def close(self):
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._in)
        os.close(self._out)

    def call(self, method, **parameters):
        """The result of a command of the protocol."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise ProtocolError(f"{method}: {answer['error']}")
                return answer["result"]

    def _receive(self):
        deadline = time.monotonic() + MAX_ANSWER_SECONDS
        while b"\0" not in self._received:
            ready, _, _ = select.select([self._in], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"the browser said nothing within {MAX_ANSWER_SECONDS} s"
            part = os.read(self._in, 1 << 20)
            assert part, "the browser ended"
            self._received += part
        message, self._received = self._received.split(b"\0", 1)
        message = json.loads(message)
        self._note(message.get("method"), message.get("params"))
        return message

    def _note(self, event, parameters):
        if event == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(parameters["exceptionDetails"])
        elif event == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            self.complaints.append(parameters["entry"])
        elif event == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning"):
            self.complaints.append(parameters)

    def open(self, url):
        self.call("Page.navigate", url=url)
        self.wait_for("document.readyState === 'complete'", "the page is loaded")

    def evaluate(self, expression):
        """What a JavaScript expression, or its promise, comes to."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise ProtocolError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def wait_for(self, expression, what, timeout=MAX_ANSWER_SECONDS):
        """Poll an expression until it can be evaluated and is true; its value is returned."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                if value := self.evaluate(expression):
                    return value
                found = value
            except ProtocolError as error:
                found = error
            assert time.monotonic() < deadline, f"not within {timeout} s: {what}; {found}"
            time.sleep(0.05)

    def click(self, selector):
        """Click into the middle of an element, as a mouse does."""
        x, y = self.middle(selector)
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            button = "none" if kind == "mouseMoved" else "left"
            self.call(
                "Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, clickCount=1
            )

    def point(self, selector):
        """Move the mouse to the middle of an element."""
        x, y = self.middle(selector)
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def middle(self, selector):
        return self.evaluate(
            f"""(() => {{
              const element = document.querySelector({json.dumps(selector)});
              element.scrollIntoView({{ block: "center" }});
              const box = element.getBoundingClientRect();
              return [box.x + box.width / 2, box.y + box.height / 2];
            }})()"""
        )

    def press(self, key):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key)
