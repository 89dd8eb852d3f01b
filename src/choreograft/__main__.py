"""`python -m choreograft` is `choreograft`."""

from choreograft.cli import main

main()
