"""What a worker does in the walk: take many files one after the other, each as every layer."""

from __future__ import annotations

from geo.errors import ZhoubianError
from layers import intake


def take_all(arguments, say, step):
    """Every file as every kind; an error of a file is its answer, any other exception ends the walk."""
    for file, kinds in arguments["files"]:
        for kind in kinds:
            say({"began": [file, kind]})
            step()
            try:
                say({"end": intake.take({"file": file, "kind": kind, "class": "school"}, say, step)})
            except ZhoubianError as error:
                say({"refused": error.code, "message": error.message})
