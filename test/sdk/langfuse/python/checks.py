"""What the tests of both generations of Langfuse's Python SDK share.

Each check is a promise: its name says what holds. The last line reads `N passed, N failed`; the exit code is 1 when one
failed.
"""

import os
import sys
import time
import traceback

# Without an address the SDK would talk to its vendor.
if not os.environ.get("LANGFUSE_BASE_URL", "").startswith("http"):
    sys.exit("LANGFUSE_BASE_URL must say where the server is, like http://127.0.0.1:3000")

checks = []


def check(function):
    checks.append(function)
    return function


def equal(found, expected):
    if found != expected:
        raise AssertionError(f"\n  found    {found!r}\n  expected {expected!r}")


def contains(found, expected):
    equal({key: found.get(key) for key in expected}, expected)


def eventually(ask, is_there, seconds=60):
    """Asks until the answer is there: what was written in bulk can be read within a second or so."""
    end = time.monotonic() + seconds
    while True:
        try:
            found = ask()
        except Exception as error:
            if getattr(error, "status_code", None) != 404:
                raise
            found = error
        if not isinstance(found, Exception) and is_there(found):
            return found
        if time.monotonic() > end:
            raise AssertionError(f"still not there: {found!r:.2000}")
        time.sleep(0.1)


def main() -> int:
    failed = 0
    for function in checks:
        name = function.__name__.replace("_", " ")
        try:
            function()
            print(f"ok   {name}")
        except Exception:
            failed += 1
            print(f"FAIL {name}")
            traceback.print_exc()
    print(f"{len(checks) - failed} passed, {failed} failed")
    return 1 if failed else 0
