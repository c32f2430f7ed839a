"""What the tests of the vendors' Python SDKs share.

Each check is a promise: its name says what holds. The last line reads `N passed, N failed`; the exit code is 1 when one
failed.
"""

import os
import sys
import time
import traceback

checks = []


def require_address(variable):
    """Ends the process unless the variable says where the server is. Without an address an SDK would talk to its vendor."""
    address = os.environ.get(variable, "")
    if not address.startswith("http"):
        sys.exit(f"{variable} must say where the server is, like http://127.0.0.1:3000")
    return address


def check(function):
    checks.append(function)
    return function


def equal(found, expected):
    if found != expected:
        raise AssertionError(f"\n  found    {found!r}\n  expected {expected!r}")


def contains(found, expected):
    equal({key: found.get(key) for key in expected}, expected)


def is_missing(error):
    # Langfuse's SDKs put the status on every error, LangSmith's has a class for 404.
    return getattr(error, "status_code", None) == 404 or type(error).__name__ == "LangSmithNotFoundError"


def eventually(ask, is_there, seconds=60):
    """Asks until the answer is there: what was written in bulk can be read within a second or so."""
    end = time.monotonic() + seconds
    while True:
        try:
            found = ask()
        except Exception as error:
            if not is_missing(error):
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
