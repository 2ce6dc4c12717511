"""The press robot: a second Pico that works the switch and the button of a bench.

It stands in for the person who must be at the box, so it is for benches alone and never fitted in
production. Contacts are switched by relays or opto-couplers that close while an output is high: without
power, after a reset and when the host falls silent, the switch is open, which trips.

On the Pico: `main.py` and `robot.json` of this folder in the root of its file system, the other files in
/firmware/stimulus, and an empty /firmware/__init__.py. Ctrl-C on its serial port ends the program.
"""
