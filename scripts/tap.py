"""Reports of the check scripts in TAP."""

import sys


class Report:
    """Prints one line a check as it goes, with what is wrong below it; finish() ends the script."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def check(self, name, problems):
        """`problems`: texts of what is wrong, empty if the check holds."""
        problems = list(problems)
        self.count += 1
        self.failed += 1 if problems else 0
        print("{} {} - {}".format("not ok" if problems else "ok", self.count, name))
        for problem in problems:
            print("# " + problem)

    def skip(self, name, reason):
        self.count += 1
        print("ok {} - {} # SKIP {}".format(self.count, name, reason))

    def finish(self):
        print("1..{}".format(self.count))
        sys.exit(1 if self.failed else 0)
