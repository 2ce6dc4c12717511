"""`python -m bot4`."""

from bot4.start import main

main()
