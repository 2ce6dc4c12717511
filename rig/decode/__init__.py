"""What a capture tells by itself: bytes and messages on the serial line, reference pulses, bouncing
contacts, presses; and whether the audit log tells the same."""
