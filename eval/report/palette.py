"""Gives every arm a colour: the same in all plots and lists of a report, and for the shipped arms in all reports.

Slot 0 is the floor (grey), 1 the ceiling (ink), the others are hues that people with any colour vision can distinguish
(after Okabe and Ito, 2008, darkened or lightened to contrast with the page). A slot also has a
marker, so that no plot rests on colour alone. The hues themselves are in `report.css`.
"""

from __future__ import annotations

from collections.abc import Sequence

from eval.runs.results import ArmSummary

MARKERS = ("o", "D", "s", "^", "v", "P", "X", "p", "h", "d")
HUES = len(MARKERS) - 2
_SHIPPED = {"rag": 2, "graph-rag": 3, "lora": 4, "lora-rag": 5, "lora-graph-rag": 6}


def arm_slots(arms: Sequence[ArmSummary], floor: ArmSummary | None, ceiling: ArmSummary | None) -> dict[str, int]:
    """Give every arm a slot in 0 to 9; beyond eight arms of its kind, hues repeat.

    Args:
        arms: All arms of the run, in any order.
        floor: The closed-book arm.
        ceiling: The oracle arm.
    """
    slots = {arm.name: slot for slot, arm in enumerate((floor, ceiling)) if arm is not None}
    slots |= {arm.name: _SHIPPED[arm.name] for arm in arms if arm.name in _SHIPPED and arm.name not in slots}
    # Names in alphabetical order, so that an arm's colour does not depend on its accuracy.
    free = [slot for slot in range(2, 2 + HUES) if slot not in slots.values()] or list(range(2, 2 + HUES))
    rest = sorted(arm.name for arm in arms if arm.name not in slots)
    return slots | {name: free[index % len(free)] for index, name in enumerate(rest)}
