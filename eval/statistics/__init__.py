"""Statistics of the evaluator: intervals, significance tests, agreement of judges. Values in, values out.

What does the p-value in the table of comparisons test? The null hypothesis that two arms are equally good: where only
one of them answered an item correctly, it is equally likely to be either. See `stats.mcnemar` (the test), `stats.holm`
(the correction for several comparisons in one run) and the opening of `stats.py`.

- `stats.py`: paired bootstrap intervals, exact McNemar and sign-flip tests, Holm's correction.
- `agreement.py`: accuracy, Cohen's kappa and AUC of one judge against another.
- `pairwise.py`: two long answers compared by a judge model in both orders.

Knows nothing of runs, stores, retrievers or files. `pairwise` is not re-exported, since it needs a chat model.
"""

from eval.statistics.agreement import Agreement, agreement
from eval.statistics.stats import Interval, holm, intervals, mcnemar, paired_exact_test, resampled_means

__all__ = [
    "Agreement",
    "Interval",
    "agreement",
    "holm",
    "intervals",
    "mcnemar",
    "paired_exact_test",
    "resampled_means",
]
