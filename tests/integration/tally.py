"""What a test script has shown: one line per check, figures and exit code at the end."""
passed = failed = 0


def check(ok, text):
    global passed, failed
    passed += bool(ok)
    failed += not ok
    print(("ok      " if ok else "FAILED  ") + text, flush=True)


def result(skipped=0):
    print("%d passed, %d failed%s" % (passed, failed, ", %d skipped" % skipped if skipped else ""))
    return 1 if failed else 0
