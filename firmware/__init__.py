"""The controller in a body: pins, serial line, main loop; one module per board in `boards`."""
