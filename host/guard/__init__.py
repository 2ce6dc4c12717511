"""The guard: HALT, ACK, the serial link and the mode word, in a process of its own.

keeper   the mode word and every step of it
lines    HALT and ACK through gpiozero
link     the host's end of the serial protocol
clients  engine, recorder and command line on the guard's Unix socket
loop     one poll loop over all of them
"""
