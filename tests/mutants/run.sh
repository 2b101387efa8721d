#!/bin/sh
# Seeds bugs on purpose, one at a time, and sees that the tests find them; ./test mutants runs it.
exec python3 "$(dirname "$0")/mutants.py" "$@"
