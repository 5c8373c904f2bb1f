# SPDX-License-Identifier: Apache-2.0
"""NumPy before version 2 promotes by value unless it is told otherwise; Mars promotes as NumPy 2 does, always."""
import atexit
import os
import shutil
import tempfile

os.environ["NPY_PROMOTION_STATE"] = "weak"

# Daemons that tests start by hand remember nothing of what others were started for.
os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(prefix="mars-test-")
atexit.register(shutil.rmtree, os.environ["XDG_STATE_HOME"], ignore_errors=True)

import hypothesis  # noqa: E402
import numpy as np  # noqa: E402

if hasattr(np, "_set_promotion_state"):
    np._set_promotion_state("weak")
np.seterr(all="ignore")

# No deadlines: the machines of CI are shared. The same examples every time, so that a failure can be looked at.
hypothesis.settings.register_profile("mars", deadline=None, max_examples=60, derandomize=True, database=None,
                                     suppress_health_check=list(hypothesis.HealthCheck))
hypothesis.settings.load_profile("mars")

# The same tests with a cluster of real daemons behind the default session: MARS_TEST_CLUSTER is its number of workers.
# With MARS_TEST_HTTP it is reached through its web daemon.
if "MARS_TEST_CLUSTER" in os.environ:
    from mars.deploy.local import new_cluster
    from mars.session import new_session

    http = "MARS_TEST_HTTP" in os.environ
    if http:
        os.environ["MARS_TOKEN"] = "the-token-of-these-tests"
    cluster = new_cluster(n_worker=int(os.environ["MARS_TEST_CLUSTER"]), web=http)
    endpoint = f"http://{cluster.web_endpoint}" if http else cluster.endpoint
    if http:
        new_session(endpoint).as_default()
else:
    cluster = endpoint = None
