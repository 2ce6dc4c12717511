"""Starts the press robot on its Pico; see firmware.stimulus."""

import json

from firmware.stimulus.pico import Board
from firmware.stimulus.robot import Robot

with open("robot.json", "rb") as table:
    source = table.read()
Robot(Board(json.loads(source)["outputs"][0][1]), source).serve()
