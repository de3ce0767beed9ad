"""Labels of points stay apart, even where the points nearly coincide."""

from __future__ import annotations

from eval.report.labels import arrange_labels, text_width

FRAME = (0.0, 0.0, 480.0, 300.0)
NAMES = ["closed-book", "oracle", "rag", "graph-rag", "lora", "lora-rag", "lora-graph-rag"]


def test_labels_cover_neither_each_other_nor_a_point() -> None:
    points = [(400.0 + 3 * place, 200.0 + 7 * place) for place in range(len(NAMES))]
    boxes = [
        (label.x, label.y, label.x + text_width(name, 11), label.y + 1.15 * 11)
        for label, name in zip(arrange_labels(points, NAMES, 11, FRAME), NAMES, strict=True)
    ]
    marks = [(x - 5, y - 5, x + 5, y + 5) for x, y in points]
    for place, box in enumerate(boxes):
        assert box[0] >= 0
        assert box[2] <= 480
        for other in [*boxes[:place], *boxes[place + 1 :], *marks]:
            apart = box[2] <= other[0] or other[2] <= box[0] or box[3] <= other[1] or other[3] <= box[1]
            assert apart, (NAMES[place], other)


def test_label_of_a_lone_point_is_beside_it() -> None:
    (label,) = arrange_labels([(100.0, 100.0)], ["rag"], 11, FRAME)
    assert (label.x > 100, label.far) == (True, False)
