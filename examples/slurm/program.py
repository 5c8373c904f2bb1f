# SPDX-License-Identifier: Apache-2.0
"""What a job computes: the mean and the largest of a product of random matrices."""
import os

import mars.tensor as mt
from mars.session import new_session

with new_session(os.environ["MARS_SCHEDULER"]) as session:
    a = mt.random.default_rng(1).random((4000, 4000), chunk_size=1000)
    p = a @ a.T
    print(*session.run(p.mean(), p.max()))
